/**
 * Requests of the APIs that administer a cluster, for tests that compare brokers: each asks about what the user `user` may see or change
 * (`mine-`), what it may not (`theirs-`), and what does not exist. They change nothing but what belongs to the user.
 */
import { expect } from 'vitest'
import createTopics from '../core/apis/19-create-topics.ts'
import deleteTopics from '../core/apis/20-delete-topics.ts'
import describeConfigs from '../core/apis/32-describe-configs.ts'
import alterConfigs from '../core/apis/33-alter-configs.ts'
import describeLogDirs from '../core/apis/35-describe-log-dirs.ts'
import createPartitions from '../core/apis/37-create-partitions.ts'
import deleteGroups from '../core/apis/42-delete-groups.ts'
import electLeaders from '../core/apis/43-elect-leaders.ts'
import incrementalAlterConfigs from '../core/apis/44-incremental-alter-configs.ts'
import alterReassignments from '../core/apis/45-alter-partition-reassignments.ts'
import listReassignments from '../core/apis/46-list-partition-reassignments.ts'
import offsetDelete from '../core/apis/47-offset-delete.ts'
import describeQuotas from '../core/apis/48-describe-client-quotas.ts'
import describeScram from '../core/apis/50-describe-user-scram-credentials.ts'
import alterScram from '../core/apis/51-alter-user-scram-credentials.ts'
import describeQuorum from '../core/apis/55-describe-quorum.ts'
import updateFeatures from '../core/apis/57-update-features.ts'
import describeCluster from '../core/apis/60-describe-cluster.ts'
import unregisterBroker from '../core/apis/64-unregister-broker.ts'
import listConfigResources from '../core/apis/74-list-config-resources.ts'
import type { AnyApi } from '../core/wire/api.ts'
import { ZERO_UUID } from '../core/wire/types.ts'
import type { RawClient } from './raw-client.ts'

export interface AdminRequest {
  readonly api: AnyApi
  readonly version: number
  /** `ids` are the topics of the broker by name. */
  build(user: string, ids: ReadonlyMap<string, string>): object
}

const NOBODYS_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const [TOPIC, BROKER, LOGGER, METRICS, GROUP, UNKNOWN] = [2, 4, 8, 16, 32, 99]

/** The request in all versions of the API. */
const inAll = (api: AnyApi, build: AdminRequest['build']): AdminRequest[] => {
  const [first, last] = api.versions
  return Array.from({ length: last - first + 1 }, (_, index) => ({ api, version: first + index, build }))
}
const inOne = (api: AnyApi, version: number, build: AdminRequest['build']): AdminRequest[] => [{ api, version, build }]

const newTopic = (name: string, over: object = {}) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...over,
})

/** One of each type. */
const described = (user: string) =>
  [
    [TOPIC, `mine-${user}`, 'retention.ms'],
    [TOPIC, `theirs-${user}`, 'retention.ms'],
    [TOPIC, `mine-new-${user}`, 'retention.ms'],
    [TOPIC, `theirs-new-${user}`, 'retention.ms'],
    [BROKER, '1', 'log.retention.ms'],
    [BROKER, '', 'log.retention.ms'],
    [BROKER, '9', 'log.retention.ms'],
    [LOGGER, '1', 'no.such.logger'],
    [METRICS, `mine-${user}`, 'interval.ms'],
    [GROUP, `mine-${user}`, 'consumer.session.timeout.ms'],
    [GROUP, `theirs-${user}`, 'consumer.session.timeout.ms'],
  ] as const

const altered = (user: string) =>
  [
    [TOPIC, `mine-${user}`, 'retention.ms', '100000'],
    [TOPIC, `theirs-${user}`, 'retention.ms', '100000'],
    [TOPIC, `mine-new-${user}`, 'retention.ms', '100000'],
    [TOPIC, `theirs-new-${user}`, 'retention.ms', '100000'],
    [BROKER, '1', 'log.retention.ms', '100000'],
    [BROKER, '', 'log.retention.ms', '100000'],
    [LOGGER, '1', 'root', 'INFO'],
    [METRICS, `mine-${user}`, 'interval.ms', '1000'],
    [GROUP, `mine-${user}`, 'consumer.session.timeout.ms', '45000'],
    [GROUP, `theirs-${user}`, 'consumer.session.timeout.ms', '45000'],
    [UNKNOWN, 'x', 'a', 'b'],
  ] as const
