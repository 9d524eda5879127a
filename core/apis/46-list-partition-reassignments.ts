/**
 * ListPartitionReassignments, key 46: the reassignments that a folder of a larger cluster has left unfinished.
 * v0 is flexible.
 */
import { int16, int32, list, nullable, optional, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Describe Cluster'],
  request: {
    timeoutMs: optional(int32, 60000),
    topics: nullable(
      list(
        struct({
          name: string,
          partitionIndexes: list(int32),
        }),
      ),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            replicas: list(int32),
            addingReplicas: list(int32),
            removingReplicas: list(int32),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker, access }) {
    access.check('Describe Cluster')
    const { cluster } = broker
    const asked = request.topics?.map(({ name, partitionIndexes }) => ({ topic: cluster.topic(name), partitions: partitionIndexes }))
    const listed = asked ?? [...cluster.topics()].map((topic) => ({ topic, partitions: [...Array(topic.partitions).keys()] }))
    const topics = listed.flatMap(({ topic, partitions: indexes }) => {
      if (!topic) return []
      const partitions = indexes
        .filter((partition) => partition >= 0 && partition < topic.partitions)
        .map((partitionIndex) => ({ partitionIndex, ...cluster.partitionState(topic, partitionIndex) }))
        .filter(({ addingReplicas, removingReplicas }) => addingReplicas.length > 0 || removingReplicas.length > 0)
        .map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
          ...{ partitionIndex, replicas: [...replicas], addingReplicas: [...addingReplicas], removingReplicas: [...removingReplicas] },
        }))
      return partitions.length > 0 ? [{ name: topic.name, partitions }] : []
    })
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics }
  },
  errorResponse: (errorCode, _, __, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage, topics: [] }),
})
