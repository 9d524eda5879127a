/**
 * The storage of the groups: the topic `__consumer_offsets`, in Kafka's format and with Kafka's settings. Offsets of a transaction are a
 * transactional batch, which the marker of the transaction ends.
 */
import type { Cluster } from './cluster/types.ts'
import type { AppendTransaction, GroupStore, LoadedMarker, LoadedRecord, StoredRecord } from './groups/types.ts'
import { InternalTopic } from './internal-topic.ts'
import type { Logs, MarkerOfProducer } from './log/types.ts'
import type { BrokerSettings } from './settings.ts'
import { attributes } from './wire/batch-header.ts'
import { controlType, controlTypes, encodeBatch } from './wire/record-batch.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'
/** The offsets of a transaction are not deduplicated: Kafka gives each batch of them the same sequence. */
const TRANSACTIONAL_SEQUENCE = 0

export class OffsetsTopic implements GroupStore {
  readonly #cluster: Cluster
  readonly #topic: InternalTopic

  constructor({ values }: BrokerSettings, cluster: Cluster, logs: Logs) {
    this.#cluster = cluster
    const configs = {
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': String(values['offsets.topic.segment.bytes']),
    }
    this.#topic = new InternalTopic({ name: OFFSETS_TOPIC, partitions: values['offsets.topic.num.partitions'], configs }, cluster, logs)
  }

  get partitions(): number {
    return this.#topic.partitions
  }

  prepare(): Promise<void> {
    return this.#topic.prepare()
  }

  onDeleted(listener: () => void): void {
    this.#cluster.onTopicDeleted(({ name }) => {
      if (name === OFFSETS_TOPIC) listener()
    })
  }

  async append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void> {
    if (!transaction) return this.#topic.append(partition, encodeBatch(records))
    const { producerId, producerEpoch, verification } = transaction
    const batch = encodeBatch(records, { producerId, producerEpoch, baseSequence: TRANSACTIONAL_SEQUENCE, transactional: true })
    return this.#topic.append(partition, batch, verification)
  }

  async appendMarker(partition: number, marker: MarkerOfProducer): Promise<void> {
    await this.#topic.log(partition)!.appendEndTxnMarker(marker).durable
  }

  async *load(partition: number): AsyncIterable<LoadedRecord | LoadedMarker> {
    for await (const { header, records } of this.#topic.load(partition)) {
      const { attributes: bits, producerId } = header
      for (const { key, value, timestamp } of records) {
        if ((bits & attributes.control) !== 0) {
          const type = controlType(key)
          if (type === controlTypes.commit || type === controlTypes.abort)
            yield { endOfProducer: producerId, committed: type === controlTypes.commit }
        } else if (key !== null) yield { key, value, timestamp, producerId: (bits & attributes.transactional) !== 0 ? producerId : null }
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
