/**
 * What an error means for a transaction, as Kafka's Java producer decides it: the request is repeated, the transaction aborted, or the
 * producer closed. `TransactionError` carries the verdict to the caller, also as the cause of a failed send; the predicates find it there.
 */
import { type ErrorName, isRetriable, KafkaError } from '../../errors.ts'

/** A request of the transaction, by its API; `Produce` is a batch that has failed for good. */
export type TransactionRequest = 'InitProducerId' | 'AddPartitionsToTxn' | 'AddOffsetsToTxn' | 'TxnOffsetCommit' | 'EndTxn' | 'Produce'

/**
 * `abortable`: abort the transaction, the producer goes on. `fenced`: another producer has the transactional id. `fatal`: close the
 * producer. `refused`: nothing has begun, the call may be repeated.
 */
export type TransactionVerdict = 'abortable' | 'fenced' | 'fatal' | 'refused'

/** How deep the cause of an error is searched for its verdict. */
const MAX_CAUSES = 16

const FENCED: readonly ErrorName[] = ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH']
/** Of all coordinator requests but InitProducerId, where every other error is fatal. */
const ABORTABLE: readonly ErrorName[] = ['TRANSACTION_ABORTABLE', 'UNKNOWN_PRODUCER_ID', 'GROUP_AUTHORIZATION_FAILED']
/** The member that has read the records is not in its group any more: others may have read them as well. */
const MEMBER_REMOVED: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID', 'REBALANCE_IN_PROGRESS']
const UNAUTHORIZED: readonly ErrorName[] = ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']
/** Of AddPartitionsToTxn: any other error of a partition can be aborted. */
const FATAL_FOR_PARTITION: readonly ErrorName[] = [
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNSUPPORTED_VERSION',
]
const FATAL_FOR_BATCH: readonly ErrorName[] = [...UNAUTHORIZED, 'INVALID_PRODUCER_ID_MAPPING', 'UNSUPPORTED_VERSION']

/** The previous transaction is still being completed (CONCURRENT_TRANSACTIONS), or the error is retriable. */
export const isRetriedInTransaction = (error: ErrorName): boolean => error === 'CONCURRENT_TRANSACTIONS' || isRetriable(error)

/** What the error of a response, or of the way to it, means. A batch that has failed is not retried any more. */
export function transactionVerdict(request: TransactionRequest, error: ErrorName): TransactionVerdict | 'retry' {
  if (request === 'Produce') {
    // With an old epoch the transaction may have timed out: only its end shows whether there is another producer (KIP-588).
    if (error === 'PRODUCER_FENCED') return 'fenced'
    return FATAL_FOR_BATCH.includes(error) ? 'fatal' : 'abortable'
  }
  if (isRetriedInTransaction(error)) return 'retry'
  if (FENCED.includes(error)) return 'fenced'
  switch (request) {
    case 'InitProducerId':
      return UNAUTHORIZED.includes(error) || error === 'TRANSACTION_ABORTABLE' ? 'refused' : 'fatal'
    case 'AddPartitionsToTxn':
      return FATAL_FOR_PARTITION.includes(error) ? 'fatal' : 'abortable'
    case 'TxnOffsetCommit':
      return ABORTABLE.includes(error) || MEMBER_REMOVED.includes(error) ? 'abortable' : 'fatal'
    default:
      return ABORTABLE.includes(error) ? 'abortable' : 'fatal'
  }
}

const advice: Record<TransactionVerdict, string> = {
  abortable: 'call abortTransaction(), then begin another transaction',
  fenced: 'another producer with this transactional.id has taken over: close this one',
  fatal: 'close the producer and create another one',
  refused: 'solve it, then call initTransactions() again',
}

/** As the Java client: a caller must not send again on its own what belongs to a transaction that fails. */
function nameOf(verdict: TransactionVerdict, error: ErrorName): ErrorName {
  // Both names mean that another producer has raised the epoch.
  if (verdict === 'fenced') return 'PRODUCER_FENCED'
  return verdict === 'abortable' && (isRetriedInTransaction(error) || error === 'INVALID_TXN_STATE') ? 'TRANSACTION_ABORTABLE' : error
}

/** Ends the transaction, or the producer. `error` is Kafka's name and never retriable, `cause` why, and the message says what to do. */
export class TransactionError extends KafkaError {
  override name = 'TransactionError'
  readonly verdict: TransactionVerdict

  constructor(verdict: TransactionVerdict, cause: KafkaError, transactionalId: string) {
    super(nameOf(verdict, cause.error), `transactional.id ${transactionalId}: ${cause.message}; ${advice[verdict]}`, { cause })
    this.verdict = verdict
  }
}

function verdictOf(error: unknown): TransactionVerdict | null {
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    if (current instanceof TransactionError) return current.verdict
    current = current.cause
  }
  return null
}

/** Another producer with the same transactional.id has taken over: this one can only be closed. */
export const isFenced = (error: unknown): boolean => verdictOf(error) === 'fenced'

/** The transaction has to be aborted; after that the producer can go on. */
export const isAbortable = (error: unknown): boolean => verdictOf(error) === 'abortable'

/** Fenced, or another error after which the producer can only be closed. */
export const isFatal = (error: unknown): boolean => ['fenced', 'fatal'].includes(verdictOf(error) ?? '')
