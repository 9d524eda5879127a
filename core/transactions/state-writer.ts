/**
 * Writes transitions to `__transaction_state`, each durable when it resolves. Errors are those that clients expect from a coordinator: they
 * find it again and retry.
 */
import type { CoordinatorLog } from '../coordinator-log.ts'
import { type ErrorName, KafkaError } from '../errors.ts'
import type { StoredRecord } from '../groups/types.ts'
import type { System } from '../system/index.ts'
import { limits } from './limits.ts'
import { transactionRecord } from './records.ts'
import type { StoredTransaction } from './transaction.ts'
import type { TransactionStore } from './types.ts'

export class StateWriter {
  readonly #store: TransactionStore
  readonly #system: System
  readonly #log: CoordinatorLog

  constructor(store: TransactionStore, log: CoordinatorLog, system: System) {
    this.#store = store
    this.#log = log
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
    try {
      await this.#log.write(partition, this.#store.append(partition, records))
      return 'NONE'
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return error.error
    }
  }
}
