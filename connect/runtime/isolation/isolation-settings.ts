/**
 * The settings of threads, for a worker and, where a connector has them, for its tasks. They are ours: Kafka Connect runs all tasks in one
 * heap.
 */
import { type ConfigOf, parseSettings, setting } from '../../sdk/index.ts'
import type { ConnectorConfig } from '../../types.ts'

export const isolationSettings = {
  'task.isolation': setting.oneOf(['auto', 'thread'], {
    default: 'auto',
    importance: 'LOW',
    doc:
      'Which tasks run in a thread of their own: with auto those with a plugin of plugin.path, with thread all but those of mirrors. ' +
      'A connector may set it too.',
  }),
  'task.unresponsive.timeout.ms': setting.int({
    default: 30_000,
    importance: 'LOW',
    doc: 'The time for which a task in a thread may compute without a pause. Then it fails, with the place where it was.',
    check: (value) => (value < 1_000 ? 'Value must be at least 1000' : undefined),
  }),
  'task.heap.max.mb': setting.int({
    default: 512,
    importance: 'LOW',
    doc: 'The memory for the objects of a task in a thread, without its buffers. A task that needs more fails.',
    check: (value) => (value < 32 ? 'Value must be at least 32' : undefined),
  }),
} as const

export type IsolationConfig = ConfigOf<typeof isolationSettings>

/** Those of a connector are its own, or else the worker's. */
export const isolationConfig = (worker: ConnectorConfig, connector: ConnectorConfig): IsolationConfig =>
  parseSettings(isolationSettings, {
    ...Object.fromEntries(Object.keys(isolationSettings).map((name) => [name, connector[name] ?? worker[name]])),
  })
