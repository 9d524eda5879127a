/**
 * Stores the progress of a flow: the exact offset map and the owner of the flow on the target and, for MirrorMaker 2 and its tools, offset
 * syncs and positions. A position is stored only after the target has acknowledged all records before it (Invariant 6).
 */

import type { Client, Producer, ProducerRecord } from '../../core/client/index.ts'
import type { System } from '../../core/system/index.ts'
import { SerialQueue } from '../../core/system/serial-queue.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import { ensureInternalTopic, type InternalTopic } from './internal-topics.ts'
import { encodeOffsetSync, encodePosition, SOURCE_CONNECTOR_NAME } from './mm2-records.ts'
import { OffsetMapReader, type StoredPartition } from './offset-map-reader.ts'
import { encodeMapPage, encodePartitionHead, MAP_PARTITION, OWNER_PARTITION, type PartitionHead, pageKey } from './offset-map-records.ts'
import { Ownership } from './ownership.ts'

/** Stores positions instead of the flow's own topic: a Connect worker that runs the flow has its offsets topic. */
export interface PositionStore {
  /** The last mirrored offset; null if none is stored. */
  get(topic: string, partition: number): Promise<number | null>
  store(positions: readonly { topic: string; partition: number; offset: number }[]): Promise<void>
}

export interface ProgressStoreOptions {
  settings: FlowSettings
  source: Client
  target: Client
  system: Pick<System, 'clock' | 'random'>
  signal: AbortSignal
  positions?: PositionStore | undefined
  /** Another mirror has claimed the flow. */
  onFenced(error: Error): void
  /** An older mirror may have overwritten records of the map: all partitions must be written again. */
  onOverwritten(): void
}

/** The whole topic is read at each start: small segments are compacted sooner. */
const MAP_CONFIGS = { 'segment.bytes': String(4 * 1024 * 1024), 'min.cleanable.dirty.ratio': '0.1' }

export class ProgressStore {
  readonly ownership: Ownership
  readonly #options: ProgressStoreOptions
  readonly #mapTopic: string
  readonly #reader: OffsetMapReader
  /** By partition, the number of the first page that is not stored yet. */
  readonly #unwrittenPages = new Map<string, number>()
  /** By partition, the next upstream offset of the last stored position. */
  readonly #writtenPositions = new Map<string, number>()
  /** By partition, the upstream offset of the last stored offset sync. */
  readonly #writtenSyncs = new Map<string, number>()
  readonly #producer: Producer
  #syncProducer: Producer | null = null
  /** The end of the map partition after the last write of this mirror; -1 before its first one. */
  #nextOffset = -1
  readonly #writes = new SerialQueue()
  /** Internal topics that are known to exist. */
  readonly #existingTopics = new Set<string>()

