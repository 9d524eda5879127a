/**
 * Goal: whatever three users ask, one after the other, while their access control lists change, our broker gives them what Apache Kafka
 * gives them. Method: a random walk from a seed: entries are created and deleted, and requests of data and of administration, with names
 * that repeat, do not exist or are invalid, go to both brokers; whole responses are compared.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import metadata from '../../core/apis/03-metadata.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import describeGroups from '../../core/apis/15-describe-groups.ts'
import listGroups from '../../core/apis/16-list-groups.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteTopics from '../../core/apis/20-delete-topics.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import txnOffsetCommit from '../../core/apis/28-txn-offset-commit.ts'
import describeAcls from '../../core/apis/29-describe-acls.ts'
import createAcls from '../../core/apis/30-create-acls.ts'
import deleteAcls from '../../core/apis/31-delete-acls.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import describeLogDirs from '../../core/apis/35-describe-log-dirs.ts'
import createPartitions from '../../core/apis/37-create-partitions.ts'
import deleteGroups from '../../core/apis/42-delete-groups.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import offsetDelete from '../../core/apis/47-offset-delete.ts'
import describeCluster from '../../core/apis/60-describe-cluster.ts'
import describeProducers from '../../core/apis/61-describe-producers.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import describeTopicPartitions from '../../core/apis/75-describe-topic-partitions.ts'
import type { AnyServedApi } from '../../core/apis/define-api.ts'
import { errorCode } from '../../core/errors.ts'
import { patternTypes, permissionTypes } from '../../core/security/acl/acl.ts'
import { aclOperations, CLUSTER_NAME, resourceTypes } from '../../core/security/authorizer.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { responseOf } from '../admin-requests.ts'
import { seededRandom } from '../random.ts'
import type { RawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { type AuthorizedPeer, type AuthorizedPeers, startAuthorizedPeers } from './authorized-peers.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 240_000 })

const STEPS = 700
const users = ['ann', 'bob', 'cyd'] as const
const random = seededRandom()
const below = (count: number) => Math.floor(random() * count)
const one = <T>(list: readonly T[]): T => list[below(list.length)]!
/** Up to four, some of them twice. */
const some = <T>(list: readonly T[]): T[] => Array.from({ length: 1 + below(4) }, () => one(list))
const chance = (share: number) => random() < share

/** The first three exist at first; names begin with each other, or differ in case or by a look-alike. */
const topicNames = ['ta', 'tab', 'u', 'tabc', 'TA', 'nеw', 'x y', '__consumer_offsets', '*'] as const
const creatable = ['ta', 'tab', 'u', 'tabc', 'TA']
const groupNames = ['ga', 'gab', 'h', 'GA', '*'] as const
const ids = ['ga', 'xa', 'xab', '', '*'] as const

interface Asked {
  readonly api: AnyServedApi
  readonly version: number
  /** `ids` are the topics of the broker by name. */
  build(ids: ReadonlyMap<string, string>): object
  /** Changes what topics there are. */
  readonly changesTopics?: boolean
}

/** One that both brokers tell clients of. */
function versionOf(api: AnyServedApi, limit = Number.MAX_SAFE_INTEGER): number {
  const advertised = api.advertised ?? api.versions
  const first = Math.max(api.versions[0], advertised[0])
  return first + below(Math.min(api.versions[1], advertised[1], limit) - first + 1)
}
/** Of a topic that does not exist, another for each name. */
const nobodysId = (name: string) => `AAAAAAAAAAAAAAAAAAAA${'ABCDEFGHIJ'[(topicNames as readonly string[]).indexOf(name) + 1]}w`
const idIn = (topics: ReadonlyMap<string, string>, name: string) => topics.get(name) ?? nobodysId(name)
/** Young enough to be kept. */
const timestamp = Date.now()
const batch = () => encodeBatch([{ key: null, value: Buffer.from('v'), timestamp }])
const distinct = <T>(list: readonly T[]): T[] => [...new Set(list)]
const partition = () => one([0, 0, 0, 7])
const newTopic = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })
const unknownProducer = { producerId: 4242, producerEpoch: 0 }

