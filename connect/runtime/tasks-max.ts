/**
 * The limit `tasks.max` (KIP-1004): a connector that generates more tasks fails, and tasks that were stored before the limit was lowered,
 * or by a worker that did not check it, do not start.
 */
import { ConnectError, type ConnectorConfig } from '../types.ts'

export const tasksMax = (config: ConnectorConfig): number => Number(config['tasks.max'] ?? 1)

/** Throws where a connector has more than `tasks.max` tasks, unless `tasks.max.enforce` is false. */
export function requireTasksMax(connector: string, tasks: number, config: ConnectorConfig): void {
  const most = tasksMax(config)
  if (tasks <= most || config['tasks.max.enforce']?.trim().toLowerCase() === 'false') return
  throw new ConnectError(
    400,
    `The connector ${connector} has generated ${tasks} tasks, which is greater than ${most}, the maximum number of tasks it is configured to ` +
      'create. If this behavior should be allowed, set tasks.max.enforce to false in the connector configuration.',
  )
}
