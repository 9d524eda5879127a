/** The subject under which a schema is registered, by those of Confluent's strategies that ask nobody. Pure. */
import { DataError } from '../sdk/index.ts'

const PACKAGE = 'io.confluent.kafka.serializers.subject'
export const defaultStrategy = `${PACKAGE}.TopicNameStrategy`
const RECORD = `${PACKAGE}.RecordNameStrategy`
const TOPIC_RECORD = `${PACKAGE}.TopicRecordNameStrategy`
/** The registry knows the subjects that a topic is associated with. */
export const associatedStrategy = `${PACKAGE}.AssociatedNameStrategy`
export const strategyNames: readonly string[] = [defaultStrategy, RECORD, TOPIC_RECORD, associatedStrategy]

/** By `subject.name.strategy.fallback.type`. */
export const fallbackStrategies = { TOPIC: defaultStrategy, RECORD, TOPIC_RECORD, NONE: null } as const

/** `recordName` is null where the schema has no name of its own. Throws DataError where the strategy needs one. */
export function subjectName(strategy: string, topic: string, isKey: boolean, recordName: string | null): string {
  if (strategy === defaultStrategy) return `${topic}-${isKey ? 'key' : 'value'}`
  const what = isKey ? 'key' : 'value'
  if (recordName === null)
    throw new DataError(`In configuration ${what}.subject.name.strategy = ${strategy}, the message ${what} must only be a record schema`)
  return strategy === RECORD ? recordName : `${topic}-${recordName}`
}