function produced(): Asked {
  const version = versionOf(produce)
  // Kafka takes a partition once in a request.
  const names = distinct(some(topicNames))
  return {
    api: produce,
    version,
    build: (topics) => ({
      transactionalId: null,
      acks: 1,
      timeoutMs: 5000,
      topicData: names.map((name) => ({ name, topicId: idIn(topics, name), partitionData: [{ index: 0, records: batch() }] })),
    }),
  }
}

function fetched(): Asked {
  const version = versionOf(fetch)
  const names = distinct(some(topicNames))
  const replica = chance(0.1) ? 1 : -1
  return {
    api: fetch,
    version,
    build: (topics) => ({
      maxWaitMs: 0,
      minBytes: 1,
      isolationLevel: 0,
      sessionEpoch: -1,
      replicaId: replica,
      replicaState: { replicaId: replica, replicaEpoch: -1 },
      topics: names.map((topic) => ({
        topic,
        topicId: idIn(topics, topic),
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }],
      })),
    }),
  }
}

function asked(api: AnyServedApi, request: (version: number, topics: ReadonlyMap<string, string>) => object, last?: number): Asked {
  const version = versionOf(api, last)
  return { api, version, build: (topics) => request(version, topics) }
}

/** Each call is a new request. Names are drawn before, so that both brokers get the same. */
const requests: readonly (() => Asked)[] = [
  produced,
  fetched,
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({
      name,
      partitions: [{ partitionIndex: partition(), timestamp: one([-1, -2]) }],
    }))
    return asked(listOffsets, () => ({ replicaId: -1, isolationLevel: 0, topics }))
  },
  () => {
    const names = some(topicNames)
    const flags = { includeTopicAuthorizedOperations: chance(0.5), includeClusterAuthorizedOperations: chance(0.5) }
    const [byId, all] = [chance(0.5), chance(0.2)]
    return asked(metadata, (version, ids) => {
      const topics = names.map((name) => (byId && version >= 12 ? { name: null, topicId: idIn(ids, name) } : { name, topicId: ZERO_UUID }))
      return { topics: all && version >= 1 ? null : topics, allowAutoTopicCreation: version < 4, ...flags }
    })
  },
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({ name, at: partition() }))
    const groupId = one([...groupNames, ''])
    return asked(offsetCommit, (_, ids) => ({
      groupId,
      memberId: '',
      topics: topics.map(({ name, at }) => ({
        name,
        topicId: idIn(ids, name),
        partitions: [{ partitionIndex: at, committedOffset: 1, committedMetadata: 'm' }],
      })),
    }))
  },
  () => {
    const names = distinct(some(topicNames))
    const groups = distinct(some(groupNames))
    const all = chance(0.4)
    return asked(offsetFetch, (version, ids) => {
      const topics = all && version >= 2 ? null : names.map((name) => ({ name, topicId: idIn(ids, name), partitionIndexes: [0] }))
      return { groupId: groups[0]!, topics, groups: groups.map((groupId) => ({ groupId, topics })) }
    })
  },
  () => {
    const keys = distinct(some([...groupNames, ...ids]))
    const keyType = below(2)
    return asked(findCoordinator, (version) => ({ key: keys[0]!, keyType: version === 0 ? 0 : keyType, coordinatorKeys: keys }))
  },
  () => {
    const groups = distinct(some(groupNames))
    return asked(describeGroups, () => ({ groups, includeAuthorizedOperations: true }))
  },
  () => asked(listGroups, () => ({ statesFilter: [], typesFilter: [] })),
  () => {
    const topics = some(creatable).map(newTopic)
    const validateOnly = chance(0.3)
    return { ...asked(createTopics, () => ({ topics, validateOnly, timeoutMs: 30_000 })), changesTopics: true }
  },
  () => {
    const names = some(creatable).slice(0, 2)
    const byId = chance(0.5)
    const request = (_: number, ids: ReadonlyMap<string, string>) => ({
      topicNames: names,
      topics: names.map((name) => (byId ? { name: null, topicId: idIn(ids, name) } : { name, topicId: ZERO_UUID })),
      timeoutMs: 30_000,
    })
    return { ...asked(deleteTopics, request), changesTopics: true }
  },
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({ name, partitions: [{ partitionIndex: partition(), offset: 0 }] }))
    return asked(deleteRecords, () => ({ topics, timeoutMs: 5000 }))
  },
  () => asked(initProducerId, () => ({ transactionalId: null, transactionTimeoutMs: 60_000 })),
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({ name, partitions: [0] }))
    const v3AndBelowTransactionalId = one(ids)
    return asked(
      addPartitionsToTxn,
      () => ({
        ...{ transactions: [], v3AndBelowTransactionalId, v3AndBelowProducerId: 4242, v3AndBelowProducerEpoch: 0 },
        v3AndBelowTopics: topics,
      }),
      3,
    )
  },
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }],
    }))
    const names = { transactionalId: one(ids), groupId: one(groupNames) }
    return asked(txnOffsetCommit, () => ({ ...names, ...unknownProducer, memberId: '', topics }))
  },
  () => {
    const resources = distinct(some([...topicNames, ...groupNames])).map((resourceName) => ({
      resourceType: (groupNames as readonly string[]).includes(resourceName) && resourceName !== '*' ? 32 : 2,
      resourceName,
      configurationKeys: ['retention.ms', 'consumer.session.timeout.ms'],
    }))
    return asked(describeConfigs, () => ({ resources, includeSynonyms: false, includeDocumentation: false }))
  },
  () => {
    const resources = distinct(some(topicNames)).map((resourceName) => ({
      resourceType: 2,
      resourceName,
      configs: [{ name: 'retention.ms', configOperation: 0, value: '100000' }],
    }))
    return asked(incrementalAlterConfigs, () => ({ resources, validateOnly: true }))
  },
  () => {
    const topics = distinct(some(topicNames)).map((topic) => ({ topic, partitions: [0] }))
    return asked(describeLogDirs, () => ({ topics }))
  },
  () => {
    const topics = some(topicNames).map((name) => ({ name, count: 3, assignments: null }))
    return asked(createPartitions, () => ({ topics, timeoutMs: 30_000, validateOnly: true }))
  },
  () => {
    const groupsNames = some(groupNames)
    return asked(deleteGroups, () => ({ groupsNames }))
  },
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({ name, partitions: [{ partitionIndex: partition() }] }))
    const groupId = one(groupNames)
    return asked(offsetDelete, () => ({ groupId, topics }))
  },
  () => asked(describeCluster, () => ({ includeClusterAuthorizedOperations: true, endpointType: 1 })),
  () => {
    const topics = distinct(some(topicNames)).map((name) => ({ name, partitionIndexes: [partition()] }))
    return asked(describeProducers, () => ({ topics }))
  },
  () => {
    const transactionalIds = distinct(some(ids))
    return asked(describeTransactions, () => ({ transactionalIds }))
  },
  () => asked(listTransactions, () => ({ stateFilters: [], producerIdFilters: [] })),
  () => {
    const names = chance(0.3) ? [] : some(topicNames)
    const request = { topics: names.map((name) => ({ name })), responsePartitionLimit: one([1, 2000]) }
    return asked(describeTopicPartitions, () => request)
  },
  () => asked(describeAcls, () => anyAcl),
  () => {
    const filter = { ...anyAcl, patternTypeFilter: patternTypes.MATCH, resourceNameFilter: one([...topicNames, ...groupNames]) }
    return asked(describeAcls, () => filter)
  },
  // Users may change entries themselves, once they may alter the cluster.
  () => {
    const creations = [newAcl()]
    return asked(createAcls, () => ({ creations }))
  },
  () => {
    const filters = [someFilter()]
    return asked(deleteAcls, () => ({ filters }))
  },
]

