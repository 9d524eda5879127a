/** All that a connector may import. */
import { realClock } from '../../core/system/clock.ts'

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
