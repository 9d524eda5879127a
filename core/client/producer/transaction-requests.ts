/**
 * The requests of a transactional producer to its transaction coordinator and to the coordinator of a group. Each is repeated until it
 * succeeds or its error is for the state of the transaction to judge; where a response is lost the coordinator recognizes the repetition.
 */
import initProducerIdApi from '../../apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../apis/25-add-offsets-to-txn.ts'
import endTxn from '../../apis/26-end-txn.ts'
import txnOffsetCommit from '../../apis/28-txn-offset-commit.ts'
import { type ErrorName, errorName, KafkaError } from '../../errors.ts'
import { backoffMs } from '../../system/backoff.ts'
import { byTopic, partitionKey } from '../../topic-partition.ts'
import { clientLimits } from '../limits.ts'
import type { ProducerIdAndEpoch } from '../producer-id.ts'
import type { CoordinatorTarget } from '../transport/coordinators.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { CommitOffset, ConsumerGroupMetadata, TopicPartition } from '../types.ts'
import { type TransactionRequest, transactionVerdict } from './transaction-errors.ts'

/** The last versions of the protocol before transaction.version 2. */
const V1 = { addPartitionsToTxn: 3, txnOffsetCommit: 4, endTxn: 4 } as const
const COORDINATOR_MOVED: readonly ErrorName[] = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION']

const NO_RESPONSE: readonly ErrorName[] = ['REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION']
/**
 * By these the coordinator says that the transaction is not in it, whatever became of earlier attempts. After any other error only a
 * response tells whether there is a transaction to end.
 */
const NOT_EXECUTED: readonly ErrorName[] = ['CONCURRENT_TRANSACTIONS', 'UNKNOWN_TOPIC_OR_PARTITION']

/** The error of a request that is not repeated. */
export class TransactionRequestFailure extends Error {
  override name = 'TransactionRequestFailure'
  readonly request: TransactionRequest
  readonly error: KafkaError

  constructor(request: TransactionRequest, error: KafkaError) {
    super(error.message, { cause: error })
    this.request = request
    this.error = error
  }
}

/** What a response means: its value, or its error. */
type Outcome<T> = { error: null; value: T } | { error: ErrorName; about?: string }

/** Whether the transaction still needs the request. */
type Wanted = () => boolean

/** Whether a retriable error ends the request. */
type EndsWith = (error: ErrorName) => boolean

const never: EndsWith = () => false

export class TransactionRequests {
  readonly #router: RequestRouter
  readonly #transactionalId: string
  readonly #channel: string
  readonly #signal: AbortSignal

  /** `signal` ends every request; `channel` is the caller's to close. */
  constructor(router: RequestRouter, transactionalId: string, signal: AbortSignal, channel: string) {
    this.#router = router
    this.#transactionalId = transactionalId
    this.#channel = channel
    this.#signal = signal
  }

