/**
 * How many connections there are and how fast they may come: Kafka's ConnectionQuotas. Counts by listener and by address, rates of the
 * broker, of each listener and of each address. It decides only; acceptors wait and close. Pure: times are monotonic milliseconds.
 */
import { Samples } from '../quotas/samples.ts'
import { throttleTimeMs } from '../quotas/throttle-time.ts'
import { limits as bounds } from './limits.ts'

export interface RateWindow {
  /** quota.window.num */
  readonly samples: number
  /** Of one sample: quota.window.size.seconds. */
  readonly sampleMs: number
}

export interface ListenerLimits {
  readonly maxConnections: number
  readonly maxCreationRate: number
}

/** They may change while the broker runs. */
export interface ConnectionLimits extends ListenerLimits {
  readonly maxPerIp: number
  /** By address. */
  readonly perIpOverrides: ReadonlyMap<string, number>
  /** Of those listeners that have their own. */
  readonly listeners: ReadonlyMap<string, ListenerLimits>
}

/** Connections per second of one address: the quotas of the entity `ip`. */
export interface IpRates {
  /** Infinity for no limit. */
  readonly fallback: number
  readonly byAddress: ReadonlyMap<string, number>
}

export interface ConnectionQuotasOptions {
  readonly window: RateWindow
  /** inter.broker.listener.name */
  readonly interBrokerListener: string
  readonly limits: ConnectionLimits
}

export type Admission =
  | { readonly outcome: 'admitted' }
  /** The address has as many connections as it may have. */
  | { readonly outcome: 'rejected'; readonly max: number }
  /** The address connects too fast: closed after this time. */
  | { readonly outcome: 'throttled'; readonly throttleMs: number }

class ListenerCounts {
  readonly rate: Samples
  connections = 0
  throttled = 0
  throttleMs = 0
  ipThrottled = 0
  ipThrottleMs = 0

  constructor(window: RateWindow) {
    this.rate = new Samples(window.samples, window.sampleMs)
  }
}

export type ListenerFigures = Readonly<Omit<ListenerCounts, 'rate'>> & { readonly listener: string; readonly acceptRate: number }

export class ConnectionQuotas {
  readonly #window: RateWindow
  readonly #interBrokerListener: string
  readonly #rate: Samples
  readonly #listeners = new Map<string, ListenerCounts>()
  readonly #addresses = new Map<string, number>()
  /** Of addresses with a quota; the one that connected last is the last. */
  readonly #addressRates = new Map<string, { readonly samples: Samples; usedAt: number }>()
  #limits: ConnectionLimits
  #ipRates: IpRates = { fallback: Number.POSITIVE_INFINITY, byAddress: new Map() }
  #connections = 0

  constructor({ window, interBrokerListener, limits }: ConnectionQuotasOptions) {
    this.#window = window
    this.#interBrokerListener = interBrokerListener
    this.#limits = limits
    this.#rate = new Samples(window.samples, window.sampleMs)
  }

  set limits(limits: ConnectionLimits) {
    this.#limits = limits
  }

  set ipRates(rates: IpRates) {
    this.#ipRates = rates
  }

  addListener(listener: string): void {
    this.#listeners.set(listener, new ListenerCounts(this.#window))
  }

  get connections(): number {
    return this.#connections
  }

  connectionsOf(address: string): number {
    return this.#addresses.get(address) ?? 0
  }

  /** Addresses that are counted, for tests of leaks. */
  get addresses(): number {
    return this.#addresses.size
  }

  /** Connections over max.connections: the least recently active ones of listeners that are not protected must go. */
  get excess(): number {
    return Math.max(0, this.#connections - this.#limits.maxConnections)
  }

  /** The inter-broker listener goes over the limits of the broker, where it is not the only one. */
  isProtected(listener: string): boolean {
    return listener === this.#interBrokerListener && this.#listeners.size > 1
  }

  /** Records that a client connects. Returns how long it must wait before it is accepted. */
  record(listener: string, now: number): number {
    const counts = this.#listeners.get(listener)!
    const ofBroker = this.isProtected(listener) ? 0 : this.#recordIn(this.#rate, this.#limits.maxCreationRate, now)
    const throttleMs = Math.max(ofBroker, this.#recordIn(counts.rate, this.#limitsOf(listener).maxCreationRate, now))
    if (throttleMs > 0) {
      counts.throttled++
      counts.throttleMs += throttleMs
    }
    return throttleMs
  }

  hasSlot(listener: string): boolean {
    if (this.#listeners.get(listener)!.connections >= this.#limitsOf(listener).maxConnections) return false
    return this.isProtected(listener) || this.#connections < this.#limits.maxConnections
  }

  /** Counts the connection where it is admitted: `release` must follow. */
  admit(listener: string, address: string, now: number): Admission {
    const throttleMs = this.#throttleAddress(listener, address, now)
    if (throttleMs > 0) return { outcome: 'throttled', throttleMs }
    const count = this.connectionsOf(address)
    const max = this.#limits.perIpOverrides.get(address) ?? this.#limits.maxPerIp
    if (count >= max) return { outcome: 'rejected', max }
    this.#addresses.set(address, count + 1)
    this.#listeners.get(listener)!.connections++
    this.#connections++
    return { outcome: 'admitted' }
  }

  release(listener: string, address: string): void {
    const remaining = this.connectionsOf(address) - 1
    if (remaining > 0) this.#addresses.set(address, remaining)
    else this.#addresses.delete(address)
    this.#listeners.get(listener)!.connections--
    this.#connections--
  }

  /** Per second, over all listeners that are not protected. */
  acceptRate(now: number): number {
    return this.#rate.rate(now)
  }

  *figures(now: number): Iterable<ListenerFigures> {
    for (const [listener, { rate, ...figures }] of this.#listeners) yield { listener, ...figures, acceptRate: rate.rate(now) }
  }

  #limitsOf(listener: string): ListenerLimits {
    return this.#limits.listeners.get(listener) ?? this.#limits
  }

  #recordIn(rate: Samples, bound: number, now: number): number {
    rate.record(1, now)
    // As Kafka: never longer than one sample.
    return throttleTimeMs(rate, bound, now, this.#window.sampleMs)
  }

  #throttleAddress(listener: string, address: string, now: number): number {
    const bound = this.#ipRates.byAddress.get(address) ?? this.#ipRates.fallback
    if (bound === Number.POSITIVE_INFINITY) return 0
    const rate = this.#rateOf(address, now)
    const throttleMs = this.#recordIn(rate, bound, now)
    if (throttleMs === 0) return 0
    // It is not accepted: nobody else waits for it.
    rate.record(-1, now)
    const counts = this.#listeners.get(listener)!
    counts.rate.record(-1, now)
    if (!this.isProtected(listener)) this.#rate.record(-1, now)
    counts.ipThrottled++
    counts.ipThrottleMs += throttleMs
    return throttleMs
  }

  #rateOf(address: string, now: number): Samples {
    const { samples: number, sampleMs } = this.#window
    const samples = this.#addressRates.get(address)?.samples ?? new Samples(number, sampleMs)
    this.#addressRates.delete(address)
    this.#addressRates.set(address, { samples, usedAt: now })
    // Out of the window a rate is as one that has never recorded.
    for (const [oldest, { usedAt }] of this.#addressRates) {
      if (this.#addressRates.size <= bounds.addressRates && now - usedAt < number * sampleMs) break
      this.#addressRates.delete(oldest)
    }
    return samples
  }
}
