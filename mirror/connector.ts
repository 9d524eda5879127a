/**
 * The mirror as connectors of a Connect worker, with the class names and settings of MirrorMaker 2's three: source, checkpoint and
 * heartbeat connector. They run the same code as `tributary mirror`; positions are stored in the worker's offsets topic.
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
import type { Client } from '../core/client/index.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import type { System } from '../core/system/index.ts'
import type { Logger } from '../core/system/logger.ts'
import { partitionKey } from '../core/topic-partition.ts'
import { Flow, restartMayHelp } from './flow/flow.ts'
import { createSideClient } from './flow/flow-clients.ts'
import { emitHeartbeats } from './flow/heartbeat.ts'
import { GroupSync } from './groups/group-sync.ts'
import { mirrorMetrics } from './metrics.ts'
import { propertiesOfConnector, type Side, sideClients } from './settings/client-settings.ts'
import { checkServers, clusterSettings, flowSettings } from './settings/flow-settings.ts'
import { type FlowSettings, flowOf, routeOf } from './settings/mm2-properties.ts'
import { OffsetMapReader } from './store/offset-map-reader.ts'

const PACKAGE = 'org.apache.kafka.connect.mirror.'
const REPORT_MS = 1_000

const { enabled: _, ...shared } = flowSettings
const clusters = {
  'source.cluster.alias': setting.string({
    importance: 'HIGH',
    doc: 'The alias of the source cluster: the prefix of its topics on the target.',
  }),
  'target.cluster.alias': setting.string({ default: 'target', importance: 'HIGH', doc: 'The alias of the target cluster.' }),
  'source.cluster.bootstrap.servers': setting.list({
    importance: 'HIGH',
    check: checkServers,
    doc: 'Bootstrap brokers of the source.',
  }),
  'target.cluster.bootstrap.servers': setting.list({
    default: null,
    importance: 'HIGH',
    doc: "Bootstrap brokers of the target; the worker's own cluster if it is not set.",
  }),
  'source.cluster.security.protocol': clusterSettings['security.protocol'],
  'target.cluster.security.protocol': clusterSettings['security.protocol'],
} as const
const settings = { ...clusters, ...shared } as const
type Config = ConfigOf<typeof settings>

/** The settings of the flow of a connector. A value that is not the default counts as set by the user. */
function flowFrom({ config, raw, worker }: FlowContext<Config>): FlowSettings {
  const properties = propertiesOfConnector(raw, config['target.cluster.bootstrap.servers'] === null ? worker : null)
  const cluster = (side: Side) => {
    const clients = sideClients(properties, side, `${side}.cluster.`)
    return {
      alias: config[`${side}.cluster.alias`],
      config: {
        'bootstrap.servers': clients.admin.bootstrapServers,
        'client.id': null,
        'security.protocol': config[`${side}.cluster.security.protocol`],
        'request.timeout.ms': 30_000,
      },
      clients,
    }
  }
  if (config['source.cluster.alias'] === config['target.cluster.alias'])
    throw new InvalidSetting('target.cluster.alias', config['target.cluster.alias'], 'it is the alias of the source too')
  const explicitSettings = Object.entries(shared).flatMap(([name, declared]) =>
    String(config[name as keyof Config]) === declared.default ? [] : [name],
  )
  return flowOf(cluster('source'), cluster('target'), { ...config, enabled: true }, new Set(explicitSettings))
}

/** Errors that a restart may resolve are retried by the worker; others fail the task. */
async function withRetriableErrors(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (restartMayHelp(error)) throw new Retriable(error instanceof Error ? error.message : String(error), { cause: error })
    throw error
  }
}

/** What the tasks of all mirrors of a worker have. */
interface Worker {
  system: System
  systemProperties: SystemProperties
  logger: Logger
}

const clientOf = (flow: FlowSettings, side: Side, role: string, { system, systemProperties }: Worker): Client =>
  createSideClient(flow, side, `${flow.name}|${role}`, system, systemProperties)

