/**
 * What a connector may throw. Only the runtime decides about tolerance, retries and the dead-letter topic.
 */

/** It may go better next time: the runtime waits (or `afterMs`) and calls again with the same work. */
export class Retriable extends Error {
  override name = 'RetriableException'
  readonly afterMs: number | undefined

  constructor(message: string, options?: ErrorOptions & { afterMs?: number }) {
    super(message, options)
    this.afterMs = options?.afterMs
  }
}

/** The connection to the system is gone: the runtime closes the task's resources and opens it anew, from the last position. */
export class Disconnected extends Error {
  override name = 'Disconnected'
}

/** The source has nothing more and never will: the task ends well. */
export class EndOfSource extends Error {
  override name = 'EndOfSource'
}

/**
 * One record (by its index in the batch given to `write`) cannot be taken; the others were. It goes the way of `errors.tolerance`.
 * Where several of a batch are bad, the first is thrown and carries the others in `also`.
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

/** A value that does not fit its schema or its format: what converters and transforms throw. */
export class DataError extends Error {
  override name = 'DataException'
}
