/** What the transactional producer of a source task fails with, in words that say what to do. */
import { isFenced } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'

const ACCESS_DENIED = /_AUTHORIZATION_FAILED$/

/** The error of initTransactions(), with what the user has to grant. */
export function initializationError(error: Error, { connector, task }: { connector: string; task: number }): Error {
  const denied = error instanceof KafkaError && ACCESS_DENIED.test(error.error)
  const advice = denied
    ? '. With exactly-once support the principal of producer.override.* of the connector, or of producer.* of the worker, needs Write and ' +
      'Describe for the transactional ids of its tasks; then restart the task'
    : ''
  return new Error(`The transactional producer of task ${connector}-${task} could not be initialized: ${error.message}${advice}`, {
    cause: error,
  })
}

/** How deep the cause of an error is searched. */
const MAX_CAUSES = 16

function isExpired(error: unknown): boolean {
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    if (current instanceof KafkaError && current.error === 'INVALID_PRODUCER_EPOCH') return true
    current = current.cause
  }
  return false
}

/** Kafka Connect's words about a transaction that took too long; ours where another task has taken over. */
export function transactionError(error: Error, id: string): Error {
  if (isExpired(error))
    return new Error(
      `The task ${id} was unable to finish writing records to Kafka before its producer transaction expired. ` +
        'It may be necessary to reconfigure this connector in order for it to run healthily with exactly-once support. ' +
        "Options for this include: tune the connector's producer configuration for higher throughput, " +
        "increase the transaction timeout for the connector's producers, " +
        'decrease the offset commit interval (if using interval-based transaction boundaries), ' +
        "or use the 'poll' transaction boundary (if the connector is not already configured to use it).",
      { cause: error },
    )
  if (isFenced(error))
    return new Error(
      `The task ${id} was fenced: a newer task of this id writes, or its transaction took longer than transaction.timeout.ms. ` +
        'Restart it if no other one runs.',
      { cause: error },
    )
  return new Error(`Failed to flush offsets and/or records for task ${id}: ${error.message}`, { cause: error })
}
