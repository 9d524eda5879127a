/**
 * What the threads of plugins and their owner tell each other: types only. Everything is plain data, and nothing is sent for each record,
 * except dead letters that a user replays: a message is for a batch of positions, a state, a log line or a second.
 */
import type { MetricSnapshot } from '../../../core/system/metrics.ts'
import type { PluginReport } from '../../contract/plugin-contract.ts'
import type { PluginDescription, RemoteCall } from '../../plugins/plugin-description.ts'
import type { ModuleOrigin } from '../../plugins/plugin-loading.ts'
import type { FlowReport, TaskWork } from '../../sdk/index.ts'
import type { LogRecord } from '../../storage/record-log.ts'
import type { ConnectorConfig } from '../../types.ts'
import type { DefaultConverters } from '../connector-settings.ts'
import type { DeadLetter } from '../dead-letter.ts'
import type { ReplayCounts } from '../task-control.ts'
import type { StageAge } from '../task-progress.ts'
import type { PlainError } from './thread-errors.ts'

export type PluginModule = ModuleOrigin

/** All plugins of the worker: those of `modules` are loaded, the others are known by their descriptions. */
export interface ThreadPlugins {
  readonly descriptions: readonly PluginDescription[]
  readonly modules: readonly PluginModule[]
}

export interface ValidateCall {
  readonly config: ConnectorConfig
  readonly written: ConnectorConfig
  readonly defaults: DefaultConverters
  /** Why overrides of client settings are refused: `producer.override.acks` → the reason. */
  readonly refusals: Readonly<Record<string, string>>
  /** Whether the worker has exactly-once support; null where it is not checked. */
  readonly exactlyOnce: boolean | null
  /** The worker's topic.creation.enable. */
  readonly createsTopics: boolean
}

/** A module of plugins whose contract is checked. */
export interface ContractRequest {
  /** Its URL. */
  readonly module: string
  /** The URL of the module with its fixtures; null where they are an export of the first. */
  readonly fixtures: string | null
}

/** What the checks of one plugin say. */
export interface CheckedPlugin extends Omit<PluginReport, 'failed'> {
  readonly failed: readonly { readonly check: string; readonly message: string; readonly stack: string | null }[]
}

/** What a thread is for. */
export type ThreadPurpose =
  | { readonly purpose: 'scan'; readonly module: PluginModule }
  | { readonly purpose: 'contract'; readonly request: ContractRequest }
  | ({ readonly purpose: 'validate'; readonly call: ValidateCall } & ThreadPlugins)
  | ({ readonly purpose: 'call'; readonly call: RemoteCall } & ThreadPlugins)
  | ({ readonly purpose: 'task'; readonly task: TaskRequest } & ThreadPlugins)

/** What a thread is started with. */
export interface ThreadData {
  readonly purpose: ThreadPurpose
  /** The folder of the worker's compile cache, which threads do not use by themselves; null where it has none. */
  readonly compileCache: string | null
}

export interface TaskRequest {
  readonly connector: string
  readonly task: number
  readonly generation: number
  readonly isStandalone: boolean
  readonly connectorClass: string
  readonly connectorVersion: string
  /** With its references replaced. */
  readonly config: ConnectorConfig
  /** The worker's, with their references replaced. */
  readonly properties: Readonly<Record<string, string>>
  readonly systemProperties: Readonly<Record<string, string>>
  readonly workerId: string
  readonly paused: boolean
  /** The secrets in `config`, with their references. */
  readonly secrets: ReadonlyMap<string, string>
  readonly logsDebug: boolean
}

/** What a task in a thread does with the log of positions. */
export type OffsetsCall =
  | { readonly method: 'read'; readonly connector: string }
  | { readonly method: 'append'; readonly records: readonly LogRecord[] }

/** What an exactly-once source asks before it writes, as `TaskFencing` names it. */
export type FencingStep = 'fenceOlder' | 'verify'

export type LogLevelName = 'error' | 'warn' | 'info' | 'debug'

/** From the thread. */
export type FromThread =
  /** From time to time while its event loop turns. A task says where it is. */
  | {
      readonly type: 'alive'
      readonly metrics: readonly MetricSnapshot[] | null
      readonly progress?: readonly StageAge[]
      readonly work?: TaskWork | null
    }
  | { readonly type: 'log'; readonly level: LogLevelName; readonly details: Readonly<Record<string, unknown>>; readonly message: string }
  /** This check of a contract is run now. */
  | { readonly type: 'check'; readonly plugin: string; readonly check: string }
  /** The answer to a scan or a call, or the end of a task. */
  | { readonly type: 'done'; readonly value: unknown }
  /** `mends`: whether a task that failed with it may succeed later by itself. */
  | { readonly type: 'failed'; readonly error: PlainError; readonly mends?: boolean }
  /** The dead letters of a replay are durable: they are to be marked. */
  | { readonly type: 'replayed'; readonly id: number }
  | { readonly type: 'replay ended'; readonly id: number; readonly counts: ReplayCounts | null; readonly error: PlainError | null }
  /** The task can run. */
  | { readonly type: 'built' }
  | { readonly type: 'topic'; readonly topic: string }
  | { readonly type: 'report'; readonly report: FlowReport }
  | { readonly type: 'offsets'; readonly id: number; readonly call: OffsetsCall }
  | { readonly type: 'fence'; readonly id: number; readonly step: FencingStep }

/** To the thread. */
export type ToThread =
  | { readonly type: 'run' | 'pause' | 'resume' | 'stop' | 'cancel' }
  | { readonly type: 'offsets'; readonly id: number; readonly value: unknown; readonly error: PlainError | null }
  | { readonly type: 'fenced'; readonly id: number; readonly error: PlainError | null }
  | { readonly type: 'replay'; readonly id: number; readonly letters: readonly DeadLetter[] }
  /** Whether the letters are marked. */
  | { readonly type: 'marked'; readonly id: number; readonly error: PlainError | null }
