/**
 * Builds what a WorkerTask runs from the plugin, the config of the connector and the services of the worker: a source task, a sink task or
 * a flow task.
 */
import { DEFAULT_MAX_REQUEST_SIZE } from '../../core/client/index.ts'
import type { TopicPattern } from '../../core/client/types.ts'
import { redaction } from '../../core/config-references/redaction.ts'
import type { System } from '../../core/system/index.ts'
import { UNDEFINED_VERSION } from '../plugins/version-range.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type FlowReport, namesIn, parseSettings, type TaskLogger, type TaskWork } from '../sdk/index.ts'
import { javaPattern } from '../sdk/java-pattern.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { consumerSettings, producerSettings, transactionalProducerSettings } from './client-overrides.ts'
import type { ConnectorClients, TaskClients } from './connector-clients.ts'
import type { ConnectorOffsetStores } from './connector-offset-stores.ts'
import {
  type CommonConfig,
  connectorSettings,
  deadLetterSettings,
  type SinkConfig,
  type SourceConfig,
  sinkSettings,
  sourceSettings,
} from './connector-settings.ts'
import { createConversion } from './conversion.ts'
import { createDeadLetterTopic, DeadLetterQueueReporter } from './dead-letter-queue-reporter.ts'
import { WorkerErrantRecordReporter } from './errant-record-reporter.ts'
import { ExactlyOnceSourceTask } from './exactly-once-source-task.ts'
import { workerMetrics } from './metrics.ts'
import type { ConnectMetrics } from './observation/connect-metrics.ts'
import { ConnectorGauges } from './observation/connector-gauges.ts'
import type { ObservedParts } from './observation/observed-parts.ts'
import type { StageFacts, TaskFacts } from './observation/task-metrics.ts'
import { type Conversion, Pipeline } from './pipeline.ts'
import { checkedSink, checkedSource } from './plugin-results.ts'
import { rangeIn } from './plugin-versions.ts'
import { rateLimitOf } from './rate-limit.ts'
import { RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import { letterConverter, SourceDeadLetters } from './source-dead-letters.ts'
import type { RunnableTask, TaskControl } from './task-control.ts'
import type { TaskFencing } from './task-fencing.ts'
import { TopicCreation, usesTopicCreation } from './topic-creation.ts'
import { TransactionBoundary } from './transaction-boundary.ts'
import { WorkerFlowTask } from './worker-flow-task.ts'
import { defaultConverters, type WorkerConfig, workerLimits } from './worker-settings.ts'
import { WorkerSinkTask } from './worker-sink-task.ts'
import { type SourceTaskOptions, WorkerSourceTask } from './worker-source-task.ts'
import { taskTransactionalId } from './zombie-fencing.ts'

/** A task, and the generation of its connector's task configs. */
export interface TaskIdentity {
  readonly connector: string
  readonly task: number
  readonly generation: number
}

/** What the tasks of a worker share. */
export interface WorkerServices {
  metrics: ConnectMetrics
  /** The numbers and spans of a task. */
  observe(connector: string, task: number, type: 'source' | 'sink', facts: TaskFacts, stages: readonly StageFacts[]): ObservedParts
  clients: ConnectorClients
  plugins: Plugins
  properties: Readonly<Record<string, string>>
  config: WorkerConfig
  offsets: OffsetBackingStore
  offsetStores: ConnectorOffsetStores
  /** For a task of an exactly-once source. */
  fencingOf(id: TaskIdentity): TaskFencing
  system: System
  recordActiveTopic(connector: string, task: number, topic: string): void
  reportFlow(connector: string, task: number, report: FlowReport): void
  /** Null where everything runs in this thread. */
  isolation: TaskIsolation | null
}

/** Which tasks run in threads of their own, and those tasks. */
export interface TaskIsolation {
  isIsolated(plugin: ConnectorPlugin, config: ConnectorConfig): boolean
  buildTask(
    plugin: ConnectorPlugin,
    id: TaskIdentity,
    config: ConnectorConfig,
    control: TaskControl,
    services: TaskServices,
  ): Promise<RunnableTask>
}

/** What one task has besides. */
export interface TaskServices extends WorkerServices {
  /** The secrets that the config of the task refers to, with their references. */
  secrets: ReadonlyMap<string, string>
}

function taskLogger(system: System, connector: string, task: number): TaskLogger {
  const logger = system.logger.child({ connector, task })
  return {
    info: (message, details = {}) => logger.info(details, message),
    warn: (message, details = {}) => logger.warn(details, message),
    error: (message, details = {}) => logger.error(details, message),
  }
}

/**
 * The records of one poll of a sink, where its config does not set max.poll.records: a batch is cheap, and a record waits for a short time.
 */
const SINK_MAX_POLL_RECORDS = 2_000

/** Kafka Connect's metrics say what a task consists of. */
function taskFacts(plugin: ConnectorPlugin, plugins: Plugins, { classes }: Conversion): TaskFacts {
  const converter = (what: 'key' | 'value' | 'header') => ({
    [`${what}-converter-class`]: classes[what],
    [`${what}-converter-version`]: plugins.versions(classes[what])[0] ?? UNDEFINED_VERSION,
  })
  return {
    'connector-class': plugin.class,
    'connector-type': plugin.type,
    'connector-version': plugin.version,
    'task-class': plugin.class.replace(/Connector$/, 'Task'),
    'task-version': plugin.version,
    ...converter('key'),
    ...converter('value'),
    ...converter('header'),
  }
}

function stageFacts(plugins: Plugins, config: ConnectorConfig): StageFacts[] {
  return (['transform', 'predicate'] as const).flatMap((kind) =>
    namesIn(config[`${kind}s`]).map((alias) => {
      const name = config[`${kind}s.${alias}.type`] ?? ''
      const plugin = plugins.plugin(name, rangeIn(config[`${kind}s.${alias}.plugin.version`]))
      return { kind, alias, class: plugin?.class ?? name, version: plugin?.version ?? UNDEFINED_VERSION }
    }),
  )
}

/** As in Kafka Connect, the whole name must match. */
function topicPattern(regex: string): TopicPattern {
  const pattern = javaPattern(regex)
  return { test: (topic) => pattern.matches(topic) }
}

export async function buildTask(
  plugin: ConnectorPlugin,
  id: TaskIdentity,
  config: ConnectorConfig,
  control: TaskControl,
  services: TaskServices,
): Promise<RunnableTask> {
  const { isolation } = services
  if (isolation?.isIsolated(plugin, config)) {
    services.metrics.taskInThread(id.connector, id.task, plugin.type)
    return await isolation.buildTask(plugin, id, config, control, services)
  }
  const clients = services.clients.ofTask(config, services.system)
  const { metrics, logger } = services.system
  const labels = { connector: id.connector, task: String(id.task) }
  const gauges = new ConnectorGauges(metrics, labels, (message) => logger.warn(labels, message))
  const release = () => {
    gauges.close()
    return clients.release()
  }
  try {
    const runnable = await buildWithClients(plugin, id, config, control, services, clients, gauges)
    const replay: Pick<RunnableTask, 'replay'> = runnable.replay ? { replay: (letters, done) => runnable.replay!(letters, done) } : {}
    return { run: (taskControl) => runnable.run(taskControl), ...replay, release }
  } catch (error) {
    await release()
    throw error
  }
}

async function buildWithClients(
  plugin: ConnectorPlugin,
  id: TaskIdentity,
  config: ConnectorConfig,
  control: TaskControl,
  services: TaskServices,
  clients: TaskClients,
  gauges: ConnectorGauges,
): Promise<RunnableTask> {
  const { plugins, properties, offsets, offsetStores, system } = services
  const { connector, task } = id
  const rateLimit = rateLimitOf(config)
  const common = parseSettings(connectorSettings(plugins, plugin, defaultConverters(services.config)), config) as CommonConfig
  const retryWithTolerance = new RetryWithToleranceOperator(common, system, { connector, task })
  const metrics = workerMetrics(system.metrics)
  const labels = { connector, task: String(task) }
  const context = {
    connector,
    task,
    config: parseSettings(plugin.settings, config),
    raw: config,
    log: taskLogger(system, connector, task),
    limits: workerLimits(services.config),
    progress: (work: TaskWork | null) => control.progress.show(work),
    gauge: (name: string, value: number) => gauges.set(name, value),
  }
  const letterContext = { connector, task, redact: redaction(services.secrets) }
  const recordActiveTopic = (topic: string) => services.recordActiveTopic(connector, task, topic)
  const flushIntervalMs = services.config['offset.flush.interval.ms']
  if (plugin.kind === 'flow')
    return new WorkerFlowTask({
      side: plugin.side,
      context: { ...context, raw: config, report: (report) => services.reportFlow(connector, task, report), worker: properties },
      offsets,
      retryWithTolerance,
      system,
    })
  const conversion = createConversion(plugins, config, properties, system, context.log)
  const observed = services.observe(connector, task, plugin.type, taskFacts(plugin, plugins, conversion), stageFacts(plugins, config))
  const isForeign = plugin.origin.location !== null
  const pipeline = observed.pipeline(new Pipeline(conversion, retryWithTolerance, control.signal))
  const createsTopics = services.config['topic.creation.enable'] && usesTopicCreation(config)
  if (plugin.kind === 'source') {
    const deadLetterConfig = parseSettings(deadLetterSettings, config)
    const deadLetters =
      deadLetterConfig['errors.deadletterqueue.topic.name'] === ''
        ? null
        : new SourceDeadLetters(deadLetterConfig, await letterConverter(), letterContext, retryWithTolerance.metrics, () =>
            createDeadLetterTopic(clients.of('admin'), deadLetterConfig),
          )
    await deadLetters?.ready().catch((error) => {
      context.log.warn('the topic of the dead-letter queue could not be created: the first record that needs it tries again', {
        err: error,
      })
    })
    const shared: SourceTaskOptions = {
      side: observed.source(isForeign ? checkedSource(plugin.side) : plugin.side),
      context,
      pipeline,
      deadLetters,
      topics: new TopicCreation(clients.of(createsTopics ? 'admin' : 'producer'), config, createsTopics, control.cancellation),
      accepted: (signal) => clients.accepted(signal),
      retryWithTolerance,
      rateLimit,
      system,
      recordActiveTopic,
      onAcknowledged(records) {
        metrics.sourceRecords.inc(labels, records)
        observed.wrote(records)
      },
    }
    const named = { ...config, name: connector }
    const source = parseSettings(sourceSettings, config) as SourceConfig
    if (!offsetStores.exactlyOnce) {
      const producer = clients.of('producer').producer(producerSettings(properties, config))
      const flushTimeoutMs = services.config['offset.flush.timeout.ms']
      return new WorkerSourceTask({
        ...shared,
        producer: observed.producer(producer),
        offsets: observed.offsets(offsetStores.of(named, clients, producer).offsets),
        flushIntervalMs,
        flushTimeoutMs,
      })
    }
    const transactionalId = taskTransactionalId(services.config['group.id'], connector, task)
    const transactional = transactionalProducerSettings(properties, config, transactionalId)
    const producer = clients.of('producer').producer(transactional)
    const store = offsetStores.of(named, clients, producer)
    const intervalMs = source['transaction.boundary.interval.ms'] ?? flushIntervalMs
    return new ExactlyOnceSourceTask({
      ...shared,
      producer: observed.producer(producer),
      maxRecordBytes: transactional.maxRequestSize ?? DEFAULT_MAX_REQUEST_SIZE,
      offsets: store.offsets,
      offsetsTopic: store.topic!,
      boundary: new TransactionBoundary(source['transaction.boundary'], intervalMs, system.clock.monotonic()),
      fencing: services.fencingOf(id),
      onTransaction: observed.transactions(),
    })
  }
  const sink = parseSettings(sinkSettings, config) as SinkConfig
  const hasDeadLetterQueue = sink['errors.deadletterqueue.topic.name'] !== ''
  if (hasDeadLetterQueue) await createDeadLetterTopic(clients.of('admin'), sink)
  const deadLetterQueue = hasDeadLetterQueue
    ? new DeadLetterQueueReporter(
        clients.of('producer').producer(producerSettings(properties, config)),
        sink,
        { ...letterContext, log: context.log },
        retryWithTolerance.metrics,
      )
    : null
  const errantRecords = new WorkerErrantRecordReporter(deadLetterQueue, retryWithTolerance)
  const reportsErrantRecords = hasDeadLetterQueue || common['errors.log.enable']
  const consumer = clients.of('consumer')
  const consumerConfig = { maxPollRecords: SINK_MAX_POLL_RECORDS, ...consumerSettings(properties, config, connector) }
  const maxPollRecords = rateLimit?.batchRecords(consumerConfig.maxPollRecords) ?? consumerConfig.maxPollRecords
  return new WorkerSinkTask({
    side: observed.sink(isForeign ? checkedSink(plugin.side) : plugin.side),
    context: {
      ...context,
      committed: () => consumer.admin.groupOffsets(consumerConfig.groupId!),
      errantRecordReporter: () => (reportsErrantRecords ? errantRecords.use() : null),
    },
    pipeline,
    consumer: observed.consumer(consumer.consumer({ ...consumerConfig, maxPollRecords })),
    topics: sink['topics.regex'] === '' ? sink.topics : topicPattern(sink['topics.regex']),
    deadLetterQueue,
    errantRecords,
    accepted: (signal) => clients.accepted(signal),
    retryWithTolerance,
    rateLimit,
    system,
    flushIntervalMs,
    recordActiveTopic,
    onDelivered(records) {
      metrics.sinkRecords.inc(labels, records)
      observed.wrote(records)
    },
  })
}
