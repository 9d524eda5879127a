/**
 * The transactional producer: a producer whose records belong to the transaction that is open. It adds to the producer what a call may do
 * in which state; the sender and the transactions of this producer do the rest.
 */
import { KafkaError } from '../../errors.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type {
  CommitOffset,
  ConsumerGroupMetadata,
  ProduceOptions,
  ProducerRecord,
  SendResult,
  TransactionalProducer,
  TransactionalProducerSettings,
} from '../types.ts'
import { BatchingProducer } from './producer.ts'
import { Transactions } from './transactions.ts'

const transactionDefaults = { transactionTimeoutMs: 60_000, maxBlockMs: 60_000 } as const

export class TransactionalBatchingProducer implements TransactionalProducer {
  readonly #producer: BatchingProducer
  readonly #transactions: Transactions

  constructor(router: RequestRouter, settings: TransactionalProducerSettings) {
    const { transactionalId, transactionTimeoutMs, maxBlockMs } = settings
    if (transactionalId === '') throw new KafkaError('INVALID_CONFIG', 'transactional.id is empty: give it a name, or leave it out')
    if (settings.enableIdempotence === false || (settings.acks ?? 'all') !== 'all')
      throw new KafkaError('INVALID_CONFIG', `transactional.id ${transactionalId} needs enable.idempotence and acks=all: leave both out`)
    this.#transactions = new Transactions(
      router,
      {
        transactionalId,
        transactionTimeoutMs: transactionTimeoutMs ?? transactionDefaults.transactionTimeoutMs,
        maxBlockMs: maxBlockMs ?? transactionDefaults.maxBlockMs,
      },
      { flush: () => this.#producer.flush(), schedule: () => this.#producer.schedule() },
    )
    this.#producer = new BatchingProducer(router, settings, this.#transactions)
  }

  get pendingBytes(): number {
    return this.#producer.pendingBytes
  }

  initTransactions(): Promise<void> {
    return this.#transactions.initialize()
  }

  beginTransaction(): void {
    this.#transactions.begin()
  }

  async send(records: readonly ProducerRecord[], options?: ProduceOptions): Promise<SendResult> {
    this.#transactions.checkSend()
    return this.#producer.send(records, options)
  }

  sendOffsets(offsets: readonly CommitOffset[], group: ConsumerGroupMetadata): Promise<void> {
    return this.#transactions.sendOffsets(offsets, group)
  }

  commitTransaction(): Promise<void> {
    return this.#transactions.commit()
  }

  abortTransaction(): Promise<void> {
    return this.#transactions.abort()
  }

  flush(): Promise<void> {
    return this.#producer.flush()
  }

  async close(): Promise<void> {
    await this.#transactions.close(clientLimits.closeTimeoutMs)
    await this.#producer.close()
  }
}
