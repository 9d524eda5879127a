/**
 * The storage of the groups: the topic `__consumer_offsets`, in Kafka's format and with Kafka's settings. It is created when it is first
 * needed.
 */
import type { Cluster } from './cluster/types.ts'
import type { GroupStore, StoredRecord } from './groups/types.ts'
import type { Logs } from './log/types.ts'
import type { BrokerSettings } from './settings.ts'
import { batches, decodeRecords, encodeBatch } from './wire/record-batch.ts'

const OFFSETS_TOPIC = '__consumer_offsets'
const READ_BYTES = 1024 * 1024

export class OffsetsTopic implements GroupStore {
  readonly #settings: BrokerSettings
  readonly #cluster: Cluster
  readonly #logs: Logs
  #creation: Promise<void> | null = null

  constructor(settings: BrokerSettings, cluster: Cluster, logs: Logs) {
    this.#settings = settings
    this.#cluster = cluster
    this.#logs = logs
  }

  get partitions(): number {
    return this.#cluster.topic(OFFSETS_TOPIC)?.partitions ?? this.#settings.values['offsets.topic.num.partitions']
  }

  /** Creates the topic if it does not exist. Concurrent calls share one creation, so that appends keep their order. */
  prepare(): Promise<void> {
    this.#creation ??= this.#createIfMissing().finally(() => {
      this.#creation = null
    })
    return this.#creation
  }

  async #createIfMissing(): Promise<void> {
    const { values } = this.#settings
    await this.#cluster.ensureTopic(OFFSETS_TOPIC, values['offsets.topic.num.partitions'], {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': String(values['offsets.topic.segment.bytes']),
    })
  }

  async append(partition: number, records: readonly StoredRecord[]): Promise<void> {
    if (this.#creation || !this.#cluster.topic(OFFSETS_TOPIC)) await this.prepare()
    await this.#logs.get(OFFSETS_TOPIC, partition)!.append(encodeBatch(records), 'coordinator').durable
  }

  async *load(partition: number): AsyncIterable<StoredRecord> {
    const log = this.#logs.get(OFFSETS_TOPIC, partition)
    if (!log) return
    let offset = log.logStartOffset
    while (offset < log.logEndOffset) {
      const result = await log.read(offset, READ_BYTES, true, 'end')
      const bytes = Buffer.concat(result.chunks)
      result.release()
      if (bytes.length === 0) return
      for (const batch of batches(bytes)) {
        for (const record of decodeRecords(batch.bytes, { fromOffset: offset })) {
          if (record.key !== null) yield { key: record.key, value: record.value, timestamp: record.timestamp }
        }
        offset = batch.header.lastOffset + 1
      }
    }
  }

  topicName(id: string): string | undefined {
    return this.#cluster.topicById(id)?.name
  }

  topicId(name: string): string | undefined {
    return this.#cluster.topic(name)?.id
  }

  partitionExists(topic: string, partition: number): boolean {
    return partition >= 0 && partition < (this.#cluster.topic(topic)?.partitions ?? 0)
  }
}
