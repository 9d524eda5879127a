/**
 * A worker, put together: stores, membership, what runs, and the door for REST. Composition only. In a group of workers with `group.id`;
 * alone, with its positions in a file, where `offset.storage.file.filename` is given and no group.
 */
import { createClient } from '../../core/client/index.ts'
import type { Client, Producer } from '../../core/client/types.ts'
import { realDisk } from '../../core/system/disk.ts'
import type { System } from '../../core/system/index.ts'
import { findPlugins } from '../plugins.ts'
import type { Connector, FlowReport } from '../sdk/index.ts'
import { type ConfigListener, ConfigStore } from '../storage/config-backing-store.ts'
import { FileLog } from '../storage/file-log.ts'
import { TopicLog } from '../storage/kafka-based-log.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { OffsetStore } from '../storage/offset-backing-store.ts'
import type { RecordLog } from '../storage/record-log.ts'
import { StatusStore } from '../storage/status-backing-store.ts'
import type { ConnectorConfig, Herder } from '../types.ts'
import { WorkerHerder } from './herder.ts'
import { Instances } from './instances.ts'
import { forwardTaskConfigs } from './internal-requests.ts'
import { Leadership } from './leadership.ts'
import { workerMetrics } from './metrics.ts'
import { restartPlan } from './restart-plan.ts'
import { configuredUnits, type MembershipOwner, StandaloneMember, WorkerGroupMember, type WorkerMembership } from './worker-group-member.ts'
import { parseWorkerSettings, unknownSettings, type WorkerConfig } from './worker-settings.ts'

export interface WorkerOptions {
  /** Where this worker's REST API is reached by the others: their address for requests that only it can answer. */
  advertisedUrl?: string | null
  /** Aborts while the worker still starts: it gives up. */
  stopping?: AbortSignal
  /** Settings in the same file that others read, as the REST server's. */
  otherSettings?: readonly string[]
  /** Connectors beside those in connectors/. */
  connectors?: readonly Connector[]
}

export interface Worker extends Herder {
  /** host:port, as statuses name it. */
  readonly workerId: string
  /** What a flow task that runs here said of itself last. */
  flowReport(connector: string, task: number): FlowReport | undefined
  /** Rejects where the group of workers does not take this one: there is no more to come. */
  readonly failed: Promise<never>
  /** Ends all tasks, leaves the group and closes; within about 5 s. */
  close(): Promise<void>
}

/** Of the time that closing may take, what is kept for leaving the group and closing connections. */
const LEAVING_MS = 1_500

interface Logs {
  configs: RecordLog
  offsets: RecordLog
  status: RecordLog
}

function topicLogs(config: WorkerConfig, client: Client, producer: Producer, system: System): Logs {
  const log = (what: 'config' | 'offset' | 'status', partitions: number) =>
    new TopicLog(
      client,
      producer,
      {
        topic: config[`${what}.storage.topic`],
        onePartition: what === 'config',
        setting: `${what}.storage.topic`,
        partitions,
        replicationFactor: config[`${what}.storage.replication.factor`],
      },
      system,
    )
  return {
    configs: log('config', 1),
    offsets: log('offset', config['offset.storage.partitions']),
    status: log('status', config['status.storage.partitions']),
  }
}

