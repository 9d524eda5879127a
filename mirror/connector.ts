/**
 * The mirror as connectors of a Connect worker, under the names and settings of MirrorMaker 2's three: the flow itself, the checkpoints of
 * groups, and heartbeats. What runs inside is what `tributary mirror` runs; positions lie in the worker's own offsets.
 */
import {
  type ConfigOf,
  type Connector,
  defineConnector,
  defineFlow,
  type FlowContext,
  InvalidSetting,
  Retriable,
  type Settings,
  setting,
} from '../connect/sdk/index.ts'
import { createClient } from '../core/client/index.ts'
import type { System } from '../core/system/index.ts'
import type { Logger } from '../core/system/logger.ts'
import { partitionKey } from '../core/topic-partition.ts'
import { Flow, mends } from './flow/flow.ts'
import { beat } from './flow/heartbeat.ts'
import { GroupSync } from './groups/group-sync.ts'
import { mirrorMetrics } from './metrics.ts'
import { clusterSettings, flowSettings, serversCheck } from './settings/flow-settings.ts'
import { type FlowSettings, flowOf, routeOf } from './settings/mm2-properties.ts'
import { OffsetMapReader } from './store/offset-map-reader.ts'

const VERSION = '0.1.0'
const PACKAGE = 'org.apache.kafka.connect.mirror.'
const REPORT_MS = 1_000

const { enabled: _, ...shared } = flowSettings
const ends = {
  'source.cluster.alias': setting.string({
    importance: 'HIGH',
    doc: 'The alias of the source cluster: it stands before the names of its topics.',
  }),
  'target.cluster.alias': setting.string({ default: 'target', importance: 'HIGH', doc: 'The alias of the target cluster.' }),
  'source.cluster.bootstrap.servers': setting.list({
    importance: 'HIGH',
    check: serversCheck,
    doc: 'Brokers of the source.',
  }),
  'target.cluster.bootstrap.servers': setting.list({
    default: null,
    importance: 'HIGH',
    doc: "Brokers of the target; the worker's own cluster where it is not given.",
  }),
  'source.cluster.security.protocol': clusterSettings['security.protocol'],
  'target.cluster.security.protocol': clusterSettings['security.protocol'],
} as const
const settings = { ...ends, ...shared } as const
type Config = ConfigOf<typeof settings>

/** The flow that a connector's config means. A replication factor that is not the default was given by the user. */
function flowFrom(config: Config, worker: Readonly<Record<string, string>>): FlowSettings {
  const end = (alias: string, servers: readonly string[]) => ({
    alias,
    config: { 'bootstrap.servers': servers, 'client.id': null, 'security.protocol': 'PLAINTEXT', 'request.timeout.ms': 30_000 },
  })
  const target = config['target.cluster.bootstrap.servers'] ?? (worker['bootstrap.servers'] ?? '').split(',').map((server) => server.trim())
  if (config['source.cluster.alias'] === config['target.cluster.alias'])
    throw new InvalidSetting('target.cluster.alias', config['target.cluster.alias'], 'it is the alias of the source as well')
  const given = Object.entries(shared).flatMap(([name, declared]) =>
    String(config[name as keyof Config]) === declared.default ? [] : [name],
  )
  return flowOf(
    end(config['source.cluster.alias'], config['source.cluster.bootstrap.servers']),
    end(config['target.cluster.alias'], target),
    { ...config, enabled: true },
    new Set(given),
  )
}

/** A failure that may mend itself is tried again by the runtime; another fails the task. */
async function orRetry(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (mends(error)) throw new Retriable(error instanceof Error ? error.message : String(error), { cause: error })
    throw error
  }
}

const clientOf = (flow: FlowSettings, side: 'source' | 'target', role: string, system: System) =>
  createClient({ bootstrapServers: flow[side].config['bootstrap.servers'], clientId: `${flow.name}|${role}` }, system)

