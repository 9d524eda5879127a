/**
 * Why a record of a source is not written, for the source that tells whoever has sent the record: it is too large, its data is wrong, or
 * nothing is wrong with it. Pure.
 */
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import { type RefusalReason, Retriable } from '../sdk/index.ts'
import { ProcessingError } from './retry-with-tolerance-operator.ts'

const TOO_LARGE: readonly ErrorName[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']
/** The topic may come from the data of the record. */
const OF_RECORD: ErrorName = 'INVALID_TOPIC_EXCEPTION'

export const isTooLarge = (error: unknown): boolean => error instanceof KafkaError && TOO_LARGE.includes(error.error)

export function refusalReason(error: unknown): RefusalReason {
  const cause = error instanceof ProcessingError ? error.cause : error
  if (isTooLarge(cause)) return 'too-large'
  // The cluster refuses a batch as a whole: the sender of a good record must not give it up for a bad one beside it.
  if (cause instanceof KafkaError) return cause.error === OF_RECORD ? 'record' : 'system'
  return cause instanceof Retriable ? 'system' : 'record'
}
