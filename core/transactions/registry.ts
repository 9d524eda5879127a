/**
 * The transactional ids in memory. Each partition of `__transaction_state` is loaded once, by the start or by the first request for it: a
 * restart loses nothing that was acknowledged (Invariant 1).
 */

import type { CoordinatorLog } from '../coordinator-log.ts'
import { coordinatorPartition } from '../coordinator-partition.ts'
import { type ErrorName, KafkaError } from '../errors.ts'
import { Condition } from '../system/condition.ts'
import type { System } from '../system/index.ts'
import { KeyedLoads } from '../system/keyed-loads.ts'
import { within } from '../system/within.ts'
import { limits } from './limits.ts'
import { readTransactionRecord } from './records.ts'
import { restored, type StoredTransaction, type Transaction } from './transaction.ts'
import type { TransactionStore } from './types.ts'

/** Over all transactional ids. */
interface Totals {
  readonly ongoing: Set<RegisteredTransaction>
  /** In transactions that are not complete. */
  partitions: number
}

const partitionsOf = ({ partitions, pending }: Transaction): number => Math.max(partitions.size, pending?.to.partitions.size ?? 0)

/** A transactional id, and the partition of `__transaction_state` that stores it. */
export class RegisteredTransaction {
  readonly transactionalId: string
  readonly partition: number
  /** Told when a pending transition is over. */
  readonly changed = new Condition()
  readonly #totals: Totals
  #transaction: Transaction

  constructor(transaction: Transaction, partition: number, totals: Totals) {
    this.transactionalId = transaction.transactionalId
    this.partition = partition
    this.#totals = totals
    this.#transaction = transaction
    totals.partitions += partitionsOf(transaction)
    this.transaction = transaction
  }

  get transaction(): Transaction {
    return this.#transaction
  }

  set transaction(transaction: Transaction) {
    this.#totals.partitions += partitionsOf(transaction) - partitionsOf(this.#transaction)
    this.#transaction = transaction
    if (transaction.state === 'Ongoing') this.#totals.ongoing.add(this)
    else this.#totals.ongoing.delete(this)
  }

  /** It is not in memory any more. */
  removed(): void {
    this.#totals.partitions -= partitionsOf(this.#transaction)
    this.#totals.ongoing.delete(this)
  }
}

export class TransactionRegistry {
  readonly #store: TransactionStore
  readonly #system: System
  readonly #transactions = new Map<string, RegisteredTransaction>()
  readonly #totals: Totals = { ongoing: new Set(), partitions: 0 }
  readonly #loads = new KeyedLoads((partition, complete) => this.#log.load(partition, () => this.#read(partition, complete)))
  readonly #log: CoordinatorLog
  readonly #onLoaded: (registered: RegisteredTransaction) => void

  constructor(store: TransactionStore, system: System, log: CoordinatorLog, onLoaded: (registered: RegisteredTransaction) => void) {
    this.#store = store
    this.#system = system
    this.#log = log
    this.#onLoaded = onLoaded
  }

  get size(): number {
    return this.#transactions.size
  }

  get ongoing(): ReadonlySet<RegisteredTransaction> {
    return this.#totals.ongoing
  }

  /** The partitions in all transactions that are not complete. */
  get openPartitions(): number {
    return this.#totals.partitions
  }

  /** The transactional ids of all loaded partitions. */
  all(): Iterable<RegisteredTransaction> {
    return this.#transactions.values()
  }

  get(transactionalId: string): RegisteredTransaction | undefined {
    return this.#transactions.get(transactionalId)
  }

  partitionFor(transactionalId: string): number {
    return coordinatorPartition(transactionalId, this.#store.partitions)
  }

  /** Throws where the broker has too many transactional ids. Invariant 13. */
  add(transaction: Transaction): RegisteredTransaction {
    const { transactionalId } = transaction
    if (this.#transactions.size >= limits.transactionalIds)
      throw new KafkaError(
        'COORDINATOR_NOT_AVAILABLE',
        `transactional id ${transactionalId}: the broker has ${limits.transactionalIds} already; lower transactional.id.expiration.ms`,
      )
    return this.#register(transaction, this.partitionFor(transactionalId))
  }

  #register(transaction: Transaction, partition: number): RegisteredTransaction {
    const registered = new RegisteredTransaction(transaction, partition, this.#totals)
    this.#transactions.set(transaction.transactionalId, registered)
    return registered
  }

  remove(registered: RegisteredTransaction): void {
    if (this.#transactions.get(registered.transactionalId) !== registered) return
    this.#transactions.delete(registered.transactionalId)
    registered.removed()
  }

  /** NONE when the transactional id is in memory, if it exists; a promise while its partition is being loaded; else the error. */
  load(transactionalId: string): Promise<ErrorName> | ErrorName {
    if (!this.#store.exists) return 'NOT_COORDINATOR'
    const partition = this.partitionFor(transactionalId)
    return this.#loads.isLoaded(partition) ? 'NONE' : this.#inTime(this.#loads.load(partition))
  }

  /** `load` for all transactional ids. */
  async listable(): Promise<ErrorName> {
    return this.#store.exists ? this.#inTime(this.loadAll()) : 'NONE'
  }

  /** Rejects with KafkaError. */
  async loadAll(): Promise<void> {
    if (this.#store.exists) for (let partition = 0; partition < this.#store.partitions; partition++) await this.#loads.load(partition)
  }

  /** A request waits for a short load, as its client would only repeat it; after a while the client is told to. */
  async #inTime(load: Promise<void>): Promise<ErrorName> {
    if (!(await within(this.#system.clock, limits.loadWaitMs, load))) return 'COORDINATOR_LOAD_IN_PROGRESS'
    return load.then(() => 'NONE' as const, errorOfLoad)
  }

  async #read(partition: number, complete: () => boolean): Promise<void> {
    const found = new Map<string, StoredTransaction>()
    for await (const record of this.#log.read(partition, this.#store.load(partition), readTransactionRecord)) {
      if (record.kind === 'transaction') found.set(record.transaction.transactionalId, record.transaction)
      else found.delete(record.transactionalId)
    }
    // What was read is no more.
    if (!complete()) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', '__transaction_state was deleted')
    for (const stored of found.values()) {
      const registered = this.#register(restored(stored), partition)
      try {
        this.#onLoaded(registered)
      } catch (error) {
        // A state that no coordinator writes: the other transactional ids are available nevertheless.
        this.#system.logger.error(
          { err: error, transactionalId: stored.transactionalId, state: stored.state },
          'a transaction of __transaction_state cannot be completed; kafka-transactions abort ends it in its partitions',
        )
      }
    }
  }

  /** `__transaction_state` was deleted. */
  clear(): void {
    for (const registered of [...this.all()]) this.remove(registered)
    this.#loads.clear()
  }
}

const errorOfLoad = (error: unknown): ErrorName => (error instanceof KafkaError ? error.error : 'UNKNOWN_SERVER_ERROR')
