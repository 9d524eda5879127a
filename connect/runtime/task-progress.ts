/**
 * Where a task is, for the report of a stall: what it has begun and not finished, and since when; what fails and is tried again; and how
 * far its work is, as the connector says. A task that waits for data has begun nothing. It costs two assignments for each batch.
 */
import type { Clock } from '../../core/system/clock.ts'
import type { TaskWork } from '../sdk/index.ts'

/** What a task can be in the middle of. `read` is only the time in which a source is read again and again after errors. */
export type ProgressStage =
  | 'start'
  | 'poll'
  | 'convert'
  | 'put'
  | 'flush'
  | 'commit'
  | 'reconnect'
  | 'read'
  | 'produce'
  | 'store positions'
  | 'replay'

/** A stage that has begun, and how long ago, in ms. */
export type StageAge = readonly [stage: ProgressStage, ms: number]

export interface Stall {
  stage: ProgressStage
  /** Ms since the epoch. */
  since: number
}

/** What has begun, and how many ms ago. */
export type BegunStages = readonly (readonly [ProgressStage, number])[]

/** What of a work is shown (Invariant 13). */
const MAX_WORK_FIELDS = 32
const MAX_WORK_TEXT = 1_000

/** As much of it as a status may have; what a plugin gives may be anything. */
function shownWork(work: TaskWork): TaskWork {
  const fields = Object.entries(work).slice(0, MAX_WORK_FIELDS)
  const shown = fields.map(([name, value]) => {
    const isPlain = value === null || typeof value === 'number' || typeof value === 'boolean'
    return [name, isPlain ? value : String(value).slice(0, MAX_WORK_TEXT)]
  })
  return Object.fromEntries(shown) as unknown as TaskWork
}

export class TaskProgress {
  readonly #clock: Clock
  #work: TaskWork | null = null
  /** What fails and is tried again: until it ends, that is what the task does. */
  #retry: { readonly stage: ProgressStage; readonly work: TaskWork } | null = null
  /** Called when the work has changed. */
  onWork: (() => void) | null = null
  /** By stage, in monotonic ms. */
  readonly #begun = new Map<ProgressStage, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something is to be done. What has begun before keeps its time: a retry is no progress. */
  begin(stage: ProgressStage): void {
    if (!this.#begun.has(stage)) this.#begun.set(stage, this.#clock.monotonic())
  }

  /** It is done, or nothing is left to do. */
  end(stage: ProgressStage): void {
    this.#begun.delete(stage)
    if (this.#retry?.stage !== stage) return
    this.#retry = null
    this.onWork?.()
  }

  /** What has begun has failed for `reason`, and is tried again after `tries` tries. */
  retrying(stage: ProgressStage, reason: Error, tries: number): void {
    const begun = this.#begun.get(stage) ?? this.#clock.monotonic()
    const since = new Date(Math.round(this.#clock.now() - (this.#clock.monotonic() - begun))).toISOString()
    this.#retry = { stage, work: shownWork({ what: `${stage} is tried again`, reason: reason.message, tries, since }) }
    this.onWork?.()
  }

  /** A part of it is done, and more is left. */
  advance(stage: ProgressStage): void {
    this.#begun.set(stage, this.#clock.monotonic())
  }

  async during<T>(stage: ProgressStage, work: () => Promise<T>): Promise<T> {
    this.begin(stage)
    try {
      return await work()
    } finally {
      this.end(stage)
    }
  }

  /** What is tried again, or how far work is that the connector tells of; null where there is neither. */
  get work(): TaskWork | null {
    return this.#retry?.work ?? this.#work
  }

  show(work: TaskWork | null): void {
    this.#work = work && shownWork(work)
    this.onWork?.()
  }

  /** What has begun: for the owner of a task in another thread. */
  ages(): StageAge[] {
    const now = this.#clock.monotonic()
    return [...this.#begun].map(([stage, begun]) => [stage, now - begun])
  }

  /** Takes over what a task in another thread has begun. */
  follow(ages: readonly StageAge[]): void {
    const now = this.#clock.monotonic()
    this.#begun.clear()
    for (const [stage, ms] of ages) this.#begun.set(stage, now - ms)
  }

  /** What has taken at least `timeoutMs`: of several, the one that began last, which the others wait for. */
  stall(timeoutMs: number): Stall | null {
    const now = this.#clock.monotonic()
    let last: [ProgressStage, number] | null = null
    for (const entry of this.#begun) if (now - entry[1] >= timeoutMs && (!last || entry[1] >= last[1])) last = entry
    return last && { stage: last[0], since: Math.round(this.#clock.now() - (now - last[1])) }
  }
}
