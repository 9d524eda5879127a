/**
 * The transactional batches of a Produce request, by producer and partition, and the errors of the transaction coordinator as producers
 * expect them (KIP-890).
 */
import type { Topic } from '../cluster/types.ts'
import { KafkaError } from '../errors.ts'
import type { Verification } from '../log/types.ts'
import type { TransactionalBatch, VerifiedPartitions } from '../transaction-verifier.ts'
import { at, attributes, BATCH_OVERHEAD, readInt64 } from '../wire/batch-header.ts'

interface TopicData {
  readonly name: string
  readonly topicId: string
  readonly partitionData: readonly { readonly index: number; readonly records: Buffer | null }[]
}

interface Produced {
  readonly topicData: readonly TopicData[]
}

/** By the first batch of each partition, as Kafka does. */
const isTransactional = (records: Buffer | null): records is Buffer =>
  records !== null && records.length >= BATCH_OVERHEAD && (records[at.attributes + 1]! & attributes.transactional) !== 0

export function hasTransactionalBatch({ topicData }: Produced): boolean {
  for (const { partitionData } of topicData) for (const { records } of partitionData) if (isTransactional(records)) return true
  return false
}

interface ProducerBatches {
  producerId: number
  producerEpoch: number
  batches: TransactionalBatch[]
}

/** The transactional batches of a request for topics that `topicOf` gives; null where they are of several producers. */
export function transactionalBatches({ topicData }: Produced, topicOf: (data: TopicData) => Topic | undefined): ProducerBatches | null {
  let producer: ProducerBatches | null = null
  for (const data of topicData) {
    const topic = topicOf(data)
    if (!topic) continue
    for (const { index, records } of data.partitionData) {
      if (!isTransactional(records)) continue
      const producerId = readInt64(records, at.producerId)
      const producerEpoch = records.readInt16BE(at.producerEpoch)
      // A batch without a producer belongs to no transaction.
      if (producerId < 0) continue
      producer ??= { producerId, producerEpoch, batches: [] }
      if (producer.producerId !== producerId || producer.producerEpoch !== producerEpoch) return null
      producer.batches.push({ topic: topic.name, partition: index, sequence: records.readInt32BE(at.baseSequence) })
    }
  }
  return producer ?? { producerId: -1, producerEpoch: -1, batches: [] }
}

/** Older clients do not retry a Produce after the errors of a coordinator: they get one after which they do. */
export function forProducer(verified: VerifiedPartitions, addsPartitions: boolean): VerifiedPartitions {
  const result = new Map<string, Verification | KafkaError>()
  for (const [key, verification] of verified)
    result.set(key, verification instanceof KafkaError ? producerError(verification, addsPartitions) : verification)
  return result
}

function producerError(error: KafkaError, addsPartitions: boolean): KafkaError {
  switch (error.error) {
    case 'INVALID_TXN_STATE':
      return new KafkaError('INVALID_TXN_STATE', 'Partition was not added to the transaction')
    case 'CONCURRENT_TRANSACTIONS':
      if (addsPartitions) return error
      break
    case 'NETWORK_EXCEPTION':
    case 'COORDINATOR_LOAD_IN_PROGRESS':
    case 'COORDINATOR_NOT_AVAILABLE':
    case 'NOT_COORDINATOR':
      break
    default:
      return error
  }
  const message = `Unable to verify the partition has been added to the transaction. Underlying error: ${error.error}`
  return new KafkaError('NOT_ENOUGH_REPLICAS', message, { cause: error })
}
