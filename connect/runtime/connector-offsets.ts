/**
 * The offsets of connectors, as users list, alter and reset them over REST (KIP-875): those of a source are in the offset topic, those of a
 * sink in its consumer group.
 */
import type { Admin, CommitOffset, Producer, TopicPartition, TransactionalProducer } from '../../core/client/types.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings, type SourceOffset, type SourcePartition } from '../sdk/index.ts'
import { requirePrimitives, type SourceOffsets, type StoredPosition } from '../storage/offset-backing-store.ts'
import { ConnectError, type ConnectorConfig, type ConnectorOffset } from '../types.ts'
import { producerSettings, transactionalProducerSettings } from './client-overrides.ts'
import type { ConnectorClients, TaskClients } from './connector-clients.ts'
import type { ConnectorOffsetStores } from './connector-offset-stores.ts'
import { taskTransactionalId } from './zombie-fencing.ts'

export interface OffsetsOwner {
  name: string
  config: ConnectorConfig
  plugin: ConnectorPlugin
}

/** A sink's offset as a request gives it; `isReset` where the offset is null. */
type ParsedSinkOffset = CommitOffset & { isReset: boolean }

const TOPIC = 'kafka_topic'
const PARTITION = 'kafka_partition'
const OFFSET = 'kafka_offset'

/** How long the transaction of a request waits for its coordinator. */
const MAX_BLOCK_MS = 60_000

export interface ConnectorOffsetsOptions {
  clients: ConnectorClients
  stores: ConnectorOffsetStores
  groupId: string
  /** The worker's settings. */
  properties: Readonly<Record<string, string>>
  system: System
}

export class ConnectorOffsets {
  readonly #options: ConnectorOffsetsOptions

  constructor(options: ConnectorOffsetsOptions) {
    this.#options = options
  }

  async list(target: OffsetsOwner): Promise<ConnectorOffset[]> {
    if (target.plugin.type === 'source') return await this.#ofSource(target, async (offsets) => offsets.all(target.name))
    const stored = await this.#ofGroup(target, (admin, group) => admin.groupOffsets(group))
    return stored
      .filter(({ offset }) => offset >= 0)
      .map(({ topic, partition, offset }) => ({ partition: { [PARTITION]: partition, [TOPIC]: topic }, offset: { [OFFSET]: offset } }))
  }

  /** Opens the positions of a source, as one of its tasks does, with a producer where the task's own would write them. */
  async #ofSource<T>(
    { name, config }: OffsetsOwner,
    work: (offsets: SourceOffsets, topic: string | null) => Promise<T>,
    createProducer: (clients: TaskClients) => Producer | null = () => null,
  ): Promise<T> {
    const { clients: all, stores, system } = this.#options
    const clients = all.ofTask(config, system)
    let offsets: SourceOffsets | null = null
    let producer: Producer | null = null
    try {
      producer = createProducer(clients)
      const store = stores.of({ ...config, name }, clients, producer)
      offsets = store.offsets
      await offsets.open(new AbortController().signal)
      await offsets.refresh()
      return await work(offsets, store.topic)
    } finally {
      await producer?.close()
      await offsets?.release()
      await clients.release()
    }
  }

  async alter(target: OffsetsOwner, offsets: readonly ConnectorOffset[]): Promise<void> {
    if (target.plugin.type === 'sink') {
      await this.#alterSink(target, offsets.map(parseSinkOffset))
      return
    }
    const positions = offsets.map(({ partition, offset }) => ({
      partition: partition as SourcePartition,
      offset: offset as SourceOffset | null,
    }))
    await this.#alterSource(target, positions)
  }

  async reset(target: OffsetsOwner): Promise<void> {
    const { name, config, plugin } = target
    if (plugin.type === 'source') {
      const stored = await this.#ofSource(target, async (offsets) => offsets.all(name))
      await this.#alterSource(
        target,
        stored.map(({ partition }) => ({ partition, offset: null })),
      )
      return
    }
    const error = await this.#ofGroup({ name, config }, async (admin, group) => (await admin.deleteGroups([group])).get(group))
    if (error && !(error instanceof KafkaError && error.error === 'GROUP_ID_NOT_FOUND')) throw groupOffsetsError('reset', name, error)
  }

  async #alterSource(target: OffsetsOwner, positions: readonly StoredPosition[]): Promise<void> {
    const { config, plugin } = target
    for (const { partition, offset } of positions) {
      if (!partition) throw new ConnectError(400, 'The partition for a source connector offset cannot be null or missing')
      requirePrimitives(partition, 'A partition')
      if (offset) requirePrimitives(offset, 'An offset')
    }
    if (plugin.kind === 'source') {
      const settings = parseSettings(plugin.settings, config)
      try {
        await plugin.side.checkPositions?.(settings, positions)
      } catch (cause) {
        throw new ConnectError(400, (cause as Error).message, { cause })
      }
    }
    if (positions.length > 0) await this.#storePositions(target, positions)
  }

  async #storePositions(target: OffsetsOwner, positions: readonly StoredPosition[]): Promise<void> {
    const { stores, properties, groupId } = this.#options
    const { name, config } = target
    if (!stores.exactlyOnce || target.plugin.kind !== 'source') {
      const producerOf = (clients: TaskClients) => clients.of('producer').producer(producerSettings(properties, config))
      await this.#ofSource(
        target,
        async (offsets) => {
          await offsets.put(name, positions)
          await offsets.refresh()
        },
        stores.isSeparate(config) ? producerOf : undefined,
      )
      return
    }
    let producer: TransactionalProducer | null = null
    await this.#ofSource(
      target,
      async (offsets, topic) => {
        await offsets.deleteCopies(name, positions)
        await commitPositions(producer!, topic!, offsets, name, positions)
        offsets.copy(name, positions)
        await offsets.refresh()
      },
      (clients) => {
        const settings = transactionalProducerSettings(properties, config, taskTransactionalId(groupId, name, 0))
        producer = clients.of('producer').producer({ ...settings, maxBlockMs: MAX_BLOCK_MS })
        return producer
      },
    )
  }

  async #alterSink({ name, config }: OffsetsOwner, offsets: readonly ParsedSinkOffset[]): Promise<void> {
    const altered = offsets.filter(({ isReset }) => !isReset).map(({ topic, partition, offset }) => ({ topic, partition, offset }))
    const reset = offsets.filter(({ isReset }) => isReset)
    try {
      await this.#ofGroup({ name, config }, async (admin, group) => {
        if (altered.length > 0) await admin.alterGroupOffsets(group, altered)
        if (reset.length > 0) await deletePartitions(admin, group, reset)
      })
    } catch (error) {
      throw groupOffsetsError('alter', name, error)
    }
  }

  /** As the connector's admin client, which may be another user than the worker. */
  #ofGroup<T>({ name, config }: Pick<OffsetsOwner, 'name' | 'config'>, work: (admin: Admin, group: string) => Promise<T>): Promise<T> {
    const { clients } = this.#options
    return clients.use('admin', config, ({ admin }) => work(admin, clients.sinkGroupId(name, config)))
  }
}