const anyAcl = {
  ...{ resourceTypeFilter: resourceTypes.Any, resourceNameFilter: null, patternTypeFilter: patternTypes.ANY },
  ...{ principalFilter: null, hostFilter: null, operation: aclOperations.Any, permissionType: permissionTypes.ANY },
}

const operationsOf = {
  Topic: ['All', 'Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Group: ['All', 'Read', 'Delete', 'Describe', 'DescribeConfigs'],
  Cluster: ['All', 'Create', 'Delete', 'Alter', 'Describe', 'ClusterAction', 'IdempotentWrite', 'DescribeConfigs'],
  TransactionalId: ['All', 'Write', 'Describe'],
} as const

function newAcl() {
  const type = one(['Topic', 'Topic', 'Topic', 'Group', 'Group', 'TransactionalId', 'Cluster'] as const)
  const names = { Topic: topicNames, Group: groupNames, TransactionalId: ids, Cluster: [CLUSTER_NAME] }[type]
  const name = one(names as readonly string[]) || 'x'
  const isPrefix = type !== 'Cluster' && chance(0.3)
  return {
    resourceType: resourceTypes[type],
    resourceName: isPrefix ? name.slice(0, 1 + below(name.length)) : name,
    resourcePatternType: isPrefix ? patternTypes.PREFIXED : patternTypes.LITERAL,
    principal: chance(0.15) ? one(['User:*', 'User:ANN', 'Group:ann', 'User:аnn']) : `User:${one(users)}`,
    host: one(['*', '*', '*', '127.0.0.1', '127.0.0.2', '::1', '0:0:0:0:0:ffff:7f00:1']),
    operation: aclOperations[one(operationsOf[type] as readonly (keyof typeof aclOperations)[])],
    permissionType: chance(0.2) ? permissionTypes.DENY : permissionTypes.ALLOW,
  }
}

const someFilter = () => ({
  ...anyAcl,
  patternTypeFilter: one([patternTypes.ANY, patternTypes.MATCH, patternTypes.LITERAL, patternTypes.PREFIXED]),
  resourceNameFilter: one([...topicNames, ...groupNames, 't']),
  principalFilter: chance(0.5) ? `User:${one(users)}` : null,
  permissionType: one([permissionTypes.ANY, permissionTypes.ALLOW]),
})

const shown = ({ build }: Asked) => JSON.stringify(build(new Map()), (key, value) => (key === 'records' ? 'a batch' : value))

let peers: AuthorizedPeers
const both = () => [peers.ours, peers.kafka] as const
const passing = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'] as const // biome-ignore format: a list
const isPassing = (response: unknown) => passing.some((name) => JSON.stringify(response).includes(`"errorCode":${errorCode(name)},`))

async function topicsOf({ admin }: AuthorizedPeer): Promise<ReadonlyMap<string, string>> {
  const { topics } = await admin.send(metadata, 12, { topics: null })
  return new Map(topics.map(({ name, topicId }) => [name!, topicId]))
}

/** Kafka answers before its broker knows of a change. */
async function settled(names: readonly string[]): Promise<void> {
  for (const peer of both())
    await until(async () => {
      const { topics } = await peer.admin.send(metadata, 12, { topics: null })
      if (topics.some(({ partitions }) => partitions.some(({ leaderId }) => leaderId < 0))) return false
      const has = topics.map(({ name }) => name!).filter((name) => creatable.includes(name))
      if (has.sort().join() !== [...names].sort().join()) return false
      const partitions = [{ partitionIndex: 0, timestamp: -2 }]
      const listed = await peer.admin.send(listOffsets, 7, {
        replicaId: -1,
        isolationLevel: 0,
        topics: names.map((name) => ({ name, partitions })),
      })
      return listed.topics.every((topic) => topic.partitions[0]!.errorCode === 0)
    }, `${peer.name} has the topics ${names}`)
}

const aclsOf = async ({ admin }: AuthorizedPeer) => {
  const { resources } = await admin.send(describeAcls, 3, anyAcl)
  return resources.flatMap(({ acls, ...resource }) => acls.map((acl) => JSON.stringify({ ...resource, ...acl }))).sort()
}

/** Kafka answers before its authorizer knows of a change; ours is asked for what holds. */
async function sameAcls(): Promise<void> {
  await until(
    async () => JSON.stringify(await aclsOf(peers.kafka)) === JSON.stringify(await aclsOf(peers.ours)),
    'Kafka has the entries that our broker has',
  )
}

/**
 * Each group has an offset of a topic that no request names: once its last offset is deleted, a group of ours is gone, and one of Kafka is
 * there until its next check.
 */
async function keepGroups(): Promise<void> {
  const topics = [{ name: 'kept', partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] }]
  for (const { admin, name } of both())
    for (const groupId of [...groupNames, ''])
      await until(async () => {
        const committed = await admin.send(offsetCommit, 8, { groupId, memberId: '', topics })
        return committed.topics[0]!.partitions[0]!.errorCode === 0
      }, `${name} has an offset of the group "${groupId}"`)
}

