/**
 * Matches transactional ids with the pattern of a request, in a thread of its own: no pattern, and no transactional id, can make the
 * broker stand still. RE2 is linear in the length of an id, but as many times as the pattern has states, and few characters (`\pL{1000}`)
 * have many: no limit on its length bounds the match. One thread at a time; one that takes too long is terminated (Invariant 13).
 */
import { Worker } from 'node:worker_threads'
import { KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { within } from '../system/within.ts'
import { limits } from './limits.ts'

const FILE = new URL(`./pattern-thread-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

export interface PatternRequest {
  readonly pattern: string
  readonly transactionalIds: readonly string[]
}

/** Indexes of transactional ids; null for an invalid pattern. */
export type PatternResult = readonly number[] | null

export class PatternThread {
  readonly #system: System
  readonly #signal: AbortSignal
  readonly #semaphore = new Semaphore(1)

  constructor(system: System, signal: AbortSignal) {
    this.#system = system
    this.#signal = signal
  }

  /** Those that match `pattern` as a whole. Throws INVALID_REGULAR_EXPRESSION, or REQUEST_TIMED_OUT where it takes too long. */
  matching(pattern: string, transactionalIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#semaphore.run(async () => {
      const matched = pattern.length > limits.patternLength ? null : await this.#run({ pattern, transactionalIds })
      if (matched === null) throw new KafkaError('INVALID_REGULAR_EXPRESSION')
      return new Set(matched.map((index) => transactionalIds[index]!))
    })
  }

  async #run(request: PatternRequest): Promise<PatternResult> {
    const worker = new Worker(FILE, { workerData: request, resourceLimits: { maxOldGenerationSizeMb: limits.patternThreadMb } })
    try {
      const result = new Promise<PatternResult>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
      if (await within(this.#system.clock, limits.patternMs, result, this.#signal)) return await result
      throw new KafkaError('REQUEST_TIMED_OUT', 'the pattern of a ListTransactions request takes too long; use a simpler one')
    } finally {
      await worker.terminate()
    }
  }
}
