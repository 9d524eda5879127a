/**
 * Which parts of a connector a restart request is about (KIP-745), by their last status. Every worker works it out for itself.
 */
import type { RestartRequest } from '../storage/config-backing-store.ts'
import type { StatusStore } from '../storage/status-backing-store.ts'
import { CONNECTOR, type Unit } from './connect-protocol.ts'

export function restartPlan(
  { connector, includeTasks, onlyFailed }: RestartRequest,
  status: Pick<StatusStore, 'connector' | 'tasks'>,
): Unit[] {
  const units: Unit[] = []
  if (!onlyFailed || status.connector(connector)?.state === 'FAILED') units.push({ connector, task: CONNECTOR })
  if (includeTasks)
    for (const [task, { state }] of status.tasks(connector)) if (!onlyFailed || state === 'FAILED') units.push({ connector, task })
  return units
}
