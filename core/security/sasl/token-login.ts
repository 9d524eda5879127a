/**
 * The login of a client with tokens: gets one when it is first needed, and the next one ahead of its end. One request is under way at a
 * time, whoever waits for it. While refreshing fails, the token is used until it ends.
 */
import type { Timer } from '../../system/clock.ts'
import type { AccessToken } from './access-token.ts'
import { SaslError } from './sasl-errors.ts'
import { RELOGIN_AFTER_FAILURE_MS, type RefreshSettings, refreshAtMs } from './token-refresh.ts'
import type { SaslSystem } from './types.ts'

/** Timers of Node hold no more than 24 days. */
const MAX_TIMER_MS = 86_400_000
const FRACTIONS = 1_000_000

/** Where tokens come from. `signal` ends what it waits for. */
export type TokenSource = (signal: AbortSignal) => Promise<AccessToken>

export class TokenLogin {
  readonly #source: TokenSource
  readonly #refresh: RefreshSettings
  readonly #system: SaslSystem
  readonly #closing = new AbortController()
  #token: AccessToken | null = null
  #pending: Promise<AccessToken> | null = null
  #timer: Timer | null = null

  constructor(source: TokenSource, refresh: RefreshSettings, system: SaslSystem) {
    this.#source = source
    this.#refresh = refresh
    this.#system = system
  }

  /** A token that has not ended. Throws SaslError, KafkaError. */
  async token(): Promise<AccessToken> {
    if (this.#closing.signal.aborted) throw new SaslError('The login is closed')
    if (this.#token && this.#token.endMs > this.#system.clock.now()) return this.#token
    return this.#login()
  }

  endMs(): number | null {
    return this.#token?.endMs ?? null
  }

  close(): void {
    this.#closing.abort()
    this.#timer?.cancel()
  }

  #login(): Promise<AccessToken> {
    this.#pending ??= this.#retrieve().finally(() => {
      this.#pending = null
    })
    return this.#pending
  }

  async #retrieve(): Promise<AccessToken> {
    const token = await this.#source(this.#closing.signal)
    this.#token = token
    const { clock, random } = this.#system
    this.#refreshAt(refreshAtMs(token, this.#refresh, clock.now(), random.below(FRACTIONS) / FRACTIONS))
    return token
  }

  #refreshAt(atMs: number): void {
    this.#timer?.cancel()
    if (this.#closing.signal.aborted) return
    const leftMs = Math.max(0, atMs - this.#system.clock.now())
    this.#timer = this.#system.clock.after(Math.min(leftMs, MAX_TIMER_MS), () => {
      if (leftMs > MAX_TIMER_MS) this.#refreshAt(atMs)
      else void this.#refreshNow()
    })
  }

  async #refreshNow(): Promise<void> {
    try {
      await this.#login()
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#system.logger.warn({ err: error }, `the token could not be refreshed; the next attempt is in ${RELOGIN_AFTER_FAILURE_MS} ms`)
      this.#refreshAt(this.#system.clock.now() + RELOGIN_AFTER_FAILURE_MS)
    }
  }
}
