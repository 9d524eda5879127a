/**
 * Goal: the handlers of producers, consumers, groups and transactions ask for all that Kafka asks for, and answer what is denied as Kafka:
 * with the error of the topic, the group or the whole request, or by hiding it. Method: each request of test/authorized-requests goes to
 * its handler in every version, on a running broker, with an authorizer that denies what the test says and keeps its questions.
 * Story of core/apis.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import produce from '../../../core/apis/00-produce.ts'
import fetch from '../../../core/apis/01-fetch.ts'
import metadata from '../../../core/apis/03-metadata.ts'
import findCoordinator from '../../../core/apis/10-find-coordinator.ts'
import listGroups from '../../../core/apis/16-list-groups.ts'
import initProducerId from '../../../core/apis/22-init-producer-id.ts'
import offsetForLeaderEpoch from '../../../core/apis/23-offset-for-leader-epoch.ts'
import writeTxnMarkers from '../../../core/apis/27-write-txn-markers.ts'
import describeTransactions from '../../../core/apis/65-describe-transactions.ts'
import type { AnyServedApi } from '../../../core/apis/define-api.ts'
import type { Peer } from '../../../core/apis/request-context.ts'
import { errorCode, errorName, KafkaError } from '../../../core/errors.ts'
import { PendingRequest } from '../../../core/network/pending-request.ts'
import { RequestDispatcher } from '../../../core/network/request-dispatcher.ts'
import type { Action, Authorizer } from '../../../core/security/authorizer.ts'
import { Reader } from '../../../core/wire/reader.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { Writer } from '../../../core/wire/writer.ts'
import {
  type AuthorizedRequest,
  authorizedRequests,
  type Cluster,
  type Need,
  prepareCluster,
  versionsOf,
} from '../../authorized-requests/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'

let running: BrokerInProcess
let cluster: Cluster
beforeAll(async () => {
  running = await brokerInProcess()
  cluster = await prepareCluster(await running.client())
})
afterAll(() => running.stop())

type Question = Pick<Action, 'operation' | 'resourceType' | 'resourceName'>
const textOf = ({ operation, resourceType, resourceName }: Question) => `${operation} ${resourceType} ${resourceName}`

interface Client {
  /** The response; null where the connection was closed. */
  ask(api: AnyServedApi, version: number, request: object): Promise<unknown>
  /** All that was asked for, in order. */
  readonly actions: Action[]
}

/** The response, also that of a handler that failed. */
async function handled(pending: PendingRequest): Promise<unknown> {
  try {
    return await pending.api.handle(pending)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return new RequestDispatcher([], pending.broker).errorResponse(pending, error)
  }
}

/** A client of the broker that may do all for which `denies` is false. */
function clientThat(denies: (question: string) => boolean): Client {
  const actions: Action[] = []
  const authorizer: Authorizer = {
    authorize(_, action) {
      actions.push(action)
      return !denies(textOf(action))
    },
    authorizeByResourceType(_, operation, resourceType) {
      const resourceName = 'data-a'
      actions.push({
        ...{ operation, resourceType, resourceName, api: '', resourceReferenceCount: 1 },
        logIfAllowed: true,
        logIfDenied: true,
      })
      return !denies(textOf({ operation, resourceType, resourceName }))
    },
  }
  async function ask(api: AnyServedApi, version: number, request: object): Promise<unknown> {
    const writer = new Writer()
    api.writeRequest(writer, version, request as never)
    let isClosed = false
    const peer: Peer = {
      ...{
        id: '1',
        host: '/127.0.0.1',
        listener: 'PLAINTEXT',
        principal: 'User:alice',
        closed: false,
        maxResponseBytes: 1 << 20,
        tokenAuthenticated: false,
      },
      onClose: () => () => {},
      close: () => {
        isClosed = true
      },
    }
    const decoded = api.readRequest(new Reader(writer.bytes()), version)
    const header = { apiVersion: version, correlationId: 1, clientId: 'client' }
    const pending = new PendingRequest(api, decoded, header, peer, { ...running.broker, authorizer }, { sizeBytes: 0, bodyBytes: 0 })
    const response = await handled(pending)
    if (isClosed) return 'closed'
    if (response === null) return null
    const sent = new Writer()
    api.writeResponse(sent, version, response as never)
    return api.readResponse(new Reader(sent.bytes()), version)
  }
  return { ask, actions }
}

