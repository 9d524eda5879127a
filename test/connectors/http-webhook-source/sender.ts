/**
 * A sender of webhooks: it posts numbers in order, each again until it is answered with success, as GitHub or Stripe do.
 */
import { setTimeout as pause } from 'node:timers/promises'

const RETRY_MS = 2

export interface Sender {
  /** The numbers that were answered with success. */
  readonly answered: number[]
  /** Adds further numbers to send. */
  add(count: number): void
  stop(): Promise<void>
}

/** `first` and `step` are those of its numbers, so that several do not send the same. */
export function startSender(url: string, { first = 0, step = 1 } = {}): Sender {
  const stop = new AbortController()
  const answered: number[] = []
  let end = 0
  const send = async () => {
    for (let index = 0; !stop.signal.aborted; ) {
      const number = first + index * step
      if (index < end && (await isTaken(url, number))) {
        answered.push(number)
        index++
      } else await pause(RETRY_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  const sending = send()
  return {
    answered,
    add(count) {
      end += count
    },
    async stop() {
      stop.abort()
      await sending
    },
  }
}

async function isTaken(url: string, number: number): Promise<boolean> {
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'x-delivery': String(number) }, body: JSON.stringify({ number }) })
    await response.arrayBuffer()
    return response.ok
  } catch (error) {
    // Nobody listens, or the receiver was killed in the middle: it is sent again.
    if (error instanceof TypeError) return false
    throw error
  }
}
