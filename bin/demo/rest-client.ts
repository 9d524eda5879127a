/** What the demo asks over REST, as any script would: JSON in, JSON out, and the server's own sentence where it refuses. */
import { setTimeout as delay } from 'node:timers/promises'

const ATTEMPT_MS = 10_000
const AGAIN_MS = 50

export class RestClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async call<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.#url + path, {
      method,
      signal: AbortSignal.timeout(ATTEMPT_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${this.#url}${path} answered ${response.status}: ${sentence(text)}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** Until the server says that it is ready; `check` may throw what makes waiting vain. */
  async ready(path: string, deadlineMs: number, check: () => void): Promise<void> {
    const deadline = performance.now() + deadlineMs
    for (;;) {
      check()
      try {
        await this.call('GET', path)
        return
      } catch (error) {
        if (performance.now() > deadline) throw error
      }
      await delay(AGAIN_MS)
    }
  }
}

function sentence(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}
