/**
 * OffsetFetch, key 9. v2 adds errorCode; v3 adds throttleTimeMs; v5 adds committedLeaderEpoch; v6 is flexible; v7 adds requireStable; v8
 * adds groups, drops groupId, topics, errorCode; v9 adds memberId, memberEpoch; v10 adds topicId, drops name.
 */
import { errorCode } from '../errors.ts'
import { between, bool, int16, int32, int64, list, nullable, optional, since, string, struct, until, uuid } from '../wire/types.ts'
import type { Access } from './access.ts'
import { defineApi } from './define-api.ts'
import { splitTopics } from './split-topics.ts'

interface NamedTopic {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

interface RequestedTopic extends NamedTopic {
  readonly topicId: string
}

const failedTopic = <T extends NamedTopic>({ partitionIndexes, ...topic }: T, code: number) => ({
  ...topic,
  partitions: partitionIndexes.map((partitionIndex) => ({
    partitionIndex,
    committedOffset: -1,
    committedLeaderEpoch: -1,
    metadata: '',
    errorCode: code,
  })),
})

const deniedTopic = <T extends NamedTopic>(topic: T) => failedTopic(topic, errorCode('TOPIC_AUTHORIZATION_FAILED'))

const notSplit = { allowed: null, denied: [] }

/** Those that are requested; null for all. */
const split = <T>(access: Access, topics: readonly T[] | null, nameOf: (topic: T) => string | undefined) =>
  topics === null ? notSplit : splitTopics(access, 'Describe Topic', topics, nameOf)

/** Of all topics of a group, those that the client may see. */
const visible = <T extends { name: string }>(access: Access, topics: readonly T[]) =>
  splitTopics(access, 'Describe Topic', topics, ({ name }) => name).allowed

export default defineApi({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  authorization: ['Describe Group', 'Describe Topic'],
  request: {
    groupId: until(7, string),
    topics: until(
      7,
      nullable(
        list(
          struct({
            name: string,
            partitionIndexes: list(int32),
          }),
        ),
        2,
      ),
      [],
    ),
    groups: since(
      8,
      list(
        struct({
          groupId: string,
          memberId: since(9, nullable(string)),
          memberEpoch: since(9, int32, -1),
          topics: nullable(
            list(
              struct({
                name: until(9, string),
                topicId: since(10, uuid),
                partitionIndexes: list(int32),
              }),
            ),
          ),
        }),
      ),
    ),
    requireStable: since(7, bool),
  },
  response: {
    throttleTimeMs: since(3, int32),
    topics: until(
      7,
      list(
        struct({
          name: string,
          partitions: list(
            struct({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: since(5, int32, -1),
              metadata: nullable(string),
              errorCode: int16,
            }),
          ),
        }),
      ),
    ),
    errorCode: between(2, 7, int16),
    groups: since(
      8,
      list(
        struct({
          groupId: string,
          topics: list(
            struct({
              name: until(9, string),
              topicId: since(10, uuid),
              partitions: list(
                struct({
                  partitionIndex: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: optional(int32, -1),
                  metadata: nullable(string),
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
    ),
  },
  async handle(context) {
    const { request, version, broker, access } = context
    if (version < 8) {
      access.check('Describe Group', request.groupId)
      const { allowed, denied } = split(access, request.topics, ({ name }) => name)
      const fetched = await broker.groups.fetch({ ...request, topics: allowed }, context)
      if (fetched.errorCode !== 0) return fetched
      return { ...fetched, topics: allowed ? [...fetched.topics, ...denied.map(deniedTopic)] : visible(access, fetched.topics) }
    }
    const nameOf = ({ name, topicId }: RequestedTopic) => (version >= 10 ? broker.cluster.topicById(topicId)?.name : name)
    const groups = request.groups.map(async (group) => {
      const { groupId } = group
      if (!access.allows('Describe Group', groupId)) return { groupId, topics: [], errorCode: errorCode('GROUP_AUTHORIZATION_FAILED') }
      const { allowed, denied } = split(access, group.topics, nameOf)
      const fetched = await broker.groups.fetch({ ...request, groups: [{ ...group, topics: allowed }] }, context)
      const result = fetched.groups[0]!
      if (result.errorCode !== 0) return result
      return { ...result, topics: allowed ? [...result.topics, ...denied.map(deniedTopic)] : visible(access, result.topics) }
    })
    return { groups: await Promise.all(groups) }
  },
  // In v1 only the partitions have an error code, in v8 only the groups.
  errorResponse: (errorCode, request, version) => ({
    errorCode,
    topics: version < 2 ? (request.topics ?? []).map((topic) => failedTopic(topic, errorCode)) : [],
    groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })),
  }),
})
