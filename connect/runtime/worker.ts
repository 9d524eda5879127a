/**
 * Composes a worker: backing stores, membership, instances and herder. It is distributed in the group of `group.id`, or standalone, with
 * its positions in a file, where `offset.storage.file.filename` is set and `group.id` is not.
 */
import type { Client, Producer } from '../../core/client/types.ts'
import { openConfigTransformer } from '../../core/config-references/config-providers.ts'
import { InterWorkerClient } from '../../core/network/inter-worker-client.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import { TlsStores } from '../../core/security/tls/tls-stores.ts'
import { realDisk } from '../../core/system/disk.ts'
import type { System } from '../../core/system/index.ts'
import { kafkaLevels, logLevels } from '../../core/system/logger.ts'
import { within } from '../../core/system/within.ts'
import { findPlugins } from '../plugins.ts'
import type { Connector, FlowReport } from '../sdk/index.ts'
import { settingsUnderOrAll } from '../sdk/prefixed-settings.ts'
import { ConfigBackingStore, type ConfigUpdateListener } from '../storage/config-backing-store.ts'
import { FailureHistory } from '../storage/failure-history.ts'
import { FileLog } from '../storage/file-log.ts'
import { KafkaBasedLog } from '../storage/kafka-based-log.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import type { RecordLog } from '../storage/record-log.ts'
import { StatusBackingStore } from '../storage/status-backing-store.ts'
import { TransactionalLogWriter } from '../storage/transactional-log-writer.ts'
import type { ConnectorConfig, Herder } from '../types.ts'
import { ConnectorFailures } from './connector-failures.ts'
import { ConnectorOffsetStores } from './connector-offset-stores.ts'
import { FencingRequests } from './fencing-requests.ts'
import { WorkerHerder } from './herder.ts'
import { Instances } from './instances.ts'
import { forwardFencing, forwardTaskConfigs, type LeaderRequests } from './internal-requests.ts'
import { openPathPlugins } from './isolation/path-plugins.ts'
import { Leadership } from './leadership.ts'
import { workerMetrics } from './metrics.ts'
import { connectMetrics } from './observation/connect-metrics.ts'
import { ObservedParts } from './observation/observed-parts.ts'
import { RebalanceMetrics } from './observation/rebalance-metrics.ts'
import { openTracing, tracesUrl } from './observation/tracing.ts'
import { restartPlan } from './restart-plan.ts'
import { StandaloneMember } from './standalone-member.ts'
import { workerClients } from './worker-clients.ts'
import { WorkerGroupMember } from './worker-group-member.ts'
import { configuredKeys, type WorkerMembership, type WorkerRebalanceListener } from './worker-membership.ts'
import { parseWorkerSettings, unknownSettings, type WorkerConfig, withoutEffect } from './worker-settings.ts'

export interface WorkerOptions {
  /** The URL under which the other workers reach this worker's REST API. */
  advertisedUrl?: string | null
  /** Aborts the start. */
  stopping?: AbortSignal
  /** Settings in the same file that other parts of the process read, such as the REST server. */
  otherSettings?: readonly string[]
  /** Connectors besides those in connectors/. */
  connectors?: readonly Connector[]
  /** Java's system properties of KAFKA_OPTS: what only the process may decide about login modules and the URLs of tokens. */
  systemProperties?: SystemProperties
  /** The variables of the process, for the configuration provider of the environment. */
  environment?: Readonly<Record<string, string | undefined>>
}

export interface Worker extends Herder {
  /** host:port, as statuses name the worker. */
  readonly workerId: string
  /** The last report of a flow task that runs here. */
  flowReport(connector: string, task: number): FlowReport | undefined
  /** Rejects when the group coordinator refuses this worker for good. */
  readonly failed: Promise<never>
  /** Stops all tasks, leaves the group and closes; takes 5 s at most. */
  close(): Promise<void>
}

/** The part of the time to close that is left for leaving the group and closing the connections. */
const LEAVE_TIMEOUT_MS = 1_500

interface RecordLogs {
  configs: RecordLog
  offsets: RecordLog
  status: RecordLog
}

function kafkaBasedLogs(config: WorkerConfig, client: Client, producer: Producer, system: System): RecordLogs {
  const log = (what: 'config' | 'offset' | 'status', partitions: number) =>
    new KafkaBasedLog(
      { admin: client, consumer: client, producer },
      {
        topic: config[`${what}.storage.topic`],
        singlePartition: what === 'config',
        setting: `${what}.storage.topic`,
        partitions,
        replicationFactor: config[`${what}.storage.replication.factor`],
        readCommitted: what !== 'status' && config['exactly.once.source.support'] !== 'disabled',
      },
      system,
    )
  return {
    configs: log('config', 1),
    offsets: log('offset', config['offset.storage.partitions']),
    status: log('status', config['status.storage.partitions']),
  }
}

