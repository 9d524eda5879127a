/**
 * Writes transitions to `__transaction_state`, each durable when it resolves. Errors are those that clients expect from a coordinator: they
 * find it again and retry.
 */
import { coordinatorError, type ErrorName } from '../errors.ts'
import type { StoredRecord } from '../groups/types.ts'
import type { System } from '../system/index.ts'
import { limits } from './limits.ts'
import { transactionRecord } from './records.ts'
import type { StoredTransaction } from './transaction.ts'
import type { TransactionStore } from './types.ts'

export class StateWriter {
  readonly #store: TransactionStore
  readonly #system: System
  readonly #inProgress = new Set<Promise<void>>()

  constructor(store: TransactionStore, system: System) {
    this.#store = store
    this.#system = system
  }

  /** NONE when the state is durable (Invariant 1). */
  write(partition: number, to: StoredTransaction): Promise<ErrorName> {
    const record = transactionRecord(to, this.#store.transactionVersion, this.#system.clock.now())
    if (record.value!.length > limits.recordBytes) {
      const { transactionalId, partitions } = to
      this.#system.logger.error(
        { transactionalId, partitions: partitions.size, limit: limits.recordBytes },
        'a transaction has too many partitions for one record of __transaction_state; end it after fewer',
      )
      return Promise.resolve('UNKNOWN_SERVER_ERROR')
    }
    return this.append(partition, [record])
  }

  async append(partition: number, records: readonly StoredRecord[]): Promise<ErrorName> {
    const append = this.#store.append(partition, records)
    this.#inProgress.add(append)
    try {
      await append
      return 'NONE'
    } catch (error) {
      this.#system.logger.error({ err: error, partition }, 'an append to __transaction_state failed; the producers retry')
      return coordinatorError(error)
    } finally {
      this.#inProgress.delete(append)
    }
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#inProgress)
  }
}
