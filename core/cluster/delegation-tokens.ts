/**
 * The delegation tokens of this cluster (KIP-48): issued, renewed and ended as changes of the metadata log, and removed once they have
 * expired. The log has no secret of a token: its HMAC is computed from the id with delegation.token.secret.key, as Apache Kafka does, so
 * that tokens are valid on every node with that key. Neither the key nor an HMAC is ever logged (Invariant 12).
 */
import { createHmac } from 'node:crypto'
import { KafkaError } from '../errors.ts'
import type { BrokerSettings } from '../settings.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import type { Controller } from './controller.ts'
import { since } from './features.ts'
import type { DelegationToken } from './image/credentials-image.ts'
import {
  checkTokenLimits,
  type DelegationTokens,
  isExpired,
  type NewToken,
  newToken,
  renewedToken,
  shortenedToken,
  type TokenLifetimes,
} from './token-changes.ts'

/** Timers hold no more: a check that is rarer than every 24 days happens every 24 days. */
const MAX_CHECK_INTERVAL_MS = 2 ** 31 - 1

export class ControlledTokens implements DelegationTokens {
  readonly #secretKey: string
  readonly #lifetimes: TokenLifetimes
  readonly #checkIntervalMs: number
  readonly #controller: Controller
  readonly #system: System
  #timer: Timer | null = null
  /** Token ids by HMAC in base64; null until the first search. */
  #ids: Map<string, string> | null = null

  constructor({ values }: BrokerSettings, controller: Controller, system: System) {
    this.#secretKey = values['delegation.token.secret.key'] ?? ''
    this.#lifetimes = { maxMs: values['delegation.token.max.lifetime.ms'], expiryMs: values['delegation.token.expiry.time.ms'] }
    this.#checkIntervalMs = values['delegation.token.expiry.check.interval.ms']
    this.#controller = controller
    this.#system = system
  }

  get isEnabled(): boolean {
    return this.#secretKey !== ''
  }

  /** From now on expired tokens are removed, until `close`. */
  start(): void {
    if (!this.isEnabled) return
    this.#timer = this.#system.clock.every(Math.min(this.#checkIntervalMs, MAX_CHECK_INTERVAL_MS), () => {
      this.removeExpired().catch((err: unknown) =>
        this.#system.logger.warn({ err }, 'expired delegation tokens could not be removed; the next check may'),
      )
    })
  }

  close(): void {
    this.#timer?.cancel()
  }

  all(): Iterable<DelegationToken> {
    return this.#tokens.values()
  }

  byId(tokenId: string): DelegationToken | undefined {
    return this.#tokens.get(tokenId)
  }

  hmacOf(tokenId: string): Buffer {
    return createHmac('sha512', this.#secretKey).update(tokenId).digest()
  }

  create(request: NewToken): Promise<DelegationToken> {
    return this.#change(async () => {
      checkTokenLimits(request, this.all())
      const token = newToken(request, this.#system.random.uuid(), this.#system.clock.now(), this.#lifetimes)
      await this.#controller.write([{ type: 'DelegationTokenRecord', ...token, renewers: [...token.renewers] }])
      this.#ids?.set(this.#keyOf(token.tokenId), token.tokenId)
      return token
    })
  }

  renew(hmac: Buffer, principal: string, periodMs: number): Promise<number> {
    return this.#change(async () => {
      const token = renewedToken(this.#find(hmac), principal, periodMs, this.#system.clock.now(), this.#lifetimes)
      await this.#controller.write([{ type: 'DelegationTokenRecord', ...token, renewers: [...token.renewers] }])
      return token.expirationTimestamp
    })
  }

  expire(hmac: Buffer, principal: string, periodMs: number): Promise<number> {
    return this.#change(async () => {
      const now = this.#system.clock.now()
      const found = this.#find(hmac)
      const token = shortenedToken(found, principal, periodMs, now)
      if (token) await this.#controller.write([{ type: 'DelegationTokenRecord', ...token, renewers: [...token.renewers] }])
      else await this.#remove([found!.tokenId])
      return token ? token.expirationTimestamp : now
    })
  }

  async removeExpired(): Promise<void> {
    await this.#controller.run(async () => {
      if (this.#controller.metadataVersion < since.delegationTokens) return
      const now = this.#system.clock.now()
      const expired = [...this.all()].filter((token) => isExpired(token, now))
      for (const { tokenId, owner } of expired) this.#system.logger.info({ tokenId, owner }, 'a delegation token has expired')
      await this.#remove(expired.map(({ tokenId }) => tokenId))
    })
  }

  get #tokens(): ReadonlyMap<string, DelegationToken> {
    return this.#controller.image.delegationTokens
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    return this.#controller.run(() => {
      if (!this.isEnabled) throw new KafkaError('DELEGATION_TOKEN_AUTH_DISABLED', 'Delegation Token feature is not enabled.')
      if (this.#controller.metadataVersion < since.delegationTokens)
        throw new KafkaError('UNSUPPORTED_VERSION', 'The current metadata.version does not support delegation tokens')
      return change()
    })
  }

  async #remove(tokenIds: readonly string[]): Promise<void> {
    await this.#controller.writeEach(tokenIds.map((tokenId) => ({ type: 'RemoveDelegationTokenRecord', tokenId })))
    for (const tokenId of tokenIds) this.#ids?.delete(this.#keyOf(tokenId))
  }

  #find(hmac: Buffer): DelegationToken | undefined {
    this.#ids ??= new Map([...this.#tokens.keys()].map((tokenId) => [this.#keyOf(tokenId), tokenId]))
    const tokenId = this.#ids.get(hmac.toString('base64'))
    return tokenId === undefined ? undefined : this.byId(tokenId)
  }

  #keyOf(tokenId: string): string {
    return this.hmacOf(tokenId).toString('base64')
  }
}
