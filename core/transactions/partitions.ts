/**
 * Decides about the partitions of a transaction: whether some join it, and whether some are in it (KIP-890).
 */
import type { ErrorName } from '../errors.ts'
import { partitionKey } from '../topic-partition.ts'
import { type Decision, respond, store } from './decision.ts'
import { isDecided, type Transaction, withPartitions } from './transaction.ts'
import type { PartitionOfTopic } from './types.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface AddedPartitions extends ProducerIdentity {
  /** By `partitionKey`. */
  readonly partitions: ReadonlyMap<string, PartitionOfTopic>
  readonly clientTransactionVersion: number
  readonly now: number
}

export function decideAdd(transaction: Transaction, added: AddedPartitions): Decision {
  if (transaction.pending) return respond('CONCURRENT_TRANSACTIONS')
  const error = identityError(transaction, added)
  if (error !== 'NONE') return respond(error)
  if (isDecided(transaction.state)) return respond('CONCURRENT_TRANSACTIONS')
  if (transaction.state === 'Ongoing' && [...added.partitions.keys()].every((key) => transaction.partitions.has(key)))
    return respond('NONE')
  return store(transaction, withPartitions(transaction, added.partitions, added.clientTransactionVersion, added.now))
}

/** The errors of those partitions that are not in the ongoing transaction. */
export function verify(
  transaction: Transaction | undefined,
  identity: ProducerIdentity,
  partitions: readonly PartitionOfTopic[],
): Map<string, ErrorName> {
  if (!transaction) return errorOfAll('INVALID_PRODUCER_ID_MAPPING', partitions)
  const error = identityError(transaction, identity)
  if (error !== 'NONE') return errorOfAll(error, partitions)
  if (isDecided(transaction.state)) return errorOfAll('CONCURRENT_TRANSACTIONS', partitions)
  return errorOfAll(
    'TRANSACTION_ABORTABLE',
    partitions.filter((partition) => !transaction.partitions.has(partitionKey(partition))),
  )
}

export const errorOfAll = (error: ErrorName, partitions: readonly PartitionOfTopic[]): Map<string, ErrorName> =>
  new Map(error === 'NONE' ? [] : partitions.map((partition) => [partitionKey(partition), error]))

function identityError(transaction: Transaction, { producerId, producerEpoch }: ProducerIdentity): ErrorName {
  if (transaction.producerId !== producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  return transaction.producerEpoch === producerEpoch ? 'NONE' : 'PRODUCER_FENCED'
}
