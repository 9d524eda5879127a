/**
 * The connector and task instances that a restart request restarts (KIP-745), by their last status. Every worker computes it for itself.
 */
import type { RestartRequest } from '../storage/config-backing-store.ts'
import type { StatusBackingStore } from '../storage/status-backing-store.ts'
import type { ConnectorTaskId } from '../types.ts'
import { CONNECTOR_TASK } from './connect-protocol.ts'

export function restartPlan(
  { connector, includeTasks, onlyFailed }: RestartRequest,
  status: Pick<StatusBackingStore, 'connector' | 'tasks'>,
): ConnectorTaskId[] {
  const ids: ConnectorTaskId[] = []
  if (!onlyFailed || status.connector(connector)?.state === 'FAILED') ids.push({ connector, task: CONNECTOR_TASK })
  if (includeTasks)
    for (const [task, { state }] of status.tasks(connector)) if (!onlyFailed || state === 'FAILED') ids.push({ connector, task })
  return ids
}
