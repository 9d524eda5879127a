/**
 * The transaction coordinator: loads the transactional id of a request, lets the pure part decide, and has the runtime write the
 * transition before it responds. It aborts transactions that are too slow, and decides nothing itself.
 */
import { CoordinatorLog } from '../coordinator-log.ts'
import { type ErrorName, KafkaError } from '../errors.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { partitionKey } from '../topic-partition.ts'
import { type Decision, respond } from './decision.ts'
import { decideEnd, decideFence } from './end-transaction.ts'
import { IdExpiration } from './id-expiration.ts'
import { decideInit } from './init-producer-id.ts'
import { limits } from './limits.ts'
import { describeTransaction, listTransactions, undescribed } from './listing.ts'
import { MarkerSender } from './marker-sender.ts'
import { decideAdd, errorOfAll, verify } from './partitions.ts'
import { PatternThread } from './pattern-thread.ts'
import { type RegisteredTransaction, TransactionRegistry } from './registry.ts'
import { StateWriter } from './state-writer.ts'
import { EPOCH_BUMP_VERSION, isDecided, NO_TIMEOUT_MS, newTransaction, type Transaction } from './transaction.ts'
import { TransactionRuntime } from './transaction-runtime.ts'
import type {
  AddPartitionsRequest,
  AddPartitionsResponse,
  DescribedTransaction,
  EndTransactionResponse,
  InitProducerIdRequest,
  InitProducerIdResponse,
  ListTransactionsRequest,
  ListTransactionsResponse,
  MarkerWriter,
  PartitionOfTopic,
  TransactionCoordinator,
  TransactionCounters,
  TransactionIdentity,
  TransactionSettings,
  TransactionStore,
} from './types.ts'

/** EndTxn v5 is the first with an epoch for each transaction. */
const END_WITH_EPOCH_VERSION = 5

const noPartitionErrors: ReadonlyMap<string, ErrorName> = new Map()

const unidentified = (error: ErrorName) => ({ error, producerId: -1, producerEpoch: -1 })

export class TransactionCoordinatorService implements TransactionCoordinator {
  readonly #store: TransactionStore
  readonly #settings: TransactionSettings
  readonly #system: System
  readonly #registry: TransactionRegistry
  readonly #log: CoordinatorLog
  readonly #writer: StateWriter
  readonly #sender: MarkerSender
  readonly #runtime: TransactionRuntime
  readonly #patterns: PatternThread
  readonly #closing = new AbortController()
  readonly #timers: readonly Timer[]
  #timedOut = 0

