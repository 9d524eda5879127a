/**
 * What a flow keeps on the target to go on from: the exact offset map and who writes it; beside it, for MirrorMaker 2 and its clients, offset
 * syncs and positions. A position is written only after the target has acknowledged what lies before it (Invariant 6).
 */

import type { Client, Producer, ProducerRecord } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import { ensureInternalTopics, type InternalTopic } from './internal-topics.ts'
import { encodeOffsetSync, encodePosition, SOURCE_CONNECTOR_NAME } from './mm2-records.ts'
import { OffsetMapReader, type StoredPartition } from './offset-map-reader.ts'
import { encodeMapPage, encodePartitionHead, MAP_PARTITION, OWNER_PARTITION, type PartitionHead, pageKey } from './offset-map-records.ts'
import { Ownership } from './ownership.ts'

/** Where positions in Kafka Connect's format are kept instead of a topic of ours: a worker that runs the flow has its own. */
export interface PositionStore {
  /** The last mirrored offset; null where none is kept. */
  get(topic: string, partition: number): Promise<number | null>
  put(positions: readonly { topic: string; partition: number; offset: number }[]): Promise<void>
}

export interface ProgressStoreOptions {
  settings: FlowSettings
  source: Client
  target: Client
  system: Pick<System, 'clock' | 'random' | 'logger'>
  signal: AbortSignal
  positions?: PositionStore | undefined
  /** Another mirror has taken the flow over. */
  fenced(error: Error): void
}

/** The topic is read whole at each start: small segments are compacted soon. */
const MAP_CONFIGS = { 'segment.bytes': String(4 * 1024 * 1024), 'min.cleanable.dirty.ratio': '0.1' }

export class ProgressStore {
  readonly ownership: Ownership
  readonly #options: ProgressStoreOptions
  readonly mapTopic: string
  readonly #reader: OffsetMapReader
  /** The number of the first page that is not known to be written, by partition. */
  readonly #writtenPages = new Map<string, number>()
  readonly #writtenPositions = new Map<string, number>()
  readonly #writtenSyncs = new Map<string, number>()
  readonly #producer: Producer
  #syncProducer: Producer | null = null
  #nextOffset = -1
  #writing: Promise<void> = Promise.resolve()
  readonly #ready = new Set<string>()

  constructor(options: ProgressStoreOptions) {
    this.#options = options
    this.mapTopic = options.settings.policy.offsetMapTopic(options.settings.source.alias)
    this.#producer = options.target.producer({ acks: 'all', enableIdempotence: true, lingerMs: 0, maxRequestSize: 8 * 1024 * 1024 })
    const { settings, target, system, signal, fenced: usurped } = options
    this.#reader = new OffsetMapReader({ target, topic: this.mapTopic, clock: system.clock, signal })
    this.ownership = new Ownership({
      topic: this.mapTopic,
      name: settings.name,
      target,
      producer: this.#producer,
      clock: system.clock,
      signal,
      fenced: usurped,
    })
  }

