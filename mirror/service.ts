/**
 * All mirrors of one `mm2.properties`: a supervisor for each flow, the heartbeats of all flows, and the operations of the REST API and the
 * command line. A stop takes five seconds at most.
 */
import { type Client, createClient } from '../core/client/index.ts'
import { aborted } from '../core/system/condition.ts'
import type { System } from '../core/system/index.ts'
import { within } from '../core/system/within.ts'
import { FlowSupervisor } from './flow/flow-supervisor.ts'
import { emitHeartbeats } from './flow/heartbeat.ts'
import { mirrorMetrics } from './metrics.ts'
import { type FlowSettings, type MirrorSettings, parseMirrorSettings, routeOf } from './settings/mm2-properties.ts'
import { type MirrorAdmin, MirrorError } from './types.ts'

export interface MirrorService extends MirrorAdmin {
  /** As parsed from the file. */
  readonly settings: MirrorSettings
  /** Waits for batches in flight and stores the progress. Resolves within five seconds. */
  close(): Promise<void>
}

const CLOSE_MS = 4_500
const HEARTBEATS_CLOSE_MS = 500

export async function startMirrors(
  properties: Readonly<Record<string, string>>,
  system: System,
  options: { stopping?: AbortSignal } = {},
): Promise<MirrorService> {
  const settings = parseMirrorSettings(properties)
  const { clock, random } = system
  const logger = system.logger.child({ part: 'mirror' })
  for (const warning of settings.warnings) logger.warn({}, warning)
  const instance = random.uuid()
  const metrics = mirrorMetrics(system.metrics, clock)
  const routes = settings.flows.map(routeOf)
  const supervisors = new Map(
    settings.flows.map((flow) => [flow.name, new FlowSupervisor({ settings: flow, routes, system, logger, instance, metrics })]),
  )
  const closing = new AbortController()
  const heartbeats = runHeartbeats(settings.heartbeats, { ...system, logger }, closing.signal)
  if (!options.stopping?.aborted) for (const supervisor of supervisors.values()) supervisor.start()
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
    resume: async (name) => find(name).resume(),
    failover: async (name, { groups, dryRun }) => find(name).failover(groups, dryRun),
    async close() {
      closing.abort()
      const parts = [...Array.from(supervisors.values(), (supervisor) => supervisor.close()), heartbeats]
      // One that fails must not end the wait for the others.
      const closed = Promise.all(
        parts.map((part) => part.catch((error: unknown) => logger.error({ err: error }, 'a mirror failed while it was stopped'))),
      )
      if (!(await within(clock, CLOSE_MS, closed))) logger.warn({}, `the mirrors have not stopped within ${CLOSE_MS} ms`)
    },
  }
}

/** Writes the heartbeats of all flows, with one client for each target cluster. */
async function runHeartbeats(flows: readonly FlowSettings[], system: System, signal: AbortSignal): Promise<void> {
  const { clock, logger } = system
  const clients = new Map<string, Client>()
  for (const flow of flows) {
    const { alias, config } = flow.target
    const client =
      clients.get(alias) ?? createClient({ bootstrapServers: config['bootstrap.servers'], clientId: `heartbeats->${alias}` }, system)
    clients.set(alias, client)
    emitHeartbeats(flow, client, system, signal).catch((error: unknown) => {
      logger.error({ mirror: flow.name, err: error }, 'the heartbeats of this flow have stopped: restart the process to write them again')
    })
  }
  await aborted(signal)
  // A heartbeat in flight must not delay the stop.
  await within(clock, HEARTBEATS_CLOSE_MS, Promise.all([...clients.values()].map((client) => client.close())))
}
