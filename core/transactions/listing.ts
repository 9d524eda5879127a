/**
 * The responses of ListTransactions and DescribeTransactions: filters and fields, from the state alone. The pattern of a request is Java's
 * in Kafka; here it is JavaScript's, which differs in rare constructs only.
 */
import { byTopic } from '../topic-partition.ts'
import { limits } from './limits.ts'
import { type Transaction, type TransactionState, transactionStates } from './transaction.ts'
import type { DescribedTransaction, ListTransactionsRequest, ListTransactionsResponse, PartitionOfTopic } from './types.ts'

export function listTransactions(
  request: ListTransactionsRequest,
  transactions: Iterable<Transaction>,
  now: number,
): ListTransactionsResponse {
  const states = new Set<string>(request.stateFilters)
  const unknownStateFilters = [...states].filter((state) => !transactionStates.includes(state as TransactionState))
  const producerIds = new Set(request.producerIdFilters)
  let pattern: RegExp | null = null
  if (request.transactionalIdPattern) {
    pattern = patternOf(request.transactionalIdPattern)
    if (!pattern) return { error: 'INVALID_REGULAR_EXPRESSION', unknownStateFilters, transactions: [] }
  }
  const listed: ListTransactionsResponse['transactions'] = []
  for (const { transactionalId, producerId, state, startTimestamp } of transactions) {
    if (producerIds.size > 0 && !producerIds.has(producerId)) continue
    if (states.size > 0 && !states.has(state)) continue
    if (request.durationFilterMs >= 0 && now - startTimestamp <= request.durationFilterMs) continue
    if (pattern && !pattern.test(transactionalId)) continue
    listed.push({ transactionalId, producerId, state })
  }
  return { error: 'NONE', unknownStateFilters, transactions: listed }
}

/** Matches the whole transactional id, as Java's matches() does. Null for an invalid pattern. */
function patternOf(source: string): RegExp | null {
  if (source.length > limits.patternLength) return null
  // Java accepts escapes that JavaScript accepts without the flag only.
  for (const flags of ['u', '']) {
    try {
      // The pattern alone first: one that is valid only inside the group is invalid.
      new RegExp(source, flags)
      return new RegExp(`^(?:${source})$`, flags)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return null
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
