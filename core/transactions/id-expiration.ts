/**
 * Removes transactional ids without a transaction that were not used for transactional.id.expiration.ms: a tombstone, then the memory.
 */
import type { System } from '../system/index.ts'
import { limits } from './limits.ts'
import { expiring, notStored } from './progress.ts'
import { transactionTombstone } from './records.ts'
import type { RegisteredTransaction, TransactionRegistry } from './registry.ts'
import type { StateWriter } from './state-writer.ts'
import { isExpirable } from './transaction.ts'

export class IdExpiration {
  readonly #registry: TransactionRegistry
  readonly #writer: StateWriter
  readonly #system: System

  constructor(registry: TransactionRegistry, writer: StateWriter, system: System) {
    this.#registry = registry
    this.#writer = writer
    this.#system = system
  }

  async removeExpired(expirationMs: number): Promise<void> {
    const oldest = this.#system.clock.now() - expirationMs
    const byPartition = new Map<number, RegisteredTransaction[]>()
    for (const registered of this.#registry.all()) {
      const { pending, state, lastUpdateTimestamp } = registered.transaction
      if (pending || !isExpirable(state) || lastUpdateTimestamp > oldest) continue
      const expired = byPartition.get(registered.partition)
      if (expired) expired.push(registered)
      else byPartition.set(registered.partition, [registered])
    }
    for (const [partition, expired] of byPartition) {
      for (let from = 0; from < expired.length; from += limits.tombstonesPerBatch)
        await this.#remove(partition, expired.slice(from, from + limits.tombstonesPerBatch), oldest)
    }
  }

  async #remove(partition: number, candidates: readonly RegisteredTransaction[], oldest: number): Promise<void> {
    // A producer may have come back while the batches before were written.
    const expired = candidates.filter(
      ({ transaction: { pending, state, lastUpdateTimestamp } }) => !pending && isExpirable(state) && lastUpdateTimestamp <= oldest,
    )
    if (expired.length === 0) return
    for (const registered of expired) registered.transaction = expiring(registered.transaction)
    const now = this.#system.clock.now()
    const error = await this.#writer.append(
      partition,
      expired.map(({ transactionalId }) => transactionTombstone(transactionalId, now)),
    )
    for (const registered of expired) {
      if (error === 'NONE') this.#registry.remove(registered)
      else registered.transaction = notStored(registered.transaction)
      registered.changed.notify()
    }
    if (error === 'NONE') this.#system.logger.info({ partition, transactionalIds: expired.length }, 'expired transactional ids removed')
  }
}
