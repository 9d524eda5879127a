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
import addOffsetsToTxn from '../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import updateFeatures from '../../core/apis/57-update-features.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { type Step, step, Walk, withoutVersion } from './transaction-walk.ts'

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
