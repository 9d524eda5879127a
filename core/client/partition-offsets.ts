/**
 * Offsets that a partition's leader knows: where its log starts and ends, the offset at a timestamp (ListOffsets), and where the records of
 * a leader epoch end (OffsetForLeaderEpoch). The admin client, the consumer and the mirror use them.
 */
import listOffsetsApi from '../apis/02-list-offsets.ts'
import offsetForLeaderEpochApi from '../apis/23-offset-for-leader-epoch.ts'
import { errorCode, KafkaError } from '../errors.ts'
import { byTopic } from '../topic-partition.ts'
import { type LeaderRequestOptions, requestFromLeaders } from './leader-requests.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { EpochEndOffset, ListedOffset, OffsetSpec, TopicPartition } from './types.ts'

const CONSUMER_REPLICA = -1
const MAX_INT32 = 0x7fff_ffff
/** The special timestamps of ListOffsets: KIP-79, KIP-734. */
const specialTimestamps = { latest: -1, earliest: -2, 'max-timestamp': -3 } as const

const timestampOf = (spec: OffsetSpec): number => (typeof spec === 'string' ? specialTimestamps[spec] : spec.timestamp)

export async function listOffsets(
  router: RequestRouter,
  partitions: readonly (TopicPartition & { spec: OffsetSpec })[],
  options: LeaderRequestOptions & { isolationLevel: 0 | 1 },
): Promise<ListedOffset[]> {
  const outcomes = await requestFromLeaders(router, partitions, options, async (node, entries, timeoutMs) => {
    const response = await router.request(
      node,
      listOffsetsApi,
      {
        replicaId: CONSUMER_REPLICA,
        isolationLevel: options.isolationLevel,
        topics: [...byTopic(entries)].map(([name, list]) => ({
          name,
          partitions: list.map(({ partition, spec }) => ({ partitionIndex: partition, timestamp: timestampOf(spec) })),
        })),
        timeoutMs: Math.min(timeoutMs, MAX_INT32),
      },
      { channel: 'main', timeoutMs, signal: options.signal },
    )
    return response.topics.flatMap(({ name, partitions: results }) =>
      results.map(({ partitionIndex, errorCode, offset, timestamp, leaderEpoch }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode,
        value: { offset, timestamp, leaderEpoch },
      })),
    )
  })
  return partitions.map(({ topic, partition }, index) => {
    const { error, value } = outcomes[index]!
    return { topic, partition, error, ...(value ?? { offset: -1, timestamp: -1, leaderEpoch: -1 }) }
  })
}

export async function offsetsForLeaderEpochs(
  router: RequestRouter,
  partitions: readonly (TopicPartition & { leaderEpoch: number })[],
  options: LeaderRequestOptions = {},
): Promise<EpochEndOffset[]> {
  const outcomes = await requestFromLeaders(router, partitions, options, async (node, entries, timeoutMs) => {
    const currentEpoch = ({ topic, partition }: TopicPartition) => router.metadata.peek(topic)?.partitions[partition]?.leaderEpoch ?? -1
    try {
      const response = await router.request(
        node,
        offsetForLeaderEpochApi,
        {
          replicaId: CONSUMER_REPLICA,
          topics: [...byTopic(entries)].map(([topic, list]) => ({
            topic,
            partitions: list.map((entry) => ({
              partition: entry.partition,
              currentLeaderEpoch: currentEpoch(entry),
              leaderEpoch: entry.leaderEpoch,
            })),
          })),
        },
        { channel: 'main', timeoutMs, signal: options.signal },
      )
      return response.topics.flatMap(({ topic, partitions: results }) =>
        results.map(({ partition, errorCode, leaderEpoch, endOffset }) => ({
          topic,
          partition,
          errorCode,
          value: { leaderEpoch, endOffset },
        })),
      )
    } catch (error) {
      // Only the partitions of this node fail, not those of newer nodes.
      if (!(error instanceof KafkaError) || error.error !== 'UNSUPPORTED_VERSION') throw error
      return entries.map(({ topic, partition }) => ({
        topic,
        partition,
        errorCode: errorCode('UNSUPPORTED_VERSION'),
        value: { leaderEpoch: -1, endOffset: -1 },
      }))
    }
  })
  return partitions.map(({ topic, partition }, index) => {
    const { error, value } = outcomes[index]!
    return { topic, partition, error, ...(value ?? { leaderEpoch: -1, endOffset: -1 }) }
  })
}
