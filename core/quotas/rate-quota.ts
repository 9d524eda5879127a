/**
 * A quota on a rate: producer_byte_rate, consumer_byte_rate or request_percentage. It records what clients use, and says for how long they
 * must be throttled.
 */
import type { QuotaKey } from './quota-limits.ts'
import { type QuotaClient, QuotaSensors } from './quota-sensors.ts'
import type { QuotaWindow } from './quota-window.ts'
import { Samples } from './samples.ts'
import { throttleTimeMs } from './throttle-time.ts'

export class RateQuota {
  readonly sensors: QuotaSensors<Samples>
  readonly #window: QuotaWindow
  readonly #maxThrottleMs: number | undefined

  /** `maxThrottleMs` is the longest throttle time. */
  constructor(key: QuotaKey, window: QuotaWindow, maxThrottleMs?: number) {
    this.#window = window
    this.#maxThrottleMs = maxThrottleMs
    this.sensors = new QuotaSensors(key, () => new Samples(window.samples, window.sampleMs))
  }

  get isEnabled(): boolean {
    return this.sensors.isEnabled
  }

  /** Records `value`, and returns the throttle time. */
  record(client: QuotaClient, value: number, now: number): number {
    const { usage, limit } = this.sensors.of(client, now)
    usage.record(value, now)
    return throttleTimeMs(usage, limit, now, this.#maxThrottleMs)
  }

  /** Records what the next request pays for; a negative value takes back what was not used after all. */
  recordOnly(client: QuotaClient, value: number, now: number): void {
    this.sensors.of(client, now).usage.record(value, now)
  }

  /** More than this is always over the quota, even after a pause. */
  maxInWindow(client: QuotaClient, now: number): number {
    if (!this.isEnabled) return Number.POSITIVE_INFINITY
    const { samples, sampleMs } = this.#window
    return (this.sensors.of(client, now).limit * (samples - 1) * sampleMs) / 1000
  }

  throttled(client: QuotaClient, throttleMs: number, now: number): void {
    this.sensors.of(client, now).throttleTimes.record(throttleMs, now)
  }
}
