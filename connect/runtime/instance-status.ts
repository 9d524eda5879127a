/** The status of a connector or task as the REST API returns it: Kafka Connect's fields, and ours where there is something to say. */
import type { Status } from '../storage/status-backing-store.ts'
import type { InstanceStatus } from '../types.ts'

const isoTime = (time: number): string => new Date(time).toISOString()

export function instanceStatus({ state, workerId, trace, version, restart, stalled, progress }: Status): InstanceStatus {
  return {
    state: state as InstanceStatus['state'],
    worker_id: workerId,
    ...(trace ? { trace } : {}),
    ...(version ? { version } : {}),
    ...(restart
      ? {
          restart: {
            restarts: restart.restarts,
            next: restart.nextTime === null ? null : isoTime(restart.nextTime),
            reason: restart.reason,
          },
        }
      : {}),
    ...(stalled ? { stalled: { stage: stalled.stage, since: isoTime(stalled.since) } } : {}),
    ...(progress ? { progress } : {}),
  }
}
