/**
 * For tests of the transaction coordinator: `__transaction_state` and the logs of partitions in memory, a clock that the test advances, and
 * a crash between any two steps.
 */
import { type ErrorName, KafkaError } from '../../../core/errors.ts'
import type { StoredRecord } from '../../../core/groups/types.ts'
import { realSystem } from '../../../core/system/index.ts'
import { partitionKey } from '../../../core/topic-partition.ts'
import {
  createTransactionCoordinator,
  type MarkerWriter,
  type PartitionOfTopic,
  type TransactionCoordinator,
  type TransactionMarker,
  type TransactionSettings,
  type TransactionStore,
} from '../../../core/transactions/index.ts'
import { readTransactionRecord } from '../../../core/transactions/records.ts'
import { settle, TestClock } from '../groups/memory-store.ts'

export class MemoryState implements TransactionStore {
  readonly partitions = 3
  readonly log: StoredRecord[][] = [[], [], []]
  readonly topics = new Map([
    ['t', 4],
    ['u', 2],
  ])
  exists = true
  transactionVersion = 2
  epoch = 1
  lastProducerId = 99
  failure: ErrorName | null = null
  isLogWritable = true
  /** While set, appends reach the log and do not complete. */
  heldAppends: (() => void)[] | null = null
  #deleted = () => {}

  async prepare(): Promise<void> {
    this.exists = true
  }

  onDeleted(listener: () => void): void {
    this.#deleted = listener
  }

  delete(): void {
    this.exists = false
    for (const records of this.log) records.length = 0
    this.#deleted()
  }

  async append(partition: number, records: readonly StoredRecord[]): Promise<void> {
    if (this.failure) throw new KafkaError(this.failure)
    this.log[partition]!.push(...records)
    const { heldAppends: held } = this
    if (held) await new Promise<void>((resolve) => held.push(resolve))
  }

  completeAppends(): void {
    const { heldAppends: held } = this
    this.heldAppends = null
    for (const resolve of held ?? []) resolve()
  }

  async *load(partition: number): AsyncIterable<StoredRecord> {
    yield* this.log[partition]!
  }

  coordinatorEpoch(): number {
    return this.epoch
  }

  isWritable(): boolean {
    return this.isLogWritable
  }

  partitionExists(topic: string, partition: number): boolean {
    return partition < (this.topics.get(topic) ?? 0)
  }

  offsetsPartition(): PartitionOfTopic {
    return { topic: '__consumer_offsets', partition: 7 }
  }

  async nextProducerId(): Promise<number> {
    return ++this.lastProducerId
  }

  /** The states in the log, oldest first; `null` for a tombstone. */
  states(): (string | null)[] {
    return this.log.flat().map((record) => {
      const parsed = readTransactionRecord(record)
      return parsed.kind === 'transaction' ? parsed.transaction.state : null
    })
  }
}

/** Remembers the markers, and fails as it is told. */
export class MemoryMarkers implements MarkerWriter {
  readonly written: (TransactionMarker & { partition: string })[] = []
  /** By partition key: the errors of the next attempts. */
  readonly errors = new Map<string, ErrorName[]>()
  held: (() => void)[] | null = null

  async writeMarker(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName> {
    const { held } = this
    if (held) await new Promise<void>((resolve) => held.push(resolve))
    const error = this.errors.get(partitionKey(partition))?.shift()
    if (error) return error
    this.written.push({ ...marker, partition: partitionKey(partition) })
    return 'NONE'
  }

  release(): void {
    const { held } = this
    this.held = null
    for (const resolve of held ?? []) resolve()
  }

  of(partition: string): { committed: boolean; producerEpoch: number }[] {
    return this.written.filter((one) => one.partition === partition).map(({ committed, producerEpoch }) => ({ committed, producerEpoch }))
  }
}

export const settings: TransactionSettings = {
  maxTimeoutMs: 900_000,
  idExpirationMs: 604_800_000,
  abortIntervalMs: 10_000,
  removeExpiredIntervalMs: 3_600_000,
  twoPhaseCommit: false,
  addPartitionsMaxWaitMs: 100,
}

export interface TestTransactions {
  transactions: TransactionCoordinator
  state: MemoryState
  markers: MemoryMarkers
  clock: TestClock
  /** Ends this coordinator without its knowledge, and starts another one on what the log has. */
  restart(): Promise<TestTransactions>
}

function clockAt(wall: number): TestClock {
  const clock = new TestClock()
  clock.wall = wall
  return clock
}

export async function openTransactions(
  state = new MemoryState(),
  markers = new MemoryMarkers(),
  clock = new TestClock(),
  changed: Partial<TransactionSettings> = {},
): Promise<TestTransactions> {
  const transactions = createTransactionCoordinator(state, markers, { ...settings, ...changed }, { ...realSystem('silent'), clock })
  await settle()
  const restart = async () => {
    // What is not in the log is lost, and what the old coordinator still waits for never comes.
    const next = new MemoryState()
    for (const [index, records] of state.log.entries()) next.log[index]!.push(...records)
    next.lastProducerId = state.lastProducerId
    next.epoch = state.epoch + 1
    next.transactionVersion = state.transactionVersion
    const nextMarkers = new MemoryMarkers()
    nextMarkers.written.push(...markers.written)
    return openTransactions(next, nextMarkers, clockAt(clock.wall), changed)
  }
  return { transactions, state, markers, clock, restart }
}

export const t = (partition: number): PartitionOfTopic => ({ topic: 't', partition })
