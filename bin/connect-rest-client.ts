/**
 * The REST API of a worker, ours or Kafka Connect's, as the commands call it: JSON in and out, errors as sentences. The address is that of
 * --url, else of $TRIBUTARY_CONNECT_URL, else of a worker on this machine; a login is in the address, or in --user and
 * $TRIBUTARY_CONNECT_PASSWORD.
 */
import { UserError, wrongUsage } from './user-error.ts'

const DEFAULT_URL = 'http://127.0.0.1:8083'
/** A worker answers within 90 s at the latest, as Kafka Connect. */
const TIMEOUT_MS = 95_000
/** A rebalance answers 409; it is over soon. */
const CONFLICT_RETRIES = 20
const CONFLICT_DELAY_MS = 500

/** What a worker says to a path that it does not know; what it says of a connector has other words. */
const UNKNOWN_PATH = 'HTTP 404 Not Found'
const MAX_MESSAGE = 500

/** The options of each command that calls the REST API. */
export const restOptions = ['url', 'user'] as const

export const restOptionsHelp = `  --url URL            the REST API of a worker (default $TRIBUTARY_CONNECT_URL, or ${DEFAULT_URL})
  --user NAME          the login; its password is in $TRIBUTARY_CONNECT_PASSWORD`

/** What is before an @ may be a login. */
const notAnAddress = (url: string): UserError =>
  wrongUsage(`"${url.replace(/^.*@/, '…@')}" is not a URL such as ${DEFAULT_URL}.`, 'connectors')

export class ConnectRestClient {
  readonly url: string
  readonly #authorization: string | null

  constructor({ url = process.env.TRIBUTARY_CONNECT_URL || DEFAULT_URL, user }: { url?: string; user?: string }) {
    let parsed: URL
    let login: { name: string; password: string }
    try {
      parsed = new URL(url)
      login = { name: decodeURIComponent(parsed.username), password: decodeURIComponent(parsed.password) }
    } catch {
      throw notAnAddress(url)
    }
    if (!/^https?:$/.test(parsed.protocol)) throw notAnAddress(url)
    const name = user ?? login.name
    const password = user === undefined ? login.password : (process.env.TRIBUTARY_CONNECT_PASSWORD ?? '')
    this.#authorization = name === '' ? null : `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
    parsed.username = ''
    parsed.password = ''
    this.url = parsed.href.replace(/\/$/, '')
  }

  /** @throws UserError with what the worker answered, and what to do. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#send(method, path, body)
      const text = await response.text()
      if (response.ok) return this.#parsed(text) as T
      if (response.status === 409 && attempt < CONFLICT_RETRIES) {
        await new Promise((resolve) => setTimeout(resolve, CONFLICT_DELAY_MS))
        continue
      }
      throw new UserError(this.#explained(response.status, `${method} ${path}`, text))
    }
  }

  async #send(method: string, path: string, body: unknown): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (this.#authorization !== null) headers.authorization = this.#authorization
    if (body !== undefined) headers['content-type'] = 'application/json'
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    try {
      return await fetch(`${this.url}${path}`, { method, headers, ...sent, signal: AbortSignal.timeout(TIMEOUT_MS) })
    } catch (cause) {
      const why = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error).message : (cause as Error).message
      throw new UserError(`${this.url} does not answer: ${why}. Start a worker there, or name another one with --url.`)
    }
  }

  #parsed(text: string): unknown {
    if (text === '') return null
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new UserError(`${this.url} is not the REST API of a worker: it answers without JSON. Name a worker with --url.`, { cause })
    }
  }

  #explained(status: number, request: string, text: string): string {
    if (status === 401) return `${this.url} wants a login: set --user NAME and $TRIBUTARY_CONNECT_PASSWORD.`
    let message = text.trim()
    try {
      message = String((JSON.parse(text) as { message?: unknown }).message ?? message)
    } catch {
      // A proxy answers with a page or a text of its own.
      message = message.startsWith('<') ? '' : message.slice(0, MAX_MESSAGE)
    }
    if (status === 404 && (message === '' || message === UNKNOWN_PATH))
      return `${this.url} has no ${request.split('?')[0]}: it is not the REST API of a worker that can do this. Name a worker with --url.`
    return `${this.url} answered ${request} with ${status}${message === '' ? '' : `: ${message}`}`
  }
}
