/**
 * What an actor needs of a client that is not ours. The clients retry by themselves what they hold for retriable; an error means that the
 * client gave up, and the actor goes on with a new one.
 */
import type { Isolation, PlacedRecord } from './history.ts'
import type { Topic } from './scene.ts'

export interface Sends {
  /** Resolves with the offset of the first value, when all are acknowledged; null if the client does not tell. */
  send(topic: Topic, partition: number, values: readonly string[]): Promise<number | null>
}

export interface ForeignTransaction extends Sends {
  sendOffset(group: string, topic: Topic, partition: number, offset: number): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

export interface ForeignProducer extends Sends {
  close(): Promise<void>
}

export interface ForeignTransactionalProducer {
  begin(): Promise<ForeignTransaction>
  close(): Promise<void>
}

export interface ForeignReader {
  /** Commits the position of a member of a group. */
  commit(topic: Topic, partition: number, offset: number): Promise<void>
  close(): Promise<void>
}

export interface ReaderOptions {
  readonly topics: readonly Topic[]
  readonly isolation: Isolation
  /** Without one the reader is assigned every partition, from the beginning. */
  readonly group: string | null
  /** Records of one poll; the next ones come when it has resolved. */
  onRecords(records: readonly PlacedRecord[]): Promise<void>
  /** A rebalance: positions start anew. */
  onAssigned(): void
  /** The client has given up; it does not go on by itself. */
  onStopped(): void
}

/** How a client waits for its broker; a paused broker answers after a second or two, a killed one is back as soon. */
export const timings = {
  requestTimeoutMs: 5_000,
  connectionTimeoutMs: 1_000,
  sessionTimeoutMs: 6_000,
  heartbeatIntervalMs: 500,
  /** Of a transaction that nobody ends. */
  transactionTimeoutMs: 8_000,
  /** After an error, before the next client. */
  restartBackoffMs: 100,
} as const
