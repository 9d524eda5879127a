/**
 * The client quotas of a broker: the limits follow the metadata of the cluster, and what clients use is recorded here. Where nobody has a
 * quota, nothing is recorded.
 */
import type { ClientQuota } from '../cluster/image/client-quotas-image.ts'
import type { Clock, Timer } from '../system/clock.ts'
import { limits } from './limits.ts'
import { MutationQuota, type Mutations } from './mutation-quota.ts'
import { metricSamples, type QuotaClient } from './quota-sensors.ts'
import type { QuotaWindow } from './quota-window.ts'
import { RateQuota } from './rate-quota.ts'

export interface ClientQuotasOptions {
  /** What the rates are measured over. */
  readonly rates: QuotaWindow
  /** What may be created and deleted at once. */
  readonly mutations: QuotaWindow
}

/** Where the quotas are kept. */
export interface QuotaSource {
  clientQuotas(): Iterable<ClientQuota>
  onClientQuotasChanged(task: () => void): () => void
}

/** Who sends a request. */
export interface Requester {
  readonly peer: { readonly principal: string }
  readonly clientId: string | null
}

/** As in Kafka, a missing client id is an empty one. */
export const quotaClientOf = ({ peer: { principal }, clientId }: Requester): QuotaClient => ({
  user: principal.slice(principal.indexOf(':') + 1),
  clientId: clientId ?? '',
})

export class ClientQuotas {
  readonly produce: RateQuota
  readonly fetch: RateQuota
  readonly request: RateQuota
  readonly mutation: MutationQuota
  /** The time of requests that request_percentage does not slow down, in percent. */
  readonly exemptRequestTime = metricSamples()
  readonly #clock: Clock
  readonly #timer: Timer
  readonly #unsubscribe: () => void
  #isEnabled = false

  constructor(source: QuotaSource, { rates, mutations }: ClientQuotasOptions, clock: Clock) {
    this.#clock = clock
    this.produce = new RateQuota('producer_byte_rate', rates)
    this.fetch = new RateQuota('consumer_byte_rate', rates)
    // As in Kafka, no longer than one sample.
    this.request = new RateQuota('request_percentage', rates, rates.sampleMs)
    this.mutation = new MutationQuota(mutations, () => this.now())
    const update = () => this.#update([...source.clientQuotas()])
    this.#unsubscribe = source.onClientQuotasChanged(update)
    update()
    this.#timer = clock.every(limits.expirationCheckMs, () => this.expire())
  }

  /** False where nobody has a quota: requests are neither measured nor recorded then. */
  get isEnabled(): boolean {
    return this.#isEnabled
  }

  /** In whole ms. */
  now(): number {
    return Math.floor(this.#clock.monotonic())
  }

  /** The bytes of a Fetch response beyond which it would be over the quota in any case. */
  maxFetchBytes(requester: Requester): number {
    return this.fetch.isEnabled ? Math.floor(this.fetch.maxInWindow(quotaClientOf(requester), this.now())) : Number.POSITIVE_INFINITY
  }

  mutations(requester: Requester, isStrict: boolean): Mutations {
    return this.mutation.of(quotaClientOf(requester), isStrict)
  }

  expire(): void {
    for (const { sensors } of this.#all()) sensors.expire(this.now())
  }

  close(): void {
    this.#unsubscribe()
    this.#timer.cancel()
  }

  #update(quotas: readonly ClientQuota[]): void {
    for (const { sensors } of this.#all()) sensors.update(quotas)
    this.#isEnabled = this.#all().some(({ isEnabled }) => isEnabled)
  }

  #all(): readonly (RateQuota | MutationQuota)[] {
    return [this.produce, this.fetch, this.request, this.mutation]
  }
}
