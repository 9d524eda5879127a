/** All that a connector may import. */
import { type Backoff, backoffMs } from '../../core/system/backoff.ts'
import { realClock } from '../../core/system/clock.ts'
import { realRandom } from '../../core/system/random.ts'

export { partitionKey } from '../../core/topic-partition.ts'
export * from './connector.ts'
export * from './converter.ts'
export * from './errors.ts'
export { parseExactly, rawJson } from './exact-json.ts'
export * from './plugin-kind.ts'
export * from './predicate.ts'
export * from './record.ts'
export * from './schema.ts'
export * from './settings.ts'
export * from './transform.ts'

/** Resolves after `delayMs`, at once where it is not positive, or as soon as `signal` aborts. */
export const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  delayMs > 0 ? realClock.sleep(delayMs, signal) : Promise.resolve()

/** How long to wait after attempt `attempt`, the first being 0: exponential, with jitter. */
export const backoff = (limits: Backoff, attempt: number): number => backoffMs(limits, attempt, realRandom)
