/**
 * How a connector is declared. Default-export `defineConnector({...})` from `connectors/<name>/connector.ts`: the plugin list, validation,
 * documents and the contract tests find it there.
 */
import type { SinkRecord, SourceRecord } from './record.ts'
import type { ConfigOf, Settings } from './settings.ts'

/** Where a source stands in one part of its system. Both maps hold primitives only, as Kafka Connect's offsets do. */
export type SourcePartition = Readonly<Record<string, string | number | boolean | null>>
export type SourceOffset = Readonly<Record<string, string | number | boolean | null>>

export interface Position {
  partition: SourcePartition
  offset: SourceOffset
}

export interface SourceBatch {
  records: readonly SourceRecord[]
  /** Where the source stands once these records are durable: stored then and not before (Invariant 6). One for each part that moved. */
  positions: readonly Position[]
}

export interface Positions {
  /** The stored offset of a part, null where it was never read. */
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

/** What is wrong with settings that are right one by one, told of the one to mend. */
export interface SettingProblem {
  setting: string
  why: string
}

export interface SourceDeclaration<C> {
  /** What single settings cannot say. Asked when a config is validated. */
  check?(config: C): readonly SettingProblem[]
  /** The settings of each task, at most `maxTasks`; what a task's config lacks is taken from the connector's. One task where it is left out. */
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  /** Yields batches for as long as the task lives. It waits inside (never spins), and ends when `signal` aborts. */
  read(context: SourceContext<C>): AsyncGenerator<SourceBatch, void, void>
  /** Says whether positions that a user wrote over REST can be used; throws with the reason. */
  checkPositions?(config: C, positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): Promise<void> | void
}

export interface SinkTopicPartition {
  topic: string
  partition: number
}

export interface SinkOffset extends SinkTopicPartition {
  /** The next one to be handed over. */
  offset: number
}

export interface SinkContext<C> extends TaskContext<C> {
  /** What is committed, by whichever worker: what a sink finds in its system may be somebody else's. */
  committed?(): Promise<readonly SinkOffset[]>
}

export interface SinkTask {
  /** These partitions are ours now. */
  open?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** Takes the records, in order within a partition. It may buffer until `flush`. Throws Retriable or BadRecord. */
  write(records: readonly SinkRecord[]): Promise<void>
  /** Everything taken so far is in the system when this resolves; the runtime commits these offsets then (Invariant 7). */
  flush(offsets?: readonly SinkOffset[]): Promise<void>
  /** These partitions go (after a flush). */
  close?(partitions: readonly SinkTopicPartition[]): Promise<void> | void
  /** The task ends. */
  stop?(): Promise<void> | void
}

export interface SinkDeclaration<C> {
  /** What single settings cannot say. Asked when a config is validated. */
  check?(config: C): readonly SettingProblem[]
  /** As of a source, for a sink that cannot be shared. Where it is left out `tasks.max` tasks share the partitions. */
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  start(context: SinkContext<C>): Promise<SinkTask> | SinkTask
}

/** What a flow says about itself while it runs. */
export type FlowReport = Readonly<Record<string, unknown>>

export interface FlowContext<C> extends TaskContext<C> {
  readonly positions: Positions
  /** Stores positions; the flow answers for their truth. */
  commit(positions: readonly Position[]): Promise<void>
  report(report: FlowReport): void
  /** The worker's own settings (bootstrap.servers and client overrides), as the target side of a mirror. */
  readonly worker: Readonly<Record<string, string>>
}

/** A task that owns its I/O on both sides: it neither yields nor takes records. The mirror is one. */
export interface FlowDeclaration<C> {
  type: 'source' | 'sink'
  tasks?(config: C, maxTasks: number): Promise<readonly Readonly<Record<string, string>>[]> | readonly Readonly<Record<string, string>>[]
  run(context: FlowContext<C>): Promise<void>
}

/** One side of a connector. `class` is the full name that `connector.class` takes (a Java class name where there is one); aliases are the others. */
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
  /** The folder's name, for people: `file`, `postgres`. */
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

/** Each side is typed by its own settings: `defineSource({ class, settings, read({ config }) {…} })`. */
export const defineSource = <const S extends Settings>(side: SourceSide<S>): SourceSide<S> => side
export const defineSink = <const S extends Settings>(side: SinkSide<S>): SinkSide<S> => side
export const defineFlow = <const S extends Settings>(side: FlowSide<S>): FlowSide<S> => side
export const defineConnector = (connector: Connector): Connector => connector
