/**
 * Composition only: builds the parts of a broker and hands them to each other, and lets go of them in the reverse order.
 */
import { loadApis } from './apis/index.ts'
import { type Cluster, openCluster } from './cluster/index.ts'
import { createGroupCoordinator, type GroupCoordinator } from './groups/index.ts'
import { FetchPurgatory, type FetchWaiters } from './log/fetch-purgatory.ts'
import { type Logs, openLogs } from './log/index.ts'
import { Dispatch } from './network/dispatch.ts'
import { registerBrokerMetrics } from './network/metrics.ts'
import { type Endpoint, SocketServer } from './network/socket-server.ts'
import { OffsetsTopic } from './offsets-topic.ts'
import { type BrokerSettings, type ListenerSettings, readBrokerSettings } from './settings.ts'
import type { System } from './system/index.ts'
import type { AnyApi } from './wire/api.ts'

export interface Broker {
  readonly settings: BrokerSettings
  readonly system: System
  readonly cluster: Cluster
  readonly logs: Logs
  readonly groups: GroupCoordinator
  readonly fetchWaiters: FetchWaiters
  /** Those that are served. */
  readonly apis: readonly AnyApi[]
}

export interface RunningBroker extends Broker {
  /** Where each listener really is. */
  readonly addresses: readonly Endpoint[]
  /** `host:port` of the first listener, as clients are told. */
  readonly address: string
  /** Answers what is under way, writes down what is held, and lets go of ports and folders. Within 5 s. */
  close(): Promise<void>
}

const isSettings = (given: BrokerSettings | Readonly<Record<string, string>>): given is BrokerSettings =>
  typeof (given as BrokerSettings).values === 'object'

/** Starts a broker from Kafka's properties, or from settings that were read before. */
export async function startBroker(
  given: BrokerSettings | Readonly<Record<string, string>>,
  system: System,
  signal?: AbortSignal,
): Promise<RunningBroker> {
  const read = isSettings(given) ? given : readBrokerSettings(given)
  const listeners: ListenerSettings[] = [...read.listeners]
  const settings: BrokerSettings = { ...read, listeners }
  const { values } = settings
  if (settings.unknown.length > 0)
    system.logger.warn({ settings: settings.unknown }, `settings that are not known, and have no effect: ${settings.unknown.join(', ')}`)
  for (const warning of settings.warnings) system.logger.warn({}, warning)

  /** What is open so far, the last first. */
  const undo: (() => Promise<void>)[] = []
  const close = async () => {
    const failures: unknown[] = []
    for (const task of undo.splice(0)) await task().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  try {
    const [apis, logs] = await Promise.all([
      loadApis(),
      openLogs(
        {
          dirs: settings.dataDirs,
          nodeId: settings.nodeId,
          flush: values['log.flush'] as 'commit' | 'os',
          retentionCheckIntervalMs: values['log.retention.check.interval.ms'],
          flushOffsetCheckpointIntervalMs: values['log.flush.offset.checkpoint.interval.ms'],
          flushStartOffsetCheckpointIntervalMs: values['log.flush.start.offset.checkpoint.interval.ms'],
          producerIdExpirationMs: values['producer.id.expiration.ms'],
        },
        system,
      ),
    ])
    undo.unshift(() => logs.close())
    const cluster = await openCluster({ settings, logs, system })
    const groups = await createGroupCoordinator(new OffsetsTopic(settings, cluster, logs), groupSettings(settings), system)
    const fetchWaiters = new FetchPurgatory(system.clock)
    cluster.onTopicDeleted((_, gone) => fetchWaiters.release(gone))
    const broker: Broker = { settings, system, cluster, logs, groups, fetchWaiters, apis: apis.filter((api) => api.handle) }
    const network = new SocketServer(settings, system, new Dispatch(apis, broker), (name) => cluster.brokerValue(name))
    undo.unshift(async () => {
      const closing = network.close()
      // what waits is answered now, so that its connection can end
      fetchWaiters.close()
      await groups.close()
      await closing
    })
    const addresses: Endpoint[] = []
    for (const [index, listener] of listeners.entries()) {
      signal?.throwIfAborted()
      const endpoint = await network.listen(listener)
      listeners[index] = { ...listener, port: endpoint.port, advertisedPort: endpoint.advertisedPort }
      addresses.push(endpoint)
    }
    registerBrokerMetrics(system.metrics, network, broker)
    const { advertisedHost, advertisedPort } = addresses[0]!
    return {
      ...broker,
      addresses,
      address: `${advertisedHost.includes(':') ? `[${advertisedHost}]` : advertisedHost}:${advertisedPort}`,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function groupSettings({ values }: BrokerSettings) {
  return {
    groupMinSessionTimeoutMs: values['group.min.session.timeout.ms'],
    groupMaxSessionTimeoutMs: values['group.max.session.timeout.ms'],
    groupInitialRebalanceDelayMs: values['group.initial.rebalance.delay.ms'],
    groupMaxSize: values['group.max.size'],
    offsetMetadataMaxBytes: values['offset.metadata.max.bytes'],
    offsetsRetentionMs: values['offsets.retention.minutes'] * 60_000,
    offsetsRetentionCheckIntervalMs: values['offsets.retention.check.interval.ms'],
  }
}
