/**
 * DeleteTopics, key 20: by name or by id; the committed offsets of a deleted topic are removed as well.
 * v4 is flexible; v5 adds errorMessage; v6 adds topics, topicId, drops topicNames.
 */
import { KafkaError } from '../errors.ts'
import { int16, int32, list, nullable, optional, since, string, struct, until, uuid, ZERO_UUID } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { decide, responseOf } from './topic-deletions.ts'

/** Before it clients do not know THROTTLING_QUOTA_EXCEEDED. */
const STRICT_QUOTA_VERSION = 5

export default defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  authorization: ['Delete Cluster', 'Describe Topic', 'Delete Topic'],
  request: {
    topics: since(
      6,
      list(
        struct({
          name: optional(nullable(string)),
          topicId: uuid,
        }),
      ),
    ),
    topicNames: until(5, list(string)),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32,
    responses: list(
      struct({
        name: nullable(string, 6),
        topicId: since(6, uuid),
        errorCode: int16,
        errorMessage: since(5, nullable(string)),
      }),
    ),
  },
  async handle(context) {
    const { request, version, broker, access } = context
    if (!broker.settings.values['delete.topic.enable'])
      throw version < 3
        ? new KafkaError('INVALID_REQUEST', 'Topic deletion is disabled.')
        : new KafkaError('TOPIC_DELETION_DISABLED', 'Topic deletion is disabled.')
    const { cluster, groups } = broker
    const requested = version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
    const { deletions, responses } = decide(requested, cluster, access)
    const quota = broker.quotas.mutations(context, version >= STRICT_QUOTA_VERSION)
    const names = deletions.map(({ name }) => name)
    const outcomes = await cluster.deleteTopics(names, quota)
    for (const [index, { name, id }] of deletions.entries()) {
      const error = outcomes[index]
      if (!error) await groups.topicDeleted(name)
      responses.push(responseOf(name, id, error ?? null))
    }
    return { throttleTimeMs: quota.throttleTimeMs, responses }
  },
  errorResponse: (errorCode, { topics, topicNames }, _, errorMessage) => ({
    throttleTimeMs: 0,
    responses: [
      ...topics.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage })),
      ...topicNames.map((name) => ({ name, errorCode, errorMessage })),
    ],
  }),
})
