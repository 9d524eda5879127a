/**
 * Reads some records as a connector's first task would, and takes them through its converters and transforms. It joins no group, commits
 * nothing, creates no topic, sends nothing and writes nothing.
 */

import type { Client, Consumer } from '../../core/client/types.ts'
import type { TopicPartition } from '../../core/topic-partition.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { consumerSettings } from '../runtime/client-overrides.ts'
import { sinkSettings } from '../runtime/connector-settings.ts'
import { connectorOf } from '../runtime/plugin-versions.ts'
import { workerLimits } from '../runtime/worker-settings.ts'
import { EndOfSource, parseSettings, type SourceBatch, type TaskLogger } from '../sdk/index.ts'
import { javaPattern } from '../sdk/java-pattern.ts'
import type { ConnectorConfig } from '../types.ts'
import type { OfflineWorker } from './offline-worker.ts'
import { openRehearsal, type Rehearsal, type Rehearsed } from './rehearsal.ts'

export interface DryRunOptions {
  /** How many records are read at most. */
  records: number
  /** Ends the run when it aborts: after a time, or when the user has seen enough. */
  signal: AbortSignal
}

/** A connector that cannot be tried in this way; the message says why. */
export class NoDryRun extends Error {
  override name = 'NoDryRun'
}

/** How long one poll waits for records. */
const POLL_MS = 500

type SourcePlugin = Extract<ConnectorPlugin, { kind: 'source' }>

/** Yields each record once it is read. Ends after `records`, at the end of a sink's topics, or when `signal` aborts. */
export async function* dryRun(written: ConnectorConfig, worker: OfflineWorker, options: DryRunOptions): AsyncGenerator<Rehearsed> {
  const { config } = await worker.validator.resolve(written)
  const plugin = connectorOf(worker.plugins, config)
  if (plugin.kind === 'flow') throw new NoDryRun(`${plugin.class} copies between clusters by itself: there are no records to show.`)
  const rehearsal = openRehearsal(config, worker, options.signal)
  if (plugin.kind === 'source') yield* fromSource(config, plugin, rehearsal, worker, options)
  else yield* fromTopics(config, rehearsal, worker, options)
}

/** From the beginning, as a new connector would. */
async function* fromSource(
  config: ConnectorConfig,
  { side, settings, class: className }: SourcePlugin,
  rehearsal: Rehearsal,
  { system, config: workerConfig }: OfflineWorker,
  { records, signal }: DryRunOptions,
): AsyncGenerator<Rehearsed> {
  if (side.readHasEffects)
    throw new NoDryRun(`${className} changes the system that it reads, as soon as it reads. Give records with --input FILE instead.`)
  const parsed = parseSettings(settings, config)
  const [ofTask = {}] = side.tasks ? await side.tasks(parsed, 1) : []
  const log: TaskLogger = {
    info: (message, details = {}) => system.logger.info(details, message),
    warn: (message, details = {}) => system.logger.warn(details, message),
    error: (message, details = {}) => system.logger.error(details, message),
  }
  const reading = side.read({
    connector: config.name ?? '',
    task: 0,
    config: parseSettings(settings, { ...config, ...ofTask }),
    log,
    signal,
    positions: { get: async () => null },
    // Nothing is sent: no batch is acknowledged, and no position is stored.
    onPositionsStored() {},
    progress: (work) => work && system.logger.info({ progress: work }, work.what),
    gauge() {},
    limits: workerLimits(workerConfig),
  })
  try {
    let left = records
    while (left > 0 && !signal.aborted) {
      const batch = await nextBatch(reading)
      if (batch === null) return
      for (const record of batch.records.slice(0, left)) yield await rehearsal.source(record)
      left -= batch.records.length
    }
  } finally {
    await reading.return()
  }
}

async function nextBatch(reading: AsyncGenerator<SourceBatch, void, void>): Promise<SourceBatch | null> {
  try {
    const next = await reading.next()
    return next.done ? null : next.value
  } catch (error) {
    if (error instanceof EndOfSource) return null
    throw error
  }
}

async function* fromTopics(
  config: ConnectorConfig,
  rehearsal: Rehearsal,
  { clients, properties }: OfflineWorker,
  { records, signal }: DryRunOptions,
): AsyncGenerator<Rehearsed> {
  const lease = clients.acquire('consumer', config)
  try {
    const partitions = await partitionsOf(config, lease.client)
    const { groupId: _joinsNone, groupInstanceId: _isNone, ...settings } = consumerSettings(properties, config, config.name ?? '')
    const isolationLevel = settings.isolationLevel === 'read_committed' ? 1 : 0
    const ends = await lease.client.admin.listOffsets(
      partitions.map((partition) => ({ ...partition, spec: 'latest' as const })),
      isolationLevel,
    )
    const consumer = lease.client.consumer({ ...settings, maxPollRecords: records, allowAutoCreateTopics: false })
    try {
      const offset = settings.autoOffsetReset === 'latest' ? 'latest' : 'earliest'
      consumer.assign(partitions.map((partition) => ({ ...partition, offset })))
      const isAtEnd = () => partitions.every((partition, index) => (consumer.position(partition) ?? -1) >= ends[index]!.offset)
      yield* polled(consumer, rehearsal, records, signal, isAtEnd)
    } finally {
      await consumer.close()
    }
  } finally {
    await lease.release()
  }
}

async function* polled(
  consumer: Consumer,
  rehearsal: Rehearsal,
  records: number,
  signal: AbortSignal,
  isAtEnd: () => boolean,
): AsyncGenerator<Rehearsed> {
  for (let left = records; left > 0 && !signal.aborted && !isAtEnd(); ) {
    for (const { topic, partition, records: polledRecords } of await consumer.poll(POLL_MS, signal)) {
      for (const { timestamp, key, value, headers } of polledRecords.slice(0, left)) {
        yield await rehearsal.sink({ topic, partition, timestamp, key, value, headers })
        left--
      }
    }
  }
}

/** The partitions of the topics of a sink that exist. */
async function partitionsOf(config: ConnectorConfig, client: Client): Promise<TopicPartition[]> {
  const { topics, 'topics.regex': regex } = parseSettings(sinkSettings, config)
  const pattern = javaPattern(regex)
  const found = (await client.topics()).filter(({ name }) => (regex === '' ? topics.includes(name) : pattern.matches(name)))
  if (found.length === 0)
    throw new NoDryRun(`The cluster has none of the topics ${regex === '' ? topics.join(', ') : `that match ${regex}`}.`)
  return found.flatMap(({ name, partitions }) => partitions.map(({ index }) => ({ topic: name, partition: index })))
}