/** `TOPIC_AUTHORIZATION_FAILED 2`: each error of a response with its number. */
function errorsOf(response: unknown): Map<string, number> {
  const counts = new Map<string, number>()
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return
    for (const [key, each] of Object.entries(value))
      if (!/errorCode$/i.test(key)) walk(each)
      else if (each !== 0) counts.set(errorName(each), (counts.get(errorName(each)) ?? 0) + 1)
  }
  walk(response)
  return counts
}

/** What a response shows, in the words of a need. */
function shows(response: unknown, [, , denied]: Need): string {
  if (response === 'closed') return 'closed'
  const [what, name] = denied.split(' ')
  if (what !== 'hides') return `${what} ${errorsOf(response).get(what!) ?? 0}`
  return JSON.stringify(response).includes(`"${name}"`) ? `shows ${name}` : denied
}

let sent = 0
/** A response of each version, and its questions. */
async function answersTo(request: AuthorizedRequest, denied: (need: Need) => boolean) {
  const answers: { version: number; response: unknown; actions: Action[] }[] = []
  for (const version of versionsOf(request)) {
    const unique = `n${++sent}`
    const questions = request.needs
      .filter(denied)
      .map(([requirement, resource]) => `${requirement} ${resource.replace('<unique>', unique)}`)
    const client = clientThat((question) => question === request.without || questions.includes(question))
    answers.push({
      version,
      response: await client.ask(request.api, version, request.request(cluster, version, unique)),
      actions: client.actions,
    })
  }
  return answers
}

describe.each(authorizedRequests.map((request) => ({ name: request.name, request })))('$name', ({ request }) => {
  test('what is denied is refused or hidden', async () => {
    const table = request.needs.filter(([, , denied]) => denied !== '')
    for (const need of table)
      for (const { version, response } of await answersTo(request, (other) => other === need))
        expect(`v${version} ${need[0]} ${need[1]}: ${shows(response, need)}`).toBe(`v${version} ${need[0]} ${need[1]}: ${need[2]}`)
  })

  // So it is the denial that shows.
  if (request.isRefusedAnyway) return
  test('what is allowed is not', async () => {
    for (const { version, response } of await answersTo(request, () => false))
      for (const need of request.needs) expect(`v${version}: ${shows(response, need)}`).not.toBe(`v${version}: ${need[2]}`)
  })
})

test('each API asks for each requirement that it declares', async () => {
  const declared = new Map<string, AnyServedApi>()
  const asked = new Set<string>()
  for (const request of authorizedRequests) {
    const { api, needs } = request
    for (const requirement of api.authorization) declared.set(`${api.name}: ${requirement}`, api)
    for (const denied of [() => false, () => true, ...needs.map((need) => (other: Need) => other === need)])
      for (const { actions } of await answersTo(request, denied))
        for (const { operation, resourceType } of actions) asked.add(`${api.name}: ${operation} ${resourceType}`)
  }
  // Kafka's clients cannot send the version that asks for this one yet.
  const twoPhases = clientThat(() => false)
  await twoPhases.ask(initProducerId, 6, { transactionalId: 'tx-2pc', transactionTimeoutMs: 60_000, enable2Pc: true })
  for (const { operation, resourceType } of twoPhases.actions) asked.add(`InitProducerId: ${operation} ${resourceType}`)
  expect([...declared.keys()].filter((requirement) => !asked.has(requirement))).toEqual([])
})

test('all APIs of producers, consumers, groups and transactions are sent', () => {
  const keys = new Set(authorizedRequests.map(({ api }) => api.key))
  expect([...keys].sort((a, b) => a - b)).toEqual([
    0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 27, 28, 61, 65, 66, 75,
  ])
})

