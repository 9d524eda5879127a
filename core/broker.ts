/**
 * Composition only: opens the parts of a broker in the order of their dependencies, connects them, and closes them in the reverse order.
 * It decides nothing else.
 */
import { loadApis } from './apis/index.ts'
import type { BrokerServices } from './broker-services.ts'
import { openCluster } from './cluster/index.ts'
import type { Cluster } from './cluster/types.ts'
import { DynamicConnectionLimits } from './connection-limits.ts'
import { createGroupCoordinator } from './groups/index.ts'
import { FetchPurgatory } from './log/fetch-purgatory.ts'
import { openLogs } from './log/index.ts'
import type { Logs } from './log/types.ts'
import { registerBrokerMetrics } from './network/metrics.ts'
import { registerQuotaMetrics } from './network/quota-metrics.ts'
import { RequestDispatcher } from './network/request-dispatcher.ts'
import { type Endpoint, SocketServer } from './network/socket-server.ts'
import { OffsetsTopic } from './offsets-topic.ts'
import { ClientQuotas } from './quotas/client-quotas.ts'
import type { Authorizer } from './security/authorizer.ts'
import { ListenersSecurity } from './security/listener-security.ts'
import type { SystemProperties } from './security/sasl/types.ts'
import { scramUsersOf } from './security/scram-users.ts'
import { type BrokerSettings, type ListenerSettings, readBrokerSettings, SettingsError } from './settings.ts'
import type { System } from './system/index.ts'
import { TransactionMarkers } from './transaction-markers.ts'
import { TransactionStateTopic } from './transaction-state-topic.ts'
import { TransactionVerifier } from './transaction-verifier.ts'
import { createTransactionCoordinator } from './transactions/index.ts'

export interface RunningBroker extends BrokerServices {
  /** The bound address of each listener. */
  readonly addresses: readonly Endpoint[]
  /** `host:port` of the first listener, as advertised to clients. */
  readonly address: string
  /** Completes the requests in flight, flushes the logs, and releases ports and folders. Within 5 s. */
  close(): Promise<void>
}

const isSettings = (config: BrokerSettings | Readonly<Record<string, string>>): config is BrokerSettings =>
  typeof (config as BrokerSettings).values === 'object'

/**
 * Starts a broker from Kafka's properties, or from settings that are already parsed. `javaProperties` are those of the process: where
 * tokens may come from, and where its JAAS file is.
 */
