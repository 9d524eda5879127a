/**
 * The storage of the groups: the topic `__consumer_offsets`, in Kafka's format and with Kafka's settings. It is created when it is first
 * needed.
 */
import type { Cluster } from './cluster/types.ts'
import type { AppendTransaction, GroupStore, LoadedMarker, LoadedRecord, StoredRecord } from './groups/types.ts'
import type { Logs, MarkerOfProducer } from './log/types.ts'
import type { BrokerSettings } from './settings.ts'
import { attributes } from './wire/batch-header.ts'
import { batches, controlType, controlTypes, decodeRecords, encodeBatch } from './wire/record-batch.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'
const READ_BYTES = 1024 * 1024
/** The offsets of a transaction are not deduplicated: Kafka gives each batch of them the same sequence. */
const TRANSACTIONAL_SEQUENCE = 0

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

  async append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void> {
    if (this.#creation || !this.#cluster.topic(OFFSETS_TOPIC)) await this.prepare()
    const log = this.#logs.get(OFFSETS_TOPIC, partition)!
    if (!transaction) await log.append(encodeBatch(records), 'coordinator').durable
    else {
      const { producerId, producerEpoch, verification } = transaction
      const batch = encodeBatch(records, { producerId, producerEpoch, baseSequence: TRANSACTIONAL_SEQUENCE, transactional: true })
      await log.append(batch, 'coordinator', verification).durable
    }
  }

  async appendMarker(partition: number, marker: MarkerOfProducer): Promise<void> {
    await this.#logs.get(OFFSETS_TOPIC, partition)!.appendEndTxnMarker(marker).durable
  }

  async *load(partition: number): AsyncIterable<LoadedRecord | LoadedMarker> {
    const log = this.#logs.get(OFFSETS_TOPIC, partition)
    if (!log) return
    let offset = log.logStartOffset
    while (offset < log.logEndOffset) {
      const result = await log.read(offset, READ_BYTES, true, 'end')
      const bytes = Buffer.concat(result.chunks)
      result.release()
      if (bytes.length === 0) return
      for (const batch of batches(bytes)) {
        const { attributes: bits, producerId } = batch.header
        for (const { key, value, timestamp } of decodeRecords(batch.bytes, { fromOffset: offset })) {
          if ((bits & attributes.control) !== 0) {
            const type = controlType(key)
            if (type === controlTypes.commit || type === controlTypes.abort)
              yield { endOfProducer: producerId, committed: type === controlTypes.commit }
          } else if (key !== null) yield { key, value, timestamp, producerId: (bits & attributes.transactional) !== 0 ? producerId : null }
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
