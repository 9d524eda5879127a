/**
 * Executes the decisions about transactions: writes the transition, then what follows from it. One transition of a transactional id at a
 * time; while one is pending, the decisions are CONCURRENT_TRANSACTIONS.
 */
import { type ErrorName, KafkaError } from '../errors.ts'
import { backoffMs } from '../system/backoff.ts'
import type { System } from '../system/index.ts'
import type { Decision } from './decision.ts'
import { type MarkerSender, retryBackoff } from './marker-sender.ts'
import { completing, notStored, stored } from './progress.ts'
import type { RegisteredTransaction } from './registry.ts'
import type { StateWriter } from './state-writer.ts'
import { isDecided, type Transaction } from './transaction.ts'
import type { TransactionStore } from './types.ts'

export interface TransactionRuntimeOptions {
  system: System
  store: TransactionStore
  writer: StateWriter
  sender: MarkerSender
  signal: AbortSignal
}

/** Decides from the current state; `newProducerId` is null until the decision asks for one. */
export type Decide = (transaction: Transaction, newProducerId: number | null) => Decision

/** The response to a request, with the state that it led to. */
export interface RunResult {
  error: ErrorName
  transaction: Transaction
}

export class TransactionRuntime {
  readonly #options: TransactionRuntimeOptions

  constructor(options: TransactionRuntimeOptions) {
    this.#options = options
  }

  /** Resolves when the transition that `decide` leads to is durable, with NONE, or with the error. */
  async run(registered: RegisteredTransaction, decide: Decide): Promise<RunResult> {
    let newProducerId: number | null = null
    for (;;) {
      const decision = decide(registered.transaction, newProducerId)
      switch (decision.type) {
        case 'respond':
          return { error: decision.error, transaction: registered.transaction }
        case 'store':
          return this.#store(registered, decision.transaction)
        case 'allocateProducerId':
          try {
            newProducerId = await this.#options.store.nextProducerId()
          } catch (error) {
            this.#options.system.logger.error(
              { err: error, transactionalId: registered.transactionalId },
              'no producer id could be allocated; the producer retries',
            )
            return { error: error instanceof KafkaError ? error.error : 'UNKNOWN_SERVER_ERROR', transaction: registered.transaction }
          }
      }
    }
  }

  /** Ends a transaction that was decided before a restart. */
  resume(registered: RegisteredTransaction): void {
    if (!isDecided(registered.transaction.state)) return
    const { transactionalId, transaction } = registered
    this.#options.system.logger.info(
      { transactionalId, state: transaction.state, partitions: transaction.partitions.size },
      'a transaction that was decided before the restart is completed',
    )
    registered.transaction = completing(transaction, this.#options.system.clock.now())
    this.#completeInBackground(registered)
  }

  async #store(registered: RegisteredTransaction, transaction: Transaction): Promise<RunResult> {
    const { writer, system } = this.#options
    registered.transaction = transaction
    const error = await writer.write(registered.partition, transaction.pending!.to)
    const next = error === 'NONE' ? stored(transaction, system.clock.now()) : notStored(transaction)
    registered.transaction = next
    if (isDecided(next.state)) this.#completeInBackground(registered)
    registered.changed.notify()
    return { error, transaction: next }
  }

  #completeInBackground(registered: RegisteredTransaction): void {
    this.#complete(registered).catch((error: unknown) =>
      this.#options.system.logger.error(
        { err: error, transactionalId: registered.transactionalId },
        'a transaction could not be completed because of a bug; the next start tries again',
      ),
    )
  }

  /** Writes the markers, then the completion. Where that is impossible, the transaction stays decided, and the next start resumes it. */
  async #complete(registered: RegisteredTransaction): Promise<void> {
    const { sender, store, writer, system, signal } = this.#options
    const { transaction } = registered
    const { to } = transaction.pending!
    if (!(await sender.send(transaction, store.coordinatorEpoch(registered.partition)))) return
    for (let attempt = 0; !signal.aborted; attempt++) {
      const error = await writer.write(registered.partition, to)
      if (error === 'NONE') {
        registered.transaction = stored(transaction, system.clock.now())
        registered.changed.notify()
        return
      }
      // Only a restart can help.
      if (!store.isWritable(registered.partition)) return
      await system.clock.sleep(backoffMs(retryBackoff, attempt, system.random), signal)
    }
  }
}