async function runSource(context: FlowContext<Config>, { system, systemProperties, logger }: Worker) {
  const { connector, signal, positions, commit, report } = context
  const flow = flowFrom(context)
  const { clock } = system
  const metrics = mirrorMetrics(system.metrics, clock)
  const partitionOf = (topic: string, partition: number) => ({ cluster: flow.source.alias, partition, topic })
  const mirrorFlow = new Flow({
    settings: flow,
    routes: [routeOf(flow)],
    system,
    systemProperties,
    logger: logger.child({ connector }),
    instance: system.random.uuid(),
    metrics,
    pauseFlags: { paused: false, failedOver: false },
    syncsGroups: false,
    positions: {
      async get(topic, partition) {
        const offset = (await positions.get(partitionOf(topic, partition)))?.offset
        return typeof offset === 'number' ? offset : null
      },
      store: (moved) =>
        commit(moved.map(({ topic, partition, offset }) => ({ partition: partitionOf(topic, partition), offset: { offset } }))),
    },
  })
  const unregisterMetrics = metrics.register({
    source: flow.source.alias,
    target: flow.target.alias,
    partitions: () => mirrorFlow.partitions.values(),
  })
  const reportTimer = clock.every(REPORT_MS, () => {
    const partitions = [...mirrorFlow.partitions.values()]
    report({
      lagRecords: partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      lagMs: Math.max(0, ...partitions.map(({ lag }) => lag.lagMs(clock.monotonic()))),
      records: partitions.reduce((sum, { counters }) => sum + counters.records, 0),
      lostRecords: partitions.reduce((sum, { counters }) => sum + counters.lostRecords, 0),
      repeatedRecords: partitions.reduce((sum, { counters }) => sum + counters.repeatedRecords, 0),
    })
  })
  try {
    await withRetriableErrors(() => mirrorFlow.run(signal))
  } finally {
    reportTimer.cancel()
    unregisterMetrics()
  }
}

async function runCheckpoints(context: FlowContext<Config>, worker: Worker) {
  const { system, logger } = worker
  const { signal } = context
  const flow = flowFrom(context)
  const { policy } = flow
  const source = clientOf(flow, 'source', 'checkpoints', worker)
  const target = clientOf(flow, 'target', 'checkpoints', worker)
  const maps = new OffsetMapReader({
    target,
    topic: policy.offsetMapTopic(flow.source.alias),
    clock: system.clock,
    random: system.random,
    signal,
  })
  const targetName = (topic: string) => policy.remoteTopic(flow.source.alias, topic)
  const groups = new GroupSync({
    settings: flow,
    source,
    target,
    system: { clock: system.clock, random: system.random, logger },
    signal,
    mapped(topic, partition) {
      const stored = maps.partitions.get(partitionKey({ topic, partition }))
      return stored && { targetTopic: targetName(topic), map: stored.map }
    },
    sourceTopic(topic) {
      const upstream = policy.topicSource(topic) === flow.source.alias ? policy.upstreamTopic(topic) : null
      return upstream !== null && targetName(upstream) === topic ? upstream : null
    },
    async refreshMaps() {
      if (!(await maps.read()))
        logger.warn({ mirror: flow.name }, 'the offset map does not exist yet: the MirrorSourceConnector of the same clusters writes it')
    },
  })
  try {
    await withRetriableErrors(async () => {
      await groups.loadCheckpoints()
      await groups.run()
    })
  } finally {
    await groups.close()
    await Promise.all([source.close(), target.close()])
  }
}

async function runHeartbeats(context: FlowContext<Config>, worker: Worker) {
  const { system, logger } = worker
  const flow = flowFrom(context)
  const target = clientOf(flow, 'target', 'heartbeats', worker)
  try {
    await withRetriableErrors(() => emitHeartbeats(flow, target, { clock: system.clock, logger }, context.signal))
  } finally {
    await target.close()
  }
}

/** The plugins of the mirror for a worker; they run with the worker's `system`, and Java's system properties of the process. */
export function mirrorConnectors(system: System, systemProperties: SystemProperties = {}): readonly Connector[] {
  const worker: Worker = { system, systemProperties, logger: system.logger.child({ part: 'mirror' }) }
  const declare = (
    name: string,
    simple: string,
    doc: string,
    run: (context: FlowContext<Config>, worker: Worker) => Promise<void>,
    isEnabled: (config: Config) => boolean = () => true,
  ) =>
    defineConnector({
      name,
      doc,
      flow: defineFlow({
        class: PACKAGE + simple,
        type: 'source',
        settings: settings as Settings,
        // As in MirrorMaker 2: a connector with nothing to emit has no tasks.
        tasks: (config) => (isEnabled(config as unknown as Config) ? [{}] : []),
        run: (context) => run(context as unknown as FlowContext<Config>, worker),
      }),
    })
  return [
    declare(
      'mirror-source',
      'MirrorSourceConnector',
      'Mirrors topics of one cluster to another, batch by batch, without decoding them.',
      runSource,
    ),
    declare(
      'mirror-checkpoint',
      'MirrorCheckpointConnector',
      'Translates the offsets of consumer groups of the source for the target.',
      runCheckpoints,
      (config) => config['emit.checkpoints.enabled'] || config['sync.group.offsets.enabled'],
    ),
    declare(
      'mirror-heartbeat',
      'MirrorHeartbeatConnector',
      'Writes heartbeats to the target.',
      runHeartbeats,
      (config) => config['emit.heartbeats.enabled'],
    ),
  ]
}