describe('one of several permissions is enough', () => {
  const errors = async (api: AnyServedApi, version: number, request: object, ...denied: string[]) =>
    [...errorsOf(await clientThat((question) => denied.includes(question)).ask(api, version, request))].join()

  test('InitProducerId: IdempotentWrite on the cluster, or Write on any topic', async () => {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 }
    const [cluster, topic] = ['IdempotentWrite Cluster kafka-cluster', 'Write Topic data-a']
    expect(await errors(initProducerId, 5, request, cluster!)).toBe('')
    expect(await errors(initProducerId, 5, request, topic!)).toBe('')
    expect(await errors(initProducerId, 5, request, cluster!, topic!)).toBe('CLUSTER_AUTHORIZATION_FAILED,1')
  })

  test('InitProducerId: two phases need both permissions', async () => {
    const request = { transactionalId: 'tx-2pc', transactionTimeoutMs: 60_000, enable2Pc: true }
    for (const denied of ['Write TransactionalId tx-2pc', 'TwoPhaseCommit TransactionalId tx-2pc'])
      expect(await errors(initProducerId, 6, request, denied)).toBe('TRANSACTIONAL_ID_AUTHORIZATION_FAILED,1')
  })

  test('WriteTxnMarkers: Alter or ClusterAction', async () => {
    const marker = { producerId: 777, producerEpoch: 0, transactionResult: false, coordinatorEpoch: 0 }
    const request = { markers: [{ ...marker, topics: [{ name: 'data-missing', partitionIndexes: [0] }] }] }
    const [alter, action] = ['Alter Cluster kafka-cluster', 'ClusterAction Cluster kafka-cluster']
    for (const denied of [alter!, action!]) expect(await errors(writeTxnMarkers, 1, request, denied)).toBe('UNKNOWN_TOPIC_OR_PARTITION,1')
    expect(await errors(writeTxnMarkers, 1, request, alter!, action!)).toBe('CLUSTER_AUTHORIZATION_FAILED,1')
  })

  test('Metadata: a topic is created with Create on the cluster or on its name, and not without', async () => {
    const ask = (name: string, ...denied: string[]) =>
      errors(metadata, 13, { topics: [{ name, topicId: ZERO_ID }], allowAutoTopicCreation: true }, ...denied)
    const onCluster = 'Create Cluster kafka-cluster'
    expect(await ask('new-1', onCluster)).toBe('')
    expect(await ask('new-2', 'Create Topic new-2')).toBe('')
    expect(await ask('new-3', onCluster, 'Create Topic new-3')).toBe('TOPIC_AUTHORIZATION_FAILED,1')
    expect(['new-1', 'new-2', 'new-3'].map((name) => running.broker.cluster.topic(name) !== undefined)).toEqual([true, true, false])
  })

  test('FindCoordinator of a share group: ClusterAction, for all keys', async () => {
    const request = { key: '', keyType: 2, coordinatorKeys: ['a', 'b'] }
    expect(await errors(findCoordinator, 6, request, 'ClusterAction Cluster kafka-cluster')).toBe('CLUSTER_AUTHORIZATION_FAILED,2')
  })
})

