/**
 * How many wrong passwords a client may try: for each pair of a user and an address a number at once, and one more each second. Another
 * address, or another user, is not concerned, so that nobody can lock out the others. The number of pairs is bounded. Pure, apart from time
 * that its caller gives.
 */
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'

/** Failed logins of a user from an address that may follow each other at once. */
export const FAILED_LOGIN_BURST = 10
/** Then this many: a password is guessed 86,400 times a day. */
export const FAILED_LOGINS_PER_SECOND = 1
/** Pairs that are remembered. */
export const MAX_PAIRS = 10_000
/** Beyond it as many are forgotten at once: those with the fewest failures, so that failures of others make nobody's forgotten. */
const FORGOTTEN_PAIRS = 2_500

interface Failures {
  count: number
  /** Monotonic ms of the count. */
  at: number
}

export class FailedLogins {
  /** In the order of the last failure. */
  readonly #pairs = new Map<string, Failures>()

  get size(): number {
    return this.#pairs.size
  }

  isBlocked(user: string, address: string, now: number): boolean {
    return this.#count(keyOf(user, address), now) > FAILED_LOGIN_BURST - 1
  }

  add(user: string, address: string, now: number): void {
    const key = keyOf(user, address)
    const count = this.#count(key, now) + 1
    this.#pairs.delete(key)
    this.#pairs.set(key, { count, at: now })
    if (this.#pairs.size > MAX_PAIRS) this.#forget(now)
  }

  #forget(now: number): void {
    const counts = [...this.#pairs.keys()].map((key) => [key, this.#count(key, now)] as const)
    const fewest = counts.toSorted(([, a], [, b]) => a - b).slice(0, FORGOTTEN_PAIRS)
    for (const [key] of fewest) this.#pairs.delete(key)
  }

  #count(key: string, now: number): number {
    const failures = this.#pairs.get(key)
    return failures ? Math.max(0, failures.count - ((now - failures.at) / 1000) * FAILED_LOGINS_PER_SECOND) : 0
  }
}

/** A digest: names are as long as a client likes, and may be passwords in the wrong place. */
const keyOf = (user: string, address: string): string =>
  createHash('sha256')
    .update(`${clientOf(address)}\n${user}`)
    .digest('base64')

/** A client has one address of IPv4, and a network of 64 bits of IPv6. */
export function clientOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined || isIP(address) !== 6) return mapped ?? address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? 0 : tail.split(':').length
  const filled = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - after)).fill('0')]
  const network = [...filled, ...(tail ?? '').split(':')].slice(0, 4).map((group) => Number.parseInt(group || '0', 16).toString(16))
  return `${network.join(':')}::/64`
}