async function runSource(
  { config, worker, connector, signal, positions, commit, report }: FlowContext<Config>,
  system: System,
  logger: Logger,
) {
  const flow = flowFrom(config, worker)
  const { clock } = system
  const metrics = mirrorMetrics(system.metrics, clock)
  const partitionOf = (topic: string, partition: number) => ({ cluster: flow.source.alias, partition, topic })
  const life = new Flow({
    settings: flow,
    routes: [routeOf(flow)],
    system,
    logger: logger.child({ connector }),
    instance: system.random.uuid(),
    metrics,
    held: { paused: false, failedOver: false },
    followsGroups: false,
    positions: {
      async get(topic, partition) {
        const offset = (await positions.get(partitionOf(topic, partition)))?.offset
        return typeof offset === 'number' ? offset : null
      },
      put: (moved) =>
        commit(moved.map(({ topic, partition, offset }) => ({ partition: partitionOf(topic, partition), offset: { offset } }))),
    },
  })
  const shown = metrics.show({ source: flow.source.alias, target: flow.target.alias, partitions: () => life.partitions.values() })
  const reporting = clock.every(REPORT_MS, () => {
    const all = [...life.partitions.values()]
    report({
      lagRecords: all.reduce((sum, each) => sum + each.lagRecords, 0),
      lagMs: Math.max(0, ...all.map((each) => each.arrivals.waitedMs(clock.monotonic()))),
      records: all.reduce((sum, each) => sum + each.records, 0),
      lostRecords: all.reduce((sum, each) => sum + each.lostRecords, 0),
      repeatedRecords: all.reduce((sum, each) => sum + each.repeatedRecords, 0),
    })
  })
  try {
    await orRetry(() => life.run(signal))
  } finally {
    reporting.cancel()
    shown.hide()
  }
}

async function runCheckpoints({ config, worker, signal }: FlowContext<Config>, system: System, logger: Logger) {
  const flow = flowFrom(config, worker)
  const { policy } = flow
  const source = clientOf(flow, 'source', 'checkpoints', system)
  const target = clientOf(flow, 'target', 'checkpoints', system)
  const maps = new OffsetMapReader({ target, topic: policy.offsetMapTopic(flow.source.alias), clock: system.clock, signal })
  const targetName = (topic: string) => policy.remoteTopic(flow.source.alias, topic)
  const groups = new GroupSync({
    settings: flow,
    source,
    target,
    system: { clock: system.clock, logger },
    signal,
    mapped(topic, partition) {
      const known = maps.partitions.get(partitionKey({ topic, partition }))
      return known && { targetTopic: targetName(topic), map: known.map }
    },
    sourceTopic(topic) {
      const upstream = policy.topicSource(topic) === flow.source.alias ? policy.upstreamTopic(topic) : null
      return upstream !== null && targetName(upstream) === topic ? upstream : null
    },
    async refreshMaps() {
      if (!(await maps.read()))
        logger.warn({ mirror: flow.name }, 'no offset map is there yet: it comes with the MirrorSourceConnector of the same clusters')
    },
  })
  try {
    await orRetry(async () => {
      await groups.loadCheckpoints()
      await groups.run()
    })
  } finally {
    await groups.close()
    await Promise.all([source.close(), target.close()])
  }
}

async function runHeartbeats({ config, worker, signal }: FlowContext<Config>, system: System, logger: Logger) {
  const flow = flowFrom(config, worker)
  const target = clientOf(flow, 'target', 'heartbeats', system)
  try {
    await orRetry(() => beat(flow, target, { clock: system.clock, logger }, signal))
  } finally {
    await target.close()
  }
}

/** The three, for a worker's plugins. They live on the system that the worker lives on. */
export function mirrorConnectors(system: System): readonly Connector[] {
  const logger = system.logger.child({ part: 'mirror' })
  const declare = (
    name: string,
    simple: string,
    doc: string,
    run: (context: FlowContext<Config>, system: System, logger: Logger) => Promise<void>,
  ) =>
    defineConnector({
      name,
      doc,
      version: VERSION,
      flow: defineFlow({
        class: PACKAGE + simple,
        type: 'source',
        settings: settings as Settings,
        run: (context) => run(context as unknown as FlowContext<Config>, system, logger),
      }),
    })
  return [
    declare('mirror-source', 'MirrorSourceConnector', 'Mirrors topics of one cluster into another, batch by batch, unopened.', runSource),
    declare(
      'mirror-checkpoint',
      'MirrorCheckpointConnector',
      'Follows consumer groups of the source and translates their offsets for the target.',
      runCheckpoints,
    ),
    declare('mirror-heartbeat', 'MirrorHeartbeatConnector', 'Writes heartbeats into the target.', runHeartbeats),
  ]
}
