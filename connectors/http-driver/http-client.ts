/**
 * Requests over connections that are kept: addresses are checked where a connection is made, after DNS, so also those of redirects and of
 * token endpoints. Each request has a deadline, and each response a limit in bytes.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { clientAgent, proxyError } from './client-agent.ts'
import type { HttpClientOptions, RequestHeaders } from './client-options.ts'
import { AddressGuard } from './guarded-connector.ts'
import { explainedError, RequestFailed, RequestRefused, shownUrl } from './request-errors.ts'

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

export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #guard: AddressGuard
  readonly #agent: Dispatcher

  /** @throws RequestRefused where a file of certificates or keys cannot be used. */
  constructor(options: HttpClientOptions) {
    this.#options = options
    this.#guard = new AddressGuard(options)
    this.#agent = clientAgent(options, this.#guard)
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
    const { requestTimeoutMs, connectTimeoutMs, proxy } = this.#options
    if (proxy) this.#guard.requireAllowed(url.hostname)
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
      const ofProxy = proxy && proxyError(error, proxy, url)
      if (ofProxy) throw ofProxy
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
