/**
 * The storage of the groups: the topic `__consumer_offsets`, in Kafka's format and with Kafka's settings.
 */
import type { Cluster } from './cluster/types.ts'
import type { GroupStore, StoredRecord } from './groups/types.ts'
import { InternalTopic } from './internal-topic.ts'
import type { Logs } from './log/types.ts'
import type { BrokerSettings } from './settings.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

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

  append(partition: number, records: readonly StoredRecord[]): Promise<void> {
    return this.#topic.append(partition, records)
  }

  load(partition: number): AsyncIterable<StoredRecord> {
    return this.#topic.load(partition)
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
