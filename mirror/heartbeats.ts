/**
 * The heartbeats of all flows of a process, with one client for the flows whose targets have the same settings. Those of a target that does
 * not accept its client stop until a resume.
 */
import type { Client } from '../core/client/index.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import { Condition } from '../core/system/condition.ts'
import type { System } from '../core/system/index.ts'
import { within } from '../core/system/within.ts'
import { createSideClient } from './flow/flow-clients.ts'
import { emitHeartbeats } from './flow/heartbeat.ts'
import { isSameSide } from './settings/client-settings.ts'
import type { FlowSettings } from './settings/mm2-properties.ts'

const CLOSE_MS = 500

export interface Heartbeats {
  /** Tries again what has stopped. */
  resume(): void
  /** Resolves within CLOSE_MS. */
  close(): Promise<void>
}

export function startHeartbeats(flows: readonly FlowSettings[], system: System, properties: SystemProperties): Heartbeats {
  const { clock, logger } = system
  const closing = new AbortController()
  const { signal } = closing
  const resumed = new Condition()
  const stopped = new Set<FlowSettings>()
  const shared: { flow: FlowSettings; client: Client }[] = []
  const clientOf = (flow: FlowSettings): Client => {
    const { alias, clients } = flow.target
    const same = shared.find((each) => each.flow.target.alias === alias && isSameSide(each.flow.target.clients, clients))
    if (same) return same.client
    const client = createSideClient(flow, 'target', `heartbeats->${alias}`, system, properties)
    shared.push({ flow, client })
    return client
  }
  const run = async (flow: FlowSettings) => {
    while (!signal.aborted) {
      try {
        await emitHeartbeats(flow, clientOf(flow), system, signal)
      } catch (error) {
        logger.error(
          { mirror: flow.name, err: error },
          'the heartbeats of this flow have stopped: correct the cause, then resume a mirror or restart the process',
        )
        stopped.add(flow)
        await resumed.until(() => !stopped.has(flow), signal)
      }
    }
  }
  for (const flow of flows) void run(flow)
  return {
    resume() {
      stopped.clear()
      resumed.notify()
    },
    async close() {
      closing.abort()
      // A heartbeat in flight must not delay the stop.
      await within(clock, CLOSE_MS, Promise.all(shared.map(({ client }) => client.close())))
    },
  }
}