  constructor(options: ProgressStoreOptions) {
    this.#options = options
    this.#mapTopic = options.settings.policy.offsetMapTopic(options.settings.source.alias)
    this.#producer = options.target.producer({ acks: 'all', enableIdempotence: true, lingerMs: 0, maxRequestSize: 8 * 1024 * 1024 })
    const { settings, target, system, signal, onFenced } = options
    const shared = { target, topic: this.#mapTopic, clock: system.clock, random: system.random, signal }
    this.#reader = new OffsetMapReader(shared)
    this.ownership = new Ownership({ ...shared, name: settings.name, producer: this.#producer, onFenced })
  }

  async #ensureTopic(client: Client, topic: InternalTopic): Promise<void> {
    if (this.#existingTopics.has(topic.name)) return
    const { settings, system, signal } = this.#options
    await ensureInternalTopic(client, system.clock, settings, topic, signal)
    this.#existingTopics.add(topic.name)
  }

  /** Claims the flow and reads the stored map. An older mirror has stopped writing it by then. */
  async open(instance: string): Promise<void> {
    const replicationSetting = 'offset.storage.replication.factor'
    const topic = { name: this.#mapTopic, partitions: OWNER_PARTITION + 1, replicationSetting, configs: MAP_CONFIGS } as const
    await this.#ensureTopic(this.#options.target, topic)
    await this.ownership.claim(instance)
    await this.#reader.read()
    for (const [key, { head }] of this.#reader.partitions) this.#unwrittenPages.set(key, head.openPage)
  }

  /** What the target has of a source partition; up to date only while the partition is not replicating. */
  stored(topic: string, partition: number): StoredPartition | undefined {
    return this.#reader.partitions.get(partitionKey({ topic, partition }))
  }

  get storedPartitions(): Iterable<StoredPartition> {
    return this.#reader.partitions.values()
  }

  #mapRecord({ key, value }: { key: Buffer; value: Buffer | null }): ProducerRecord {
    return { topic: this.#mapTopic, partition: MAP_PARTITION, key, value }
  }

  /** Writes the map of the partitions that have changed. Resolves when it is durable. */
  async writeMap(partitions: Iterable<PartitionProgress>): Promise<void> {
    const records: ProducerRecord[] = []
    const written: StoredPartition[] = []
    for (const partition of partitions) {
      if (!partition.dirty) continue
      partition.markClean()
      const { map, topic, partition: index } = partition
      const key = partitionKey({ topic, partition: index })
      const unwritten = Math.max(map.firstPage, Math.min(this.#unwrittenPages.get(key) ?? 0, map.openPage))
      // The pages first: a head counts only stored pages.
      for (let page = unwritten; page < map.openPage; page++)
        records.push(this.#mapRecord(encodeMapPage({ topic, partition: index, page, ranges: map.page(page) })))
      const head: PartitionHead = {
        topic,
        partition: index,
        topicId: partition.topicId,
        leaderEpoch: partition.batchLeaderEpoch,
        nextUpstreamOffset: map.nextUpstreamOffset,
        nextDownstreamOffset: map.nextDownstreamOffset,
        origin: map.origin,
        sourceEnd: partition.lag.endOffset,
        lostRecords: partition.counters.lostRecords,
        repeatedRecords: partition.counters.repeatedRecords,
        producerEpoch: partition.producerEpoch,
        sequence: partition.acknowledgedSequence,
        firstPage: map.firstPage,
        openPage: map.openPage,
        ranges: map.page(map.openPage),
      }
      records.push(this.#mapRecord(encodePartitionHead(head)))
      for (let page = this.#reader.partitions.get(key)?.head.firstPage ?? 0; page < map.firstPage; page++)
        records.push(this.#mapRecord({ key: pageKey(topic, index, page), value: null }))
      written.push({ head, map })
    }
    if (records.length > 0) await this.#writes.run(() => this.#append(records))
    for (const stored of written) {
      this.#reader.written(stored)
      this.#unwrittenPages.set(partitionKey(stored.head), stored.head.openPage)
    }
  }

  async #append(records: readonly ProducerRecord[]): Promise<void> {
    const sent = await this.#producer.send(records)
    // Offsets in between are late records of an older mirror: they are newer than what this mirror wrote before.
    if (this.#nextOffset >= 0 && sent.at(0).offset > this.#nextOffset) this.#options.onOverwritten()
    this.#nextOffset = sent.at(records.length - 1).offset + 1
  }

  /** Writes offset syncs as MirrorMaker 2 does: of partitions that moved by offset.lag.max or more, or (`all`) of all that moved. */
  async writeSyncs(partitions: Iterable<PartitionProgress>, all: boolean): Promise<void> {
    const { settings, source, target } = this.#options
    const { config, policy } = settings
    if (!config['emit.offset-syncs.enabled']) return
    const atSource = config['offset-syncs.topic.location'] === 'source'
    const client = atSource ? source : target
    const topic = policy.offsetSyncsTopic(atSource ? settings.target.alias : settings.source.alias)
    const records: ProducerRecord[] = []
    const synced: [key: string, upstreamOffset: number][] = []
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
      synced.push([key, newest.upstreamOffset])
    }
    if (records.length === 0) return
    await this.#ensureTopic(client, { name: topic, replicationSetting: 'offset-syncs.topic.replication.factor' })
    this.#syncProducer ??= client.producer({ acks: 'all', lingerMs: 0 })
    await this.#syncProducer.send(records)
    for (const [key, upstreamOffset] of synced) this.#writtenSyncs.set(key, upstreamOffset)
  }

  get positions(): PositionStore | undefined {
    return this.#options.positions
  }

  /** Null if another store has the positions. */
  get positionsTopic(): string | null {
    if (this.positions) return null
    const { config, source } = this.#options.settings
    return config['offset.storage.topic'] ?? `mm2-offsets.${source.alias}.internal`
  }

  /** Writes positions in Kafka Connect's format: a MirrorMaker 2 that takes over continues from them. */
  async writePositions(partitions: Iterable<PartitionProgress>): Promise<void> {
    const { settings, target } = this.#options
    const moved = [...partitions].filter((partition) => {
      const { nextUpstreamOffset, newest } = partition.map
      return newest !== null && this.#writtenPositions.get(partitionKey(partition)) !== nextUpstreamOffset
    })
    if (moved.length === 0) return
    const positions = moved.map(({ topic, partition, map }) => ({ topic, partition, offset: map.nextUpstreamOffset - 1 }))
    if (this.#options.positions) await this.#options.positions.store(positions)
    else {
      const topic = this.positionsTopic!
      const partitions = settings.config['offset.storage.partitions']
      await this.#ensureTopic(target, { name: topic, partitions, replicationSetting: 'offset.storage.replication.factor' })
      const source = { connector: SOURCE_CONNECTOR_NAME, cluster: settings.source.alias }
      await this.#producer.send(positions.map((position) => ({ topic, ...encodePosition({ ...source, ...position }) })))
    }
    for (const { topic, partition, offset } of positions) this.#writtenPositions.set(partitionKey({ topic, partition }), offset + 1)
  }

  async close(): Promise<void> {
    await this.#writes.run(async () => {})
    await Promise.allSettled([this.#producer.close(), this.#syncProducer?.close()])
  }
}
