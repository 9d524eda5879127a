/**
 * DescribeQuorum, key 55: the quorum of the metadata log, of which this node is the only voter.
 * v1 adds lastFetchTimestamp, lastCaughtUpTimestamp; v2 adds errorMessage, replicaDirectoryId, nodes.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, nullable, since, string, struct, uint16, uuid } from '../wire/types.ts'
import { deniedError } from './access.ts'
import { defineApi } from './define-api.ts'

const METADATA_TOPIC = '__cluster_metadata'

const replicas = list(
  struct({
    replicaId: int32,
    replicaDirectoryId: since(2, uuid),
    logEndOffset: int64,
    lastFetchTimestamp: since(1, int64, -1),
    lastCaughtUpTimestamp: since(1, int64, -1),
  }),
)

export default defineApi({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  authorization: ['Describe Cluster'],
  request: {
    topics: list(
      struct({
        topicName: string,
        partitions: list(struct({ partitionIndex: int32 })),
      }),
    ),
  },
  response: {
    errorCode: int16,
    errorMessage: since(2, nullable(string)),
    topics: list(
      struct({
        topicName: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: since(2, nullable(string)),
            leaderId: int32,
            leaderEpoch: int32,
            highWatermark: int64,
            currentVoters: replicas,
            observers: replicas,
          }),
        ),
      }),
    ),
    nodes: since(
      2,
      list(
        struct({
          nodeId: int32,
          listeners: list(struct({ name: string, host: string, port: uint16 })),
        }),
      ),
    ),
  },
  handle({ request, broker, access }) {
    if (!access.allows('Describe Cluster')) throw deniedError('Cluster')
    const { nodeId } = broker.settings
    const now = broker.system.clock.now()
    const { leaderEpoch, highWatermark, logEndOffset, voter } = broker.cluster.quorum()
    const [topic] = request.topics
    const isMetadataLog =
      request.topics.length === 1 &&
      topic!.topicName === METADATA_TOPIC &&
      topic!.partitions.length === 1 &&
      topic!.partitions[0]!.partitionIndex === 0
    if (!isMetadataLog) {
      const errorMessage = 'This server does not host this topic-partition.'
      const none = { errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage, leaderId: 0, leaderEpoch: 0, highWatermark: 0 }
      const topics = request.topics.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...none, currentVoters: [], observers: [] })),
      }))
      return { errorCode: 0, errorMessage: '', topics }
    }
    const leader = {
      replicaId: nodeId,
      replicaDirectoryId: voter.voterDirectoryId,
      logEndOffset,
      lastFetchTimestamp: now,
      lastCaughtUpTimestamp: now,
    }
    const partition = {
      partitionIndex: 0,
      errorCode: 0,
      errorMessage: '',
      leaderId: nodeId,
      leaderEpoch,
      highWatermark,
      currentVoters: [leader],
      observers: [],
    }
    return {
      errorCode: 0,
      errorMessage: '',
      topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
      nodes: [{ nodeId, listeners: voter.endpoints.map((endpoint) => ({ ...endpoint })) }],
    }
  },
  errorResponse: (errorCode, _, __, errorMessage) => ({ errorCode, errorMessage, topics: [] }),
})
