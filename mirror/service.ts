/**
 * All mirrors of one `mm2.properties`: each flow on its own, heartbeats beside them, one door for the REST routes and the command line.
 */
import { createClient } from '../core/client/index.ts'
import type { System } from '../core/system/index.ts'
import { FlowSupervisor } from './flow/flow-supervisor.ts'
import { beat } from './flow/heartbeat.ts'
import { mirrorMetrics } from './metrics.ts'
import { type FlowSettings, type MirrorSettings, parseMirrorSettings, routeOf } from './settings/mm2-properties.ts'
import { type MirrorAdmin, MirrorError } from './types.ts'

export interface MirrorService extends MirrorAdmin {
  /** What the file said, for whoever shows it. */
  readonly settings: MirrorSettings
  /** Lets what is under way arrive, writes down where everything stands, and ends within five seconds. */
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
  const pairs = new Map(
    settings.flows.map((flow) => [flow.name, new FlowSupervisor({ settings: flow, routes, system, logger, instance, metrics })]),
  )
  const ending = new AbortController()
  const beats = startHeartbeats(settings.heartbeats, system, ending.signal)
  if (!options.stopping?.aborted) for (const pair of pairs.values()) pair.start()
  const find = (name: string): FlowSupervisor => {
    const pair = pairs.get(name)
    if (!pair) {
      const there = pairs.size > 0 ? `; there are ${[...pairs.keys()].join(', ')}` : '; no flow is enabled'
      throw new MirrorError(404, `mirror ${name} is not known${there}`)
    }
    return pair
  }
  return {
    settings,
    list: () => [...pairs.values()].map((pair) => pair.status()),
    status: (name) => find(name).status(),
    pause: async (name) => find(name).pause(),
    resume: async (name) => find(name).resume(),
    failover: async (name, { groups, dryRun }) => find(name).failover(groups, dryRun),
    async close() {
      ending.abort()
      const all = Promise.allSettled([...[...pairs.values()].map((pair) => pair.close()), beats])
      await Promise.race([all, clock.sleep(CLOSE_MS)])
    },
  }
}

/** One client for each cluster that heartbeats are written into, however many flows end there. */
async function startHeartbeats(flows: readonly FlowSettings[], system: System, signal: AbortSignal): Promise<void> {
  const clients = new Map<string, ReturnType<typeof createClient>>()
  const logger = system.logger.child({ part: 'mirror' })
  const running = flows.map((flow) => {
    let client = clients.get(flow.target.alias)
    if (!client) {
      client = createClient(
        { bootstrapServers: flow.target.config['bootstrap.servers'], clientId: `heartbeats->${flow.target.alias}` },
        { ...system, logger },
      )
      clients.set(flow.target.alias, client)
    }
    return beat(flow, client, { ...system, logger }, signal)
  })
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([Promise.allSettled(running), ended])
  // a heartbeat that cannot be written is no reason to stay
  await Promise.race([Promise.allSettled([...clients.values()].map((client) => client.close())), system.clock.sleep(HEARTBEATS_CLOSE_MS)])
}
