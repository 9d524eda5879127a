/** The REST client of the demo: JSON in, JSON out; an error has the message of the server. */

const TIMEOUT_MS = 10_000

export class RestClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async call<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.#url + path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${this.#url}${path} responded with ${response.status}: ${messageOf(text)}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}
