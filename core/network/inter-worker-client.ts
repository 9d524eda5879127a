/**
 * HTTP requests of a worker to the REST API of another, over http or https with the stores of its own listeners, as Kafka Connect's
 * RestClient. Each has a deadline and a limit for its response, follows no redirect, and leaves no connection open. Neither credentials
 * nor bodies are in an error.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { TlsStores } from '../security/tls/tls-stores.ts'
import type { Clock } from '../system/clock.ts'

/** The deadline of a request, as that of Kafka Connect's handlers. */
const REQUEST_TIMEOUT_MS = 90_000
/** A response; the largest are the configs of many connectors. */
export const RESPONSE_LIMIT_BYTES = 64 * 1024 * 1024

export interface RestRequest {
  method: string
  headers: Readonly<Record<string, string>>
  body: Buffer | string | null
  signal: AbortSignal
}

export interface RestResponse {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_(UNTRUSTED|REJECTED)|INVALID_CA|CERT_CHAIN_TOO_LONG|CERT_SIGNATURE_FAILURE/
/** OpenSSL's reasons, in a code or in the message of an EPROTO. */
const REFUSED_CERTIFICATE = /ALERT[ _](CERTIFICATE|UNKNOWN[ _]CA|BAD[ _]CERTIFICATE|HANDSHAKE[ _]FAILURE)/i
const NOT_TLS = /WRONG[ _]VERSION[ _]NUMBER|PACKET[ _]LENGTH[ _]TOO[ _]LONG|HTTP[ _]REQUEST/i
const stores = (kind: string) => `listeners.https.ssl.${kind}.location, or ssl.${kind}.location`

/** What a code of Node or OpenSSL means for the settings of the two workers. */
function reasonOf(error: NodeJS.ErrnoException, url: URL): string {
  const { code = error.message } = error
  const openssl = `${code} ${error.message}`
  if (UNTRUSTED.test(code)) return `its certificate is not trusted (${code}): add its issuer to ${stores('truststore')}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `its certificate is not for ${url.hostname}: set rest.advertised.host.name of that worker to a name that it has`
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired: renew it, and check the clocks'
  if (REFUSED_CERTIFICATE.test(openssl))
    return `it does not accept the certificate of this worker, or there is none (${code}): check ${stores('keystore')}`
  // A server of Node that refuses a certificate with TLS 1.3 says nothing.
  if (url.protocol === 'https:' && /ECONNRESET|EPIPE/.test(code))
    return `it closed the connection (${code}): it may not accept the certificate of this worker, see its log, and check ${stores('keystore')}`
  if (NOT_TLS.test(openssl)) return 'it does not speak TLS there: check its rest.advertised.listener'
  return code
}

export class InterWorkerClient {
  readonly #openStores: () => TlsStores
  readonly #clock: Clock
  #stores: TlsStores | null = null

  /** `openStores` is called by the first request over https: whoever uses http needs no stores (KAFKA-14816). */
  constructor(openStores: () => TlsStores, clock: Clock) {
    this.#openStores = openStores
    this.#clock = clock
  }

  /** Resolves with the response, whatever its status is. Throws where there is none. */
  async request(url: URL, request: RestRequest): Promise<RestResponse> {
    const late = new AbortController()
    const timer = this.#clock.after(REQUEST_TIMEOUT_MS, () => late.abort())
    const signal = AbortSignal.any([request.signal, late.signal])
    try {
      const response = await this.#send(url, { ...request, signal })
      return { status: response.statusCode!, headers: response.headers, body: await bodyOf(response) }
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason
      const why = late.signal.aborted ? `no response within ${REQUEST_TIMEOUT_MS / 1000} s` : reasonOf(error as Error, url)
      throw new Error(`${url.origin} cannot be reached: ${why}`, { cause: error })
    } finally {
      timer.cancel()
    }
  }

  #send(url: URL, { method, headers, body, signal }: RestRequest): Promise<IncomingMessage> {
    const length: Record<string, string> = body === null ? {} : { 'content-length': `${Buffer.byteLength(body)}` }
    const options: RequestOptions = { method, headers: { accept: 'application/json', ...headers, ...length }, agent: false, signal }
    return new Promise((resolve, reject) => {
      const sent = url.protocol === 'https:' ? this.#secure(url, options) : process.getBuiltinModule('node:http').request(url, options)
      sent.once('response', resolve).once('error', reject)
      sent.end(body ?? undefined)
    })
  }

  #secure(url: URL, options: RequestOptions): ClientRequest {
    this.#stores ??= this.#openStores()
    const { checksHostName } = this.#stores.settings
    return process.getBuiltinModule('node:https').request(url, {
      ...options,
      ...this.#stores.options,
      ...(!checksHostName && { checkServerIdentity: () => undefined }),
    })
  }
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > RESPONSE_LIMIT_BYTES) throw new Error(`the response is longer than ${RESPONSE_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
