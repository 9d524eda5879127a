/**
 * Metadata, key 3. v1 adds rack, controllerId, isInternal; v2 adds clusterId; v3 adds throttleTimeMs; v4 adds allowAutoTopicCreation; v5
 * adds offlineReplicas; v7 adds leaderEpoch; v8 adds includeClusterAuthorizedOperations, includeTopicAuthorizedOperations,
 * topicAuthorizedOperations, clusterAuthorizedOperations; v9 is flexible; v10 adds topicId; v11 drops includeClusterAuthorizedOperations,
 * clusterAuthorizedOperations; v13 adds errorCode.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { PartitionQuota, Topic } from '../cluster/types.ts'
import { codeOf, errorCode, KafkaError } from '../errors.ts'
import { between, bool, int16, int32, list, nullable, since, string, struct, uuid, ZERO_UUID } from '../wire/types.ts'
import { type Access, creatableTopics } from './access.ts'
import { advertisedEndpoint } from './advertised-endpoint.ts'
import { NOT_INCLUDED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

interface RequestedTopic {
  name: string | null
  topicId: string
}

interface FoundTopic extends ReturnType<typeof foundTopic> {}

function foundTopic(topic: Topic, broker: BrokerServices) {
  const { nodeId } = broker.settings
  const partitions = Array.from({ length: topic.partitions }, (_, partitionIndex) => {
    const { leader: leaderId, leaderEpoch, replicas, isr } = broker.cluster.partitionState(topic, partitionIndex)
    return {
      errorCode: leaderId < 0 ? errorCode('LEADER_NOT_AVAILABLE') : 0,
      partitionIndex,
      leaderId,
      leaderEpoch,
      replicaNodes: [...replicas],
      isrNodes: [...isr],
      offlineReplicas: replicas.filter((replica) => replica !== nodeId || leaderId < 0),
    }
  })
  return {
    errorCode: 0,
    name: topic.name as string | null,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions,
    topicAuthorizedOperations: NOT_INCLUDED,
  }
}

const failed = ({ name, topicId }: RequestedTopic, code: number, isInternal = false): FoundTopic => ({
  errorCode: code,
  name,
  topicId,
  isInternal,
  partitions: [],
  topicAuthorizedOperations: NOT_INCLUDED,
})

/** Creates a topic that is requested by name, as Kafka does when client and broker allow it. */
async function create(requested: RequestedTopic & { name: string }, broker: BrokerServices, quota: PartitionQuota): Promise<FoundTopic> {
  try {
    const coordinator =
      requested.name === '__consumer_offsets' ? broker.groups : requested.name === '__transaction_state' ? broker.transactions : null
    if (coordinator) {
      await coordinator.prepare()
      return foundTopic(broker.cluster.topic(requested.name)!, broker)
    }
    return foundTopic(await broker.cluster.ensureTopic(requested.name, -1, {}, quota), broker)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    // A client asks for the metadata again; it does not know the error of the quota here.
    if (error.error === 'THROTTLING_QUOTA_EXCEEDED') return failed(requested, errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
    return failed(requested, codeOf(error))
  }
}

interface Find {
  readonly broker: BrokerServices
  readonly access: Access
  /** The topic with its authorized operations, where the request asks for them. */
  describe(topic: FoundTopic): FoundTopic
}

/** Nothing tells a client without Describe whether a topic exists. */
const denied = (requested: RequestedTopic, isInternal = false) => failed(requested, errorCode('TOPIC_AUTHORIZATION_FAILED'), isInternal)

function findAll({ broker, access, describe }: Find): FoundTopic[] {
  const topics = [...broker.cluster.topics()]
  const names = topics.map(({ name }) => name)
  const visible = access.allowed('Describe Topic', names, { logIfDenied: false })
  return topics.filter(({ name }) => visible.has(name)).map((topic) => describe(foundTopic(topic, broker)))
}

/** By id a client may learn that a topic exists: it cannot guess an id. */
function findByIds(ids: ReadonlySet<string>, { broker, access, describe }: Find): FoundTopic[] {
  const found = [...ids].map((topicId) => ({ topicId, topic: broker.cluster.topicById(topicId) }))
  const names = found.flatMap(({ topic }) => (topic ? [topic.name] : []))
  const visible = access.allowed('Describe Topic', names)
  return found.map(({ topicId, topic }) => {
    const requested = { name: null, topicId }
    if (!topic) return failed(requested, errorCode('UNKNOWN_TOPIC_ID'))
    return visible.has(topic.name) ? describe(foundTopic(topic, broker)) : denied(requested)
  })
}

/** `quota` is null where no topic may be created. */
function findByNames(names: ReadonlySet<string>, quota: PartitionQuota | null, { broker, access, describe }: Find): Promise<FoundTopic[]> {
  const { cluster } = broker
  const visible = access.allowed('Describe Topic', names)
  const created = quota ? [...visible].filter((name) => !cluster.topic(name)) : []
  const creatable = created.length === 0 ? new Set<string>() : creatableTopics(access, created)
  const find = async (name: string): Promise<FoundTopic> => {
    const named = { name, topicId: ZERO_UUID }
    if (!visible.has(name)) return denied(named)
    const topic = cluster.topic(name)
    if (topic) return describe(foundTopic(topic, broker))
    const isInternal = cluster.isInternalTopic(name)
    if (quota) return creatable.has(name) ? describe(await create(named, broker, quota)) : denied(named, isInternal)
    const error = cluster.isTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
    return describe(failed(named, errorCode(error), isInternal))
  }
  return Promise.all(Array.from(names, find))
}

/** Where a topic is requested by id, those by name only are not looked at, as in Kafka. */
async function findTopics(
  requested: readonly RequestedTopic[],
  version: number,
  quota: PartitionQuota | null,
  find: Find,
): Promise<FoundTopic[]> {
  const ids = new Set<string>()
  const names = new Set<string>()
  for (const { name, topicId } of requested) {
    if (version < 12 && (name === null || topicId !== ZERO_UUID))
      throw new KafkaError('INVALID_REQUEST', `Metadata version ${version} has topics by name only`)
    if (topicId !== ZERO_UUID) ids.add(topicId)
    else if (name !== null) names.add(name)
    else throw new KafkaError('INVALID_REQUEST', 'a topic has neither a name nor an id')
  }
  return ids.size > 0 ? findByIds(ids, find) : findByNames(names, quota, find)
}

export default defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  authorization: ['Describe Topic', 'Create Cluster', 'Create Topic', 'Describe Cluster'],
  request: {
    topics: nullable(
      list(
        struct({
          topicId: since(10, uuid),
          name: nullable(string, 10),
        }),
      ),
      1,
    ),
    allowAutoTopicCreation: since(4, bool, true),
    includeClusterAuthorizedOperations: between(8, 10, bool),
    includeTopicAuthorizedOperations: since(8, bool),
  },
  response: {
    throttleTimeMs: since(3, int32),
    brokers: list(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: since(1, nullable(string)),
      }),
    ),
    clusterId: since(2, nullable(string)),
    controllerId: since(1, int32, -1),
    topics: list(
      struct({
        errorCode: int16,
        name: nullable(string, 12),
        topicId: since(10, uuid),
        isInternal: since(1, bool),
        partitions: list(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: since(7, int32, -1),
            replicaNodes: list(int32),
            isrNodes: list(int32),
            offlineReplicas: since(5, list(int32)),
          }),
        ),
        topicAuthorizedOperations: since(8, int32, NOT_INCLUDED),
      }),
    ),
    clusterAuthorizedOperations: between(8, 10, int32, NOT_INCLUDED),
    errorCode: since(13, int16),
  },
  async handle(context) {
    const { request, version, broker, peer, access } = context
    const { settings, cluster } = broker
    // In v0 an empty list means all topics: there is no null.
    const all = request.topics === null || (version === 0 && request.topics.length === 0)
    const mayCreate = request.allowAutoTopicCreation && settings.values['auto.create.topics.enable']
    const quota = mayCreate ? broker.quotas.mutations(context, true) : null
    const describe = (topic: FoundTopic): FoundTopic => ({
      ...topic,
      topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? access.operations('Topic', topic.name!) : NOT_INCLUDED,
    })
    const find: Find = { broker, access, describe }
    const topics = all ? findAll(find) : await findTopics(request.topics!, version, quota, find)
    const clusterOperations = () => (access.allows('Describe Cluster') ? access.operations('Cluster') : 0)
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: settings.nodeId, ...advertisedEndpoint(broker, peer), rack: settings.values['broker.rack'] }],
      clusterId: cluster.clusterId,
      controllerId: settings.nodeId,
      topics,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations() : NOT_INCLUDED,
      errorCode: 0,
    }
  },
  errorResponse: (errorCode, request) => ({
    brokers: [],
    clusterId: null,
    topics: (request.topics ?? []).map(({ name, topicId }) => ({
      errorCode,
      name: name ?? '',
      topicId,
      isInternal: false,
      partitions: [],
    })),
    errorCode,
  }),
})
