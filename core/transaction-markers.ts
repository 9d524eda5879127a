/**
 * Ends transactions in the partitions of this broker: appends the marker to the log, and lets the group coordinator do so for its offsets.
 * A marker counts once it is durable. Invariant 4.
 */
import type { Cluster } from './cluster/types.ts'
import { type ErrorName, KafkaError } from './errors.ts'
import type { GroupCoordinator } from './groups/types.ts'
import type { Logs } from './log/types.ts'
import { OFFSETS_TOPIC } from './offsets-topic.ts'
import type { MarkerAppender, PartitionOfTopic, TransactionMarker } from './transactions/types.ts'

/** The transaction coordinator tries again after NOT_LEADER_FOR_PARTITION, and does not expect the errors of the group coordinator. */
const coordinatorErrors: ReadonlySet<ErrorName> = new Set(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'])

export class TransactionMarkers implements MarkerAppender {
  readonly #cluster: Pick<Cluster, 'topic'>
  readonly #logs: Pick<Logs, 'get'>
  readonly #groups: Pick<GroupCoordinator, 'endTransaction'>

  constructor(cluster: Pick<Cluster, 'topic'>, logs: Pick<Logs, 'get'>, groups: Pick<GroupCoordinator, 'endTransaction'>) {
    this.#cluster = cluster
    this.#logs = logs
    this.#groups = groups
  }

  /** Nothing is left to end in a deleted partition. */
  async writeMarker(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName> {
    const error = await this.appendMarker(marker, partition)
    return error === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'NONE' : error
  }

  async appendMarker(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName> {
    try {
      await this.#append(marker, partition)
      return 'NONE'
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return coordinatorErrors.has(error.error) ? 'NOT_LEADER_FOR_PARTITION' : error.error
    }
  }

  async #append(marker: TransactionMarker, { topic, partition }: PartitionOfTopic): Promise<void> {
    const { producerId, producerEpoch } = marker
    if (producerId < 0 || producerEpoch < 0)
      throw new KafkaError('UNKNOWN_SERVER_ERROR', `a marker needs a producer: id ${producerId}, epoch ${producerEpoch}`)
    const log = this.#logs.get(topic, partition)
    if (!log) {
      const exists = partition < (this.#cluster.topic(topic)?.partitions ?? 0)
      throw new KafkaError(exists ? 'NOT_LEADER_FOR_PARTITION' : 'UNKNOWN_TOPIC_OR_PARTITION')
    }
    if (topic === OFFSETS_TOPIC) await this.#groups.endTransaction(partition, marker)
    else await log.appendEndTxnMarker(marker).durable
  }
}
