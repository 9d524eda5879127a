/**
 * Builds what a WorkerTask runs from the plugin, the config of the connector and the services of the worker: a source task, a sink task or
 * a flow task.
 */
import type { System } from '../../core/system/index.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type FlowReport, parseSettings, type TaskLogger } from '../sdk/index.ts'
import type { OffsetBackingStore } from '../storage/offset-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { consumerSettings, producerSettings } from './client-overrides.ts'
import type { ConnectorClients, TaskClients } from './connector-clients.ts'
import { type CommonConfig, connectorSettings, type SinkConfig, sinkSettings, sourceSettings } from './connector-settings.ts'
import { createConversion } from './conversion.ts'
import { DeadLetterQueueReporter } from './dead-letter-queue-reporter.ts'
import { workerMetrics } from './metrics.ts'
import { Pipeline } from './pipeline.ts'
import { RetryWithToleranceOperator } from './retry-with-tolerance-operator.ts'
import type { RunnableTask, TaskControl } from './task-control.ts'
import { TopicCreation, usesTopicCreation } from './topic-creation.ts'
import { WorkerFlowTask } from './worker-flow-task.ts'
import { defaultConverters, type WorkerConfig } from './worker-settings.ts'
import { WorkerSinkTask } from './worker-sink-task.ts'
import { WorkerSourceTask } from './worker-source-task.ts'

/** What the tasks of a worker share. */
export interface WorkerServices {
  clients: ConnectorClients
  plugins: Plugins
  properties: Readonly<Record<string, string>>
  config: WorkerConfig
  offsets: OffsetBackingStore
  system: System
  recordActiveTopic(connector: string, task: number, topic: string): void
  reportFlow(connector: string, task: number, report: FlowReport): void
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

export async function buildTask(
  plugin: ConnectorPlugin,
  connector: string,
  task: number,
  config: ConnectorConfig,
  control: TaskControl,
  services: WorkerServices,
): Promise<RunnableTask> {
  const clients = services.clients.ofTask(config)
  try {
    const runnable = await buildWithClients(plugin, connector, task, config, control, services, clients)
    return { run: (taskControl) => runnable.run(taskControl), release: () => clients.release() }
  } catch (error) {
    await clients.release()
    throw error
  }
}

async function buildWithClients(
  plugin: ConnectorPlugin,
  connector: string,
  task: number,
  config: ConnectorConfig,
  control: TaskControl,
  services: WorkerServices,
  clients: TaskClients,
): Promise<RunnableTask> {
  const { plugins, properties, offsets, system } = services
  const common = parseSettings(connectorSettings(plugins, plugin, defaultConverters(services.config)), config) as CommonConfig
  // A connector that Kafka Connect has created was not validated here: settings that are not supported must fail its tasks.
  if (plugin.type === 'source') parseSettings(sourceSettings, config)
  const retryWithTolerance = new RetryWithToleranceOperator(common, system, { connector, task })
  const metrics = workerMetrics(system.metrics)
  const labels = { connector, task: String(task) }
  const context = { connector, task, config: parseSettings(plugin.settings, config), log: taskLogger(system, connector, task) }
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
  const pipeline = new Pipeline(createConversion(plugins, config, properties), retryWithTolerance, control.signal)
  const createsTopics = services.config['topic.creation.enable'] && usesTopicCreation(config)
  if (plugin.kind === 'source')
    return new WorkerSourceTask({
      side: plugin.side,
      context,
      pipeline,
      producer: clients.of('producer').producer(producerSettings(properties, config)),
      offsets,
      topics: new TopicCreation(clients.of(createsTopics ? 'admin' : 'producer'), config, createsTopics),
      accepted: (signal) => clients.accepted(signal),
      retryWithTolerance,
      system,
      flushIntervalMs,
      flushTimeoutMs: services.config['offset.flush.timeout.ms'],
      recordActiveTopic,
      onAcknowledged: (records) => metrics.sourceRecords.inc(labels, records),
    })
  const sink = parseSettings(sinkSettings, config) as SinkConfig
  const hasDeadLetterQueue = sink['errors.deadletterqueue.topic.name'] !== ''
  const deadLetterQueue = hasDeadLetterQueue
    ? await DeadLetterQueueReporter.open(
        { admin: clients.of('admin'), producer: clients.of('producer') },
        sink,
        producerSettings(properties, config),
        context,
      )
    : null
  const consumer = clients.of('consumer')
  const consumerConfig = consumerSettings(properties, config, connector)
  return new WorkerSinkTask({
    side: plugin.side,
    context: { ...context, committed: () => consumer.admin.groupOffsets(consumerConfig.groupId!) },
    pipeline,
    consumer: consumer.consumer({ maxPollRecords: SINK_MAX_POLL_RECORDS, ...consumerConfig }),
    topics: sink['topics.regex'] === '' ? sink.topics : new RegExp(`^(?:${sink['topics.regex']})$`),
    deadLetterQueue,
    accepted: (signal) => clients.accepted(signal),
    retryWithTolerance,
    system,
    flushIntervalMs,
    recordActiveTopic,
    onDelivered: (records) => metrics.sinkRecords.inc(labels, records),
  })
}