/** In a transaction, as the task of this transactional id does it. */
async function commitPositions(
  producer: TransactionalProducer,
  topic: string,
  offsets: SourceOffsets,
  connector: string,
  positions: readonly StoredPosition[],
): Promise<void> {
  await producer.initTransactions()
  producer.beginTransaction()
  const sent = producer.send(
    offsets
      .records(connector, positions)
      .map(({ key, value }) => ({ topic, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) })),
  )
  // The commit rejects with the same error.
  sent.catch(() => {})
  await producer.commitTransaction()
}

/** Deletes the offsets of some partitions: without OffsetDelete, the group is deleted and created again with the others. */
async function deletePartitions(admin: Admin, group: string, partitions: readonly TopicPartition[]): Promise<void> {
  const stored = await admin.groupOffsets(group)
  const deleted = new Set(partitions.map(partitionKey))
  const rest = stored.filter((committed) => committed.offset >= 0 && !deleted.has(partitionKey(committed)))
  const error = (await admin.deleteGroups([group])).get(group)
  if (error && !(error instanceof KafkaError && error.error === 'GROUP_ID_NOT_FOUND')) throw error
  if (rest.length > 0)
    await admin.alterGroupOffsets(
      group,
      rest.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    )
}

/** The errors of a commit or deletion while the group has members. */
const ACTIVE_GROUP_ERRORS: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'NON_EMPTY_GROUP']

function groupOffsetsError(verb: 'alter' | 'reset', name: string, cause: unknown): ConnectError {
  const message = `Failed to ${verb} consumer group offsets for connector ${name}`
  if (!(cause instanceof KafkaError && ACTIVE_GROUP_ERRORS.includes(cause.error))) return new ConnectError(500, message, { cause })
  return new ConnectError(
    500,
    `${message} either because its tasks haven't stopped completely yet or the connector was resumed before the request to ${verb} its offsets ` +
      "could be successfully completed. If the connector is in a stopped state, this operation can be safely retried. If it doesn't eventually " +
      'succeed, the Connect cluster may need to be restarted to get rid of the zombie sink tasks.',
    { cause },
  )
}

function parseSinkOffset({ partition, offset }: ConnectorOffset): ParsedSinkOffset {
  if (!partition) throw new ConnectError(400, 'The partition for a sink connector offset cannot be null or missing')
  const topic = partition[TOPIC]
  const number = partition[PARTITION]
  if (topic === undefined || number === undefined)
    throw new ConnectError(400, "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
  if (topic === null) throw new ConnectError(400, 'Kafka topic names must be valid strings and may not be null')
  if (number === null) throw new ConnectError(400, 'Kafka partitions must be valid numbers and may not be null')
  const index = Number(number)
  if (!/^\d+$/.test(String(number)) || !Number.isInteger(index))
    throw new ConnectError(
      400,
      `Failed to parse the following Kafka partition value in the provided offsets: '${number}'. Partition values for sink connectors need to be integers.`,
    )
  if (offset === null || offset === undefined) return { topic: String(topic), partition: index, offset: 0, isReset: true }
  const value = offset[OFFSET]
  if (value === undefined)
    throw new ConnectError(400, "The offset for a sink connector should either be null or contain the key 'kafka_offset'")
  if (!/^-?\d+$/.test(String(value)))
    throw new ConnectError(
      400,
      `Failed to parse the following Kafka offset value in the provided offsets: '${value}'. Offset values for sink connectors need to be integers.`,
    )
  if (Number(value) < 0 || !Number.isSafeInteger(Number(value)))
    throw new ConnectError(400, `The offset ${value} of ${topic}-${index} is invalid: offsets begin at 0.`)
  return { topic: String(topic), partition: index, offset: Number(value), isReset: false }
}
