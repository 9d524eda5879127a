/**
 * Checks of compatibility that take long, made in a thread of their own, so that no schema makes the registry stand still. A decision that
 * needs one is left with LongCheck and made again with what was found; a small check is made at once.
 */
import { Worker } from 'node:worker_threads'
import type { System } from '../core/system/index.ts'
import { Semaphore } from '../core/system/semaphore.ts'
import { within } from '../core/system/within.ts'
import type { Compare } from './compatibility-levels.ts'
import type { DecisionContext } from './decision-context.ts'
import { checkBackward, type ParsedSchema, TooManyPairs } from './formats/index.ts'
import type { ParsedSchemas, SchemaSource } from './parsed-schemas.ts'
import { operationTimedOut, uncheckable } from './registry-error.ts'

const FILE = new URL(`./compatibility-thread-main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** Pairs of types that are compared at once: less than a tenth of a second. */
const PAIRS_AT_ONCE = 20_000
/** What the thread may take for all checks of one request. */
const CHECKS_MS = 30_000
/** What the thread may take of memory. */
const CHECK_MB = 1024
/** Checks that wait for those before them. */
const WAITING_CHECKS_LIMIT = 100

export interface ThreadCheck {
  readonly writer: SchemaSource
  readonly reader: SchemaSource
  readonly names: Parameters<Compare>[2]
}

/** Leaves a decision that needs a check which takes long. */
class LongCheck extends Error {
  readonly check: ThreadCheck

  constructor(check: ThreadCheck) {
    super('A check of compatibility takes long')
    this.check = check
  }
}

const keyOf = ({ writer, reader, names }: ThreadCheck): string => `${writer.key}/${reader.key}/${names.reader}/${names.isLenient}`

export class CompatibilityChecks {
  readonly #parsed: ParsedSchemas
  readonly #system: System
  readonly #semaphore = new Semaphore(1)
  readonly #closing = new AbortController()
  #waiting = 0

  constructor(parsed: ParsedSchemas, system: System) {
    this.#parsed = parsed
    this.#system = system
  }

  /** `decide` is called once more for each check that takes long. @throws SchemaRegistryError where such a check is given up. */
  async decide<T>(context: DecisionContext, decide: (context: DecisionContext) => T | Promise<T>): Promise<T> {
    const found = new Map<string, readonly string[]>()
    const own = { ...context, compare: (...pair: Parameters<Compare>) => this.#compare(found, ...pair) }
    let leftMs = CHECKS_MS
    for (;;) {
      try {
        return await decide(own)
      } catch (error) {
        if (!(error instanceof LongCheck)) throw error
        const { messages, tookMs } = await this.#inThread(error.check, leftMs)
        leftMs -= tookMs
        found.set(keyOf(error.check), messages)
      }
    }
  }

  #compare(found: ReadonlyMap<string, readonly string[]>, writer: ParsedSchema, reader: ParsedSchema, names: Parameters<Compare>[2]) {
    const check = () => ({ writer: this.#parsed.sourceOf(writer), reader: this.#parsed.sourceOf(reader), names })
    const known = found.size === 0 ? undefined : found.get(keyOf(check()))
    if (known) return known
    try {
      return checkBackward(writer, reader, names, PAIRS_AT_ONCE)
    } catch (error) {
      throw error instanceof TooManyPairs ? new LongCheck(check()) : error
    }
  }

  async #inThread(check: ThreadCheck, timeoutMs: number): Promise<{ messages: readonly string[]; tookMs: number }> {
    if (this.#waiting >= WAITING_CHECKS_LIMIT) throw operationTimedOut('Too many checks of compatibility are waiting. Try again shortly.')
    this.#waiting++
    try {
      return await this.#semaphore.run(async () => {
        const { clock } = this.#system
        const start = clock.monotonic()
        const messages = await this.#run(check, timeoutMs)
        return { messages, tookMs: clock.monotonic() - start }
      })
    } finally {
      this.#waiting--
    }
  }

  async #run(check: ThreadCheck, timeoutMs: number): Promise<readonly string[]> {
    const worker = new Worker(FILE, { workerData: check, resourceLimits: { maxOldGenerationSizeMb: CHECK_MB } })
    try {
      const result = new Promise<readonly string[]>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
      if (await within(this.#system.clock, timeoutMs, result, this.#closing.signal)) return await result
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') throw uncheckable(`takes more than ${CHECK_MB} MB to check`)
      throw error
    } finally {
      await worker.terminate()
    }
    if (this.#closing.signal.aborted) throw operationTimedOut('The registry is shutting down.')
    throw uncheckable(`takes more than ${CHECKS_MS / 1000} seconds to check`)
  }

  close(): void {
    this.#closing.abort()
  }
}
