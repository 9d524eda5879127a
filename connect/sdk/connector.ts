/**
 * The declaration of a connector. `connectors/<name>/connector.ts` default-exports `defineConnector({...})`: the plugin list, validation,
 * documentation and contract tests find it there.
 */
import { declared } from './plugin-kind.ts'
import type { SinkRecord, SourceRecord } from './record.ts'
import type { ConfigOf, Settings } from './settings.ts'

/** A source partition and the offset that was read up to. Both are maps of primitives, as in Kafka Connect. */
export type SourcePartition = Readonly<Record<string, string | number | boolean | null>>
export type SourceOffset = Readonly<Record<string, string | number | boolean | null>>

export interface Position {
  partition: SourcePartition
  offset: SourceOffset
}

export interface SourceBatch {
  records: readonly SourceRecord[]
  /** The positions after these records, one for each source partition: stored when the records are acknowledged (Invariant 6). */
  positions: readonly Position[]
  /**
   * Called once, in the order of the batches, when each record of this batch is in Kafka (in exactly-once mode: when its transaction is
   * committed), or was dropped by a transform or by errors.tolerance. Not called where the task fails before.
   */
  acknowledged?(): void
  /**
   * Called once for each record that is in Kafka, by its index in `records`, before `acknowledged`. Not called for a record that a
   * transform has dropped, or whose transaction the source has aborted.
   */
  stored?(index: number, at: StoredRecord): void
  /**
   * Called once for each record that cannot be converted or sent, with the reason. Where errors.tolerance skips the record: before
   * `acknowledged`, when its dead letter is in Kafka and its transaction is committed. Where it fails the task: before `read` ends.
   */
  rejected?(index: number, error: Error, reason?: RefusalReason): void
  /**
   * Called for a record that cannot be converted or sent and for which errors.tolerance=none would fail the task. True where the source has
   * refused the record to whoever has sent it, and who keeps it: it is skipped then, without a dead letter, and `rejected` is not called.
   */
  refused?(index: number, error: Error, reason: RefusalReason): boolean
}

/** What is wrong: the data of the record, its size, or nothing about it, so that it may be written later. */
export type RefusalReason = 'record' | 'too-large' | 'system'

/** Where a record of a source is in Kafka. */
export interface StoredRecord {
  readonly topic: string
  readonly partition: number
  /** -1 where the producer does not wait for acknowledgements (acks=0). */
  readonly offset: number
}

export interface Positions {
  /** The stored offset of a source partition; null where there is none. */
  get(partition: SourcePartition): Promise<SourceOffset | null>
}

