/**
 * The result of one change of a list: what it did, or why it did not happen. The others of the list happen.
 */
import { KafkaError } from '../errors.ts'

export type ChangeResult<T> = T | KafkaError

export const isDone = <T>(outcome: ChangeResult<T>): outcome is T => !(outcome instanceof KafkaError)

export function outcomeOf<T>(change: () => T): ChangeResult<T> {
  try {
    return change()
  } catch (error) {
    if (error instanceof KafkaError) return error
    throw error
  }
}

/** The result of a list with one change. */
export function only<T>([outcome]: readonly ChangeResult<T>[]): T {
  if (!isDone(outcome as ChangeResult<T>)) throw outcome
  return outcome as T
}