  /** With `current` its epoch is raised, unless another producer has done that; without it another producer is fenced. */
  initProducerId(transactionTimeoutMs: number, current: ProducerIdAndEpoch | null): Promise<ProducerIdAndEpoch> {
    const request = { transactionalId: this.#transactionalId, transactionTimeoutMs, ...(current ?? { producerId: -1, producerEpoch: -1 }) }
    return this.#repeat<ProducerIdAndEpoch>('InitProducerId', this.#coordinator, never, async () => {
      const { errorCode, producerId, producerEpoch } = await this.#router.send(
        this.#coordinator,
        initProducerIdApi,
        request,
        this.#options(),
      )
      return errorCode === 0 ? { error: null, value: { producerId, producerEpoch } } : { error: errorName(errorCode) }
    })
  }

  addPartitions(producer: ProducerIdAndEpoch, partitions: readonly TopicPartition[], wanted: Wanted): Promise<void> {
    const topics = [...byTopic(partitions)].map(([name, list]) => ({ name, partitions: list.map(({ partition }) => partition) }))
    return this.#repeat('AddPartitionsToTxn', this.#coordinator, unneeded(wanted, NOT_EXECUTED), async () => {
      const { resultsByTopicV3AndBelow } = await this.#router.send(
        this.#coordinator,
        addPartitionsToTxn,
        {
          transactions: [],
          v3AndBelowTransactionalId: this.#transactionalId,
          v3AndBelowProducerId: producer.producerId,
          v3AndBelowProducerEpoch: producer.producerEpoch,
          v3AndBelowTopics: topics,
        },
        this.#options(V1.addPartitionsToTxn),
      )
      return worstOf(
        'AddPartitionsToTxn',
        resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) =>
          resultsByPartition.map(({ partitionIndex, partitionErrorCode }) => ({
            topic: name,
            partition: partitionIndex,
            error: errorName(partitionErrorCode),
          })),
        ),
      )
    })
  }

  addOffsets(producer: ProducerIdAndEpoch, groupId: string, wanted: Wanted): Promise<void> {
    return this.#repeat('AddOffsetsToTxn', this.#coordinator, unneeded(wanted, NOT_EXECUTED), async () => {
      const request = { transactionalId: this.#transactionalId, ...producer, groupId }
      const { errorCode } = await this.#router.send(this.#coordinator, addOffsetsToTxn, request, this.#options())
      return errorCode === 0 ? { error: null, value: undefined } : { error: errorName(errorCode), about: `group ${groupId}` }
    })
  }

  /** Repeated for the partitions that have not succeeded. */
  commitOffsets(
    producer: ProducerIdAndEpoch,
    offsets: readonly CommitOffset[],
    group: ConsumerGroupMetadata,
    v2: boolean,
    wanted: Wanted,
  ): Promise<void> {
    const target = { group: group.groupId }
    const left = new Map(offsets.map((entry) => [partitionKey(entry), entry]))
    const attempt = async (): Promise<Outcome<void>> => {
      const asked = left.size
      const { topics } = await this.#router.send(
        target,
        txnOffsetCommit,
        {
          transactionalId: this.#transactionalId,
          ...producer,
          groupId: group.groupId,
          generationId: group.generationId,
          memberId: group.memberId,
          groupInstanceId: group.groupInstanceId ?? null,
          topics: [...byTopic([...left.values()])].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition, offset, metadata, leaderEpoch }) => ({
              partitionIndex: partition,
              committedOffset: offset,
              committedLeaderEpoch: leaderEpoch ?? -1,
              committedMetadata: metadata ?? '',
            })),
          })),
        },
        this.#options(v2 ? undefined : V1.txnOffsetCommit),
      )
      const results = topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) => ({ topic: name, partition: partitionIndex, error: errorName(errorCode) })),
      )
      for (const result of results) if (result.error === 'NONE') left.delete(partitionKey(result))
      if (results.length < asked) return { error: 'UNKNOWN_SERVER_ERROR', about: `group ${group.groupId}: partitions are missing` }
      return worstOf('TxnOffsetCommit', results, `group ${group.groupId}, `)
    }
    // With transaction.version 2 the group refuses a request that comes after the end of its transaction: the epoch is another one.
    const endsWith: EndsWith = v2 ? () => !wanted() : (error) => !wanted() && !NO_RESPONSE.includes(error)
    return this.#repeat('TxnOffsetCommit', target, endsWith, attempt)
  }

  /** Resolves with the producer of the next transaction, where the coordinator gives one (v5); otherwise with null. */
  end(producer: ProducerIdAndEpoch, committed: boolean, v2: boolean): Promise<ProducerIdAndEpoch | null> {
    return this.#repeat<ProducerIdAndEpoch | null>('EndTxn', this.#coordinator, never, async () => {
      const request = { transactionalId: this.#transactionalId, ...producer, committed }
      const response = await this.#router.send(this.#coordinator, endTxn, request, this.#options(v2 ? undefined : V1.endTxn))
      if (response.errorCode !== 0) return { error: errorName(response.errorCode) }
      const { producerId, producerEpoch } = response
      return { error: null, value: producerId < 0 ? null : { producerId, producerEpoch } }
    })
  }

  get #coordinator(): { transaction: string } {
    return { transaction: this.#transactionalId }
  }

  #options(maxVersion?: number) {
    return { channel: this.#channel, signal: this.#signal, ...(maxVersion === undefined ? {} : { maxVersion }) }
  }

  async #repeat<T>(
    request: TransactionRequest,
    target: CoordinatorTarget,
    endsWith: EndsWith,
    attempt: () => Promise<Outcome<T>>,
  ): Promise<T> {
    for (let attempts = 0; ; attempts++) {
      let error: KafkaError
      try {
        const outcome = await attempt()
        if (outcome.error === null) return outcome.value
        const about = outcome.about === undefined ? '' : ` for ${outcome.about}`
        error = new KafkaError(outcome.error, `${request}${about}: ${outcome.error}`)
      } catch (thrown) {
        if (!(thrown instanceof KafkaError) || this.#signal.aborted || this.#router.closed) throw thrown
        error = thrown
      }
      if (transactionVerdict(request, error.error) !== 'retry' || endsWith(error.error)) throw new TransactionRequestFailure(request, error)
      if (COORDINATOR_MOVED.includes(error.error)) this.#router.coordinators.forget(target)
      this.#router.system.logger.debug({ err: error, transactionalId: this.#transactionalId, attempts }, `${request} is repeated`)
      await this.#router.sleep(this.#backoffMs(error.error, attempts), this.#signal)
    }
  }

  #backoffMs(error: ErrorName, attempt: number): number {
    return error === 'CONCURRENT_TRANSACTIONS' ? concurrentBackoffMs(this.#router, attempt) : this.#router.backoffMs(attempt)
  }
}

const unneeded =
  (wanted: Wanted, errors: readonly ErrorName[]): EndsWith =>
  (error) =>
    !wanted() && errors.includes(error)

/** The coordinator still completes the previous transaction, which takes some milliseconds. */
export const concurrentBackoffMs = (router: RequestRouter, attempt: number): number =>
  backoffMs(
    { baseMs: clientLimits.concurrentTransactionsBackoffMs, maxMs: router.settings.retryBackoffMaxMs },
    attempt,
    router.system.random,
  )

/** One error for all partitions: one that ends the transaction comes before one that is retried. */
function worstOf(request: TransactionRequest, results: readonly (TopicPartition & { error: ErrorName })[], about = ''): Outcome<undefined> {
  const failed = results.filter(({ error }) => error !== 'NONE')
  const worst = failed.find(({ error }) => !['retry', 'abortable'].includes(transactionVerdict(request, error)))
  const ending = worst ?? failed.find(({ error }) => transactionVerdict(request, error) !== 'retry')
  const first = ending ?? failed[0]
  return first ? { error: first.error, about: `${about}${partitionKey(first)}` } : { error: null, value: undefined }
}
