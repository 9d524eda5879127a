/**
 * How many records and bytes a task moves in a second at most, where its connector limits them. A batch is taken whole, and paid for by
 * waiting afterwards, so that nothing is done per record. The limits are those of each task. Pure: times are given.
 */
import { refillMs, TokenBucket } from '../../core/quotas/token-bucket.ts'
import { type ConfigOf, parseSettings, setting } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'

/** What a task may move at once after it has moved nothing for a while: what comes in a second. */
const BURST_SECONDS = 1

const atLeast1 = (value: number | null) => (value !== null && value < 1 ? 'Value must be at least 1' : undefined)

/** Ours: Kafka Connect has no limits. Flows such as mirrors have none either. */
export const rateLimitSettings = {
  'task.records.per.second.max': setting.long({
    default: null,
    importance: 'LOW',
    doc: 'How many records each task reads from its system, or writes to it, in a second on average; no limit if it is not set.',
    check: atLeast1,
  }),
  'task.bytes.per.second.max': setting.long({
    default: null,
    importance: 'LOW',
    doc: 'How many bytes of keys and values in Kafka each task writes or reads in a second on average; no limit if it is not set.',
    check: atLeast1,
  }),
} as const

interface Limit {
  readonly rate: number
  readonly bucket: TokenBucket
}

const limitOf = (rate: number | null): Limit | null => (rate === null ? null : { rate, bucket: new TokenBucket(BURST_SECONDS) })

function waitOf(limit: Limit | null, now: number): number {
  const tokens = limit === null ? 0 : limit.bucket.tokens(limit.rate, now)
  return tokens < 0 ? refillMs(tokens, limit!.rate) : 0
}

export class TaskRateLimit {
  readonly #records: Limit | null
  readonly #bytes: Limit | null

  constructor(config: ConfigOf<typeof rateLimitSettings>) {
    this.#records = limitOf(config['task.records.per.second.max'])
    this.#bytes = limitOf(config['task.bytes.per.second.max'])
  }

  /** Whether `moved` needs the bytes. */
  get limitsBytes(): boolean {
    return this.#bytes !== null
  }

  /** The records of one batch, so that one batch is no longer than a second's; no more than `most`. */
  batchRecords(most: number): number {
    return Math.min(most, this.#records?.rate ?? most)
  }

  moved(records: number, bytes: number, now: number): void {
    this.#records?.bucket.take(records, this.#records.rate, now)
    this.#bytes?.bucket.take(bytes, this.#bytes.rate, now)
  }

  /** How long to wait before the next batch. */
  waitMs(now: number): number {
    return Math.max(waitOf(this.#records, now), waitOf(this.#bytes, now))
  }
}

/** Undefined where the connector has no limit. */
export function rateLimitOf(config: ConnectorConfig): TaskRateLimit | undefined {
  const limits = parseSettings(rateLimitSettings, config)
  return Object.values(limits).every((limit) => limit === null) ? undefined : new TaskRateLimit(limits)
}
