/**
 * The transactions of one producer: does what the state of the transaction allows. It initializes the producer, adds partitions and offsets
 * to the transaction and ends it after all batches have an outcome. One call at a time: one that outlasts max.block.ms goes on, and the
 * same call, repeated, waits for it again.
 */
import { KafkaError } from '../../errors.ts'
import { SerialQueue } from '../../system/serial-queue.ts'
import { within } from '../../system/within.ts'
import { clientLimits } from '../limits.ts'
import type { ProducerIdAndEpoch } from '../producer-id.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { CommitOffset, ConsumerGroupMetadata } from '../types.ts'
import type { PartitionQueue } from './accumulator.ts'
import { TransactionError } from './transaction-errors.ts'
import { TransactionRequestFailure, TransactionRequests } from './transaction-requests.ts'
import { TransactionState, type TransactionSupport } from './transaction-state.ts'

const API = { produce: 0, initProducerId: 22, endTxn: 26, txnOffsetCommit: 28 } as const
const TRANSACTION_VERSION = 'transaction.version'
/** The last version of Produce before transaction.version 2. */
const V1_PRODUCE = 11

interface TransactionsSettings {
  transactionalId: string
  transactionTimeoutMs: number
  maxBlockMs: number
}

/** What the transactions need of the producer that sends the records. */
interface TransactionsProducer {
  /** Resolves when every record so far has an outcome. */
  flush(): Promise<void>
  /** Batches may be sent, or have to fail. */
  schedule(): void
}

type Operation = 'initTransactions' | 'commitTransaction' | 'abortTransaction'

export class Transactions {
  readonly state: TransactionState
  readonly #router: RequestRouter
  readonly #settings: TransactionsSettings
  readonly #producer: TransactionsProducer
  readonly #channel: string
  readonly #requests: TransactionRequests
  readonly #closing = new AbortController()
  /** Its result has not reached the user. */
  #pending: { operation: Operation; result: Promise<void> } | null = null
  /** Partitions to add to the transaction, before transaction.version 2. */
  readonly #newPartitions = new Set<PartitionQueue>()
  #adding: Promise<void> | null = null
  readonly #offsets = new SerialQueue()
  #waitingOffsets = 0

  constructor(router: RequestRouter, settings: TransactionsSettings, producer: TransactionsProducer) {
    this.state = new TransactionState(settings.transactionalId)
    this.#router = router
    this.#settings = settings
    this.#producer = producer
    this.#channel = router.newChannel('transaction')
    this.#requests = new TransactionRequests(router, settings.transactionalId, this.#closing.signal, this.#channel)
  }

  get transactionalId(): string {
    return this.#settings.transactionalId
  }

  /** The highest version of Produce in this transaction; undefined for any. */
  get maxProduceVersion(): number | undefined {
    return this.state.v2 ? undefined : V1_PRODUCE
  }