const configsOf = (resources: readonly (readonly [number, string, string, string | null])[]) => ({
  resources: resources.map(([resourceType, resourceName, name, value]) => ({
    resourceType,
    resourceName,
    configs: [{ name, configOperation: 0, value }],
  })),
  validateOnly: true,
})

export const adminRequests: readonly AdminRequest[] = [
  ...inAll(createTopics, (user) => ({
    topics: [
      ...['mine', 'theirs', 'mine-new', 'theirs-new'].map((kind) => newTopic(`${kind}-${user}`)),
      ...['twice', 'twice', '__cluster_metadata', 'bad name'].map((name) => newTopic(name)),
    ],
    validateOnly: true,
  })),
  ...inOne(createTopics, 7, (user) => ({
    topics: [newTopic(`mine-new-${user}`, { numPartitions: 20_000 }), newTopic(`theirs-new-${user}`), newTopic('twice'), newTopic('twice')],
    validateOnly: true,
  })),
  ...inAll(describeConfigs, (user) => ({
    resources: described(user).map(([resourceType, resourceName, key]) => ({ resourceType, resourceName, configurationKeys: [key] })),
    includeSynonyms: false,
    includeDocumentation: false,
  })),
  ...inOne(describeConfigs, 4, (user) => ({
    resources: [...described(user).slice(0, 2), [UNKNOWN, 'x', 'y'] as const].map(([resourceType, resourceName, key]) => ({
      resourceType,
      resourceName,
      configurationKeys: [key],
    })),
    includeSynonyms: false,
  })),
  ...inAll(alterConfigs, (user) => configsOf(altered(user))),
  ...inAll(incrementalAlterConfigs, (user) => configsOf(altered(user))),
  ...inOne(incrementalAlterConfigs, 1, (user) =>
    configsOf([
      [TOPIC, `mine-${user}`, 'retention.ms', '1'],
      [TOPIC, `mine-${user}`, 'retention.ms', '1'],
      [TOPIC, `theirs-${user}`, 'retention.ms', null],
      [TOPIC, '', 'a', 'b'],
      [TOPIC, 'bad name', 'a', 'b'],
      [LOGGER, '9', 'root', 'INFO'],
      [LOGGER, '1', 'root', 'BOGUS'],
      [METRICS, '', 'a', '1'],
      [GROUP, '', 'a', 'b'],
    ]),
  ),
  ...inOne(incrementalAlterConfigs, 1, (user) => ({
    resources: [TOPIC, LOGGER].map((resourceType) => ({
      resourceType,
      resourceName: resourceType === LOGGER ? '1' : `theirs-${user}`,
      configs: [1, 2].map(() => ({ name: 'a', configOperation: 0, value: 'b' })),
    })),
    validateOnly: true,
  })),
  ...inAll(describeLogDirs, (user) => ({ topics: ['mine', 'theirs'].map((kind) => ({ topic: `${kind}-${user}`, partitions: [0] })) })),
  ...inAll(createPartitions, (user) => ({
    topics: ['mine', 'theirs', 'mine-new', 'theirs-new', 'twice', 'twice'].map((kind) => ({
      name: `${kind}-${user}`,
      count: 3,
      assignments: null,
    })),
    timeoutMs: 30_000,
    validateOnly: true,
  })),
  ...inAll(electLeaders, (user) => ({
    electionType: 0,
    topicPartitions: [{ topic: `mine-${user}`, partitions: [0, 1] }],
    timeoutMs: 30_000,
  })),
  ...inOne(electLeaders, 2, () => ({ electionType: 0, topicPartitions: [], timeoutMs: 30_000 })),
  ...inOne(electLeaders, 2, () => ({ electionType: 9, topicPartitions: [{ topic: 'shared', partitions: [0] }], timeoutMs: 30_000 })),
  ...inAll(alterReassignments, (user) => ({
    timeoutMs: 30_000,
    topics: [`mine-${user}`, `mine-new-${user}`].map((name) => ({ name, partitions: [{ partitionIndex: 0, replicas: null }] })),
  })),
  ...inAll(listReassignments, () => ({ timeoutMs: 30_000, topics: null })),
  ...inAll(describeQuotas, () => ({ components: [{ entityType: '', matchType: 0, match: null }], strict: false })),
  ...inAll(describeScram, (user) => ({ users: [{ name: user }, { name: 'x' }] })),
  ...inAll(alterScram, (user) => ({
    deletions: [1, 2].map((mechanism) => ({ name: `deleted-${user}`, mechanism })),
    upsertions: [{ name: `added-${user}`, mechanism: 9, iterations: 4096, salt: Buffer.from('s'), saltedPassword: Buffer.from('p') }],
  })),
  ...inAll(describeQuorum, () => ({ topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] })),
  ...inAll(updateFeatures, () => ({ featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 2 }], validateOnly: true })),
  ...inAll(describeCluster, () => ({ includeClusterAuthorizedOperations: true, endpointType: 1 })),
  ...inOne(describeCluster, 2, () => ({ includeClusterAuthorizedOperations: false, endpointType: 1 })),
  ...inAll(unregisterBroker, () => ({ brokerId: 9 })),
  ...inOne(listConfigResources, 0, () => ({})),
  ...inOne(listConfigResources, 1, () => ({ resourceTypes: [BROKER, LOGGER, METRICS, GROUP] })),
  ...inOne(listConfigResources, 1, () => ({ resourceTypes: [UNKNOWN] })),
  ...inAll(offsetDelete, (user) => ({
    groupId: `mine-${user}`,
    topics: ['mine', 'theirs', 'mine-new', 'theirs-new'].map((kind) => ({
      name: `${kind}-${user}`,
      partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }],
    })),
  })),
  ...['theirs', 'mine-new'].flatMap((group) =>
    inAll(offsetDelete, (user) => ({
      groupId: `${group}-${user}`,
      topics: [{ name: `theirs-${user}`, partitions: [{ partitionIndex: 0 }] }],
    })),
  ),
  ...inOne(deleteGroups, 2, (user) => ({
    groupsNames: ['mine', 'mine', 'theirs', 'mine-new', 'theirs-new'].map((kind) => `${kind}-${user}`),
  })),
  ...[1, 3, 5].flatMap((version) =>
    inOne(deleteTopics, version, (user) => ({
      topicNames: ['mine-new', 'theirs-new', 'twice', 'twice'].map((kind) => `${kind}-${user}`),
      timeoutMs: 30_000,
    })),
  ),
  // The same topic by its id and by its name: nothing is deleted.
  ...inOne(deleteTopics, 6, (user, ids) => ({
    topics: [
      { name: `mine-${user}`, topicId: ZERO_UUID },
      { name: null, topicId: ids.get(`mine-${user}`)! },
      { name: `theirs-${user}`, topicId: ids.get(`theirs-${user}`)! },
      { name: null, topicId: ZERO_UUID },
      { name: null, topicId: NOBODYS_ID },
    ],
    timeoutMs: 30_000,
  })),
  ...inOne(deleteTopics, 6, (user, ids) => ({
    topics: [
      { name: `mine-${user}`, topicId: ZERO_UUID },
      { name: null, topicId: ids.get(`theirs-${user}`)! },
      { name: `mine-new-${user}`, topicId: ZERO_UUID },
      { name: `theirs-new-${user}`, topicId: ZERO_UUID },
      { name: 'twice', topicId: ZERO_UUID },
      { name: 'twice', topicId: ZERO_UUID },
    ],
    timeoutMs: 30_000,
  })),
]

