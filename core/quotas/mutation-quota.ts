/**
 * The quota on partitions that are created and deleted: controller_mutation_rate. A request that finds the quota exhausted is refused
 * (strict), or throttled afterwards (permissive: before clients know the error).
 */
import { KafkaError } from '../errors.ts'
import { metricSamples, type QuotaClient, type QuotaSensor, QuotaSensors } from './quota-sensors.ts'
import type { QuotaWindow } from './quota-window.ts'
import type { Samples } from './samples.ts'
import { refillMs, TokenBucket } from './token-bucket.ts'

interface MutationUsage {
  readonly bucket: TokenBucket
  readonly rate: Samples
}

/** Of one request. */
export interface Mutations {
  /** Before partitions are created or deleted. Throws THROTTLING_QUOTA_EXCEEDED. */
  record(partitions: number): void
  /** How long the client must wait from now on. */
  readonly throttleTimeMs: number
}

export class MutationQuota {
  readonly sensors: QuotaSensors<MutationUsage>
  readonly #now: () => number

  constructor({ samples, sampleMs }: QuotaWindow, now: () => number) {
    this.#now = now
    this.sensors = new QuotaSensors('controller_mutation_rate', () => ({
      bucket: new TokenBucket((samples * sampleMs) / 1000),
      rate: metricSamples(),
    }))
  }

  get isEnabled(): boolean {
    return this.sensors.isEnabled
  }

  of(client: QuotaClient, isStrict: boolean): Mutations {
    if (!this.isEnabled) return unbounded
    return new LimitedMutations(this.sensors.of(client, this.#now()), isStrict, this.#now)
  }

  throttled(client: QuotaClient, throttleMs: number, now: number): void {
    this.sensors.of(client, now).throttleTimes.record(throttleMs, now)
  }
}

const unbounded: Mutations = { record() {}, throttleTimeMs: 0 }

class LimitedMutations implements Mutations {
  readonly #sensor: QuotaSensor<MutationUsage>
  readonly #isStrict: boolean
  readonly #now: () => number
  #throttleMs = 0
  #throttledAt = 0

  constructor(sensor: QuotaSensor<MutationUsage>, isStrict: boolean, now: () => number) {
    this.#sensor = sensor
    this.#isStrict = isStrict
    this.#now = now
  }

  get throttleTimeMs(): number {
    return Math.max(0, this.#throttleMs - (this.#now() - this.#throttledAt))
  }

  record(partitions: number): void {
    const { limit, usage } = this.#sensor
    const now = this.#now()
    const isLimited = Number.isFinite(limit)
    if (isLimited && this.#isStrict && this.#isExhausted(limit, now)) throw new KafkaError('THROTTLING_QUOTA_EXCEEDED')
    usage.rate.record(partitions, now)
    if (!isLimited) return
    usage.bucket.take(partitions, limit, now)
    if (!this.#isStrict) this.#isExhausted(limit, now)
  }

  #isExhausted(limit: number, now: number): boolean {
    const tokens = this.#sensor.usage.bucket.tokens(limit, now)
    if (tokens >= 0) return false
    this.#throttleMs = refillMs(tokens, limit)
    this.#throttledAt = now
    return true
  }
}
