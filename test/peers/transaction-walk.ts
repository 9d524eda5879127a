/**
 * A walk of a transactional id through the requests to its coordinator, as data: the same steps go to two brokers, and what they respond
 * is compared. Producer ids are the numbers of their first appearance.
 */
import fc from 'fast-check'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import { MAX_EPOCH } from '../../core/transactions/transaction.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'

/** Which of the identities that a walk has seen a request names: the newest, or an older one; and how its epoch is changed. */
interface Names {
  age: number
  epochChange: number
  isWrongId: boolean
}

export type Step = Names &
  (
    | { do: 'init'; version: number; isNamed: boolean; timeoutMs: number }
    | { do: 'add'; version: number; partitions: number[] }
    | { do: 'verify'; add: boolean; partitions: number[] }
    | { do: 'offsets'; version: number }
    | { do: 'end'; version: number; committed: boolean }
  )

const names = {
  age: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  epochChange: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: -2, max: 2 }) }),
  isWrongId: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
}
const partitions = fc.oneof(
  { weight: 6, arbitrary: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant<number[]>([0, 7]) },
)
const is = <T extends string>(what: T) => fc.constant(what)
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      ...names,
      do: is('init'),
      version: fc.constantFrom(1, 3, 5),
      isNamed: fc.boolean(),
      timeoutMs: fc.constantFrom(60_000, 60_000, 60_000, 0, 10_000_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ ...names, do: is('add'), version: fc.constantFrom(0, 1, 2, 3), partitions }) },
  { weight: 3, arbitrary: fc.record({ ...names, do: is('verify'), add: fc.boolean(), partitions }) },
  { weight: 1, arbitrary: fc.record({ ...names, do: is('offsets'), version: fc.constantFrom(0, 1, 2, 4) }) },
  { weight: 5, arbitrary: fc.record({ ...names, do: is('end'), version: fc.constantFrom(0, 1, 2, 4, 5, 5, 5), committed: fc.boolean() }) },
)

const COORDINATOR_LOAD_IN_PROGRESS = 14

/** The response. Apache Kafka takes new producer ids in the background, and until it has some a client is to try again. */
async function prompt<T extends { errorCode: number }>(send: () => Promise<T>): Promise<T> {
  const prompted = async () => {
    const response = await send()
    return response.errorCode === COORDINATOR_LOAD_IN_PROGRESS ? null : { response }
  }
  return (await until(prompted, 'the coordinator has producer ids'))!.response
}

/** One walk on one broker: what it responded. */
export class Walk {
  readonly #client: RawClient
  readonly #transactionalId: string
  readonly #identities: { producerId: number; producerEpoch: number }[] = []
  readonly #ids: number[] = []

  /** @param known what the producer has before the first step. */
  constructor(client: RawClient, transactionalId: string, known: { producerId: number; producerEpoch: number } | null = null) {
    this.#client = client
    this.#transactionalId = transactionalId
    if (known) {
      this.#id(known.producerId)
      this.#identities.push(known)
    }
  }

  async run(steps: readonly Step[]): Promise<unknown[]> {
    const results: unknown[] = []
    for (const one of steps) {
      results.push(await this.#do(one))
      results.push(await this.#settled())
    }
    return results
  }

  #named({ age, epochChange, isWrongId }: Names): { producerId: number; producerEpoch: number } {
    const named = this.#identities[Math.max(0, this.#identities.length - 1 - age)] ?? { producerId: 123_456_789, producerEpoch: 1 }
    return {
      producerId: isWrongId ? 987_654_321 : named.producerId,
      producerEpoch: Math.min(MAX_EPOCH - 1, Math.max(0, named.producerEpoch + epochChange)),
    }
  }

  /** The producer id as the number of its first appearance. */
  #id(producerId: number): number {
    if (producerId < 0) return producerId
    if (!this.#ids.includes(producerId)) this.#ids.push(producerId)
    return this.#ids.indexOf(producerId)
  }

  #remember(producerId: number, producerEpoch: number): void {
    if (producerId >= 0) this.#identities.push({ producerId, producerEpoch })
  }

  async #do(one: Step): Promise<unknown> {
    const client = this.#client
    const transactionalId = this.#transactionalId
    const identity = this.#named(one)
    switch (one.do) {
      case 'init': {
        const expected = one.isNamed && one.version >= 3 && this.#identities.length > 0 ? identity : {}
        const request = { transactionalId, transactionTimeoutMs: one.timeoutMs, ...expected }
        const { errorCode, producerId, producerEpoch } = await prompt(() => client.send(initProducerId, one.version, request))
        if (errorCode === 0) this.#remember(producerId, producerEpoch)
        return { errorCode, producerId: this.#id(producerId), producerEpoch }
      }
      case 'add': {
        const { resultsByTopicV3AndBelow } = await client.send(addPartitionsToTxn, one.version, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: identity.producerId,
          v3AndBelowProducerEpoch: identity.producerEpoch,
          v3AndBelowTopics: [{ name: 't', partitions: one.partitions }],
        })
        return sorted(resultsByTopicV3AndBelow)
      }
      case 'verify': {
        const topics = [{ name: 't', partitions: one.partitions }]
        const transactions = [{ transactionalId, ...identity, verifyOnly: !one.add, topics }]
        const { errorCode, resultsByTransaction } = await client.send(addPartitionsToTxn, 5, { transactions })
        return { errorCode, results: resultsByTransaction.map(({ topicResults }) => sorted(topicResults)) }
      }
      case 'offsets':
        return (await client.send(addOffsetsToTxn, one.version, { transactionalId, ...identity, groupId: 'g' })).errorCode
      case 'end': {
        const request = { transactionalId, ...identity, committed: one.committed }
        const response = await prompt(() => client.send(endTxn, one.version, request))
        const { errorCode, producerId, producerEpoch } = response
        if (errorCode === 0 && one.version >= 5) this.#remember(producerId, producerEpoch)
        return { errorCode, producerId: this.#id(producerId), producerEpoch }
      }
    }
  }

  /** The state once nothing is being written. */
  async #settled(): Promise<unknown> {
    return until(async () => {
      const { transactionStates } = await this.#client.send(describeTransactions, 0, { transactionalIds: [this.#transactionalId] })
      const { errorCode, transactionState, producerId, producerEpoch, transactionTimeoutMs, topics } = transactionStates[0]!
      if (transactionState.startsWith('Prepare')) return null
      const parts = topics.filter(({ topic }) => topic === 't').map((topic) => [...topic.partitions].sort())
      return {
        errorCode,
        transactionState,
        producerId: this.#id(errorCode === 0 ? producerId : -1),
        producerEpoch,
        transactionTimeoutMs,
        parts,
      }
    }, 'the transaction is complete')
  }
}

const sorted = (
  topics: readonly { name: string; resultsByPartition: readonly { partitionIndex: number; partitionErrorCode: number }[] }[],
) =>
  topics.map(({ name, resultsByPartition }) => ({
    name,
    results: [...resultsByPartition].sort((a, b) => a.partitionIndex - b.partitionIndex),
  }))

/** What Apache Kafka can store without transaction.version. After the error for anything else its transactional id is blocked. */
export const withoutVersion = (one: Step): Step =>
  one.do === 'end' ? { ...one, version: Math.min(one.version, 4) } : one.do === 'verify' ? { ...one, add: false } : one
