/**
 * WriteTxnMarkers, key 27: the ends of transactions, from other brokers and from kafka-transactions. v1 is flexible; v2 adds
 * transactionVersion (KIP-1228).
 */
import { errorCode } from '../errors.ts'
import { bool, int8, int16, int32, int64, list, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

interface MarkerResult {
  producerId: number
  topics: { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[]
}

/** As Kafka's response: one entry for each producer, and in it the last result of each partition. */
function mergedByProducer(results: readonly MarkerResult[]): MarkerResult[] {
  if (results.length < 2) return [...results]
  const producers = new Map<number, Map<string, Map<number, number>>>()
  for (const { producerId, topics } of results) {
    const merged = entry(producers, producerId, () => new Map<string, Map<number, number>>())
    for (const { name, partitions } of topics) {
      const codes = entry(merged, name, () => new Map<number, number>())
      for (const { partitionIndex, errorCode: code } of partitions) codes.set(partitionIndex, code)
    }
  }
  return Array.from(producers, ([producerId, topics]) => ({
    producerId,
    topics: Array.from(topics, ([name, codes]) => ({
      name,
      partitions: Array.from(codes, ([partitionIndex, code]) => ({ partitionIndex, errorCode: code })),
    })),
  }))
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = create()))
  return value
}

export default defineApi({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 2],
  flexible: 1,
  authorization: ['ClusterAction Cluster', 'Alter Cluster'],
  // From brokers: their transactions must end.
  isExempt: () => true,
  request: {
    markers: list(
      struct({
        producerId: int64,
        producerEpoch: int16,
        transactionResult: bool,
        topics: list(
          struct({
            name: string,
            partitionIndexes: list(int32),
          }),
        ),
        coordinatorEpoch: int32,
        transactionVersion: since(2, int8),
      }),
    ),
  },
  response: {
    markers: list(
      struct({
        producerId: int64,
        topics: list(
          struct({
            name: string,
            partitions: list(
              struct({
                partitionIndex: int32,
                errorCode: int16,
              }),
            ),
          }),
        ),
      }),
    ),
  },
  async handle({ request, broker, access }) {
    if (!access.allows('Alter Cluster', undefined, { logIfDenied: false })) access.check('ClusterAction Cluster')
    const markers = request.markers.map(async ({ topics, transactionResult: committed, ...marker }) => ({
      producerId: marker.producerId,
      topics: await Promise.all(
        topics.map(async ({ name, partitionIndexes }) => ({
          name,
          partitions: await Promise.all(
            partitionIndexes.map(async (partition) => ({
              partitionIndex: partition,
              errorCode: errorCode(await broker.markers.appendMarker({ ...marker, committed }, { topic: name, partition })),
            })),
          ),
        })),
      ),
    }))
    return { markers: mergedByProducer(await Promise.all(markers)) }
  },
  errorResponse: (errorCode, request) => ({
    markers: request.markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })),
      })),
    })),
  }),
})