export interface TaskLogger {
  info(message: string, details?: object): void
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** What a worker allows its connectors, whatever their configs say. */
export interface WorkerLimits {
  /** Networks, addresses and hosts that are not public and may be reached: the worker's connector.private.addresses.allowlist. */
  readonly privateAddresses: readonly string[]
}

export interface TaskContext<C> {
  readonly connector: string
  readonly task: number
  readonly config: C
  readonly signal: AbortSignal
  readonly log: TaskLogger
  /** Absent where no worker runs the task. */
  readonly limits?: WorkerLimits
  /** Shows how far long work is, in the task's status: null where there is none. */
  progress?(progress: TaskWork | null): void
  /** Sets a metric of the task: `name` in kebab-case, as `replication-lag-bytes`. */
  gauge?(name: string, value: number): void
}

/** Work of which the end is known, such as a snapshot. Further fields are shown as they are. */
export interface TaskWork {
  /** What is done, in a few words: `snapshot of public.orders`. */
  readonly what: string
  readonly [field: string]: string | number | boolean | null
}

/** What a system keeps or suffers for a connector, such as WAL that a replication slot holds back. */
export interface SystemObservation {
  readonly metrics: Readonly<Record<string, number>>
  /** Each is a sentence: what is wrong, and what to do. */
  readonly warnings: readonly string[]
}

interface SystemChecks<C> {
  /**
   * Connects to the system and finds what would fail: a wrong password, a missing right. Called when a config is validated that is valid
   * otherwise; rejects or takes too long only where nothing can be said.
   */
  checkSystem?(config: C, signal: AbortSignal, limits?: WorkerLimits): Promise<readonly SettingProblem[]>
  /** Asked about once a minute by one worker, also while the connector is paused or stopped. */
  observe?(config: C, signal: AbortSignal): Promise<SystemObservation>
}

/**
 * How a source defines the transactions of its records, where `transaction.boundary` is `connector` (KIP-618). A request is about the batch
 * that `read` yields next. With `after`, the transaction ends within that batch, after this record of it; `positions` are those after the
 * record. Records of an aborted transaction are dropped, and reading goes on after them.
 */
export interface TransactionContext {
  commitTransaction(after?: TransactionEnd): void
  abortTransaction(after?: TransactionEnd): void
}

export interface TransactionEnd {
  record: SourceRecord
  positions: readonly Position[]
}

export interface SourceContext<C> extends TaskContext<C> {
  readonly positions: Positions
  /** Where the worker has exactly-once support and `transaction.boundary` is `connector`. */
  readonly transaction?: TransactionContext | undefined
  /**
   * `listener` is called after positions of this task have been stored, with the newest of each partition that was: a restart goes on there
   * or later. What lies before may be discarded by the system.
   */
  onPositionsStored?(listener: (positions: readonly Position[]) => void): void
}

/** Whether a source can do something with its config. */
export type SourceSupport = 'supported' | 'unsupported'

/** A problem of settings that are valid one by one, reported at the setting to change. */
export interface SettingProblem {
  setting: string
  why: string
}

export interface SourceDeclaration<C> extends SystemChecks<C> {
  /** Checks that concern several settings. Called when a config is validated. */
  check?(config: C): readonly SettingProblem[]
  /** The settings of each task, at most `maxTasks`; a task has those of the connector too. Without it there is one task. */
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  /**
   * The name of the setting with the time, in ms, after which `tasks` is called again. Where the answer is another, the tasks are
   * configured anew; where it throws, they stay as they are.
   */
  tasksRefresh?: string
  /** Yields batches until `signal` aborts. Waits for data itself, without busy polling. */
  read(context: SourceContext<C>): AsyncGenerator<SourceBatch, void, void>
  /**
   * Whether each record is in Kafka once, where its position is committed in one transaction with it. It is if `read` goes on after a
   * stored position exactly. Without it nobody knows, and `exactly.once.support=required` is refused.
   */
  exactlyOnceSupport?(config: C): SourceSupport
  /** Whether `read` uses `context.transaction`. Without it `transaction.boundary=connector` is refused. */
  canDefineTransactionBoundaries?(config: C): SourceSupport
  /** Whether `read` changes the system that it reads, for example creates a replication slot: then a dry run does not call it. */
  readHasEffects?: boolean
  /** Validates positions that a user sets over REST; throws with the reason where they are invalid. */
  checkPositions?(config: C, positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): Promise<void> | void
}

export interface SinkTopicPartition {
  topic: string
  partition: number
}

export interface SinkOffset extends SinkTopicPartition {
  /** The next offset to be delivered. */
  offset: number
}

/** Reports records that turn out to be bad after `write` has taken them (KIP-610). */
export interface ErrantRecordReporter {
  /**
   * Resolves when the dead-letter queue has the record; offsets are committed only after that. Rejects, and fails the task, where
   * errors.tolerance is none, or where the record was flushed before.
   */
  report(record: SinkRecord, error: Error): Promise<void>
}

export interface SinkContext<C> extends TaskContext<C> {
  /** Null where the connector has neither a dead-letter queue nor a log of errors, as in Kafka Connect. Call it in `start`. */
  errantRecordReporter?(): ErrantRecordReporter | null
  /** The committed offsets of the sink's group: another worker may have written to the system and committed. */
  committed?(): Promise<readonly SinkOffset[]>
}

export interface SinkTask {
  /** These partitions have been assigned to the task. */
  open?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** Writes records, in order within a partition. It may buffer them until `flush`. Throws Retriable or BadRecord. */
  write(records: readonly SinkRecord[]): Promise<void>
  /**
   * Resolves when all written records are durable in the system; then the runtime commits these offsets (Invariant 7). A sink whose records
   * become durable later, such as with the file that they are part of, resolves with the offsets that may be committed instead, as
   * `preCommit` of Kafka Connect does: one for each partition of which there is one, and none after those that were delivered. Records with
   * `replayOf` have no offset to name: they are durable when it resolves.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: most sinks return nothing
  flush(offsets?: readonly SinkOffset[]): Promise<readonly SinkOffset[] | void>
  /** These partitions have been revoked, after a flush. */
  close?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** The task stops. */
  stop?(): Promise<void> | void
}

export interface SinkDeclaration<C> extends SystemChecks<C> {
  /** Checks that concern several settings. Called when a config is validated. */
  check?(config: C): readonly SettingProblem[]
  /** As for a source. Without it, `tasks.max` tasks share the partitions. */
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  start(context: SinkContext<C>): Promise<SinkTask> | SinkTask
}

/** The state of a flow, as it reports it while it runs. */
export type FlowReport = Readonly<Record<string, unknown>>

export interface FlowContext<C> extends TaskContext<C> {
  readonly positions: Positions
  /** Stores positions. The flow must have made everything before them durable. */
  commit(positions: readonly Position[]): Promise<void>
  report(report: FlowReport): void
  /** The config as the user wrote it, with settings under prefixes, which may be secrets: `source.consumer.sasl.jaas.config`. */
  readonly raw: Readonly<Record<string, string>>
  /** The worker's settings: bootstrap.servers and client overrides are those of a mirror's downstream side. */
  readonly worker: Readonly<Record<string, string>>
}

/** A connector that does its own I/O on both sides, such as the mirror: the runtime sees no records. */
export interface FlowDeclaration<C> {
  type: 'source' | 'sink'
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  run(context: FlowContext<C>): Promise<void>
}

/**
 * One side of a connector. `class` is its full name in `connector.class` (a Java class name where there is one); aliases are other names.
 */
export interface SourceSide<S extends Settings> extends SourceDeclaration<ConfigOf<S>> {
  class: string
  aliases?: readonly string[]
  settings: S
}
export interface SinkSide<S extends Settings> extends SinkDeclaration<ConfigOf<S>> {
  class: string
  aliases?: readonly string[]
  settings: S
}
export interface FlowSide<S extends Settings> extends FlowDeclaration<ConfigOf<S>> {
  class: string
  aliases?: readonly string[]
  settings: S
}

export interface Connector {
  /** The name of the folder: `file`, `postgres`. */
  readonly name: string
  readonly doc: string
  /** The version of the package by default. */
  readonly version?: string
  // biome-ignore lint/suspicious/noExplicitAny: the runtime parses the config that the side declared
  readonly source?: SourceSide<any> | undefined
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly sink?: SinkSide<any> | undefined
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly flow?: FlowSide<any> | undefined
}

/** Types a side by its settings: `defineSource({ class, settings, read({ config }) {…} })`. */
export const defineSource = <const S extends Settings>(side: SourceSide<S>): SourceSide<S> => declared('source', side)
export const defineSink = <const S extends Settings>(side: SinkSide<S>): SinkSide<S> => declared('sink', side)
export const defineFlow = <const S extends Settings>(side: FlowSide<S>): FlowSide<S> => declared('flow', side)
export const defineConnector = (connector: Connector): Connector => declared('connector', connector)
