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
import { ALL_CLUSTER_OPERATIONS, ALL_TOPIC_OPERATIONS, NOT_ASKED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

interface Asked {
  name: string | null
  topicId: string
}

function described(topic: Topic, broker: BrokerServices) {
  const { nodeId } = broker.settings
  const partitions = Array.from({ length: topic.partitions }, (_, partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: nodeId,
    leaderEpoch: broker.logs.get(topic.name, partitionIndex)?.leaderEpoch ?? 0,
    replicaNodes: [nodeId],
    isrNodes: [nodeId],
    offlineReplicas: [],
  }))
  return { errorCode: 0, name: topic.name, topicId: topic.id, isInternal: topic.internal, partitions }
}

const absent = ({ name, topicId }: Asked, code: number, isInternal = false) => ({
  errorCode: code,
  name,
  topicId,
  isInternal,
  partitions: [],
})

/** Makes a topic that was asked for by name, as Kafka does when both sides allow it. */
async function create(asked: Asked & { name: string }, broker: BrokerServices) {
  try {
    if (asked.name === '__consumer_offsets') {
      await broker.groups.prepare()
      return described(broker.cluster.topic(asked.name)!, broker)
    }
    // transactions are not built: nothing makes the topic that keeps them
    if (asked.name === '__transaction_state') return absent(asked, errorCode('UNKNOWN_TOPIC_OR_PARTITION'), true)
    return described(await broker.cluster.ensureTopic(asked.name), broker)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return absent(asked, codeOf(error))
  }
}

function find(asked: Asked, broker: BrokerServices, mayCreate: boolean) {
  if (asked.name === null || asked.topicId !== ZERO_UUID) {
    const topic = asked.topicId === ZERO_UUID ? undefined : broker.cluster.topicById(asked.topicId)
    return topic ? described(topic, broker) : absent(asked, errorCode('UNKNOWN_TOPIC_ID'))
  }
  const topic = broker.cluster.topic(asked.name)
  if (topic) return described(topic, broker)
  const named = { name: asked.name, topicId: ZERO_UUID }
  if (mayCreate) return create(named, broker)
  const error = broker.cluster.isTopicName(asked.name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  return absent(named, errorCode(error), asked.name === '__consumer_offsets' || asked.name === '__transaction_state')
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
        topicAuthorizedOperations: since(8, int32, NOT_ASKED),
      }),
    ),
    clusterAuthorizedOperations: between(8, 10, int32, NOT_ASKED),
    errorCode: since(13, int16),
  },
  async handle({ request, version, broker, peer }) {
    const { settings, cluster } = broker
    // in v0 no topics means all of them, and null cannot be said
    const all = request.topics === null || (version === 0 && request.topics.length === 0)
    const mayCreate = request.allowAutoTopicCreation && settings.values['auto.create.topics.enable']
    const unique = new Map((request.topics ?? []).map((asked) => [asked.topicId === ZERO_UUID ? asked.name : asked.topicId, asked]))
    const topics = all
      ? [...cluster.topics()].map((topic) => described(topic, broker))
      : await Promise.all([...unique.values()].map((asked) => find(asked, broker, mayCreate)))
    const topicAuthorizedOperations = request.includeTopicAuthorizedOperations ? ALL_TOPIC_OPERATIONS : NOT_ASKED
    const { advertisedHost: host, advertisedPort: port } = settings.listeners.find(({ name }) => name === peer.listener)!
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: settings.nodeId, host, port, rack: settings.values['broker.rack'] }],
      clusterId: cluster.clusterId,
      controllerId: settings.nodeId,
      // below v12 a topic without a name cannot be told
      topics: topics.map((topic) => ({ ...topic, name: version < 12 ? (topic.name ?? '') : topic.name, topicAuthorizedOperations })),
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? ALL_CLUSTER_OPERATIONS : NOT_ASKED,
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