  constructor(store: TransactionStore, markers: MarkerWriter, settings: TransactionSettings, system: System) {
    this.#store = store
    this.#settings = settings
    this.#system = system
    const { signal } = this.#closing
    this.#log = new CoordinatorLog('__transaction_state', system.logger)
    this.#writer = new StateWriter(store, this.#log, system)
    const partitionExists = (topic: string, partition: number) => store.partitionExists(topic, partition)
    this.#sender = new MarkerSender({ system, markers, partitionExists, signal })
    this.#runtime = new TransactionRuntime({ system, store, writer: this.#writer, sender: this.#sender, signal })
    this.#patterns = new PatternThread(system, signal)
    this.#registry = new TransactionRegistry(store, system, this.#log, (registered) => this.#runtime.resume(registered))
    store.onDeleted(() => this.#registry.clear())
    const expiration = new IdExpiration(this.#registry, this.#writer, system)
    this.#timers = [
      system.clock.every(settings.abortIntervalMs, () => this.#abortTimedOut()),
      system.clock.every(settings.removeExpiredIntervalMs, () => this.#inBackground(expiration.removeExpired(settings.idExpirationMs))),
    ]
  }

  get counters(): TransactionCounters {
    return {
      transactionalIds: this.#registry.size,
      ongoing: this.#registry.ongoing.size,
      pendingMarkers: this.#sender.pendingMarkers,
      timedOut: this.#timedOut,
    }
  }

  /** Loads all transactional ids in the background, completes decided transactions, and lets the others time out. */
  async load(): Promise<void> {
    try {
      await this.#registry.loadAll()
    } catch (error) {
      // The registry has logged it, and the next request for that partition retries.
      if (!(error instanceof KafkaError)) throw error
    }
  }

  partitionFor(transactionalId: string): number {
    return this.#registry.partitionFor(transactionalId)
  }

  prepare(): Promise<void> {
    return this.#store.prepare()
  }

  async initProducerId(request: InitProducerIdRequest): Promise<InitProducerIdResponse> {
    const { transactionalId, enable2Pc, transactionTimeoutMs } = request
    const { twoPhaseCommit, maxTimeoutMs } = this.#settings
    if (transactionalId === '') return unidentified('INVALID_REQUEST')
    if (enable2Pc && !twoPhaseCommit) return unidentified('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    if (request.keepPreparedTxn) return unidentified('UNSUPPORTED_VERSION')
    if (!enable2Pc && (transactionTimeoutMs > maxTimeoutMs || transactionTimeoutMs <= 0)) return unidentified('INVALID_TRANSACTION_TIMEOUT')
    const timeoutMs = enable2Pc ? NO_TIMEOUT_MS : transactionTimeoutMs
    const registered = await this.#findOrCreate(transactionalId, timeoutMs)
    if (typeof registered === 'string') return unidentified(registered)
    const expected = request.producerId === -1 ? null : { producerId: request.producerId, producerEpoch: request.producerEpoch }
    const { error, transaction: initialized } = await this.#runtime.run(registered, (transaction, newProducerId) =>
      decideInit(transaction, {
        timeoutMs,
        expected,
        transactionVersion: this.#store.transactionVersion,
        now: this.#system.clock.now(),
        newProducerId,
      }),
    )
    if (error !== 'NONE') return unidentified(error)
    // The producer retries until the transaction of the one before is aborted.
    if (isDecided(initialized.state)) return unidentified('CONCURRENT_TRANSACTIONS')
    const { producerId, producerEpoch } = initialized
    this.#system.logger.info({ transactionalId, producerId, producerEpoch }, 'transactional producer initialized')
    return { error: 'NONE', producerId, producerEpoch }
  }

  async addPartitions({ partitions, ...identity }: AddPartitionsRequest): Promise<AddPartitionsResponse> {
    const unknown = partitions.filter(({ topic, partition }) => !this.#store.partitionExists(topic, partition))
    if (unknown.length > 0) return { error: 'NONE', partitions: notAdded(partitions, unknown) }
    return { error: await this.#add(identity, partitions, 0), partitions: noPartitionErrors }
  }

  addOffsets({ groupId, ...identity }: TransactionIdentity & { groupId: string }): Promise<ErrorName> {
    return this.#add(identity, [this.#store.offsetsPartition(groupId)], 0)
  }

  async verifyPartitions(
    identity: TransactionIdentity,
    partitions: readonly PartitionOfTopic[],
    add: boolean,
  ): Promise<ReadonlyMap<string, ErrorName>> {
    const unknown = partitions.filter(({ topic, partition }) => !this.#store.partitionExists(topic, partition))
    if (unknown.length > 0) return notAdded(partitions, unknown)
    if (add) return errorOfAll(await this.#add(identity, partitions, EPOCH_BUMP_VERSION), partitions)
    if (identity.transactionalId === '') return errorOfAll('INVALID_REQUEST', partitions)
    const registered = await this.#find(identity.transactionalId)
    if (typeof registered === 'string') return errorOfAll(registered, partitions)
    return verify(registered?.transaction, identity, partitions)
  }

  async endTransaction(request: TransactionIdentity & { committed: boolean }, version: number): Promise<EndTransactionResponse> {
    const { transactionalId, producerId, producerEpoch, committed } = request
    if (transactionalId === '') return unidentified('INVALID_REQUEST')
    const registered = await this.#find(transactionalId)
    if (typeof registered === 'string') return unidentified(registered)
    if (!registered) return unidentified('INVALID_PRODUCER_ID_MAPPING')
    const clientTransactionVersion = version >= END_WITH_EPOCH_VERSION ? EPOCH_BUMP_VERSION : 0
    const { error, transaction: ended } = await this.#runtime.run(registered, (transaction, newProducerId) => {
      const end = { producerId, producerEpoch, committed, clientTransactionVersion, now: this.#system.clock.now(), newProducerId }
      return this.#storable(decideEnd(transaction, end), clientTransactionVersion)
    })
    if (error !== 'NONE') return unidentified(error)
    // The next transaction begins with what the completion will leave.
    const next = ended.pending?.to ?? ended
    return { error: 'NONE', producerId: next.producerId, producerEpoch: next.producerEpoch }
  }

  async list(request: ListTransactionsRequest): Promise<ListTransactionsResponse> {
    const error = this.#closing.signal.aborted ? 'COORDINATOR_NOT_AVAILABLE' : await this.#registry.listable()
    if (error !== 'NONE') return { error, unknownStateFilters: [], transactions: [] }
    const all = Array.from(this.#registry.all(), ({ transaction }) => transaction)
    const response = listTransactions(request, all, this.#system.clock.now())
    return request.transactionalIdPattern ? this.#withPattern(response, request.transactionalIdPattern) : response
  }

  async #withPattern(response: ListTransactionsResponse, pattern: string): Promise<ListTransactionsResponse> {
    const { transactions } = response
    try {
      const matching = await this.#patterns.matching(
        pattern,
        transactions.map(({ transactionalId }) => transactionalId),
      )
      return { ...response, transactions: transactions.filter(({ transactionalId }) => matching.has(transactionalId)) }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return { ...response, error: error.error, transactions: [] }
    }
  }

  describe(transactionalIds: readonly string[]): Promise<DescribedTransaction[]> {
    return Promise.all(transactionalIds.map((transactionalId) => this.#describe(transactionalId)))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const timer of this.#timers) timer.cancel()
    await this.#log.idle()
  }

  async #describe(transactionalId: string): Promise<DescribedTransaction> {
    if (transactionalId === '') return undescribed(transactionalId, 'INVALID_REQUEST')
    const registered = await this.#find(transactionalId)
    if (typeof registered === 'string') return undescribed(transactionalId, registered)
    if (!registered) return undescribed(transactionalId, 'TRANSACTIONAL_ID_NOT_FOUND')
    const { transaction } = registered
    return describeTransaction(transaction, (this.#sender.remaining(transactionalId) ?? transaction.partitions).values())
  }

  /**
   * Partitions join the transaction. While the end of the one before, or another partition of this one, is being written, they wait for it:
   * the producer would only send the same request again.
   */
  async #add(identity: TransactionIdentity, partitions: readonly PartitionOfTopic[], clientTransactionVersion: number): Promise<ErrorName> {
    const { transactionalId, producerId, producerEpoch } = identity
    if (transactionalId === '') return 'INVALID_REQUEST'
    const registered = await this.#find(transactionalId)
    if (typeof registered === 'string') return registered
    if (!registered) return 'INVALID_PRODUCER_ID_MAPPING'
    const added = new Map(partitions.map((partition) => [partitionKey(partition), partition]))
    const isNext = () => {
      const next = registered.transaction.pending?.to
      return next?.producerId === producerId && next.producerEpoch === producerEpoch
    }
    const deadline = this.#system.clock.monotonic() + this.#settings.addPartitionsMaxWaitMs
    while (registered.transaction.pending && isNext()) {
      if (!(await this.#transitionEnds(registered, deadline))) return 'CONCURRENT_TRANSACTIONS'
    }
    if (this.#registry.openPartitions + added.size > limits.partitions) {
      this.#system.logger.error({ transactionalId, limit: limits.partitions }, 'too many partitions are in transactions; end some')
      return 'COORDINATOR_NOT_AVAILABLE'
    }
    const request = { producerId, producerEpoch, partitions: added, clientTransactionVersion, now: this.#system.clock.now() }
    const decide = (transaction: Transaction) => this.#storable(decideAdd(transaction, request), clientTransactionVersion)
    return (await this.#runtime.run(registered, decide)).error
  }

  /** As Kafka: without transaction.version a record has no field for what newer clients do. Kafka's producer does not do it then. */
  #storable(decision: Decision, clientTransactionVersion: number): Decision {
    const isStorable = clientTransactionVersion === 0 || this.#store.transactionVersion > 0
    return isStorable || decision.type === 'respond' ? decision : respond('UNSUPPORTED_VERSION')
  }

  /** False when the pending transition does not end before `deadline`. */
  async #transitionEnds(registered: RegisteredTransaction, deadline: number): Promise<boolean> {
    const { clock } = this.#system
    const limit = new AbortController()
    const timer = clock.after(Math.max(0, deadline - clock.monotonic()), () => limit.abort())
    const end = () => limit.abort()
    this.#closing.signal.addEventListener('abort', end, { once: true })
    await registered.changed.until(() => registered.transaction.pending === null, limit.signal)
    timer.cancel()
    this.#closing.signal.removeEventListener('abort', end)
    return !limit.signal.aborted
  }

  /** Best effort: a transaction that is not decided and is too old. */
  #abortTimedOut(): void {
    const now = this.#system.clock.now()
    for (const registered of this.#registry.ongoing) {
      const { pending, startTimestamp, timeoutMs } = registered.transaction
      if (!pending && timeoutMs !== NO_TIMEOUT_MS && startTimestamp + timeoutMs < now) this.#inBackground(this.#abort(registered))
    }
  }

  #inBackground(task: Promise<void>): void {
    task.catch((error: unknown) =>
      this.#system.logger.error({ err: error }, 'a task of the transaction coordinator failed because of a bug; please report it'),
    )
  }

  async #abort(registered: RegisteredTransaction): Promise<void> {
    const { transactionalId } = registered
    const { error } = await this.#runtime.run(registered, (transaction, newProducerId) => {
      if (transaction.pending || transaction.state !== 'Ongoing') return { type: 'respond', error: 'CONCURRENT_TRANSACTIONS' }
      return decideFence(transaction, {
        transactionVersion: this.#store.transactionVersion,
        now: this.#system.clock.now(),
        newProducerId,
      })
    })
    if (error === 'CONCURRENT_TRANSACTIONS') return
    if (error === 'NONE') {
      this.#timedOut++
      this.#system.logger.warn(
        { transactionalId },
        'a transaction was aborted because it took longer than its timeout; its producer is fenced',
      )
    } else this.#system.logger.warn({ transactionalId, error }, 'a timed out transaction could not be aborted; it is tried again')
  }

  /** The transactional id, undefined where there is none, or the error. */
  async #find(transactionalId: string): Promise<RegisteredTransaction | undefined | ErrorName> {
    if (this.#closing.signal.aborted) return 'COORDINATOR_NOT_AVAILABLE'
    const error = await this.#registry.load(transactionalId)
    return error === 'NONE' ? this.#registry.get(transactionalId) : error
  }

  async #findOrCreate(transactionalId: string, timeoutMs: number): Promise<RegisteredTransaction | ErrorName> {
    const found = await this.#find(transactionalId)
    if (found !== undefined) return found
    try {
      const producerId = await this.#store.nextProducerId()
      // Another request may have created it meanwhile.
      return (
        this.#registry.get(transactionalId) ??
        this.#registry.add(newTransaction(transactionalId, producerId, timeoutMs, this.#system.clock.now()))
      )
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      this.#system.logger.error({ err: error, transactionalId }, 'a transactional id could not be registered; the producer retries')
      return error.error
    }
  }
}

/** As Kafka: one unknown partition, and none joins. */
const notAdded = (partitions: readonly PartitionOfTopic[], unknown: readonly PartitionOfTopic[]): Map<string, ErrorName> =>
  new Map([...errorOfAll('OPERATION_NOT_ATTEMPTED', partitions), ...errorOfAll('UNKNOWN_TOPIC_OR_PARTITION', unknown)])
