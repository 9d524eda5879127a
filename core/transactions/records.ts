/**
 * The records of `__transaction_state`, as Kafka writes them: both brokers can read each other's topic. Records of newer versions are
 * read as unknown, not as errors.
 */
import type { UnknownRecord } from '../coordinator-log.ts'
import type { StoredRecord } from '../groups/types.ts'
import { byTopic, partitionKey } from '../topic-partition.ts'
import { WireError } from '../wire/reader.ts'
import { transactionLogKey, transactionLogValue } from '../wire/structs/transaction-records.ts'
import { NO_PRODUCER_EPOCH, type StoredTransaction, transactionStates } from './transaction.ts'
import type { PartitionOfTopic } from './types.ts'

const TRANSACTION_KEY = 0
/** Since transaction.version 1 the value is flexible. */
const FLEXIBLE_VALUE = 1

/** @param transactionVersion the finalized transaction.version. */
export function transactionRecord(transaction: StoredTransaction, transactionVersion: number, timestamp: number): StoredRecord {
  const { state, partitions } = transaction
  const topics = byTopic([...partitions.values()])
  const value = transactionLogValue.write(
    {
      producerId: transaction.producerId,
      previousProducerId: transaction.previousProducerId,
      nextProducerId: transaction.nextProducerId,
      producerEpoch: transaction.producerEpoch,
      transactionTimeoutMs: transaction.timeoutMs,
      transactionStatus: transactionStates.indexOf(state),
      transactionPartitions:
        state === 'Empty'
          ? null
          : Array.from(topics, ([topic, entries]) => ({ topic, partitionIds: entries.map(({ partition }) => partition) })),
      transactionLastUpdateTimestampMs: transaction.lastUpdateTimestamp,
      transactionStartTimestampMs: transaction.startTimestamp,
      clientTransactionVersion: transaction.clientTransactionVersion,
    },
    transactionVersion >= 1 ? FLEXIBLE_VALUE : 0,
  )
  return { key: transactionLogKey.write({ transactionalId: transaction.transactionalId }), value, timestamp }
}

export const transactionTombstone = (transactionalId: string, timestamp: number): StoredRecord => ({
  key: transactionLogKey.write({ transactionalId }),
  value: null,
  timestamp,
})

export type TransactionRecord =
  | { kind: 'transaction'; transaction: StoredTransaction }
  | { kind: 'tombstone'; transactionalId: string }
  | UnknownRecord

/** Throws WireError for malformed bytes. */
export function readTransactionRecord({ key, value }: StoredRecord): TransactionRecord {
  const keyVersion = key.length < 2 ? -1 : key.readInt16BE(0)
  if (keyVersion !== TRANSACTION_KEY) return { kind: 'unknown', version: keyVersion }
  const { transactionalId } = transactionLogKey.read(key)
  if (value === null) return { kind: 'tombstone', transactionalId }
  const valueVersion = value.length < 2 ? -1 : value.readInt16BE(0)
  if (valueVersion < 0 || valueVersion > FLEXIBLE_VALUE) return { kind: 'unknown', version: valueVersion }
  const stored = transactionLogValue.read(value)
  const state = transactionStates[stored.transactionStatus]
  if (!state) throw new WireError(`transactional id ${transactionalId}: unknown state ${stored.transactionStatus}`)
  const partitions = new Map<string, PartitionOfTopic>()
  for (const { topic, partitionIds } of stored.transactionPartitions ?? [])
    for (const partition of partitionIds) partitions.set(partitionKey({ topic, partition }), { topic, partition })
  const transaction = {
    transactionalId,
    producerId: stored.producerId,
    previousProducerId: stored.previousProducerId,
    nextProducerId: stored.nextProducerId,
    producerEpoch: stored.producerEpoch,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    timeoutMs: stored.transactionTimeoutMs,
    state,
    partitions,
    startTimestamp: stored.transactionStartTimestampMs,
    lastUpdateTimestamp: stored.transactionLastUpdateTimestampMs,
    clientTransactionVersion: stored.clientTransactionVersion,
  }
  return { kind: 'transaction', transaction }
}
