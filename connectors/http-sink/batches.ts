/**
 * Cuts the records of a partition into requests, in order: neighbours with the same URL and headers, up to a number and a size.
 * It never changes the order of records. Pure.
 */
import type { SinkRecord } from '../../connect/sdk/index.ts'
import type { RequestHeaders } from '../http-driver/client-options.ts'

/** A record as it is sent. */
export interface PreparedRecord {
  /** In the batch of `write`. */
  readonly index: number
  readonly record: SinkRecord
  readonly isDelete: boolean
  readonly url: URL
  readonly headers: RequestHeaders
  readonly body: string | Buffer
  readonly bytes: number
}

export interface BatchLimits {
  readonly maxRecords: number
  readonly maxBytes: number
}

const sameHeaders = (a: RequestHeaders, b: RequestHeaders) => {
  if (a === b) return true
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** Whether `next` may be sent with `first`. Replayed records do not follow each other: first and last would not name what is between. */
const fits = (first: PreparedRecord, next: PreparedRecord) =>
  !first.isDelete &&
  !next.isDelete &&
  !first.record.replayOf &&
  !next.record.replayOf &&
  (first.url === next.url || first.url.href === next.url.href) &&
  sameHeaders(first.headers, next.headers)

export class BatchCutter {
  readonly #limits: BatchLimits
  #batch: PreparedRecord[] = []
  #bytes = 0

  constructor(limits: BatchLimits) {
    this.#limits = limits
  }

  /** Adds a record. Returns the batch that is complete without it, if one is. */
  add(prepared: PreparedRecord): PreparedRecord[] | null {
    const { maxRecords, maxBytes } = this.#limits
    const first = this.#batch[0]
    const isFull = first && (this.#batch.length >= maxRecords || this.#bytes + prepared.bytes > maxBytes || !fits(first, prepared))
    const complete = isFull ? this.rest() : null
    this.#batch.push(prepared)
    this.#bytes += prepared.bytes
    return complete
  }

  /** What is left. */
  rest(): PreparedRecord[] {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    return batch
  }
}