beforeAll(async () => {
  const settings = {
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.num.partitions': '1',
    'auto.create.topics.enable': 'false',
  }
  peers = await startAuthorizedPeers({ ann: [], bob: [], cyd: [] }, settings)
  for (const { admin } of both()) {
    const topics = ['ta', 'tab', 'u', 'kept'].map(newTopic)
    await admin.send(createTopics, 7, { topics, validateOnly: false, timeoutMs: 30_000 })
    for (const [keyType, key] of [[0, 'ga'], [1, 'xa']] as const) // biome-ignore format: a table
      await until(
        async () => (await admin.send(findCoordinator, 4, { keyType, coordinatorKeys: [key] })).coordinators[0]!.errorCode === 0,
        `${key} has a coordinator`,
      )
    await until(
      async () => (await admin.send(initProducerId, 4, { transactionalId: 'xa', transactionTimeoutMs: 60_000 })).errorCode === 0,
      'xa has a producer id',
    )
  }
  await settled(['ta', 'tab', 'u'])
  await keepGroups()
})
afterAll(() => peers?.stop())

/** Numbers that each broker has its own of: their sign is compared. */
const ownNumbers = new Set(['producerId', 'logAppendTimeMs', 'lastTimestamp', 'partitionSize'])

/** Of records, whether there are any: those of a coordinator have times. */
function withoutOwn(key: string, value: unknown): unknown {
  if (key === 'records' && value !== null) return Object.keys(value as object).length > 0
  return ownNumbers.has(key) && typeof value === 'number' ? Math.sign(value) : value
}

