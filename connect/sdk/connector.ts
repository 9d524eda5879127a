/**
 * The declaration of a connector. `connectors/<name>/connector.ts` default-exports `defineConnector({...})`: the plugin list, validation,
 * documentation and contract tests find it there.
 */
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

export interface TaskContext<C> {
  readonly connector: string
  readonly task: number
  readonly config: C
  readonly signal: AbortSignal
  readonly log: TaskLogger
}

export interface SourceContext<C> extends TaskContext<C> {
  readonly positions: Positions
}

/** A problem of settings that are valid one by one, reported at the setting to change. */
export interface SettingProblem {
  setting: string
  why: string
}

export interface SourceDeclaration<C> {
  /** Checks that concern several settings. Called when a config is validated. */
  check?(config: C): readonly SettingProblem[]
  /** The settings of each task, at most `maxTasks`; a task has those of the connector too. Without it there is one task. */
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  /** Yields batches until `signal` aborts. Waits for data itself, without busy polling. */
  read(context: SourceContext<C>): AsyncGenerator<SourceBatch, void, void>
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

export interface SinkContext<C> extends TaskContext<C> {
  /** The committed offsets of the sink's group: another worker may have written to the system and committed. */
  committed?(): Promise<readonly SinkOffset[]>
}

export interface SinkTask {
  /** These partitions have been assigned to the task. */
  open?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** Writes records, in order within a partition. It may buffer them until `flush`. Throws Retriable or BadRecord. */
  write(records: readonly SinkRecord[]): Promise<void>
  /** Resolves when all written records are durable in the system; then the runtime commits these offsets (Invariant 7). */
  flush(offsets?: readonly SinkOffset[]): Promise<void>
  /** These partitions have been revoked, after a flush. */
  close?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** The task stops. */
  stop?(): Promise<void> | void
}

export interface SinkDeclaration<C> {
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
export const defineSource = <const S extends Settings>(side: SourceSide<S>): SourceSide<S> => side
export const defineSink = <const S extends Settings>(side: SinkSide<S>): SinkSide<S> => side
export const defineFlow = <const S extends Settings>(side: FlowSide<S>): FlowSide<S> => side
export const defineConnector = (connector: Connector): Connector => connector
