/**
 * ListOffsets, key 2. v2 adds isolationLevel, throttleTimeMs; v4 adds currentLeaderEpoch, leaderEpoch; v6 is flexible; v10 adds
 * timeoutMs.
 */
import type { BrokerServices } from '../broker-services.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { comparedInt64, int8, int16, int32, int64, list, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { leaderEpochError } from './leader-epoch.ts'

/** The special timestamps, all negative. */
const special = { latest: -1, earliest: -2, maxTimestamp: -3, earliestLocal: -4, latestTiered: -5, earliestPendingUpload: -6 } as const
/** The first version of special timestamps that not all versions have. */
const firstVersion = new Map<number, number>([
  [special.maxTimestamp, 7],
  [special.earliestLocal, 8],
  [special.latestTiered, 9],
  [special.earliestPendingUpload, 11],
])

interface RequestedPartition {
  partitionIndex: number
  currentLeaderEpoch: number
  timestamp: number
}

const notFound = { offset: -1, timestamp: -1, leaderEpoch: -1 }

async function listOffset(topic: string, requested: RequestedPartition, readCommitted: boolean, version: number, broker: BrokerServices) {
  const { currentLeaderEpoch, timestamp, partitionIndex } = requested
  const log = broker.cluster.topic(topic) && broker.logs.get(topic, partitionIndex)
  if (!log) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
  const fenced = leaderEpochError(log, currentLeaderEpoch)
  if (fenced) throw new KafkaError(fenced)
  if (timestamp < special.earliestPendingUpload || version < (firstVersion.get(timestamp) ?? 0)) throw new KafkaError('UNSUPPORTED_VERSION')
  const bound = readCommitted ? log.lastStableOffset : log.highWatermark
  switch (timestamp) {
    case special.latest:
      return { timestamp: -1, offset: bound, leaderEpoch: log.leaderEpoch }
    case special.earliest:
    case special.earliestLocal: {
      const epoch = log.epochAt(log.logStartOffset)
      return { timestamp: -1, offset: log.logStartOffset, leaderEpoch: epoch < 0 ? log.leaderEpoch : epoch }
    }
    case special.latestTiered:
    case special.earliestPendingUpload:
      return notFound
    default: {
      const match = await (timestamp === special.maxTimestamp ? log.maxTimestamp() : log.offsetForTimestamp(timestamp))
      return match && match.offset < bound ? match : notFound
    }
  }
}

export default defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  authorization: ['Describe Topic'],
  request: {
    replicaId: int32,
    isolationLevel: since(2, int8),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: since(4, int32, -1),
            timestamp: comparedInt64,
          }),
        ),
      }),
    ),
    timeoutMs: since(10, int32),
  },
  response: {
    throttleTimeMs: since(2, int32),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            timestamp: optional(int64, -1),
            offset: optional(int64, -1),
            leaderEpoch: since(4, int32, -1),
          }),
        ),
      }),
    ),
  },
  async handle({ request, version, broker, access }) {
    const readCommitted = request.isolationLevel === 1
    const described = access.allowed(
      'Describe Topic',
      request.topics.map(({ name }) => name),
    )
    const topics = await Promise.all(
      request.topics.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map(async (requested) => {
            try {
              if (!described.has(name)) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED')
              return {
                partitionIndex: requested.partitionIndex,
                errorCode: 0,
                ...(await listOffset(name, requested, readCommitted, version, broker)),
              }
            } catch (error) {
              if (!(error instanceof KafkaError)) throw error
              return { partitionIndex: requested.partitionIndex, errorCode: codeOf(error), ...notFound }
            }
          }),
        ),
      })),
    )
    return { throttleTimeMs: 0, topics }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, ...notFound })),
    })),
  }),
})