  /** What the newest of the brokers' responses to ApiVersions says. */
  get #support(): TransactionSupport {
    const { versions, features } = this.#router.pool.clusterVersions
    const supports = (key: number, version: number) => (versions.get(key)?.[1] ?? -1) >= version
    return {
      v2:
        (features.get(TRANSACTION_VERSION) ?? 0) >= 2 &&
        supports(API.produce, V1_PRODUCE + 1) &&
        supports(API.endTxn, 5) &&
        supports(API.txnOffsetCommit, 5),
      epochBump: supports(API.initProducerId, 3),
    }
  }

  initialize(): Promise<void> {
    return this.#run('initTransactions', () => {
      this.state.initialize()
      return async () => this.state.initialized(await this.#initProducerId(null), this.#support)
    })
  }

  begin(): void {
    this.#checkPending('beginTransaction')
    this.state.begin()
  }

  /** @throws unless records may be added to the transaction now. */
  checkSend(): void {
    this.#checkPending('send')
    this.state.require('send', 'IN_TRANSACTION')
  }

  /** Offsets become part of the transaction (KIP-447: the coordinator refuses those of a member that its group has removed). */
  async sendOffsets(offsets: readonly CommitOffset[], group: ConsumerGroupMetadata): Promise<void> {
    this.#checkPending('sendOffsets')
    this.state.require('sendOffsets', 'IN_TRANSACTION')
    if (offsets.length === 0) return
    if (this.#waitingOffsets >= clientLimits.waitingOffsets)
      throw new KafkaError('REQUEST_TIMED_OUT', `${this.#waitingOffsets} calls of sendOffsets() wait already: await some of them`)
    this.#waitingOffsets++
    const { ordinal } = this.state
    const wanted = () => this.state.ordinal === ordinal && this.state.open
    await this.#await(
      'sendOffsets',
      this.#offsets.run(async () => {
        this.#waitingOffsets--
        if (!wanted()) throw this.state.abortCause ?? this.#closed()
        await this.#judged(this.#sendOffsets(offsets, group, wanted))
      }),
    )
  }

  async #sendOffsets(offsets: readonly CommitOffset[], group: ConsumerGroupMetadata, wanted: () => boolean): Promise<void> {
    const { state } = this
    const producer = state.producer!
    if (!state.v2) await this.#requests.addOffsets(producer, group.groupId, wanted)
    state.started = true
    await this.#requests.commitOffsets(producer, offsets, group, state.v2, wanted)
  }

  commit(): Promise<void> {
    return this.#run('commitTransaction', () => {
      this.state.commit()
      return async () => {
        await this.#settle()
        if (this.state.error) throw this.state.error
        await this.#end(true)
      }
    })
  }

  /** Batches that may have been sent keep their turn: how they end is certain before the transaction is. */
  abort(): Promise<void> {
    return this.#run('abortTransaction', () => {
      this.state.abort()
      return async () => {
        await this.#settle()
        if (this.state.error) throw this.state.error
        await this.#end(false)
      }
    })
  }

  /** Resolves when nothing of the transaction is on its way any more. */
  async #settle(): Promise<void> {
    this.#producer.schedule()
    await this.#producer.flush()
    while (this.#adding) await this.#adding
    await this.#offsets.run(() => Promise.resolve())
  }

  async #end(committed: boolean): Promise<void> {
    const { state } = this
    const { started, v2 } = state
    const next = started ? await this.#requests.end(state.producer!, committed, v2) : null
    this.#newPartitions.clear()
    if (state.ended(next, this.#support)) state.initialized(await this.#initProducerId(state.producer), this.#support)
  }

  #initProducerId(current: ProducerIdAndEpoch | null): Promise<ProducerIdAndEpoch> {
    return this.#requests.initProducerId(this.#settings.transactionTimeoutMs, current)
  }

  /** Whether a batch of the partition may be sent. Where it may not, the partition is added to the transaction first. */
  mayProduce(queue: PartitionQueue): boolean {
    const { state } = this
    if (state.v2 || queue.transaction === state.ordinal) return true
    if (state.open) {
      this.#newPartitions.add(queue)
      this.#adding ??= this.#addPartitions().finally(() => {
        this.#adding = null
        this.#producer.schedule()
      })
    }
    return false
  }

  /** Never rejects: batches of a partition that cannot be added fail with the error of the transaction. */
  async #addPartitions(): Promise<void> {
    const { state } = this
    // The partitions of one turn of the sender go into one request.
    await null
    const queues = [...this.#newPartitions]
    this.#newPartitions.clear()
    try {
      await this.#judged(this.#requests.addPartitions(state.producer!, queues, () => state.open))
      state.started = true
      for (const queue of queues) queue.transaction = state.ordinal
    } catch (error) {
      if (!(error instanceof TransactionError) && !this.#closing.signal.aborted) this.batchFailed(asKafkaError(error), false)
    }
  }

  /** A batch gets sent. */
  onSend(): void {
    this.state.started = true
  }

  /** A batch, or a record that fits in no batch, has failed. Returns the error that the user gets. */
  batchFailed(error: Error, sequenced: boolean): Error {
    if (error instanceof TransactionError || this.#closing.signal.aborted) return error
    return this.state.batchFailed(asKafkaError(error), sequenced)
  }

  /** One call at a time; `start` checks the state, what it returns does the work. */
  async #run(operation: Operation, start: () => () => Promise<void>): Promise<void> {
    if (this.#pending && this.#pending.operation !== operation) this.#checkPending(operation)
    if (!this.#pending) {
      if (this.#closing.signal.aborted) throw this.#closed()
      const result = this.#judged(start()())
      result.catch(() => {})
      this.#pending = { operation, result }
    }
    const { result } = this.#pending
    await this.#await(operation, result, () => {
      this.#pending = null
    })
  }

  #checkPending(method: string): void {
    if (!this.#pending) return
    const { operation } = this.#pending
    throw new KafkaError(
      'INVALID_TXN_STATE',
      `${method}() of transactional.id ${this.transactionalId}: ${operation}() has not returned its result yet; call ${operation}() again and await it`,
    )
  }

  /** The result of `promise` within max.block.ms. */
  async #await(method: string, promise: Promise<void>, onSettled: () => void = () => {}): Promise<void> {
    const { maxBlockMs } = this.#settings
    if (!(await within(this.#router.system.clock, maxBlockMs, promise)))
      throw new KafkaError(
        'REQUEST_TIMED_OUT',
        `${method}() of transactional.id ${this.transactionalId} took longer than max.block.ms (${maxBlockMs}): call it again to wait for its result, or close the producer`,
      )
    onSettled()
    await promise
  }

  /** The error of a request changes the state, and reaches the user as what the state makes of it. */
  async #judged(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!(error instanceof TransactionRequestFailure)) throw this.#closing.signal.aborted ? this.#closed(error) : error
      const failure = this.state.failed(error.request, error.error)
      this.#producer.schedule()
      throw failure
    }
  }

  #closed(cause?: unknown): KafkaError {
    return new KafkaError('NETWORK_EXCEPTION', `the producer of transactional.id ${this.transactionalId} is closed`, { cause })
  }

  /** Ends the transaction if there is one, within `timeoutMs`: records that nobody has committed are not left to transaction.timeout.ms. */
  async close(timeoutMs: number): Promise<void> {
    const { clock } = this.#router.system
    await within(clock, timeoutMs, this.#pending?.result)
    this.#pending = null
    const { phase } = this.state
    if (phase === 'IN_TRANSACTION' || phase === 'ABORTABLE_ERROR') await within(clock, timeoutMs, this.abort())
    this.#closing.abort()
    this.#router.pool.closeChannel(this.#channel)
  }
}

const asKafkaError = (error: unknown): KafkaError =>
  error instanceof KafkaError ? error : new KafkaError('UNKNOWN_SERVER_ERROR', (error as Error).message, { cause: error })
