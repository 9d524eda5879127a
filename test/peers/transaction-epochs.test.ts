/**
 * Goal: where the epochs of a producer id end, and where transaction.version changes, the coordinator does as Apache Kafka's: the producer
 * gets another id, the old one is fenced, and no transaction is lost. Method: random walks of the same requests to both, from states that
 * are written to `__transaction_state` as kafka-clients' admin may, and which both brokers load.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import metadata from '../../core/apis/03-metadata.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import updateFeatures from '../../core/apis/57-update-features.ts'
import { coordinatorPartition } from '../../core/coordinator-partition.ts'
import { transactionRecord } from '../../core/transactions/records.ts'
import { MAX_EPOCH, newTransaction, type TransactionState } from '../../core/transactions/transaction.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { type Step, step, Walk, withoutVersion } from './transaction-walk.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 })

const WALKS = Number(process.env.TRIBUTARY_TEST_WALKS ?? 40)
const LEVELS = [2, 1, 0] as const

const SAFE_DOWNGRADE = 2
const UPGRADE = 1
/** The client id with which Kafka lets internal topics be written. */
const ADMIN_CLIENT = '__admin_client'

let kafka: KafkaBroker
let ours: BrokerInProcess
let clients: RawClient[] = []

interface Prepared {
  transactionalId: string
  producerId: number
  producerEpoch: number
  state: TransactionState
}

/** For each level and walk. */
const prepared = LEVELS.map((level) =>
  Array.from({ length: WALKS }, (_, index): Prepared => {
    const states: TransactionState[] = ['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort']
    const state = states[index % 4]!
    // Only the abort that fences a producer takes the very last epoch.
    const epochs = state === 'CompleteAbort' ? 5 : 4
    return {
      transactionalId: `old-${level}-${index}`,
      producerId: 1_000_000 + level * 1_000 + index,
      producerEpoch: MAX_EPOCH - 4 + (Math.floor(index / 4) % epochs),
      state,
    }
  }),
)

beforeAll(async () => {
  const settings = { 'transaction.state.log.num.partitions': '5' }
  kafka = await startApacheKafka(settings)
  ours = await brokerInProcess(settings)
  clients = [await ours.client(), await rawClient(kafka.port)]
  for (const client of clients) {
    const topic = { name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }
    await client.send(createTopics, 7, { topics: [topic], timeoutMs: 30_000, validateOnly: false })
    await ready(client)
    for (const one of prepared.flat()) await write(client, one)
    client.close()
  }
  await ours.restart()
  await kafka.exit()
  await kafka.start()
  clients = [await ours.client(), await rawClient(kafka.port)]
  for (const client of clients) await ready(client)
})
afterAll(async () => {
  for (const client of clients) client.close()
  await ours?.stop()
  await kafka?.stop()
})

async function ready(client: RawClient): Promise<void> {
  await until(async () => {
    const { coordinators } = await client.send(findCoordinator, 4, { coordinatorKeys: ['walk'], keyType: 1 })
    return coordinators[0]!.errorCode === 0
  }, 'there is a coordinator')
  await until(async () => {
    const { topics } = await client.send(metadata, 9, { topics: [{ topicId: '', name: '__transaction_state' }] })
    const probes = Array.from({ length: 20 }, (_, index) => ({ transactionalId: `probe-${index}`, transactionTimeoutMs: 60_000 }))
    for (const probe of probes) if ((await client.send(initProducerId, 5, probe)).errorCode !== 0) return false
    return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
  }, 'the coordinator is ready')
}

async function write(client: RawClient, { transactionalId, state, ...identity }: Prepared): Promise<void> {
  const now = Date.now()
  const transaction = { ...newTransaction(transactionalId, identity.producerId, 60_000, now), ...identity, state, previousProducerId: -1 }
  const partitions = new Map(state === 'Ongoing' ? [['t-0', { topic: 't', partition: 0 }]] : [])
  const startTimestamp = state === 'Empty' ? -1 : now
  const { key, value } = transactionRecord({ ...transaction, partitions, startTimestamp }, 1, now)
  const records = encodeBatch([{ key, value, timestamp: now }])
  const partitionData = [{ index: coordinatorPartition(transactionalId, 5), records }]
  const topicData = [{ name: '__transaction_state', topicId: '', partitionData }]
  const request = { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData }
  const { responses } = await client.send(produce, 9, request, ADMIN_CLIENT)
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
}

async function finalize(client: RawClient, level: number): Promise<void> {
  const finalized = async () => {
    const { finalizedFeatures } = await client.send(apiVersions, 4, { clientSoftwareName: 'walk', clientSoftwareVersion: '1' })
    return finalizedFeatures.find(({ name }) => name === 'transaction.version')?.maxVersionLevel ?? 0
  }
  const before = await finalized()
  if (before === level) return
  const upgradeType = level < before ? SAFE_DOWNGRADE : UPGRADE
  const featureUpdates = [{ feature: 'transaction.version', maxVersionLevel: level, upgradeType }]
  expect(await client.send(updateFeatures, 2, { featureUpdates })).toMatchObject({ errorCode: 0 })
  await until(async () => (await finalized()) === level, 'the feature is finalized')
}

describe('beside Apache Kafka', () => {
  test.each(LEVELS)('random walks near the last epoch, transaction.version %i', async (level) => {
    for (const client of clients) await finalize(client, level)
    let next = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const one = prepared[LEVELS.indexOf(level)]![next++]!
        const walked = level === 0 ? steps.map(withoutVersion) : steps
        const walks = clients.map((client) => new Walk(client, one.transactionalId, one).run(walked))
        const [a, b] = await Promise.all(walks)
        expect(a, JSON.stringify(one)).toEqual(b)
      }),
      { numRuns: WALKS, endOnFailure: true },
    )
  })

  test('random walks while transaction.version changes', async () => {
    let next = 0
    const part = fc.tuple(fc.constantFrom(2, 1), fc.array(step, { minLength: 1, maxLength: 6 }))
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 2, maxLength: 5 }), async (parts) => {
        const transactionalId = `changing-${next++}`
        const first: Step = { do: 'init', version: 5, isNamed: false, timeoutMs: 60_000, age: 0, epochChange: 0, isWrongId: false }
        const walks = clients.map(async (client) => {
          const walk = new Walk(client, transactionalId)
          const results: unknown[] = await walk.run([first])
          for (const [level, steps] of parts) {
            await finalize(client, level)
            results.push({ level }, ...(await walk.run(steps)))
          }
          return results
        })
        const [a, b] = await Promise.all(walks)
        expect(a).toEqual(b)
      }),
      { numRuns: WALKS, endOnFailure: true },
    )
  })
})