export async function startWorker(
  given: Readonly<Record<string, string | undefined>>,
  system: System,
  { advertisedUrl, stopping, otherSettings, connectors = [] }: WorkerOptions = {},
): Promise<Worker> {
  const properties = Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const config = parseWorkerSettings(properties)
  const unknown = unknownSettings(properties, otherSettings)
  if (unknown.length > 0)
    system.logger.warn({ settings: unknown }, `settings that are not known, and have no effect: ${unknown.join(', ')}`)
  const url = new URL(advertisedUrl ?? 'http://localhost:8083').href
  const workerId = new URL(url).host
  const alone = properties['group.id'] === undefined ? config['offset.storage.file.filename'] : null
  const client = createClient(
    {
      bootstrapServers: config['bootstrap.servers'],
      clientId: config['client.id'] || `connect-${workerId}`,
      requestTimeoutMs: config['request.timeout.ms'],
      metadataMaxAgeMs: config['metadata.max.age.ms'],
      connectionsMaxIdleMs: config['connections.max.idle.ms'],
      reconnectBackoffMs: config['reconnect.backoff.ms'],
      reconnectBackoffMaxMs: config['reconnect.backoff.max.ms'],
      retryBackoffMs: config['retry.backoff.ms'],
      retryBackoffMaxMs: config['retry.backoff.max.ms'],
    },
    system,
  )
  // the cluster answers while the plugins load
  const [plugins] = await Promise.all([findPlugins(connectors), client.clusterId]).catch(async (error) => {
    await client.close()
    throw error
  })
  const producer = client.producer({ acks: 'all' })
  const logs: Logs =
    alone === null
      ? topicLogs(config, client, producer, system)
      : { configs: new MemoryLog(), offsets: new FileLog(realDisk, alone), status: new MemoryLog() }
  const complain = (message: string, key: string) => system.logger.warn({ key }, message)
  const configs = new ConfigStore(logs.configs, complain)
  const offsets = new OffsetStore(logs.offsets, complain)
  const status = new StatusStore(logs.status, complain)

  const instances = new Instances({
    lent: {
      client,
      plugins,
      properties,
      config,
      offsets,
      system,
      usesTopic(connector, task, topic) {
        if (!config['topic.tracking.enable'] || status.hasTopic(connector, topic)) return
        status.putTopic(topic, connector, task, system.clock.now()).catch((error) => {
          system.logger.warn({ err: error, connector, topic }, 'a topic of a connector could not be noted')
        })
      },
      report: (connector, task, report) => instances.noteReport(connector, task, report),
    },
    configs,
    status,
    workerId,
    generation: () => membership.generation,
    publish: (name, tasks, signal) => publish(name, tasks, signal),
  })

  async function publish(name: string, tasks: readonly ConnectorConfig[], signal: AbortSignal): Promise<void> {
    if (membership.leads) return await door.publishTasks(name, tasks)
    const { leaderUrl } = membership
    if (leaderUrl === null) throw new Error('no leader is known, likely because a rebalance is under way')
    await forwardTaskConfigs(
      leaderUrl,
      name,
      tasks,
      membership.sessioned ? configs.sessionKey : null,
      config['inter.worker.signature.algorithm'],
      signal,
    )
  }

  const leadership = new Leadership(configs, status, config, system, () => membership)
  const owner: MembershipOwner = {
    release: (units) => instances.release(units),
    hold(units) {
      workerMetrics(system.metrics).rebalances.inc()
      instances.hold(units)
    },
    lost: () => instances.abandonAll(),
    leading: () => leadership.assume(),
    released: (unit) => leadership.released(unit),
    beforeDeciding: () => leadership.beforeDeciding(),
  }
  const membership: WorkerMembership =
    alone === null
      ? new WorkerGroupMember({ client, config, configs, url, owner, system })
      : new StandaloneMember({ configs, url, owner, system })

  let units = ''
  /** Joins again where there is something else to run than before: everybody sees it in the topic, so nobody waits for a heartbeat. */
  const unitsMayHaveChanged = (reason: string) => {
    const now = configuredUnits(configs).sort().join('\n')
    if (now === units) return
    units = now
    membership.rejoin(reason)
  }
  const listener: ConfigListener = {
    connectorChanged(name) {
      instances.connectorChanged(name)
      unitsMayHaveChanged(`the connector ${name} is new`)
    },
    connectorRemoved(name) {
      instances.connectorRemoved(name)
      unitsMayHaveChanged(`the connector ${name} was deleted`)
    },
    tasksChanged(name, tasks) {
      instances.tasksChanged(name, tasks)
      unitsMayHaveChanged(`the connector ${name} has other tasks`)
    },
    targetStateChanged: (name) => instances.retarget(name),
    restartRequested: (request) => void instances.restart(restartPlan(request, status)),
    sessionKeyChanged() {},
  }

  const door = new WorkerHerder({ client, plugins, config, configs, offsets, status, membership, instances, system })
  const closeStores = async () => {
    await Promise.allSettled([configs.close(), offsets.close(), status.close()])
    await client.close()
  }
  try {
    stopping?.throwIfAborted()
    await Promise.all([configs.start(listener), offsets.start(), status.start()])
    units = configuredUnits(configs).sort().join('\n')
    stopping?.throwIfAborted()
  } catch (error) {
    await closeStores()
    throw error
  }
  membership.start()

  let closing: Promise<void> | null = null
  return Object.assign(door, {
    workerId,
    flowReport: instances.flowReport,
    failed: membership.failed,
    close() {
      closing ??= (async () => {
        leadership.close()
        // still a member while the tasks end, so that nobody begins them before
        await instances.close(Math.max(0, config['task.shutdown.graceful.timeout.ms'] - LEAVING_MS))
        const waiting = new AbortController()
        const left = membership.close().then(closeStores)
        left.catch((error) => system.logger.warn({ err: error }, 'the worker could not leave in order; the group will miss it'))
        // a cluster that does not answer must not keep the process
        await Promise.race([left, system.clock.sleep(LEAVING_MS, waiting.signal)])
        waiting.abort()
      })()
      return closing
    },
  })
}
