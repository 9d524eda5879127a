/**
 * Goal: the transaction coordinator responds to any sequence of requests as Apache Kafka's does: the same errors, epochs and states, in
 * every version and with every transaction.version. Method: random walks of the same raw requests to both; each step waits until a decided
 * transaction is complete. Producer ids are compared by the order in which they appear.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import updateFeatures from '../../core/apis/57-update-features.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 })

const WALKS = Number(process.env.TRIBUTARY_TEST_WALKS ?? 40)

const SAFE_DOWNGRADE = 2

let kafka: KafkaBroker
let ours: BrokerInProcess
let peers: { name: string; client: RawClient }[] = []

beforeAll(async () => {
  kafka = await startApacheKafka()
  ours = await brokerInProcess({ 'transaction.state.log.num.partitions': '5' })
  peers = [
    { name: 'Tributary', client: await ours.client() },
    { name: 'Apache Kafka', client: await rawClient(kafka.port) },
  ]
  for (const { client } of peers) {
    const topic = { name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }
    await client.send(createTopics, 7, { topics: [topic], timeoutMs: 30_000, validateOnly: false })
    await until(async () => {
      const { coordinators } = await client.send(findCoordinator, 4, { coordinatorKeys: ['walk'], keyType: 1 })
      return coordinators[0]!.errorCode === 0
    }, 'there is a coordinator')
    await until(async () => {
      const probe = { transactionalId: 'probe', transactionTimeoutMs: 60_000 }
      return (await client.send(initProducerId, 5, probe)).errorCode === 0
    }, 'the coordinator is ready')
  }
})
afterAll(async () => {
  for (const { client } of peers) client.close()
  await ours?.stop()
  await kafka?.stop()
})

/** Which of the identities that a walk has seen a request names: the newest, or an older one; and how its epoch is changed. */
interface Names {
  age: number
  epochChange: number
  isWrongId: boolean
}

type Step = Names &
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
const step: fc.Arbitrary<Step> = fc.oneof(
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

/** One walk on one broker: what it responded. */
class Walk {
  readonly #client: RawClient
  readonly #transactionalId: string
  readonly #identities: { producerId: number; producerEpoch: number }[] = []
  readonly #ids: number[] = []

  constructor(client: RawClient, transactionalId: string) {
    this.#client = client
    this.#transactionalId = transactionalId
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
    return { producerId: isWrongId ? 987_654_321 : named.producerId, producerEpoch: Math.max(0, named.producerEpoch + epochChange) }
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
        const { errorCode, producerId, producerEpoch } = await client.send(initProducerId, one.version, request)
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
        const response = await client.send(endTxn, one.version, { transactionalId, ...identity, committed: one.committed })
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
const withoutVersion = (one: Step): Step =>
  one.do === 'end' ? { ...one, version: Math.min(one.version, 4) } : one.do === 'verify' ? { ...one, add: false } : one

let walks = 0

describe('beside Apache Kafka', () => {
  test.each([2, 1, 0])('random walks have the same responses with transaction.version %i', async (maxVersionLevel) => {
    for (const { client } of peers) {
      const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel, upgradeType: SAFE_DOWNGRADE }]
      if (maxVersionLevel < 2) expect(await client.send(updateFeatures, 2, { featureUpdates })).toMatchObject({ errorCode: 0 })
      await until(async () => {
        const { finalizedFeatures } = await client.send(apiVersions, 4, { clientSoftwareName: 'walk', clientSoftwareVersion: '1' })
        const finalized = finalizedFeatures.find(({ name }) => name === 'transaction.version')
        return (finalized?.maxVersionLevel ?? 0) === maxVersionLevel
      }, 'the feature is finalized')
    }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const transactionalId = `walk-${walks++}`
        const first: Step = { do: 'init', version: 5, isNamed: false, timeoutMs: 60_000, age: 0, epochChange: 0, isWrongId: false }
        const walked = maxVersionLevel === 0 ? steps.map(withoutVersion) : steps
        const [a, b] = await Promise.all(peers.map(({ client }) => new Walk(client, transactionalId).run([first, ...walked])))
        expect(a).toEqual(b)
      }),
      { numRuns: WALKS, endOnFailure: false },
    )
  })

  test('a transactional id that nobody knows, an empty one, and filters of lists', async () => {
    const nobody = { transactionalId: 'nobody', producerId: 1, producerEpoch: 0 }
    const responses = await Promise.all(
      peers.map(async ({ client }) => {
        const list = async (request: object) => {
          const { errorCode, unknownStateFilters, transactionStates } = await client.send(listTransactions, 2, {
            stateFilters: [],
            producerIdFilters: [],
            ...request,
          })
          const states = transactionStates.map(({ transactionalId, transactionState }) => `${transactionalId} ${transactionState}`)
          return { errorCode, unknownStateFilters, states: states.filter((state) => state.startsWith('probe')) }
        }
        const end = async (request: object, version: number) =>
          (await client.send(endTxn, version, { ...nobody, committed: true, ...request })).errorCode
        return {
          ends: [await end({}, 4), await end({}, 5), await end({ transactionalId: '' }, 4), await end({ transactionalId: '' }, 5)],
          offsets: [
            (await client.send(addOffsetsToTxn, 4, { ...nobody, groupId: 'g' })).errorCode,
            (await client.send(addOffsetsToTxn, 4, { ...nobody, transactionalId: '', groupId: 'g' })).errorCode,
          ],
          described: (await client.send(describeTransactions, 0, { transactionalIds: ['nobody', ''] })).transactionStates,
          lists: [
            await list({}),
            await list({ stateFilters: ['Empty'] }),
            await list({ stateFilters: ['Ongoing'] }),
            await list({ stateFilters: ['Nowhere', 'empty'] }),
            await list({ producerIdFilters: [99_999] }),
            await list({ durationFilter: 0 }),
            await list({ durationFilter: 2 ** 50 }),
            await list({ transactionalIdPattern: 'pro' }),
            await list({ transactionalIdPattern: 'pro.*' }),
            await list({ transactionalIdPattern: '' }),
            await list({ transactionalIdPattern: '(' }),
          ],
        }
      }),
    )
    expect(responses[0]).toEqual(responses[1])
  })
})
