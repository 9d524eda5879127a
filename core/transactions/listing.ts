/**
 * The responses of ListTransactions and DescribeTransactions: filters and fields, from the state alone. The pattern of a request is matched
 * by `PatternThread`.
 */
import { byTopic } from '../topic-partition.ts'
import { type Transaction, type TransactionState, transactionStates } from './transaction.ts'
import type { DescribedTransaction, ListTransactionsRequest, ListTransactionsResponse, PartitionOfTopic } from './types.ts'

/** Without the pattern. */
export function listTransactions(
  request: ListTransactionsRequest,
  transactions: Iterable<Transaction>,
  now: number,
): ListTransactionsResponse {
  const states = new Set<string>(request.stateFilters)
  const unknownStateFilters = [...states].filter((state) => !transactionStates.includes(state as TransactionState))
  const producerIds = new Set(request.producerIdFilters)
  const listed: ListTransactionsResponse['transactions'] = []
  for (const { transactionalId, producerId, state, startTimestamp } of transactions) {
    if (producerIds.size > 0 && !producerIds.has(producerId)) continue
    if (states.size > 0 && !states.has(state)) continue
    if (request.durationFilterMs >= 0 && now - startTimestamp <= request.durationFilterMs) continue
    listed.push({ transactionalId, producerId, state })
  }
  return { error: 'NONE', unknownStateFilters, transactions: listed }
}

const notDescribed = { state: '', transactionTimeoutMs: 0, transactionStartTimeMs: 0, producerId: 0, producerEpoch: 0, topics: [] }

export const undescribed = (transactionalId: string, error: DescribedTransaction['error']): DescribedTransaction => ({
  ...notDescribed,
  error,
  transactionalId,
})

/** @param partitions those without a marker, once the transaction is decided. */
export const describeTransaction = (transaction: Transaction, partitions: Iterable<PartitionOfTopic>): DescribedTransaction => ({
  error: 'NONE',
  transactionalId: transaction.transactionalId,
  state: transaction.state,
  transactionTimeoutMs: transaction.timeoutMs,
  transactionStartTimeMs: transaction.startTimestamp,
  producerId: transaction.producerId,
  producerEpoch: transaction.producerEpoch,
  topics: Array.from(byTopic([...partitions]), ([topic, entries]) => ({ topic, partitions: entries.map(({ partition }) => partition) })),
})