  #internal(
    name: string,
    factor: 'offset.storage.replication.factor' | 'offset-syncs.topic.replication.factor',
    partitions = 1,
  ): InternalTopic {
    const { config, given } = this.#options.settings
    return { name, partitions, replicationFactor: config[factor], factorGiven: given.has(factor) }
  }

  /** Claims the flow, and reads what was kept: an older mirror that still ran has stopped by then. */
  async open(instance: string): Promise<void> {
    const { target, system, signal } = this.#options
    const partitions = OWNER_PARTITION + 1
    const topic = { ...this.#internal(this.mapTopic, 'offset.storage.replication.factor', partitions), configs: MAP_CONFIGS }
    await ensureInternalTopics(target, system.clock, [topic], signal)
    await this.ownership.claim(instance)
    await this.#reader.read()
    for (const [key, { head }] of this.#known) this.#writtenPages.set(key, head.openPage)
  }

  get #known(): Map<string, StoredPartition> {
    return this.#reader.partitions
  }

  /** What was kept of a partition when the flow began. */
  stored(topic: string, partition: number): StoredPartition | undefined {
    return this.#known.get(partitionKey({ topic, partition }))
  }

  get storedPartitions(): IterableIterator<StoredPartition> {
    return this.#known.values()
  }

  #mapRecord({ key, value }: { key: Buffer; value: Buffer | null }): ProducerRecord {
    return { topic: this.mapTopic, partition: MAP_PARTITION, key, value }
  }

  /** Writes the map of the partitions that have moved. Resolves when it is durable. */
  async writeMap(partitions: Iterable<PartitionProgress>): Promise<void> {
    const records: ProducerRecord[] = []
    const pages: [string, number][] = []
    for (const partition of partitions) {
      if (!partition.dirty) continue
      partition.dirty = false
      const { map, topic, partition: index } = partition
      const key = partitionKey({ topic, partition: index })
      const written = Math.max(map.firstPage, Math.min(this.#writtenPages.get(key) ?? 0, map.openPage))
      // the pages first: a head counts only what is there
      for (let page = written; page < map.openPage; page++)
        records.push(this.#mapRecord(encodeMapPage({ topic, partition: index, page, ranges: map.page(page) })))
      pages.push([key, map.openPage])
      const before = this.#known.get(key)?.head.firstPage ?? 0
      const head: PartitionHead = {
        topic,
        partition: index,
        topicId: partition.topicId,
        leaderEpoch: partition.batchEpoch,
        nextUpstreamOffset: map.nextUpstreamOffset,
        nextDownstreamOffset: map.nextDownstreamOffset,
        origin: map.origin,
        sourceEnd: partition.arrivals.end,
        lostRecords: partition.lostRecords,
        repeatedRecords: partition.repeatedRecords,
        producerEpoch: partition.producerEpoch,
        sequence: partition.doneSequence,
        firstPage: map.firstPage,
        openPage: map.openPage,
        ranges: map.page(map.openPage),
      }
      records.push(this.#mapRecord(encodePartitionHead(head)))
      for (let page = before; page < map.firstPage; page++) records.push(this.#mapRecord({ key: pageKey(topic, index, page), value: null }))
      this.#known.set(key, { head, map })
    }
    if (records.length > 0) await this.#append(records)
    for (const [key, openPage] of pages) this.#writtenPages.set(key, openPage)
  }

  #append(records: readonly ProducerRecord[]): Promise<void> {
    const turn = this.#writing.then(async () => {
      const sent = await this.#producer.send(records)
      const failure = sent.failures?.values().next().value
      if (failure) throw failure
      const first = sent.at(0).offset
      // a late word of an older mirror may stand in between: ours is said again behind it
      if (this.#nextOffset >= 0 && first > this.#nextOffset) this.rewriteAll = true
      this.#nextOffset = sent.at(records.length - 1).offset + 1
    })
    this.#writing = turn.catch(() => {})
    return turn
  }

  /** Set when an older mirror may have written over what is ours. */
  rewriteAll = false

  /** Offset syncs as MirrorMaker 2's checkpoints and tools read them: of partitions that have moved far, or of all that have moved. */
  async writeSyncs(partitions: Iterable<PartitionProgress>, all: boolean): Promise<void> {
    const { settings, source, target, system, signal } = this.#options
    const { config, policy } = settings
    if (!config['emit.offset-syncs.enabled']) return
    const atSource = config['offset-syncs.topic.location'] === 'source'
    const client = atSource ? source : target
    const topic = policy.offsetSyncsTopic(atSource ? settings.target.alias : settings.source.alias)
    const records: ProducerRecord[] = []
    const written: [string, number][] = []
    for (const partition of partitions) {
      const { newest } = partition.map
      const key = partitionKey(partition)
      const last = this.#writtenSyncs.get(key)
      if (!newest || last === newest.upstreamOffset) continue
      if (!all && last !== undefined && Math.abs(newest.upstreamOffset - last) < config['offset.lag.max']) continue
      const sync = {
        topic: partition.topic,
        partition: partition.partition,
        upstreamOffset: newest.upstreamOffset,
        downstreamOffset: newest.downstreamOffset,
      }
      records.push({ topic, partition: 0, ...encodeOffsetSync(sync) })
      written.push([key, newest.upstreamOffset])
    }
    if (records.length === 0) return
    if (!this.#ready.has(topic)) {
      await ensureInternalTopics(client, system.clock, [this.#internal(topic, 'offset-syncs.topic.replication.factor')], signal)
      this.#ready.add(topic)
    }
    this.#syncProducer ??= client.producer({ acks: 'all', lingerMs: 0 })
    const sent = await this.#syncProducer.send(records)
    const failure = sent.failures?.values().next().value
    if (failure) throw failure
    for (const [key, up] of written) this.#writtenSyncs.set(key, up)
  }

  get positions(): PositionStore | undefined {
    return this.#options.positions
  }

  /** Null where positions are kept elsewhere. */
  get positionsTopic(): string | null {
    if (this.positions) return null
    const { config, source } = this.#options.settings
    return config['offset.storage.topic'] ?? `mm2-offsets.${source.alias}.internal`
  }

  /** Positions in Kafka Connect's format: a MirrorMaker 2 that takes over goes on from them. */
  async writePositions(partitions: Iterable<PartitionProgress>): Promise<void> {
    const { settings, target, system, signal } = this.#options
    const moved = [...partitions].filter((partition) => {
      const { nextUpstreamOffset: nextUp, newest } = partition.map
      return newest !== null && this.#writtenPositions.get(partitionKey(partition)) !== nextUp
    })
    if (moved.length === 0) return
    const positions = moved.map(({ topic, partition, map }) => ({ topic, partition, offset: map.nextUpstreamOffset - 1 }))
    if (this.#options.positions) await this.#options.positions.put(positions)
    else {
      const topic = this.positionsTopic!
      if (!this.#ready.has(topic)) {
        const count = settings.config['offset.storage.partitions']
        await ensureInternalTopics(target, system.clock, [this.#internal(topic, 'offset.storage.replication.factor', count)], signal)
        this.#ready.add(topic)
      }
      const place = { connector: SOURCE_CONNECTOR_NAME, cluster: settings.source.alias }
      const sent = await this.#producer.send(positions.map((position) => ({ topic, ...encodePosition({ ...place, ...position }) })))
      const failure = sent.failures?.values().next().value
      if (failure) throw failure
    }
    for (const { topic, partition, offset } of positions) this.#writtenPositions.set(partitionKey({ topic, partition }), offset + 1)
  }

  async close(): Promise<void> {
    await this.#writing
    await Promise.allSettled([this.#producer.close(), this.#syncProducer?.close()])
  }
}
