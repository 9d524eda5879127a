/**
 * The settings of what a worker does about a task that fails or stalls, which Kafka Connect does not have. A worker's file has them for all
 * connectors, and the config of a connector for itself.
 */
import { type ConfigOf, parseSettings, type Setting, setting } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'
import type { RestartPolicy } from './restart-decision.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)

/** A poll without records takes half a second: less than this would call it a stall. */
const LEAST_STALL_TIMEOUT_MS = 1_000

const group = 'Error Handling'
const boolean = (order: number, displayName: string, fallback: boolean | null, doc: string) =>
  setting.boolean({ group, order, width: 'SHORT', importance: 'LOW', displayName, default: fallback, doc }) as Setting<boolean | null>
const long = (order: number, displayName: string, least: number, fallback: number | null, doc: string) =>
  setting.long({ group, order, width: 'SHORT', importance: 'LOW', displayName, default: fallback, doc, check: atLeast(least) }) as Setting<
    number | null
  >

/** `of` has the defaults: those of a worker; null for a connector, which has its worker's values. */
const declare = <N extends boolean | null, L extends number | null>(enable: N, of: (workerDefault: number) => L) => ({
  'auto.restart.enable': boolean(
    9,
    'Automatic Restart',
    enable,
    'Whether a failed connector or task is restarted after a back-off. One that waiting cannot mend stays FAILED.',
  ) as Setting<boolean | N>,
  'auto.restart.max': long(
    10,
    'Maximum Automatic Restarts',
    -1,
    of(10),
    'The number of restarts after which it stays FAILED until a user restarts it; -1 for no limit.',
  ) as Setting<number | L>,
  'auto.restart.backoff.ms': long(
    11,
    'Automatic Restart Back-off',
    1,
    of(10_000),
    'The time before the first restart; it doubles with each.',
  ) as Setting<number | L>,
  'auto.restart.backoff.max.ms': long(
    12,
    'Maximum Automatic Restart Back-off',
    1,
    of(600_000),
    'The longest time before a restart.',
  ) as Setting<number | L>,
  'auto.restart.reset.ms': long(
    13,
    'Automatic Restart Reset',
    1,
    of(600_000),
    'The time that a connector or task must run for its restarts to count from zero again.',
  ) as Setting<number | L>,
  'task.stall.timeout.ms': long(
    14,
    'Task Stall Timeout',
    LEAST_STALL_TIMEOUT_MS,
    of(300_000),
    'The time without progress, while there is something to do, after which a task is reported as stalled.',
  ) as Setting<number | L>,
})

/** In a worker's file. */
export const workerRecoverySettings = declare(true as boolean, (value): number => value)
/** In a connector's config. */
export const recoverySettings = declare(null, () => null)

type WorkerRecovery = ConfigOf<typeof workerRecoverySettings>

export interface Recovery {
  restart: RestartPolicy
  stallTimeoutMs: number
}

/** The values of the connector, where it has them, and else those of its worker. */
export function recoveryOf(worker: WorkerRecovery, connector: ConnectorConfig): Recovery {
  const own = parseSettings(recoverySettings, connector)
  return {
    restart: {
      enabled: own['auto.restart.enable'] ?? worker['auto.restart.enable'],
      max: own['auto.restart.max'] ?? worker['auto.restart.max'],
      backoffMs: own['auto.restart.backoff.ms'] ?? worker['auto.restart.backoff.ms'],
      maxBackoffMs: own['auto.restart.backoff.max.ms'] ?? worker['auto.restart.backoff.max.ms'],
      resetMs: own['auto.restart.reset.ms'] ?? worker['auto.restart.reset.ms'],
    },
    stallTimeoutMs: own['task.stall.timeout.ms'] ?? worker['task.stall.timeout.ms'],
  }
}
