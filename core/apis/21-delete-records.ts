/**
 * DeleteRecords, key 21: raises the log start offset of partitions.
 * v2 is flexible.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { comparedInt64, int16, int32, int64, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  authorization: ['Delete Topic'],
  request: {
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            offset: comparedInt64,
          }),
        ),
      }),
    ),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32,
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
            lowWatermark: int64,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
  async handle({ request, broker, access }) {
    const deletable = access.allowed(
      'Delete Topic',
      request.topics.map(({ name }) => name),
    )
    const deleteRecords = async (name: string, partitionIndex: number, offset: number) => {
      try {
        if (!deletable.has(name)) throw new KafkaError('TOPIC_AUTHORIZATION_FAILED')
        const topic = broker.cluster.topic(name)
        const log = topic && broker.logs.get(name, partitionIndex)
        if (!log) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
        // The group coordinator has its records in memory and would miss them at its next start.
        if (topic.internal) throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Cannot delete records of internal topic ${name}`)
        return { partitionIndex, lowWatermark: await log.deleteRecordsBefore(offset), errorCode: 0 }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        return { partitionIndex, lowWatermark: -1, errorCode: codeOf(error) }
      }
    }
    const topics = await Promise.all(
      request.topics.map(async ({ name, partitions }) => {
        // A partition that is requested twice gets its last offset.
        const last = new Map(partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]))
        return { name, partitions: await Promise.all([...last].map(([index, offset]) => deleteRecords(name, index, offset))) }
      }),
    )
    return { throttleTimeMs: 0, topics }
  },
  errorResponse: (errorCode, { topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
})
