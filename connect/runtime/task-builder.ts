/**
 * Puts a task's inside together from its plugin, its config and what the worker lends it.
 */
import type { Client } from '../../core/client/types.ts'
import type { System } from '../../core/system/index.ts'
import type { ConnectorPlugin, Plugins } from '../plugins.ts'
import { type FlowReport, parseSettings, type TaskLogger } from '../sdk/index.ts'
import type { OffsetStore } from '../storage/offset-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { consumerSettings, producerSettings } from './client-overrides.ts'
import { groupOf } from './connector-offsets.ts'
import { type CommonConfig, connectorSettings, type SinkConfig, sinkSettings, sourceSettings } from './connector-settings.ts'
import { createConversion } from './conversion.ts'
import { DeadLetter } from './dead-letter-queue-reporter.ts'
import { workerMetrics } from './metrics.ts'
import { Pipeline } from './pipeline.ts'
import { Tolerance } from './retry-with-tolerance-operator.ts'
import type { TaskControl, TaskLoop } from './task-control.ts'
import { TopicCreation } from './topic-creation.ts'
import { FlowLoop } from './worker-flow-task.ts'
import { defaultConverters, type WorkerConfig } from './worker-settings.ts'
import { SinkLoop } from './worker-sink-task.ts'
import { SourceLoop } from './worker-source-task.ts'

/** What a worker lends its tasks. */
export interface WorkerServices {
  client: Client
  plugins: Plugins
  properties: Readonly<Record<string, string>>
  config: WorkerConfig
  offsets: OffsetStore
  system: System
  usesTopic(connector: string, task: number, topic: string): void
  report(connector: string, task: number, report: FlowReport): void
}

function taskLogger(system: System, connector: string, task: number): TaskLogger {
  const logger = system.logger.child({ connector, task })
  return {
    info: (message, details = {}) => logger.info(details, message),
    warn: (message, details = {}) => logger.warn(details, message),
    error: (message, details = {}) => logger.error(details, message),
  }
}

/** A sink's records at a time, where its config does not say: as many as keep a batch cheap and a record's wait short. */
const SINK_POLL_RECORDS = 2_000

export async function createTaskLoop(
  plugin: ConnectorPlugin,
  connector: string,
  task: number,
  config: ConnectorConfig,
  control: TaskControl,
  lent: WorkerServices,
): Promise<TaskLoop> {
  const { client, plugins, properties, offsets, system } = lent
  const common = parseSettings(connectorSettings(plugins, plugin, defaultConverters(lent.config)), config) as CommonConfig
  // a taken-over connector was never checked here: what cannot be kept must not be passed over in silence
  if (plugin.type === 'source') parseSettings(sourceSettings, config)
  const tolerance = new Tolerance(common, system, { connector, task })
  const metrics = workerMetrics(system.metrics)
  const named = { connector, task: String(task) }
  const context = { connector, task, config: parseSettings(plugin.settings, config), log: taskLogger(system, connector, task) }
  const usesTopic = (topic: string) => lent.usesTopic(connector, task, topic)
  const flushIntervalMs = lent.config['offset.flush.interval.ms']
  if (plugin.kind === 'flow')
    return new FlowLoop({
      side: plugin.side,
      context: { ...context, report: (report) => lent.report(connector, task, report), worker: properties },
      offsets,
      tolerance,
      system,
    })
  const pipeline = new Pipeline(createConversion(plugins, config, properties), tolerance, control.signal)
  if (plugin.kind === 'source')
    return new SourceLoop({
      side: plugin.side,
      context,
      pipeline,
      producer: client.producer(producerSettings(properties, config)),
      offsets,
      topics: new TopicCreation(client, config, lent.config['topic.creation.enable']),
      tolerance,
      system,
      flushIntervalMs,
      flushTimeoutMs: lent.config['offset.flush.timeout.ms'],
      usesTopic,
      delivered: (records) => metrics.sourceRecords.inc(named, records),
    })
  const sink = parseSettings(sinkSettings, config) as SinkConfig
  return new SinkLoop({
    side: plugin.side,
    context: { ...context, committed: () => client.admin.groupOffsets(groupOf(connector, config)) },
    pipeline,
    consumer: client.consumer({ maxPollRecords: SINK_POLL_RECORDS, ...consumerSettings(properties, config, connector) }),
    topics: sink['topics.regex'] === '' ? sink.topics : new RegExp(`^(?:${sink['topics.regex']})$`),
    deadLetter: await DeadLetter.open(client, sink, producerSettings(properties, config), connector, task),
    tolerance,
    system,
    flushIntervalMs,
    usesTopic,
    delivered: (records) => metrics.sinkRecords.inc(named, records),
  })
}
