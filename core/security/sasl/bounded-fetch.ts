/**
 * HTTP requests to a token endpoint or a JWKS endpoint: a deadline, a limit for the body, no redirects (they would lead past the list of
 * allowed URLs), and Kafka's retries. What a response says is not repeated in an error: it may be a token. TLS has the `ssl.*` options of
 * the login module, as in Kafka.
 */
import type { IncomingMessage } from 'node:http'
import { type Backoff, backoffMs } from '../../system/backoff.ts'
import { type HttpRequest, sendHttpRequest } from '../../system/http-request.ts'
import { TlsStores } from '../tls/tls-stores.ts'
import { SaslError } from './sasl-errors.ts'
import type { SaslSystem } from './types.ts'

const MAX_BODY_BYTES = 1024 * 1024
/** Where a connect or read timeout is not set; in Kafka there is none then. */
export const DEFAULT_TIMEOUT_MS = 30_000

/** Kafka's list: the same request would fail again. */
const finalStatuses = new Set([400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 501, 505])
/** RFC 6749 says what `error` may be. */
const OAUTH_ERROR = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}$/

export interface BoundedRequest extends Omit<HttpRequest, 'tls'> {
  readonly timeoutMs: number
  /** Of an endpoint of https. */
  readonly tls: TlsStores | null
}

/** Null where the URL is not one of https: Kafka does not read the options then. Throws KafkaError INVALID_CONFIG. */
export function endpointTls(url: URL, options: ReadonlyMap<string, string>, system: SaslSystem): TlsStores | null {
  if (url.protocol !== 'https:') return null
  return new TlsStores(Object.fromEntries([...options].filter(([name]) => name.startsWith('ssl.'))), 'client', system)
}

async function bodyOf(response: IncomingMessage, where: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new SaslError(`${where}: the response is longer than ${MAX_BODY_BYTES} bytes`)
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

/** The body of a response with status 200 or 201. `signal` ends the request. Throws SaslError. */
export async function boundedFetch(system: SaslSystem, request: BoundedRequest, signal: AbortSignal): Promise<string> {
  const { url, timeoutMs, tls, ...rest } = request
  const where = `${url.origin}${url.pathname}`
  const late = new AbortController()
  const timer = system.clock.after(timeoutMs, () => late.abort())
  try {
    const response = await sendHttpRequest({ url, ...rest, tls: tls?.options ?? null }, AbortSignal.any([late.signal, signal]))
    const text = await bodyOf(response, where)
    const status = response.statusCode!
    if (status === 200 || status === 201) return text
    if (status >= 300 && status < 400)
      throw new SaslError(`${where} responded with ${status}, and redirects are not followed: set the URL that it leads to`)
    throw new SaslError(`${where} responded with ${status}${oauthError(text)}`, !finalStatuses.has(status))
  } catch (error) {
    if (error instanceof SaslError) throw error
    const why = late.signal.aborted ? `no response within ${timeoutMs} ms` : networkReason(error)
    throw new SaslError(`${where} could not be reached: ${why}`, true)
  } finally {
    timer.cancel()
  }
}

/** OpenSSL's reasons why a certificate is not trusted, and Node's for another host name. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|ERR_TLS/

/** The code of a network error: its message may repeat a request. */
function networkReason(error: unknown): string {
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string') return 'the request failed'
  if (!CERTIFICATE.test(code)) return code
  return `its certificate is not accepted (${code}): check its host name and dates, and that ssl.truststore.location in sasl.jaas.config has its issuer`
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
