/**
 * What DeleteTopics may delete: topics are named or given by their id, and each is deleted or has its error. A topic that the client may
 * not describe is reported as it was asked for, whether it exists or not; only an id that exists shows that it does, as in Kafka.
 */
import type { Cluster, Topic } from '../cluster/types.ts'
import { codeOf, KafkaError, messageOf } from '../errors.ts'
import { ZERO_UUID } from '../wire/types.ts'
import { type Access, deniedError } from './access.ts'
import { duplicatesOf } from './duplicates.ts'

interface RequestedTopic {
  readonly name: string | null
  readonly topicId: string
}

export const responseOf = (name: string | null, topicId: string, error: KafkaError | null) => ({
  name,
  topicId,
  errorCode: error ? codeOf(error) : 0,
  errorMessage: error ? messageOf(error) : null,
})

type Response = ReturnType<typeof responseOf>

const invalid = (why: string) => new KafkaError('INVALID_REQUEST', why)
const bothGiven = invalid('You may not specify both topic name and topic id.')
const noneGiven = invalid('Neither topic name nor id were specified.')
const duplicateName = invalid('Duplicate topic name.')
const duplicateId = invalid('Duplicate topic id.')
const nameOfId = invalid('The provided topic name maps to an ID that was already supplied.')
const unknownTopic = new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
const unknownId = new KafkaError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
const denied = deniedError('Topic')

/** The topics to delete, and the responses of all others. */
export function decide(requested: readonly RequestedTopic[], cluster: Pick<Cluster, 'topic' | 'topicById'>, access: Access) {
  const responses: Response[] = []
  const [names, ids]: [string[], string[]] = [[], []]
  for (const { name, topicId } of requested) {
    if (name !== null && topicId !== ZERO_UUID) responses.push(responseOf(name, topicId, bothGiven))
    else if (name !== null) names.push(name)
    else if (topicId !== ZERO_UUID) ids.push(topicId)
    else responses.push(responseOf(null, ZERO_UUID, noneGiven))
  }
  const [twiceNamed, twiceGiven] = [duplicatesOf(names), duplicatesOf(ids)]
  for (const name of twiceNamed) responses.push(responseOf(name, ZERO_UUID, duplicateName))
  for (const id of twiceGiven) responses.push(responseOf(null, id, duplicateId))
  const named = names.filter((name) => !twiceNamed.has(name))
  const byId: Topic[] = []
  for (const id of ids.filter((one) => !twiceGiven.has(one))) {
    const topic = cluster.topicById(id)
    if (topic) byId.push(topic)
    else responses.push(responseOf(null, id, unknownId))
  }
  const may = permissionsFor(new Set([...named, ...byId.map(({ name }) => name)]), access)
  const deletions = new Map<string, Topic>()
  for (const topic of byId) {
    if (may.delete(topic.name)) deletions.set(topic.id, topic)
    else responses.push(responseOf(may.describe(topic.name) ? topic.name : null, topic.id, denied))
  }
  for (const name of named) {
    const topic = may.describe(name) ? cluster.topic(name) : null
    if (topic === null) responses.push(responseOf(name, ZERO_UUID, denied))
    else if (!topic) responses.push(responseOf(name, ZERO_UUID, unknownTopic))
    else if (!may.delete(name)) responses.push(responseOf(name, ZERO_UUID, denied))
    else if (twiceGiven.has(topic.id) || deletions.delete(topic.id)) responses.push(responseOf(name, topic.id, nameOfId))
    else deletions.set(topic.id, topic)
  }
  return { deletions: [...deletions.values()], responses }
}

/** Who may delete the cluster may delete topics of any name. */
function permissionsFor(names: ReadonlySet<string>, access: Access) {
  if (access.allows('Delete Cluster', undefined, { logIfDenied: false })) return { describe: () => true, delete: () => true }
  const [describable, deletable] = [access.allowed('Describe Topic', names), access.allowed('Delete Topic', names)]
  return { describe: (name: string) => describable.has(name), delete: (name: string) => deletable.has(name) }
}
