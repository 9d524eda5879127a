/**
 * The requests of a source: the URL, the query and the body for an offset. Pure.
 */
import type { ClientRequest } from '../http-driver/http-client.ts'
import { headersIn, OFFSET, originOf, type PollConfig } from './settings.ts'

/** The inside of a JSON string. */
const inJson = (text: string) => JSON.stringify(text).slice(1, -1)

export class PollRequests {
  readonly #config: PollConfig
  readonly #headers: Record<string, string>
  readonly #parameters: readonly (readonly [name: string, value: string])[]
  /** The next pages are at this origin too: they get the same credentials. */
  readonly origin: string

  constructor(config: PollConfig) {
    this.#config = config
    const isPost = config['http.request.method'] === 'POST'
    this.#headers = { ...(isPost ? { 'content-type': 'application/json' } : {}), ...headersIn(config) }
    this.#parameters = config['http.request.parameters']
      .split(config['http.request.parameters.separator'])
      .filter((parameter) => parameter !== '')
      .map((parameter) => {
        const at = parameter.indexOf('=')
        return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)]
      })
    this.origin = originOf(config)
  }

  /** The request for an offset. */
  at(offset: string): ClientRequest {
    const url = new URL(this.#config.url.replaceAll(OFFSET, () => encodeURIComponent(offset.toWellFormed())))
    for (const [name, value] of this.#parameters)
      if (value !== OFFSET || offset !== '')
        url.searchParams.append(
          name,
          value.replaceAll(OFFSET, () => offset),
        )
    return this.#request(url, offset)
  }

  /** The request for a page that a response has named. */
  page(url: string, offset: string): ClientRequest {
    return this.#request(new URL(url), offset)
  }

  #request(url: URL, offset: string): ClientRequest {
    const body = this.#config['http.request.body']
    const isJson = this.#headers['content-type']?.includes('json') ?? false
    return {
      method: this.#config['http.request.method'],
      url,
      headers: this.#headers,
      body: body === null ? null : body.replaceAll(OFFSET, () => (isJson ? inJson(offset) : offset)),
    }
  }
}
