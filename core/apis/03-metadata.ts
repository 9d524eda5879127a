/**
 * Metadata, key 3. v1 adds rack, controllerId, isInternal; v2 adds clusterId; v3 adds throttleTimeMs; v4 adds allowAutoTopicCreation; v5
 * adds offlineReplicas; v7 adds leaderEpoch; v8 adds includeClusterAuthorizedOperations, includeTopicAuthorizedOperations,
 * topicAuthorizedOperations, clusterAuthorizedOperations; v9 is flexible; v10 adds topicId; v11 drops includeClusterAuthorizedOperations,
 * clusterAuthorizedOperations; v13 adds errorCode.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Topic } from '../cluster/types.ts'
import { codeOf, errorCode, KafkaError } from '../errors.ts'
import { between, bool, int16, int32, list, nullable, since, string, struct, uuid, ZERO_UUID } from '../wire/types.ts'
import { advertisedEndpoint } from './advertised-endpoint.ts'
import { ALL_CLUSTER_OPERATIONS, ALL_TOPIC_OPERATIONS, NOT_INCLUDED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

interface RequestedTopic {
  name: string | null
  topicId: string
}

function describe(topic: Topic, broker: BrokerServices) {
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
  return { errorCode: 0, name: topic.name, topicId: topic.id, isInternal: topic.internal, partitions }
}

const failed = ({ name, topicId }: RequestedTopic, code: number, isInternal = false) => ({
  errorCode: code,
  name,
  topicId,
  isInternal,
  partitions: [],
})

/** Creates a topic that is requested by name, as Kafka does when client and broker allow it. */
async function create(requested: RequestedTopic & { name: string }, broker: BrokerServices) {
  try {
    const coordinator =
      requested.name === '__consumer_offsets' ? broker.groups : requested.name === '__transaction_state' ? broker.transactions : null
    if (coordinator) {
      await coordinator.prepare()
      return describe(broker.cluster.topic(requested.name)!, broker)
    }
    return describe(await broker.cluster.ensureTopic(requested.name), broker)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return failed(requested, codeOf(error))
  }
}

function find(requested: RequestedTopic, broker: BrokerServices, mayCreate: boolean) {
  if (requested.name === null || requested.topicId !== ZERO_UUID) {
    const topic = requested.topicId === ZERO_UUID ? undefined : broker.cluster.topicById(requested.topicId)
    return topic ? describe(topic, broker) : failed(requested, errorCode('UNKNOWN_TOPIC_ID'))
  }
  const topic = broker.cluster.topic(requested.name)
  if (topic) return describe(topic, broker)
  const named = { name: requested.name, topicId: ZERO_UUID }
  if (mayCreate) return create(named, broker)
  const error = broker.cluster.isTopicName(requested.name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  return failed(named, errorCode(error), requested.name === '__consumer_offsets' || requested.name === '__transaction_state')
}

export default defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
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
  async handle({ request, version, broker, peer }) {
    const { settings, cluster } = broker
    // In v0 an empty list means all topics: there is no null.
    const all = request.topics === null || (version === 0 && request.topics.length === 0)
    const mayCreate = request.allowAutoTopicCreation && settings.values['auto.create.topics.enable']
    const unique = new Map(
      (request.topics ?? []).map((requested) => [requested.topicId === ZERO_UUID ? requested.name : requested.topicId, requested]),
    )
    const topics = all
      ? [...cluster.topics()].map((topic) => describe(topic, broker))
      : await Promise.all([...unique.values()].map((requested) => find(requested, broker, mayCreate)))
    const topicAuthorizedOperations = request.includeTopicAuthorizedOperations ? ALL_TOPIC_OPERATIONS : NOT_INCLUDED
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: settings.nodeId, ...advertisedEndpoint(broker, peer), rack: settings.values['broker.rack'] }],
      clusterId: cluster.clusterId,
      controllerId: settings.nodeId,
      // Below v12 the name is not nullable.
      topics: topics.map((topic) => ({ ...topic, name: version < 12 ? (topic.name ?? '') : topic.name, topicAuthorizedOperations })),
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? ALL_CLUSTER_OPERATIONS : NOT_INCLUDED,
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
