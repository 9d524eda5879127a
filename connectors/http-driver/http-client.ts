/**
 * Requests over connections that are kept: addresses are checked where a connection is made, after DNS, so also those of redirects and of
 * token endpoints. Each request has a deadline, and each response a limit in bytes.
 */
import { type LookupAddress, lookup } from 'node:dns'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { AddressRules } from '../../connect/sdk/address-rules.ts'
import type { HttpClientOptions, RequestHeaders } from './client-options.ts'
import { explainedError, RequestFailed, RequestRefused, shownUrl } from './request-errors.ts'
import { tlsOptions } from './tls-options.ts'

const KEEP_ALIVE_MS = 30_000
const MAX_HEADER_BYTES = 32 * 1024
/** A timer of Node with a longer time ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Of these a client may make a GET. */
const REDIRECTS_TO_GET = new Set([301, 302, 303])
/** What a request may carry to another origin. */
const PORTABLE_HEADERS = new Set(['accept', 'content-type', 'user-agent'])

export interface ClientRequest {
  readonly method: string
  readonly url: URL
  readonly headers: RequestHeaders
  readonly body?: string | Buffer | null
  /** What happens to a response of more bytes than the limit: it is an error, or the rest is not read. */
  readonly largeBody?: 'fail' | 'cut'
  /** What happens to a redirect: it is followed where the client may, is an error, or is the response. */
  readonly redirects?: 'follow' | 'refuse' | 'return'
  readonly signal?: AbortSignal
}

export interface ClientResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The URL that has answered, after redirects. */
  readonly url: URL
}

const unbracketed = (host: string) => (host.startsWith('[') ? host.slice(1, -1) : host)

export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #agent: Agent

  /** @throws Error where a file of a certificate or a key cannot be read. */
  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#agent = new Agent({
      connect: guardedConnector(options),
      connections: options.connections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: options.requestTimeoutMs,
      bodyTimeout: options.requestTimeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
    })
  }

  /** @throws RequestFailed, RequestRefused; what `signal` aborts with. */
  async send(request: ClientRequest): Promise<ClientResponse> {
    let current = request
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce(current)
      if (!REDIRECTS.has(response.status) || typeof response.headers.location !== 'string' || request.redirects === 'return')
        return response
      current = this.#redirected(current, response, redirects)
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #sendOnce(request: ClientRequest): Promise<ClientResponse> {
    const { url, method, headers, body = null, signal } = request
    const { requestTimeoutMs, connectTimeoutMs } = this.#options
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), Math.min(MAX_TIMER_MS, requestTimeoutMs + connectTimeoutMs))
    try {
      const response = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as Dispatcher.HttpMethod,
        headers: headers as Record<string, string>,
        body,
        signal: signal ? AbortSignal.any([late.signal, signal]) : late.signal,
      })
      return { status: response.statusCode, headers: response.headers, body: await this.#bodyOf(response, request), url }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const { code } = error as { code?: string }
      if (late.signal.aborted || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
        throw new RequestFailed(`${shownUrl(url)} has not answered within ${requestTimeoutMs} ms: the server is slow, or allow more time`, {
          cause: error,
          wasConnected: true,
        })
      if (code === 'UND_ERR_INVALID_ARG')
        throw new RequestRefused('url', `The request cannot be sent: ${(error as Error).message}`, { cause: error })
      throw explainedError(error, url, connectTimeoutMs)
    } finally {
      clearTimeout(timer)
    }
  }

  async #bodyOf({ body, headers }: Dispatcher.ResponseData, { largeBody = 'fail', url }: ClientRequest): Promise<Buffer> {
    const { maxResponseBytes } = this.#options
    const tooLarge = () =>
      new RequestRefused(
        'url',
        `The response of ${shownUrl(url)} is longer than response.max.bytes (${maxResponseBytes}): ask for smaller pages, or allow more`,
      )
    // A body that is destroyed emits an error, which ends the process where nobody listens. Who reads it gets the error too.
    body.on('error', () => {})
    const announced = Number(headers['content-length'] ?? 0)
    if (largeBody === 'fail' && announced > maxResponseBytes) {
      body.destroy()
      throw tooLarge()
    }
    const chunks: Buffer[] = []
    let bytes = 0
    // Leaving the loop closes the connection: the rest would have to be read otherwise.
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > maxResponseBytes) {
        if (largeBody === 'fail') throw tooLarge()
        chunks.push(chunk.subarray(0, maxResponseBytes - bytes))
        break
      }
      bytes += chunk.length
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  /** The request that a redirect asks for. Credentials do not go to another origin. */
  #redirected(request: ClientRequest, response: ClientResponse, redirects: number): ClientRequest {
    const maxRedirects = request.redirects === 'refuse' ? 0 : this.#options.maxRedirects
    const { status, headers } = response
    const location = headers.location as string
    const from = shownUrl(request.url)
    if (redirects >= maxRedirects)
      throw new RequestRefused(
        'url',
        maxRedirects === 0
          ? `${from} redirects (${status}), and redirects are not followed: set the URL that it leads to, or allow them with http.redirects.max`
          : `${from} redirects once more after ${redirects} redirects: set the URL that they lead to`,
      )
    if (!URL.canParse(location, request.url.href)) throw new RequestRefused('url', `${from} redirects to what is no URL`)
    const target = new URL(location, request.url)
    if (target.protocol !== 'https:' && target.protocol !== request.url.protocol)
      throw new RequestRefused('url', `${from} redirects to ${target.protocol}//, which is not followed`)
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (REDIRECTS_TO_GET.has(status) && !reads)
      throw new RequestRefused(
        'url',
        `${from} redirects a ${request.method} with ${status}, which would lose its body: set the URL that it leads to`,
      )
    const kept =
      target.origin === request.url.origin
        ? request.headers
        : Object.fromEntries(Object.entries(request.headers).filter(([name]) => PORTABLE_HEADERS.has(name.toLowerCase())))
    return { ...request, url: target, headers: kept }
  }
}

/** Connects only to addresses that are allowed. A host name is resolved here once, so that DNS cannot answer otherwise after the check. */
function guardedConnector(options: HttpClientOptions): buildConnector.connector {
  const rules = new AddressRules(options.allowedAddresses, options.addressLimit)
  const refused = (host: string, address: string) => {
    const what = `${host} ${host === address ? 'is' : `leads to ${address}, which is`} an address inside of a network`
    return new RequestRefused(
      'address',
      rules.refusal(host, address) === 'limit'
        ? `${what}, which this worker does not let connectors reach: use another URL, or add it to connector.private.addresses.allowlist of the workers`
        : `${what}: requests to it are refused unless http.allow.private.addresses has it`,
    )
  }
  const connect = buildConnector({
    ...tlsOptions(options.tls),
    timeout: options.connectTimeoutMs,
    allowH2: false,
    lookup: (
      host: string,
      lookupOptions: object,
      callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
    ) =>
      lookup(host, { ...lookupOptions, all: true }, (error, found) => {
        if (error) return callback(error, '')
        const allowed = found.filter(({ address }) => rules.allows(host, address))
        if (allowed.length === 0) return callback(refused(host, found[0]!.address), '')
        if ((lookupOptions as { all?: boolean }).all) return callback(null, allowed)
        callback(null, allowed[0]!.address, allowed[0]!.family)
      }),
  } as buildConnector.BuildOptions)
  return (target, callback) => {
    // No lookup is made for an address.
    const host = unbracketed(target.hostname)
    if (isIP(host) !== 0 && !rules.allows(host, host)) return callback(refused(host, host), null)
    connect(target, callback)
  }
}
