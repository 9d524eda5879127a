/**
 * What each quota entity has used of one kind of quota, and how long its clients were throttled. The number of entities is bounded, and
 * those that are not used any more are forgotten.
 */
import type { ClientQuota } from '../cluster/image/client-quotas-image.ts'
import { limits } from './limits.ts'
import { type QuotaKey, QuotaLimits, type SharedEntity } from './quota-limits.ts'
import { Samples } from './samples.ts'

/** A client, as its requests name it. */
export interface QuotaClient {
  /** The name of the principal, without its type. */
  readonly user: string
  readonly clientId: string
}

export interface QuotaSensor<T> {
  readonly entity: SharedEntity
  /** Infinity where no quota applies. */
  limit: number
  readonly usage: T
  readonly throttleTimes: Samples
  usedAt: number
}

/** Kafka's metrics keep two samples of half a minute. */
const METRIC_SAMPLES = 2
const METRIC_SAMPLE_MS = 30_000
/** A sensor moves to the end of the table no more often than this. */
const MOVE_MS = 1000

export const metricSamples = (): Samples => new Samples(METRIC_SAMPLES, METRIC_SAMPLE_MS)

export class QuotaSensors<T> {
  readonly #key: QuotaKey
  readonly #newUsage: () => T
  /** Roughly in the order of their last use. */
  readonly #sensors = new Map<string, QuotaSensor<T>>()
  #limits: QuotaLimits
  #isEnabled = false

  constructor(key: QuotaKey, newUsage: () => T) {
    this.#key = key
    this.#newUsage = newUsage
    this.#limits = new QuotaLimits([], key)
  }

  /** False as long as nobody has a quota of this kind. */
  get isEnabled(): boolean {
    return this.#isEnabled
  }

  get size(): number {
    return this.#sensors.size
  }

  update(quotas: Iterable<ClientQuota>): void {
    this.#limits = new QuotaLimits(quotas, this.#key)
    this.#isEnabled = !this.#limits.isEmpty
    for (const sensor of this.#sensors.values()) sensor.limit = this.#limits.limit(sensor.entity)
  }

  of({ user, clientId }: QuotaClient, now: number): QuotaSensor<T> {
    const entity = this.#limits.sharedEntity(user, clientId)
    // The length tells where the user ends.
    const key = `${entity.user.length}:${entity.user}${entity.clientId}`
    let sensor = this.#sensors.get(key)
    if (!sensor) {
      const limit = this.#limits.limit(entity)
      sensor = { entity, limit, usage: this.#newUsage(), throttleTimes: metricSamples(), usedAt: now }
      this.#sensors.set(key, sensor)
      if (this.#sensors.size > limits.sensors) this.#sensors.delete(this.#sensors.keys().next().value!)
    } else if (now - sensor.usedAt >= MOVE_MS) {
      this.#sensors.delete(key)
      this.#sensors.set(key, sensor)
      sensor.usedAt = now
    }
    return sensor
  }

  all(): Iterable<QuotaSensor<T>> {
    return this.#sensors.values()
  }

  expire(now: number): void {
    for (const [key, { usedAt }] of this.#sensors) {
      if (now - usedAt < limits.sensorExpirationMs) return
      this.#sensors.delete(key)
    }
  }
}
