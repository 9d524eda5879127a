/**
 * Positions of connectors as users see and change them over REST: a source's from the offset topic, a sink's from its consumer group.
 */
import type { Client, CommitOffset } from '../../core/client/types.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { ConnectorPlugin } from '../plugins.ts'
import { parseSettings, type SourceOffset, type SourcePartition } from '../sdk/index.ts'
import { checkPrimitive, type OffsetStore } from '../storage/offset-backing-store.ts'
import { ConnectError, type ConnectorConfig, type ConnectorOffset } from '../types.ts'

export interface OffsetTarget {
  name: string
  config: ConnectorConfig
  plugin: ConnectorPlugin
}

const TOPIC = 'kafka_topic'
const PARTITION = 'kafka_partition'
const OFFSET = 'kafka_offset'

export class OffsetCommands {
  readonly #client: Client
  readonly #offsets: OffsetStore

  constructor(client: Client, offsets: OffsetStore) {
    this.#client = client
    this.#offsets = offsets
  }

  async list({ name, config, plugin }: OffsetTarget): Promise<ConnectorOffset[]> {
    if (plugin.type === 'source') {
      await this.#offsets.refresh()
      return this.#offsets.all(name)
    }
    const stored = await this.#client.admin.groupOffsets(groupOf(name, config))
    return stored
      .filter(({ offset }) => offset >= 0)
      .map(({ topic, partition, offset }) => ({ partition: { [PARTITION]: partition, [TOPIC]: topic }, offset: { [OFFSET]: offset } }))
  }

  async alter(target: OffsetTarget, offsets: readonly ConnectorOffset[]): Promise<void> {
    if (target.plugin.type === 'sink') {
      await this.#alterSink(target, offsets.map(sinkOffset))
      return
    }
    const positions = offsets.map(({ partition, offset }) => ({
      partition: partition as SourcePartition,
      offset: offset as SourceOffset | null,
    }))
    await this.#alterSource(target, positions)
  }

  async reset(target: OffsetTarget): Promise<void> {
    const { name, config, plugin } = target
    if (plugin.type === 'source') {
      await this.#offsets.refresh()
      await this.#alterSource(
        target,
        this.#offsets.all(name).map(({ partition }) => ({ partition, offset: null })),
      )
      return
    }
    const error = (await this.#client.admin.deleteGroups([groupOf(name, config)])).get(groupOf(name, config))
    if (error && !(error instanceof KafkaError && error.error === 'GROUP_ID_NOT_FOUND')) throw failure('reset', name, error)
  }

  async #alterSource(
    { name, config, plugin }: OffsetTarget,
    positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[],
  ): Promise<void> {
    for (const { partition, offset } of positions) {
      if (!partition) throw new ConnectError(400, 'The partition for a source connector offset cannot be null or missing')
      checkPrimitive(partition, 'A partition')
      if (offset) checkPrimitive(offset, 'An offset')
    }
    if (plugin.kind === 'source') {
      const settings = parseSettings(plugin.settings, config)
      try {
        await plugin.side.checkPositions?.(settings, positions)
      } catch (cause) {
        throw new ConnectError(400, (cause as Error).message, { cause })
      }
    }
    await this.#offsets.put(name, positions)
    await this.#offsets.refresh()
  }

  async #alterSink({ name, config }: OffsetTarget, offsets: readonly (CommitOffset & { gone: boolean })[]): Promise<void> {
    const group = groupOf(name, config)
    try {
      const kept = offsets.filter(({ gone }) => !gone).map(({ topic, partition, offset }) => ({ topic, partition, offset }))
      if (kept.length > 0) await this.#client.admin.alterGroupOffsets(group, kept)
      const gone = offsets.filter((one) => one.gone)
      if (gone.length > 0) await this.#forget(group, gone)
    } catch (error) {
      throw failure('alter', name, error)
    }
  }

  /** Takes single partitions away: the group is made anew with the others, which is what there is to do without OffsetDelete. */
  async #forget(group: string, gone: readonly { topic: string; partition: number }[]): Promise<void> {
    const stored = await this.#client.admin.groupOffsets(group)
    const rest = stored.filter(
      (one) => one.offset >= 0 && !gone.some((other) => other.topic === one.topic && other.partition === one.partition),
    )
    const error = (await this.#client.admin.deleteGroups([group])).get(group)
    if (error && !(error instanceof KafkaError && error.error === 'GROUP_ID_NOT_FOUND')) throw error
    if (rest.length > 0)
      await this.#client.admin.alterGroupOffsets(
        group,
        rest.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
      )
  }
}

/** Errors of a group that somebody is in: a commit from outside, and a deletion. */
const INHABITED: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'NON_EMPTY_GROUP']

function failure(verb: 'alter' | 'reset', name: string, cause: unknown): ConnectError {
  const sentence = `Failed to ${verb} consumer group offsets for connector ${name}`
  if (!(cause instanceof KafkaError && INHABITED.includes(cause.error))) return new ConnectError(500, sentence, { cause })
  return new ConnectError(
    500,
    `${sentence} either because its tasks haven't stopped completely yet or the connector was resumed before the request to ${verb} its offsets ` +
      "could be successfully completed. If the connector is in a stopped state, this operation can be safely retried. If it doesn't eventually " +
      'succeed, the Connect cluster may need to be restarted to get rid of the zombie sink tasks.',
    { cause },
  )
}

export const groupOf = (name: string, config: ConnectorConfig): string => config['consumer.override.group.id'] ?? `connect-${name}`

function sinkOffset({ partition, offset }: ConnectorOffset): CommitOffset & { gone: boolean } {
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
  if (offset === null || offset === undefined) return { topic: String(topic), partition: index, offset: 0, gone: true }
  const value = offset[OFFSET]
  if (value === undefined)
    throw new ConnectError(400, "The offset for a sink connector should either be null or contain the key 'kafka_offset'")
  if (!/^-?\d+$/.test(String(value)))
    throw new ConnectError(
      400,
      `Failed to parse the following Kafka offset value in the provided offsets: '${value}'. Offset values for sink connectors need to be integers.`,
    )
  if (Number(value) < 0 || !Number.isSafeInteger(Number(value)))
    throw new ConnectError(400, `The offset ${value} of ${topic}-${index} is none that a partition can have: offsets begin at 0.`)
  return { topic: String(topic), partition: index, offset: Number(value), gone: false }
}
