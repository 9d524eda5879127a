/**
 * The errors of connectors. Only the runtime decides about tolerance, retries and the dead-letter queue.
 */

/** A temporary error: the runtime calls again with the same records after a back-off, or after `afterMs`. */
export class Retriable extends Error {
  override name = 'RetriableException'
  readonly afterMs: number | undefined

  constructor(message: string, options?: ErrorOptions & { afterMs?: number }) {
    super(message, options)
    this.afterMs = options?.afterMs
  }
}

/** The connection to the system is lost: the runtime stops the task's code and starts it again from the last stored position. */
export class Disconnected extends Error {
  override name = 'Disconnected'
}

/** The source has no more data and never will. The task stays RUNNING and reads nothing more. */
export class EndOfSource extends Error {
  override name = 'EndOfSource'
}

/**
 * A record (by its index in the batch of `write`) cannot be written; the others were. `errors.tolerance` decides about it. Where several
 * records of a batch are bad, the error of the first has those of the others in `also`.
 */
export class BadRecord extends Error {
  override name = 'BadRecord'
  readonly index: number
  readonly also: readonly BadRecord[]

  constructor(index: number, message: string, options?: ErrorOptions & { also?: readonly BadRecord[] }) {
    super(message, options)
    this.index = index
    this.also = options?.also ?? []
  }
}

/**
 * A record cannot be written, and the message says why: thrown by a sink's own code where it has one record. What knows the index in the
 * batch makes a BadRecord of it.
 */
export class UnwritableRecord extends Error {
  override name = 'UnwritableRecord'
}

/** A value does not match its schema or format: thrown by converters and transforms. */
export class DataError extends Error {
  override name = 'DataException'
}

/** A record cannot be processed, for another reason than its data: thrown by transforms, as Kafka Connect's ConnectException. */
export class TransformError extends Error {
  override name = 'ConnectException'
}
