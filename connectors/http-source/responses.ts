/**
 * Reads a response: its items, and where the next page is. A next page at another origin is refused, since it would get the credentials.
 * Pure.
 */
import { parseExactly } from '../../connect/sdk/index.ts'
import type { ClientResponse } from '../http-driver/http-client.ts'
import { isTooDeep, MAX_JSON_DEPTH } from '../http-driver/json-depth.ts'
import { JsonPointer } from '../http-driver/json-pointer.ts'
import { shownUrl } from '../http-driver/request-errors.ts'
import { nextLink } from './link-header.ts'
import { primitiveOffset, type ReceivedPage } from './paging.ts'
import type { PollConfig } from './settings.ts'

const BYTE_ORDER_MARK = '\uFEFF'
const NO_ITEMS: readonly unknown[] = []
/** A value of the next page that is a URL, or a part of one, and no cursor. */
const URL_REFERENCE = /^(?:https?:\/\/|\/|\?)/i

/** A response is not what the settings say. */
export class UnreadableResponse extends Error {
  override name = 'UnreadableResponse'
}

export class ResponseReader {
  readonly #isText: boolean
  readonly #mode: PollConfig['http.offset.mode']
  readonly #items: JsonPointer
  readonly #next: JsonPointer | null
  readonly #origin: string

  /** Next pages must be at `origin`. */
  constructor(config: PollConfig, origin: string) {
    this.#isText = config['http.response.format'] === 'text'
    this.#mode = config['http.offset.mode']
    this.#items = new JsonPointer(config['http.response.data.json.pointer'])
    const next = config['http.next.page.json.pointer']
    this.#next = next === null ? null : new JsonPointer(next)
    this.#origin = origin
  }

  /** @throws UnreadableResponse. */
  read(response: ClientResponse): ReceivedPage {
    const encoding = headerOf(response, 'content-encoding')
    if (encoding !== null && encoding.toLowerCase() !== 'identity')
      throw new UnreadableResponse(
        `The response of ${shownUrl(response.url)} is compressed (${encoding}), which it was not asked for: leave accept-encoding out of http.request.headers, or turn compression off at the server`,
      )
    const text = response.body.toString('utf8')
    const isEmpty = text.trim() === ''
    const content = this.#isText || isEmpty ? undefined : jsonIn(text, response.url)
    const items = isEmpty ? NO_ITEMS : this.#isText ? [text] : this.#itemsIn(content, response.url)
    return {
      items,
      next: this.#nextPage(content, response),
      etag: headerOf(response, 'etag'),
      modified: headerOf(response, 'last-modified'),
    }
  }

  #itemsIn(content: unknown, url: URL): readonly unknown[] {
    const found = this.#items.of(content)
    if (found === undefined)
      throw new UnreadableResponse(
        `The response of ${shownUrl(url)} has nothing at "${this.#items.text}": set http.response.data.json.pointer to where its items are`,
      )
    if (found === null) return NO_ITEMS
    return Array.isArray(found) ? found : [found]
  }

  #nextPage(content: unknown, { headers, url }: ClientResponse): ReceivedPage['next'] {
    const link = this.#mode === 'LINK_HEADER' || this.#mode === 'SNAPSHOT' ? nextLink(headers.link) : null
    if (link !== null) return { page: this.#pageAt(link, url) }
    if (this.#mode !== 'CURSOR_PAGINATION' && this.#mode !== 'SNAPSHOT') return null
    const found = primitiveOffset(this.#next?.of(content))
    if (found === null) return null
    return typeof found === 'string' && URL_REFERENCE.test(found) ? { page: this.#pageAt(found, url) } : { cursor: found }
  }

  #pageAt(target: string, from: URL): string {
    if (!URL.canParse(target, from.href)) throw new UnreadableResponse(`${shownUrl(from)} names a next page that is no URL`)
    const page = new URL(target, from.href)
    page.hash = ''
    if (page.origin !== this.#origin)
      throw new UnreadableResponse(
        `${shownUrl(from)} names a next page at ${page.origin}, which is another origin and would get the credentials of this one: set url to that origin`,
      )
    return page.href
  }
}

function jsonIn(text: string, url: URL): unknown {
  if (isTooDeep(text))
    throw new UnreadableResponse(
      `The response of ${shownUrl(url)} has more than ${MAX_JSON_DEPTH} arrays and objects inside of each other: check the URL, or set http.response.format=text`,
    )
  try {
    return parseExactly(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
  } catch (error) {
    throw new UnreadableResponse(`The response of ${shownUrl(url)} is not JSON: check the URL, or set http.response.format=text`, {
      cause: error,
    })
  }
}

function headerOf({ headers }: ClientResponse, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' ? value : null
}