/** `rawProperties` have their own references replaced; `config.providers` in them also serve the configs of connectors. */
export async function startWorker(
  rawProperties: Readonly<Record<string, string | undefined>>,
  system: System,
  { advertisedUrl, stopping, otherSettings, connectors = [], systemProperties = {}, environment = {} }: WorkerOptions = {},
): Promise<Worker> {
  const properties = Object.fromEntries(Object.entries(rawProperties).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const config = parseWorkerSettings(properties)
  const unknown = unknownSettings(properties, otherSettings)
  if (unknown.length > 0) system.logger.warn({ settings: unknown }, `unknown settings are ignored: ${unknown.join(', ')}`)
  for (const { name, reason } of withoutEffect(properties)) system.logger.warn({ setting: name }, `${name} has no effect: ${reason}`)
  const { href: url, hostname, port, protocol } = new URL(advertisedUrl ?? 'http://localhost:8083')
  const workerId = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
  const offsetsFile = properties['group.id'] === undefined ? config['offset.storage.file.filename'] : null
  const connectProtocol = config['connect.protocol']
  if (offsetsFile === null && connectProtocol !== 'sessioned')
    system.logger.warn(
      { 'connect.protocol': connectProtocol },
      `Internal request verification will be disabled for this cluster, because connect.protocol is ${connectProtocol}: ` +
        'whoever reaches the REST API can set the configs of tasks, without a login. Set it to sessioned, or remove it, on every worker.',
    )
  if (offsetsFile !== null && config['exactly.once.source.support'] !== 'disabled')
    system.logger.warn({}, 'exactly.once.source.support has no effect on a standalone worker: set group.id for a distributed one')
  const { clock, disk, logger } = system
  const transformer = await openConfigTransformer(properties, { clock, disk, logger, environment, systemProperties })
  const clients = workerClients(properties, config, workerId, systemProperties, system)
  const client = clients.own
  const traces = tracesUrl(config['tracing.otlp.endpoint'], environment)
  const { 'tracing.otlp.endpoint': _, ...others } = properties
  /** Threads trace where the worker does, whether its file says so or its variables. */
  const ofThreads = traces === null ? others : { ...others, 'tracing.otlp.endpoint': traces }
  // The cluster responds while the plugins load.
  const loadPlugins = async () => {
    const found = await findPlugins(connectors)
    return { found, ...(await openPathPlugins(found, config, { properties: ofThreads, systemProperties, workerId, system })) }
  }
  const [{ found: plugins, isolation, pathPlugins }] = await Promise.all([loadPlugins(), clients.connect()]).catch(async (error) => {
    await clients.close()
    throw error
  })
  const producer = client.producer({ acks: 'all' })
  const logs: RecordLogs =
    offsetsFile === null
      ? kafkaBasedLogs(config, client, producer, system)
      : { configs: new MemoryLog(), offsets: new FileLog(realDisk, offsetsFile), status: new MemoryLog() }
  const warn = (message: string, key: string) => system.logger.warn({ key }, message)
  const writer =
    offsetsFile === null && config['exactly.once.source.support'] !== 'disabled'
      ? new TransactionalLogWriter(config['config.storage.topic'], () =>
          client.producer({ transactionalId: `connect-cluster-${config['group.id']}` }),
        )
      : null
  const configs = new ConfigBackingStore(logs.configs, warn, writer)
  const offsets = new OffsetBackingStore(logs.offsets, warn)
  const status = new StatusBackingStore(logs.status, warn)
  const offsetStores = new ConnectorOffsetStores({ config, properties, ofWorker: offsets, isStandalone: offsetsFile !== null, system })

  const windows = { windowMs: config['metrics.sample.window.ms'], samples: config['metrics.num.samples'] }
  const metrics = connectMetrics(system.metrics, () => system.clock.now())
  metrics.windows = windows
  const tracing = await openTracing(traces, workerId, system)
  const failures = new FailureHistory(offsets)
  const instances = new Instances({
    services: {
      clients: clients.ofConnectors,
      plugins,
      properties,
      config,
      offsets,
      offsetStores,
      fencingOf: (id) => fencing.ofTask(id.connector, id.task, id.generation),
      system,
      recordActiveTopic(connector, task, topic) {
        // The topics of a deleted connector are removed while its tasks may still stop.
        if (!config['topic.tracking.enable'] || status.hasTopic(connector, topic) || !configs.contains(connector)) return
        status.putTopic(topic, connector, task, system.clock.now()).catch((error) => {
          system.logger.warn({ err: error, connector, topic }, 'an active topic of a connector could not be recorded')
        })
      },
      reportFlow: (connector, task, report) => instances.setFlowReport(connector, task, report),
      metrics,
      observe: (connector, task, type, facts, stages) =>
        new ObservedParts(metrics.taskStarted(connector, task, type, facts, stages), tracing?.task(connector, task) ?? null, system.clock),
      isolation,
    },
    configs,
    transformer,
    status,
    failures,
    workerId,
    generation: () => membership.generation,
    publishTaskConfigs,
  })

  const restClient = new InterWorkerClient(
    () => new TlsStores(settingsUnderOrAll('listeners.https.', properties), 'client', system),
    system.clock,
  )
  const leaderRequests = (): LeaderRequests => ({
    client: restClient,
    session: membership.signsInternalRequests ? configs.sessionKey : null,
    algorithm: config['inter.worker.signature.algorithm'],
  })
  async function publishTaskConfigs(name: string, tasks: readonly ConnectorConfig[], signal: AbortSignal): Promise<void> {
    if (membership.isLeader) return await herder.publishTaskConfigs(name, tasks, signal)
    const { leaderUrl } = membership
    if (leaderUrl === null) throw new Error('no leader is known, likely because of a rebalance; retrying')
    await forwardTaskConfigs(leaderRequests(), leaderUrl, name, tasks, signal)
  }

  const leadership = new Leadership(configs, status, config, system, () => membership, writer)
  const rebalances = new RebalanceMetrics(system.metrics, system.clock, windows, {
    leaderUrl: () => membership.leaderUrl,
    generation: () => membership.generation,
    protocol: connectProtocol.toUpperCase(),
  })
  const listener: WorkerRebalanceListener = {
    onRevoked(keys) {
      rebalances.started()
      return instances.stop(keys)
    },
    onAssigned(keys) {
      workerMetrics(system.metrics).rebalances.inc()
      rebalances.completed()
      if (!membership.isLeader) leadership.onFollowing()
      instances.runAssigned(keys)
    },
    onLost() {
      leadership.onFollowing()
      return instances.cancelAll()
    },
    onElectedLeader: () => leadership.onElected(),
    hasStopped: (key) => leadership.hasStopped(key),
    beforeAssign() {
      rebalances.started()
      return leadership.refreshStatuses()
    },
  }
  const membership: WorkerMembership =
    offsetsFile === null
      ? new WorkerGroupMember({ client, config, configs, url, listener, system })
      : new StandaloneMember({ configs, url, listener })

  const fencing = new FencingRequests({
    membership,
    configs,
    fenceHere: (name) => herder.fenceOlderTasks(name),
    askLeader: (leaderUrl, name, signal) => forwardFencing(leaderRequests(), leaderUrl, name, signal),
    system,
  })

  let configured = ''
  /** Every worker reads the change in the config topic and joins again at once, so that none has to wait for a heartbeat. */
  const rejoinIfChanged = (reason: string) => {
    const now = configuredKeys(configs).sort().join('\n')
    if (now === configured) return
    configured = now
    membership.rejoin(reason)
  }
  const configListener: ConfigUpdateListener = {
    onConnectorConfigUpdate(name) {
      instances.onConnectorConfigUpdate(name)
      rejoinIfChanged(`connector ${name} was created`)
    },
    onConnectorConfigRemove(name) {
      instances.onConnectorConfigRemove(name)
      rejoinIfChanged(`connector ${name} was deleted`)
    },
    onTaskConfigUpdate(name, tasks) {
      instances.onTaskConfigUpdate(name, tasks)
      rejoinIfChanged(`the number of tasks of connector ${name} has changed`)
    },
    onTargetStateChange: (name) => instances.onTargetStateChange(name),
    onRestartRequest: (request) => void instances.restart(restartPlan(request, status)),
    onLoggingLevelUpdate(namespace, level) {
      const known = kafkaLevels[level.toUpperCase()]
      if (known === undefined) system.logger.warn({ namespace, level }, 'a level for the loggers of all workers is unknown and is ignored')
      else logLevels(system.logger)?.setNamespace(namespace, known, system.clock.now())
    },
  }

  const herder = new WorkerHerder({
    client,
    clients: clients.ofConnectors,
    plugins,
    properties,
    config,
    configs,
    offsets,
    offsetStores,
    status,
    failures: new ConnectorFailures(failures, system.logger),
    membership,
    instances,
    transformer,
    isolation,
    system,
  })
  const closeStores = async () => {
    pathPlugins.close()
    for (const closed of await Promise.allSettled([configs.close(), offsets.close(), status.close()]))
      if (closed.status === 'rejected') system.logger.warn({ err: closed.reason }, 'a backing store could not be closed')
    await clients.close()
  }
  try {
    stopping?.throwIfAborted()
    await Promise.all([configs.start(configListener), offsets.start(), status.start()])
    configured = configuredKeys(configs).sort().join('\n')
    stopping?.throwIfAborted()
  } catch (error) {
    await closeStores()
    throw error
  }
  membership.start()

  let closing: Promise<void> | null = null
  return Object.assign(herder, {
    workerId,
    flowReport: instances.flowReport,
    failed: membership.failed,
    close() {
      closing ??= (async () => {
        leadership.close()
        // The worker leaves the group only after its tasks have stopped, so that no other worker starts them before.
        await instances.close(Math.max(0, config['task.shutdown.graceful.timeout.ms'] - LEAVE_TIMEOUT_MS))
        const left = membership.close().then(closeStores)
        left.catch((error) => system.logger.warn({ err: error }, 'the worker could not leave its group; its session will expire'))
        // A cluster that does not respond must not keep the process alive.
        await within(system.clock, LEAVE_TIMEOUT_MS, Promise.all([left, tracing?.close()]))
      })()
      return closing
    },
  })
}
