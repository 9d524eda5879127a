/**
 * Asks the transaction coordinator before the first append of a transaction to a partition (KIP-890), and gives the append what the log
 * wants to see then. Appends of a producer keep the order in which they came. Where nothing has to be asked, nothing waits.
 */
import { type ErrorName, KafkaError } from './errors.ts'
import type { Logs, PartitionLog, Verification } from './log/types.ts'
import type { Clock } from './system/clock.ts'
import { partitionKey, type TopicPartition } from './topic-partition.ts'
import type { TransactionCoordinator, TransactionIdentity } from './transactions/types.ts'

/** The first batch of a request for a partition. */
export interface TransactionalBatch extends TopicPartition {
  /** -1 for a batch without sequences. */
  readonly sequence: number
}

/** What the version of a request allows, as Kafka's TransactionSupportedOperation. */
export interface SupportedOperation {
  /** The append adds its partition to the transaction: the client does not, and has an epoch for each transaction. */
  readonly addsPartitions: boolean
  /** The client knows TRANSACTION_ABORTABLE. */
  readonly knowsAbortable: boolean
}

/** By partition key. An error: the batch must not be appended. */
export type VerifiedPartitions = ReadonlyMap<string, Verification | KafkaError>

export interface VerifierSettings {
  /** transaction.partition.verification.enable */
  isEnabled(): boolean
  /** add.partitions.to.txn.retry.backoff.ms */
  retryBackoffMs: number
  /** add.partitions.to.txn.retry.backoff.max.ms: how long an append waits for the end of the previous transaction. */
  retryBackoffMaxMs: number
}

/** The end of the previous transaction is in progress, or the coordinator is not ready. */
const passing: ReadonlySet<ErrorName> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

export class TransactionVerifier {
  readonly #coordinator: Pick<TransactionCoordinator, 'verifyPartitions'>
  readonly #logs: Pick<Logs, 'get'>
  readonly #clock: Clock
  readonly #settings: VerifierSettings
  /** By producer id: resolves when the latest append that waits is done. Requests in progress bound it (Invariant 13). */
  readonly #waiting = new Map<number, Promise<void>>()

  constructor(
    coordinator: Pick<TransactionCoordinator, 'verifyPartitions'>,
    logs: Pick<Logs, 'get'>,
    clock: Clock,
    settings: VerifierSettings,
  ) {
    this.#coordinator = coordinator
    this.#logs = logs
    this.#clock = clock
    this.#settings = settings
  }

  /** Calls `append` once the batches are verified: at once, where their transactions have begun in all partitions. */
  run<T>(
    identity: TransactionIdentity,
    batches: readonly TransactionalBatch[],
    operation: SupportedOperation,
    append: (verified: VerifiedPartitions) => T,
  ): T | Promise<Awaited<T>> {
    const earlier = this.#waiting.get(identity.producerId)
    if (earlier === undefined) {
      const { verified, unknown } = this.#start(identity, batches, operation)
      if (unknown.length === 0) return append(verified)
    }
    let done = () => {}
    const turn = new Promise<void>((resolve) => {
      done = resolve
    })
    this.#waiting.set(identity.producerId, turn)
    const wait = async (): Promise<T> => {
      try {
        await earlier
        const verified = await this.#verify(identity, batches, operation)
        // Only the order of the calls matters: the next append does not wait for the result of this one.
        return append(verified)
      } finally {
        if (this.#waiting.get(identity.producerId) === turn) this.#waiting.delete(identity.producerId)
        done()
      }
    }
    return wait() as Promise<Awaited<T>>
  }

  async #verify(
    identity: TransactionIdentity,
    batches: readonly TransactionalBatch[],
    operation: SupportedOperation,
  ): Promise<VerifiedPartitions> {
    const { verified, unknown } = this.#start(identity, batches, operation)
    if (unknown.length === 0) return verified
    const result = new Map(verified)
    for (const [key, error] of await this.#ask(identity, unknown, operation)) {
      const known = forClient(error, operation)
      if (known !== 'NONE') result.set(key, new KafkaError(known))
    }
    return result
  }

  /** Asks again while the previous transaction ends: a client that adds no partitions itself has no earlier request to wait in. */
  async #ask(identity: TransactionIdentity, partitions: readonly TopicPartition[], { addsPartitions }: SupportedOperation) {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#settings
    const deadline = this.#clock.monotonic() + retryBackoffMaxMs
    for (;;) {
      const errors = await this.#coordinator.verifyPartitions(identity, partitions, addsPartitions)
      const isPassing = addsPartitions && [...errors.values()].some((error) => passing.has(error))
      if (!isPassing || this.#clock.monotonic() + retryBackoffMs > deadline) return errors
      await this.#clock.sleep(retryBackoffMs)
    }
  }

  #start(identity: TransactionIdentity, batches: readonly TransactionalBatch[], operation: SupportedOperation) {
    const verified = new Map<string, Verification | KafkaError>()
    const unknown: TopicPartition[] = []
    const isEnabled = this.#settings.isEnabled()
    for (const { topic, partition, sequence } of batches) {
      const key = partitionKey({ topic, partition })
      const log = this.#logs.get(topic, partition)
      if (!log) verified.set(key, new KafkaError('UNKNOWN_TOPIC_OR_PARTITION'))
      else if (!isEnabled && !operation.addsPartitions) verified.set(key, 'disabled')
      else {
        const verification = startedIn(log, identity, sequence, operation)
        verified.set(key, verification)
        if (verification !== 'ongoing' && !(verification instanceof KafkaError)) unknown.push({ topic, partition })
      }
    }
    return { verified, unknown }
  }
}

function startedIn(
  log: PartitionLog,
  { producerId, producerEpoch }: TransactionIdentity,
  sequence: number,
  { addsPartitions }: SupportedOperation,
): Verification | KafkaError {
  try {
    return log.startVerification(producerId, producerEpoch, sequence, addsPartitions)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return error
  }
}

/** The coordinator's error as the clients of appends expect it. */
function forClient(error: ErrorName, { knowsAbortable }: SupportedOperation): ErrorName {
  if (error === 'PRODUCER_FENCED') return 'INVALID_PRODUCER_EPOCH'
  return error === 'TRANSACTION_ABORTABLE' && !knowsAbortable ? 'INVALID_TXN_STATE' : error
}
