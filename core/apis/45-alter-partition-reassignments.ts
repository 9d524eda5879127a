/**
 * AlterPartitionReassignments, key 45: the replicas of partitions, of which this node can be the only one.
 * v1 adds allowReplicationFactorChange.
 */
import { codeOf, messageOf } from '../errors.ts'
import { bool, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexible: 0,
  authorization: ['Alter Cluster'],
  request: {
    timeoutMs: optional(int32, 60000),
    allowReplicationFactorChange: since(1, bool, true),
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            replicas: nullable(list(int32)),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    allowReplicationFactorChange: since(1, bool, true),
    errorCode: int16,
    errorMessage: nullable(string),
    responses: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: nullable(string),
          }),
        ),
      }),
    ),
  },
  async handle({ request, broker, access }) {
    access.check('Alter Cluster')
    const { allowReplicationFactorChange, topics } = request
    const reassignments = topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionIndex: partition, replicas }) => ({ topic, partition, replicas })),
    )
    const outcomes = await broker.cluster.alterReassignments(reassignments, allowReplicationFactorChange)
    let next = 0
    const responses = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const error = outcomes[next++]!
        if (!error) return { partitionIndex, errorCode: 0, errorMessage: null }
        return { partitionIndex, errorCode: codeOf(error), errorMessage: messageOf(error) }
      }),
    }))
    return { throttleTimeMs: 0, allowReplicationFactorChange, errorCode: 0, errorMessage: null, responses }
  },
  errorResponse: (errorCode, { topics }, _, errorMessage) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, errorMessage })),
    })),
  }),
})