async function answer(peer: AuthorizedPeer, client: RawClient, { api, version, build }: Asked, topics: ReadonlyMap<string, string>) {
  return until(async () => {
    const response = await responseOf(client, api, version, build(topics), topics)
    return !isPassing(response) && { response: JSON.parse(JSON.stringify(response, withoutOwn)) as unknown }
  }, `${peer.name} has an answer to ${api.name} that stays`)
}

test(`${STEPS} requests of three users`, async () => {
  let allowed = 0
  let denied = 0
  let before = 'the start'
  for (let step = 0; step < STEPS; step++) {
    if (chance(0.35)) {
      const isDeletion = chance(0.25)
      const request = isDeletion ? { filters: [someFilter(), someFilter()] } : { creations: Array.from({ length: 1 + below(3) }, newAcl) }
      const api = isDeletion ? deleteAcls : createAcls
      const [mine, theirs] = await Promise.all(both().map(({ admin }) => responseOf(admin, api, 3, request, new Map())))
      expect(mine, `${api.name} at step ${step}: ${JSON.stringify(request)}`).toEqual(theirs)
      await sameAcls()
    }
    const user = one(users)
    const request = one(requests)()
    const topics = await Promise.all(both().map(topicsOf))
    const [mine, theirs] = await Promise.all(both().map(async (peer, index) => answer(peer, await peer.as(user), request, topics[index]!)))
    const what = `${request.api.name} v${request.version} of ${user} at step ${step}, after ${before}: ${shown(request)}`
    expect.soft(mine, `${what}\n${(await aclsOf(peers.ours)).join('\n')}`).toEqual(theirs)
    if (/AUTHORIZATION|errorCode":(29|30|31|53)[,}]/.test(JSON.stringify(mine))) denied++
    else allowed++
    before = request.api.name
    if (request.changesTopics) {
      const names = [...(await topicsOf(peers.ours)).keys()].filter((name) => creatable.includes(name))
      await settled(names)
    }
    if (request.api === deleteGroups) await keepGroups()
    if (request.api === createAcls || request.api === deleteAcls) await sameAcls()
  }
  console.log(`${allowed} requests had no denial, ${denied} had one`)
  expect(Math.min(allowed, denied)).toBeGreaterThan(STEPS / 10)
})
