/**
 * All mirrors of one `mm2.properties`: a supervisor for each flow, the heartbeats of all flows, and the operations of the REST API and the
 * command line. A stop takes five seconds at most.
 */
import type { SystemProperties } from '../core/security/sasl/types.ts'
import type { System } from '../core/system/index.ts'
import { within } from '../core/system/within.ts'
import { checkClients } from './flow/flow-clients.ts'
import { FlowSupervisor } from './flow/flow-supervisor.ts'
import { startHeartbeats } from './heartbeats.ts'
import { mirrorMetrics } from './metrics.ts'
import { type MirrorSettings, parseMirrorSettings, routeOf } from './settings/mm2-properties.ts'
import { type MirrorAdmin, MirrorError } from './types.ts'

export interface MirrorService extends MirrorAdmin {
  /** As parsed from the file. */
  readonly settings: MirrorSettings
  /** Waits for batches in flight and stores the progress. Resolves within five seconds. */
  close(): Promise<void>
}

const CLOSE_MS = 4_500

export interface MirrorOptions {
  stopping?: AbortSignal
  /** Java's system properties, as in KAFKA_OPTS: which login modules and token endpoints clients may use. */
  systemProperties?: SystemProperties
}

export async function startMirrors(
  properties: Readonly<Record<string, string>>,
  system: System,
  { stopping, systemProperties = {} }: MirrorOptions = {},
): Promise<MirrorService> {
  const settings = parseMirrorSettings(properties)
  for (const flow of settings.flows) checkClients(flow, 'source', system, systemProperties)
  for (const flow of new Set([...settings.flows, ...settings.heartbeats])) checkClients(flow, 'target', system, systemProperties)
  const { clock, random } = system
  const logger = system.logger.child({ part: 'mirror' })
  for (const warning of settings.warnings) logger.warn({}, warning)
  const instance = random.uuid()
  const metrics = mirrorMetrics(system.metrics, clock)
  const routes = settings.flows.map(routeOf)
  const supervisors = new Map(
    settings.flows.map((flow) => [
      flow.name,
      new FlowSupervisor({ settings: flow, routes, system, systemProperties, logger, instance, metrics }),
    ]),
  )
  const heartbeats = startHeartbeats(settings.heartbeats, { ...system, logger }, systemProperties)
  if (!stopping?.aborted) for (const supervisor of supervisors.values()) supervisor.start()
  const find = (name: string): FlowSupervisor => {
    const supervisor = supervisors.get(name)
    if (!supervisor) {
      const known = supervisors.size > 0 ? `; the mirrors are ${[...supervisors.keys()].join(', ')}` : '; no flow is enabled'
      throw new MirrorError(404, `mirror ${name} is not known${known}`)
    }
    return supervisor
  }
  return {
    settings,
    list: () => [...supervisors.values()].map((supervisor) => supervisor.status()),
    status: (name) => find(name).status(),
    pause: async (name) => find(name).pause(),
    async resume(name) {
      const supervisor = find(name)
      heartbeats.resume()
      await supervisor.resume()
    },
    failover: async (name, { groups, dryRun }) => find(name).failover(groups, dryRun),
    async close() {
      const parts = [...Array.from(supervisors.values(), (supervisor) => supervisor.close()), heartbeats.close()]
      // One that fails must not end the wait for the others.
      const closed = Promise.all(
        parts.map((part) => part.catch((error: unknown) => logger.error({ err: error }, 'a mirror failed while it was stopped'))),
      )
      if (!(await within(clock, CLOSE_MS, closed))) logger.warn({}, `the mirrors have not stopped within ${CLOSE_MS} ms`)
    },
  }
}
