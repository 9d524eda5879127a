/**
 * HTTP requests to a token endpoint or a JWKS endpoint: a deadline, a limit for the body, no redirects (they would lead past the list of
 * allowed URLs), and Kafka's retries. What a response says is not repeated in an error: it may be a token.
 */
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import { SaslError } from './sasl-errors.ts'
import type { SaslSystem } from './types.ts'

const MAX_BODY_BYTES = 1024 * 1024
/** Where a connect or read timeout is not set; in Kafka there is none then. */
export const DEFAULT_TIMEOUT_MS = 30_000

/** Kafka's list: the same request would fail again. */
const finalStatuses = new Set([400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 501, 505])
/** RFC 6749 says what `error` may be. */
const OAUTH_ERROR = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/

export interface BoundedRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new SaslError(`the response is longer than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `error` of an OAuth error response, which has no secrets by RFC 6749. */
function oauthError(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown }
    return typeof error === 'string' && OAUTH_ERROR.test(error) ? ` (${error})` : ''
  } catch {
    return ''
  }
}

/** The body of a response with status 200 or 201. Throws SaslError. */
export async function boundedFetch(system: SaslSystem, request: BoundedRequest): Promise<string> {
  const { url, method, headers, body, timeoutMs } = request
  const where = `${url.origin}${url.pathname}`
  const cancelled = new AbortController()
  const timer = system.clock.after(timeoutMs, () => cancelled.abort())
  try {
    const send = system.fetch ?? fetch
    const response = await send(url, { method, headers, body, redirect: 'error', signal: cancelled.signal })
    const text = await bodyOf(response)
    if (response.status === 200 || response.status === 201) return text
    const retriable = !finalStatuses.has(response.status)
    throw new SaslError(`${where} responded with ${response.status}${oauthError(text)}`, retriable)
  } catch (error) {
    if (error instanceof SaslError) throw error
    const why = cancelled.signal.aborted ? `no response within ${timeoutMs} ms` : networkReason(error)
    throw new SaslError(`${where} could not be reached: ${why}`, true)
  } finally {
    timer.cancel()
  }
}

/** The code of a network error: its message may repeat a request. */
function networkReason(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } }
  return typeof cause?.code === 'string' ? cause.code : 'the request failed'
}

/** Kafka's retries: `maxMs` is for all attempts together. */
export async function withRetries<T>(system: SaslSystem, backoff: Backoff, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  const endMs = system.clock.monotonic() + backoff.maxMs
  for (let attempt = 0; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      const leftMs = endMs - system.clock.monotonic()
      if (!(error instanceof SaslError && error.retriable) || leftMs <= 0 || signal.aborted) throw error
      await system.clock.sleep(Math.min(leftMs, Math.max(1, backoffMs(backoff, attempt, system.random))), signal)
    }
  }
}
