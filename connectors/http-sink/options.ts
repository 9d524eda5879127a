/** What a sink does, whatever the class under which it is configured. */
import type { Authorization, HttpClientOptions, RequestHeaders } from '../http-driver/client-options.ts'
import type { CheckedNames } from '../http-driver/system-check.ts'

/** JSON of any value; its text; or texts and bytes as they are, and all else as JSON. */
export type BodyFormat = 'json' | 'string' | 'raw'

export interface RetryLimits {
  /** How often a batch is retried in a row. */
  readonly retries: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  /** Whether the back-off is the same each time. */
  readonly constant: boolean
  /** The longest that a server may ask to wait. */
  readonly maxRetryAfterMs: number
  /** Ranges of statuses, both ends included. */
  readonly statuses: readonly (readonly [first: number, last: number])[]
}

export interface HttpSinkOptions {
  readonly client: HttpClientOptions
  readonly authorization: Authorization
  readonly names: CheckedNames
  readonly method: 'POST' | 'PUT' | 'PATCH'
  /** With placeholders. */
  readonly url: string
  readonly headers: RequestHeaders
  /** Record headers that become headers of the request. */
  readonly forwardedHeaders: readonly string[]
  readonly idempotencyHeader: string | null
  readonly format: BodyFormat
  /** With placeholders; null where the body is the value. */
  readonly bodyTemplate: string | null
  readonly replacements: readonly { readonly pattern: string; readonly replacement: string }[]
  readonly batch: {
    readonly maxRecords: number
    readonly maxBytes: number
    readonly prefix: string
    readonly suffix: string
    readonly separator: string
    /** Whether a batch that is refused is sent again in halves, down to the records that are bad. */
    readonly splits: boolean
  }
  readonly nullValues: 'ignore' | 'delete' | 'log' | 'fail'
  readonly onError: 'fail' | 'log' | 'ignore'
  readonly retry: RetryLimits
  readonly maxConcurrentRequests: number
}