/** Fields that are each broker's own. */
const OWN = new Set(['port', 'clusterId', 'logDir', 'totalBytes', 'usableBytes', 'leaderEpoch', 'highWatermark', 'logEndOffset', 'replicaDirectoryId', 'lastFetchTimestamp', 'lastCaughtUpTimestamp']) // biome-ignore format: a list

/** What the client gets, with names in place of ids, and lists in one order: Kafka's is that of a hash table, or shuffled. */
export async function responseOf(
  client: RawClient,
  api: AnyApi,
  version: number,
  request: object,
  ids: ReadonlyMap<string, string>,
): Promise<unknown> {
  const names = new Map([...ids].map(([name, id]) => [id, name]))
  const compared = (value: unknown, key: string): unknown => {
    // A new cluster of Kafka has it as a dynamic default.
    const listed = Array.isArray(value) && key === 'configs' ? value.filter(({ name }) => name !== 'min.insync.replicas') : value
    if (Array.isArray(listed))
      return listed.map((one) => compared(one, key)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, compared(one, name)]))
    if (OWN.has(key)) return typeof value
    if (key === 'topicId' && value !== ZERO_UUID && value !== NOBODYS_ID) return `id of ${names.get(value as string) ?? 'a new topic'}`
    // Kafka names the objects of its own process.
    if (key === 'errorMessage' && typeof value === 'string') return value.replace(/^Request .* needs/, 'The request needs')
    return value
  }
  const response = compared(await client.send(api as never, version, request as never), '')
  expect(response).toBeTypeOf('object')
  return response
}
