/**
 * DeleteTopics, key 20: by name or by id; the committed offsets of a deleted topic are removed as well.
 * v4 is flexible; v5 adds errorMessage; v6 adds topics, topicId, drops topicNames.
 */
import type { Topic } from '../cluster/types.ts'
import { codeOf, type ErrorName, errorCode } from '../errors.ts'
import { int16, int32, list, nullable, optional, since, string, struct, until, uuid, ZERO_UUID } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

export default defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
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
  async handle({ request, version, broker }) {
    const requested = version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
    const duplicates = duplicatesOf(requested.map(({ name, topicId }) => name ?? topicId))
    const reported = new Set<string>()
    const responses: { name: string | null; topicId: string; errorCode: number; errorMessage: string | null }[] = []
    const found: Topic[] = []
    for (const { name, topicId } of requested) {
      const respond = (error: ErrorName, errorMessage: string | null) =>
        responses.push({ name, topicId, errorCode: errorCode(error), errorMessage })
      if (name !== null && topicId !== ZERO_UUID) respond('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
      else if (name === null && topicId === ZERO_UUID) respond('INVALID_REQUEST', 'Neither topic name nor id were specified.')
      else if (duplicates.has(name ?? topicId)) {
        if (!reported.has(name ?? topicId)) respond('INVALID_REQUEST', name === null ? 'Duplicate topic id.' : 'Duplicate topic name.')
        reported.add(name ?? topicId)
      } else {
        const topic = name === null ? broker.cluster.topicById(topicId) : broker.cluster.topic(name)
        if (!topic && name === null) respond('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
        else if (!topic) respond('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
        // The same topic may be named once and given by its id once.
        else if (!found.includes(topic)) found.push(topic)
      }
    }
    const outcomes = await broker.cluster.deleteTopics(found.map(({ name }) => name))
    for (const [index, { name, id: topicId }] of found.entries()) {
      const error = outcomes[index]
      if (!error) await broker.groups.topicDeleted(name)
      responses.push({ name, topicId, errorCode: error ? codeOf(error) : 0, errorMessage: error?.message ?? null })
    }
    return { throttleTimeMs: 0, responses }
  },
  errorResponse: (errorCode, { topics, topicNames }) => ({
    throttleTimeMs: 0,
    responses: [
      ...topics.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage: null })),
      ...topicNames.map((name) => ({ name, errorCode, errorMessage: null })),
    ],
  }),
})
