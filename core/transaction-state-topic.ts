/**
 * The storage of the transactions: the topic `__transaction_state`, in Kafka's format and with Kafka's settings, and what else the
 * transaction coordinator needs from the broker.
 */
import type { Cluster } from './cluster/types.ts'
import type { GroupCoordinator, StoredRecord } from './groups/types.ts'
import { InternalTopic } from './internal-topic.ts'
import type { Logs } from './log/types.ts'
import { OFFSETS_TOPIC } from './offsets-topic.ts'
import type { BrokerSettings } from './settings.ts'
import type { PartitionOfTopic, TransactionStore } from './transactions/types.ts'
import { attributes } from './wire/batch-header.ts'
import { encodeBatch } from './wire/record-batch.ts'

export const TRANSACTION_STATE_TOPIC = '__transaction_state'

export class TransactionStateTopic implements TransactionStore {
  readonly #cluster: Cluster
  readonly #groups: GroupCoordinator
  readonly #topic: InternalTopic

  constructor({ values }: BrokerSettings, cluster: Cluster, logs: Logs, groups: GroupCoordinator) {
    this.#cluster = cluster
    this.#groups = groups
    const configs = {
      'cleanup.policy': 'compact',
      'compression.type': 'uncompressed',
      'min.insync.replicas': String(values['transaction.state.log.min.isr']),
      'segment.bytes': String(values['transaction.state.log.segment.bytes']),
      'unclean.leader.election.enable': 'false',
    }
    const partitions = values['transaction.state.log.num.partitions']
    this.#topic = new InternalTopic({ name: TRANSACTION_STATE_TOPIC, partitions, configs }, cluster, logs)
  }

  get exists(): boolean {
    return this.#topic.exists
  }

  get partitions(): number {
    return this.#topic.partitions
  }

  get transactionVersion(): number {
    return this.#cluster.finalizedFeature('transaction.version')
  }

  prepare(): Promise<void> {
    return this.#topic.prepare()
  }

  onDeleted(listener: () => void): void {
    this.#cluster.onTopicDeleted(({ name }) => {
      if (name === TRANSACTION_STATE_TOPIC) listener()
    })
  }

  append(partition: number, records: readonly StoredRecord[]): Promise<void> {
    return this.#topic.append(partition, encodeBatch(records))
  }

  async *load(partition: number): AsyncIterable<StoredRecord> {
    for await (const { header, records } of this.#topic.load(partition)) {
      if ((header.attributes & attributes.control) !== 0) continue
      for (const { key, value, timestamp } of records) if (key !== null) yield { key, value, timestamp }
    }
  }

  coordinatorEpoch(partition: number): number {
    return this.#topic.log(partition)?.leaderEpoch ?? 0
  }

  isWritable(partition: number): boolean {
    return this.#topic.log(partition)?.failure === null
  }

  partitionExists(topic: string, partition: number): boolean {
    return partition >= 0 && partition < (this.#cluster.topic(topic)?.partitions ?? 0)
  }

  offsetsPartition(groupId: string): PartitionOfTopic {
    return { topic: OFFSETS_TOPIC, partition: this.#groups.partitionFor(groupId) }
  }

  nextProducerId(): Promise<number> {
    return this.#cluster.nextProducerId()
  }
}
