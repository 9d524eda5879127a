/**
 * The state of a transactional producer, as in Kafka's Java client: pure, it sends nothing and waits for nothing. A method is called for
 * what the user does, for what the coordinator responds and for each batch that fails; it throws what the user may not do now. After an
 * abortable error only the abort is left, after a fatal one nothing.
 */
import { invariant, KafkaError } from '../../errors.ts'
import type { ProducerIdAndEpoch } from '../producer-id.ts'
import { TransactionError, type TransactionRequest, transactionVerdict } from './transaction-errors.ts'

export type TransactionPhase =
  | 'UNINITIALIZED'
  | 'INITIALIZING'
  | 'READY'
  | 'IN_TRANSACTION'
  | 'COMMITTING_TRANSACTION'
  | 'ABORTING_TRANSACTION'
  | 'ABORTABLE_ERROR'
  | 'FATAL_ERROR'

/** What the cluster supports. */
export interface TransactionSupport {
  /** transaction.version 2 (KIP-890): no request adds partitions, and each transaction has an epoch of its own. */
  v2: boolean
  /** InitProducerId raises the epoch of a producer that lost its sequence numbers (KIP-360). */
  epochBump: boolean
}

/** What the caller should have done first, by the phase in which a call is refused. */
const ADVICE: Record<TransactionPhase, string> = {
  UNINITIALIZED: 'call initTransactions() first',
  INITIALIZING: 'await initTransactions() first',
  READY: 'call beginTransaction() first',
  IN_TRANSACTION: 'commit or abort the transaction first',
  COMMITTING_TRANSACTION: 'await commitTransaction() first',
  ABORTING_TRANSACTION: 'await abortTransaction() first',
  ABORTABLE_ERROR: 'call abortTransaction() first',
  FATAL_ERROR: 'close the producer',
}

export class TransactionState {
  readonly transactionalId: string
  phase: TransactionPhase = 'UNINITIALIZED'
  /** Of the batches of this transaction; another object after each change of id or epoch. */
  producer: ProducerIdAndEpoch | null = null
  /** Of the phases ABORTABLE_ERROR and FATAL_ERROR. */
  error: TransactionError | null = null
  /** Why batches that were never sent fail: the transaction is or will be aborted, or the producer is closed. Null while it goes well. */
  abortCause: TransactionError | null = null
  /** The number of this transaction. */
  ordinal = 0
  /** The coordinator may know of the transaction: it has to be ended there. */
  started = false
  /** By which protocol this transaction began; it ends by the same one. */
  v2 = false
  /** Sequence numbers are lost, or the protocol changes: the next transaction needs another epoch from InitProducerId. */
  epochBumpRequired = false
  #epochBump = false

  constructor(transactionalId: string) {
    this.transactionalId = transactionalId
  }

  /** While records and offsets may become part of the transaction. */
  get open(): boolean {
    return this.phase === 'IN_TRANSACTION' || this.phase === 'COMMITTING_TRANSACTION'
  }

  /** @throws the error of the transaction, or INVALID_TXN_STATE where `method` is not possible now. */
  require(method: string, ...phases: readonly TransactionPhase[]): void {
    if (phases.includes(this.phase)) return
    if (this.error) throw this.error
    throw new KafkaError('INVALID_TXN_STATE', `${method}() of transactional.id ${this.transactionalId}: ${ADVICE[this.phase]}`)
  }

  initialize(): void {
    this.require('initTransactions', 'UNINITIALIZED')
    this.phase = 'INITIALIZING'
  }

  /** InitProducerId has responded: to initialize(), or to the epoch bump after a transaction. */
  initialized(producer: ProducerIdAndEpoch, support: TransactionSupport): void {
    invariant(this.phase === 'INITIALIZING', `InitProducerId responds in phase ${this.phase}`)
    this.producer = producer
    this.#support(support)
    this.epochBumpRequired = false
    this.phase = 'READY'
  }

  #support({ v2, epochBump }: TransactionSupport): void {
    this.v2 = v2
    this.#epochBump = epochBump
  }

  begin(): void {
    this.require('beginTransaction', 'READY')
    this.ordinal++
    this.phase = 'IN_TRANSACTION'
  }

  commit(): void {
    this.require('commitTransaction', 'IN_TRANSACTION')
    this.phase = 'COMMITTING_TRANSACTION'
  }

  abort(): void {
    this.require('abortTransaction', 'IN_TRANSACTION', 'ABORTABLE_ERROR')
    this.abortCause ??= new TransactionError(
      'abortable',
      new KafkaError('OPERATION_NOT_ATTEMPTED', 'the record was not sent: its transaction was aborted'),
      this.transactionalId,
    )
    this.error = null
    this.phase = 'ABORTING_TRANSACTION'
  }

  /**
   * The coordinator has ended the transaction, or it never knew of it. `producer` is the next one, where the coordinator has given it
   * (EndTxn v5). True where InitProducerId has to raise the epoch before the next transaction.
   */
  ended(producer: ProducerIdAndEpoch | null, support: TransactionSupport): boolean {
    invariant(this.phase === 'COMMITTING_TRANSACTION' || this.phase === 'ABORTING_TRANSACTION', `a transaction ends in phase ${this.phase}`)
    if (producer) this.producer = producer
    // Between the two protocols the epoch changes: the coordinator must not take a late request of the old one for part of the next
    // transaction.
    const bump = this.epochBumpRequired || (support.v2 && !this.v2)
    this.started = false
    this.error = null
    this.abortCause = null
    if (!bump) this.#support(support)
    this.phase = bump ? 'INITIALIZING' : 'READY'
    return bump
  }

  /** A batch of the transaction has failed for good. `sequenced`: it may have been sent, so the next sequence number is not certain. */
  batchFailed(error: KafkaError, sequenced: boolean): TransactionError {
    return this.failed('Produce', error, sequenced)
  }

  /** A request, a batch or a record has failed. Returns what the user gets; the first error of a transaction stays its error. */
  failed(request: TransactionRequest, cause: KafkaError, losesSequence = cause.error === 'UNKNOWN_PRODUCER_ID'): TransactionError {
    const verdict = transactionVerdict(request, cause.error)
    const error = new TransactionError(verdict === 'retry' ? 'abortable' : verdict, cause, this.transactionalId)
    if (this.phase === 'FATAL_ERROR') return error
    if (error.verdict === 'refused') {
      if (this.phase === 'INITIALIZING' && !this.producer) {
        this.phase = 'UNINITIALIZED'
        return error
      }
      return this.#fatal(cause)
    }
    if (error.verdict !== 'abortable') return this.#fatal(cause, error)
    if (losesSequence && !this.v2) {
      if (!this.#epochBump) return this.#fatal(cause)
      this.epochBumpRequired = true
    }
    // An abort that cannot be ended leaves nothing to go on with.
    if (this.phase === 'ABORTING_TRANSACTION') return request === 'EndTxn' ? this.#fatal(cause) : error
    if (this.phase === 'IN_TRANSACTION' || this.phase === 'COMMITTING_TRANSACTION') {
      this.error = error
      this.abortCause = error
      this.phase = 'ABORTABLE_ERROR'
    }
    return error
  }

  #fatal(cause: KafkaError, error = new TransactionError('fatal', cause, this.transactionalId)): TransactionError {
    this.error = error
    this.abortCause = error
    this.phase = 'FATAL_ERROR'
    return error
  }
}