test('authorized operations are those of the client; of a denied topic, group or cluster none are shown', async () => {
  const request = { topics: ['data-a', 'data-b'].map((name) => ({ name, topicId: ZERO_ID })), allowAutoTopicCreation: false }
  const all = { ...request, includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
  const operationsIn = async (...denied: string[]) => {
    const response = (await clientThat((question) => denied.includes(question)).ask(metadata, 10, all)) as {
      topics: { topicAuthorizedOperations: number }[]
      clusterAuthorizedOperations: number
    }
    return [...response.topics.map(({ topicAuthorizedOperations }) => topicAuthorizedOperations), response.clusterAuthorizedOperations]
  }
  const [topic, onCluster, none] = [3576, 8096, -2147483648]
  expect(await operationsIn()).toEqual([topic, topic, onCluster])
  expect(await operationsIn('Write Topic data-a')).toEqual([topic - (1 << 4), topic, onCluster])
  expect(await operationsIn('Describe Topic data-b')).toEqual([topic, none, onCluster])
  expect(await operationsIn('Describe Cluster kafka-cluster')).toEqual([topic, topic, 0])
})

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

describe('the audit log', () => {
  const unloggedDenials = async (api: AnyServedApi, version: number, request: object) => {
    const client = clientThat(() => true)
    await client.ask(api, version, request)
    return [
      ...new Set(
        client.actions.filter(({ logIfDenied }) => !logIfDenied).map(({ operation, resourceType }) => `${operation} ${resourceType}`),
      ),
    ]
  }

  test('a denial that only filters a list, or after which something else is asked for, is not logged', async () => {
    expect(await unloggedDenials(metadata, 12, { topics: null })).toEqual(['Describe Topic'])
    expect(await unloggedDenials(metadata, 12, { topics: [{ name: 'data-a', topicId: ZERO_ID }] })).toEqual([])
    expect(await unloggedDenials(listGroups, 5, { statesFilter: [], typesFilter: [] })).toEqual(['Describe Cluster', 'Describe Group'])
    expect(await unloggedDenials(offsetForLeaderEpoch, 4, { topics: [] })).toEqual(['ClusterAction Cluster'])
    expect(await unloggedDenials(writeTxnMarkers, 1, { markers: [] })).toEqual(['Alter Cluster'])
    expect(await unloggedDenials(initProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1 })).toEqual([
      'IdempotentWrite Cluster',
    ])
  })

  test('Produce and Fetch ask once for each topic, with the number of its partitions', async () => {
    const client = clientThat(() => false)
    const partitions = [0, 1]
    const partitionData = partitions.map((index) => ({ index, records: encodeBatch([{ key: null, value: null, timestamp: 1 }]) }))
    await client.ask(produce, 9, { acks: 1, timeoutMs: 5000, topicData: [{ name: 'data-a', partitionData }] })
    const requested = partitions.map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 }))
    await client.ask(fetch, 12, { maxWaitMs: 0, minBytes: 1, isolationLevel: 0, topics: [{ topic: 'data-b', partitions: requested }] })
    expect(client.actions.map((action) => `${textOf(action)} ${action.resourceReferenceCount}`)).toEqual([
      'Write Topic data-a 2',
      'Read Topic data-b 2',
    ])
  })
})

test('a fetch that waits is asked about on arrival only, and waits beside a denied topic', async () => {
  const log = running.broker.logs.get('data-b', 1)!
  const client = clientThat((question) => question === 'Read Topic data-a')
  const partition = (fetchOffset: number) => [{ partition: 1, fetchOffset, partitionMaxBytes: 1000 }]
  const topics = [
    { topic: 'data-a', partitions: partition(0) },
    { topic: 'data-b', partitions: partition(log.logEndOffset) },
  ]
  const waiting = client.ask(fetch, 12, { maxWaitMs: 60_000, minBytes: 1, isolationLevel: 0, topics })
  await log.append(encodeBatch([{ key: null, value: Buffer.from('new'), timestamp: 1 }]), 'client').durable
  const response = (await waiting) as { responses: { partitions: { errorCode: number; records: Buffer[] }[] }[] }
  const [denied, read] = response.responses.map(({ partitions }) => partitions[0]!)
  expect(denied!.errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
  expect(read!.records.length).toBeGreaterThan(0)
  expect(client.actions.map(textOf)).toEqual(['Read Topic data-a', 'Read Topic data-b'])
})

test('a topic that a producer may not write to joins no transaction', async () => {
  const client = clientThat((question) => question === 'Write Topic data-b')
  const init = { transactionalId: 'tx-joins', transactionTimeoutMs: 60_000 }
  const { producerId, producerEpoch } = (await client.ask(initProducerId, 5, init)) as { producerId: number; producerEpoch: number }
  const partitionData = () => [
    {
      index: 0,
      records: encodeBatch([{ key: null, value: null, timestamp: 1 }], { producerId, producerEpoch, baseSequence: 0, transactional: true }),
    },
  ]
  const topicData = ['data-a', 'data-b'].map((name) => ({ name, partitionData: partitionData() }))
  const response = await client.ask(produce, 12, { transactionalId: 'tx-joins', acks: -1, timeoutMs: 5000, topicData })
  expect([...errorsOf(response)]).toEqual([['TOPIC_AUTHORIZATION_FAILED', 1]])
  const described = await client.ask(describeTransactions, 0, { transactionalIds: ['tx-joins'] })
  expect(described).toMatchObject({ transactionStates: [{ transactionState: 'Ongoing', topics: [{ topic: 'data-a', partitions: [0] }] }] })
})