export async function startBroker(
  config: BrokerSettings | Readonly<Record<string, string>>,
  system: System,
  signal?: AbortSignal,
  javaProperties: SystemProperties = {},
): Promise<RunningBroker> {
  const parsed = isSettings(config) ? config : readBrokerSettings(config)
  const listeners: ListenerSettings[] = [...parsed.listeners]
  const settings: BrokerSettings = { ...parsed, listeners }
  const { values } = settings
  if (settings.unknown.length > 0)
    system.logger.warn({ settings: settings.unknown }, `unknown settings are ignored: ${settings.unknown.join(', ')}`)
  for (const warning of settings.warnings) system.logger.warn({}, warning)

  /** Closes what is open so far, the last opened first. */
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    const failures: unknown[] = []
    for (const task of closers.splice(0)) await task().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  try {
    // The disk and the loading of code wait for each other's turns only. Neither may fail while the other still opens something.
    const parts = [loadApis(), openStores(settings, system, closers)] as const
    await Promise.allSettled(parts)
    const [apis, { logs, cluster }] = await Promise.all(parts)
    const groups = await createGroupCoordinator(new OffsetsTopic(settings, cluster, logs), groupSettings(settings), system)
    const fetchPurgatory = new FetchPurgatory(system.clock)
    cluster.onTopicDeleted((_, deleted) => fetchPurgatory.completeFor(deleted))
    const markers = new TransactionMarkers(cluster, logs, groups)
    const transactions = createTransactionCoordinator(
      new TransactionStateTopic(settings, cluster, logs, groups),
      markers,
      transactionSettings(settings),
      system,
    )
    const transactionVerifier = new TransactionVerifier(transactions, logs, system.clock, {
      isEnabled: () => cluster.brokerValue('transaction.partition.verification.enable'),
      retryBackoffMs: values['add.partitions.to.txn.retry.backoff.ms'],
      retryBackoffMaxMs: values['add.partitions.to.txn.retry.backoff.max.ms'],
    })
    const quotas = new ClientQuotas(cluster, quotaWindows(settings), system.clock)
    closers.unshift(async () => quotas.close())
    const broker: BrokerServices = {
      settings,
      system,
      cluster,
      logs,
      groups,
      transactions,
      markers,
      transactionVerifier,
      fetchPurgatory,
      quotas,
      authorizer: await openAuthorizer(settings, cluster, system, closers),
      apis,
    }
    const security = await openSecurity(broker, javaProperties)
    closers.unshift(async () => security.close())
    const dispatcher = new RequestDispatcher(apis, broker)
    const limits = new DynamicConnectionLimits({ settings, cluster, system })
    cluster.onBrokerProperties((changed) => {
      const changes = [security.prepare(changed), limits.prepare(changed)]
      return () => {
        for (const change of changes) change()
      }
    })
    const network = new SocketServer({
      ...{ settings, system, dispatcher, limits: limits.limits() },
      interBrokerListener: settings.interBrokerListener,
    })
    closers.unshift(async () => {
      const closing = network.close()
      // Waiting fetches get their response now, so that their connections can close.
      fetchPurgatory.close()
      await transactions.close()
      await groups.close()
      await closing
    })
    await limits.attach(network)
    closers.unshift(async () => limits.close())
    const addresses: Endpoint[] = []
    for (const [index, listener] of listeners.entries()) {
      signal?.throwIfAborted()
      const endpoint = await network.listen(listener, security.of(listener.name))
      listeners[index] = { ...listener, port: endpoint.port, advertisedPort: endpoint.advertisedPort }
      addresses.push(endpoint)
    }
    await cluster.listening(listeners)
    registerBrokerMetrics(system.metrics, network, broker)
    registerQuotaMetrics(system.metrics, quotas, dispatcher.throttle)
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

/** Its code is loaded for a broker that has one only. */
async function openAuthorizer(
  { values }: BrokerSettings,
  cluster: Cluster,
  system: System,
  closers: (() => Promise<void>)[],
): Promise<Authorizer | null> {
  if (values['authorizer.class.name'] === '') {
    const entries = [...cluster.acls.all()].length
    if (entries > 0) {
      const advice = 'the access control lists of the cluster are not applied: set authorizer.class.name, or everyone may do everything'
      system.logger.warn({ entries }, advice)
    }
    return null
  }
  const [{ StandardAuthorizer }, { registerAuthorizerMetrics }] = await Promise.all([
    import('./security/acl/standard-authorizer.ts'),
    import('./security/acl/authorizer-metrics.ts'),
  ])
  const authorizer = new StandardAuthorizer(
    cluster.acls,
    {
      superUsers: values['super.users'],
      // As Kafka: everything else is false.
      allowEveryoneIfNoAclFound: values['allow.everyone.if.no.acl.found'].toLowerCase() === 'true',
    },
    system,
  )
  registerAuthorizerMetrics(system.metrics, authorizer)
  closers.unshift(async () => authorizer.close())
  return authorizer
}

/** Throws a SettingsError that lists all problems. */
async function openSecurity({ settings, cluster, system }: BrokerServices, javaProperties: SystemProperties): Promise<ListenersSecurity> {
  const open = (properties: Readonly<Record<string, string>>) =>
    ListenersSecurity.open(settings.listeners, {
      properties,
      users: scramUsersOf(cluster),
      system,
      javaProperties,
      loadTlsCheck: async () => (await import('./network/tls-acceptor.ts')).checkTlsOptions,
    })
  const problems: (readonly string[])[] = []
  // As Kafka: what was altered on a running broker and cannot be used any more does not keep it from starting.
  for (const properties of [cluster.brokerProperties(), settings.properties]) {
    const security = await open(properties)
    if (security instanceof ListenersSecurity) {
      if (problems.length > 0)
        system.logger.error(
          { problems: problems[0] },
          'stored configs of listeners cannot be used: those of the file are; alter or delete them with kafka-configs',
        )
      return security
    }
    problems.push(security)
  }
  throw new SettingsError(problems.at(-1)!)
}

interface Stores {
  readonly logs: Logs
  readonly cluster: Cluster
}

async function openStores(settings: BrokerSettings, system: System, closers: (() => Promise<void>)[]): Promise<Stores> {
  const { values } = settings
  const logs = await openLogs(
    {
      dirs: settings.dataDirs,
      metadataDir: values['metadata.log.dir'],
      nodeId: settings.nodeId,
      flush: values['log.flush'] as 'commit' | 'os',
      retentionCheckIntervalMs: values['log.retention.check.interval.ms'],
      flushOffsetCheckpointIntervalMs: values['log.flush.offset.checkpoint.interval.ms'],
      flushStartOffsetCheckpointIntervalMs: values['log.flush.start.offset.checkpoint.interval.ms'],
      producerIdExpirationMs: values['producer.id.expiration.ms'],
    },
    system,
  )
  closers.unshift(() => logs.close())
  const cluster = await openCluster({ settings, logs, system })
  closers.unshift(() => cluster.close())
  return { logs, cluster }
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

function quotaWindows({ values }: BrokerSettings) {
  return {
    rates: { samples: values['quota.window.num'], sampleMs: values['quota.window.size.seconds'] * 1000 },
    mutations: { samples: values['controller.quota.window.num'], sampleMs: values['controller.quota.window.size.seconds'] * 1000 },
  }
}

function transactionSettings({ values }: BrokerSettings) {
  return {
    maxTimeoutMs: values['transaction.max.timeout.ms'],
    idExpirationMs: values['transactional.id.expiration.ms'],
    abortIntervalMs: values['transaction.abort.timed.out.transaction.cleanup.interval.ms'],
    removeExpiredIntervalMs: values['transaction.remove.expired.transaction.cleanup.interval.ms'],
    twoPhaseCommit: values['transaction.two.phase.commit.enable'],
    addPartitionsMaxWaitMs: values['add.partitions.to.txn.retry.backoff.max.ms'],
  }
}
