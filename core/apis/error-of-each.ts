/**
 * The outcomes of a list where the whole change failed: its error for each item, with the message. The error response of the whole request
 * has no field for one.
 */
import { KafkaError } from '../errors.ts'

/** For `catch`. What is no KafkaError is thrown again. */
export const errorOfEach =
  (items: readonly unknown[]) =>
  (error: unknown): KafkaError[] => {
    if (error instanceof KafkaError) return items.map(() => error)
    throw error
  }
