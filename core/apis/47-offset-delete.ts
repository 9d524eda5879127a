/**
 * OffsetDelete, key 47: deletes committed offsets of a group (KIP-496), of topics that no member is subscribed to. What the client may not
 * read, and what does not exist, has its error; an error of the group hides those.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  flexible: null,
  authorization: ['Delete Group', 'Read Topic'],
  request: {
    groupId: string,
    topics: list(
      struct({
        name: string,
        partitions: list(
          struct({
            partitionIndex: int32,
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: int16,
    throttleTimeMs: int32,
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
  },
  async handle(context) {
    const { request, broker, access } = context
    access.check('Delete Group', request.groupId)
    const authorized = access.allowed(
      'Read Topic',
      request.topics.map(({ name }) => name),
    )
    const [denied, unknown] = [errorCode('TOPIC_AUTHORIZATION_FAILED'), errorCode('UNKNOWN_TOPIC_OR_PARTITION')]
    const existing = request.topics.map(({ name, partitions }) => {
      const count = authorized.has(name) ? (broker.cluster.topic(name)?.partitions ?? 0) : 0
      return { name, partitions: partitions.filter(({ partitionIndex }) => partitionIndex >= 0 && partitionIndex < count) }
    })
    const { errorCode: groupError, topics: deleted } = await broker.groups.deleteOffsets(
      { groupId: request.groupId, topics: existing.filter(({ partitions }) => partitions.length > 0) },
      context,
    )
    if (groupError !== 0) return { errorCode: groupError, throttleTimeMs: 0, topics: [] }
    const errors = new Map(deleted.map(({ name, errorCode: code }) => [name, code]))
    const topics = request.topics.map(({ name, partitions }, index) => {
      const known = new Set(existing[index]!.partitions)
      const otherwise = authorized.has(name) ? unknown : denied
      const codeOf = (partition: (typeof partitions)[number]) => (known.has(partition) ? errors.get(name)! : otherwise)
      return { name, partitions: partitions.map((partition) => ({ ...partition, errorCode: codeOf(partition) })) }
    })
    return { errorCode: 0, throttleTimeMs: 0, topics }
  },
})
