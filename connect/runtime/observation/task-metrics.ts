/**
 * The numbers of one task that runs here, as Kafka Connect's metrics have them: its state, its batches, its offset commits. They are added
 * to once for each batch, poll or commit, never for each record.
 */

import { type StatWindows, WindowedStat } from '../../../core/system/windowed-stat.ts'
import { partitionKey, type TopicPartition } from '../../../core/topic-partition.ts'

/** What the task consists of: classes, and versions where they are known. */
export type TaskFacts = Readonly<Record<string, string>>

/** A transform or predicate of the task. */
export interface StageFacts {
  kind: 'transform' | 'predicate'
  alias: string
  class: string
  version: string
}

type RatioState = 'RUNNING' | 'PAUSED'

export class TaskMetrics {
  readonly #now: () => number
  readonly batchSize: WindowedStat
  /** Of `poll` of a source, and of `put` of a sink. */
  readonly batchTimeMs: WindowedStat
  readonly commitTimeMs: WindowedStat
  /** 1 for each commit that succeeded, 0 for one that failed. */
  readonly commitSuccess: WindowedStat
  readonly activeRecords: WindowedStat
  /** Records that were polled by a source, or read by a sink. */
  readonly read: WindowedStat
  /** Records that Kafka has acknowledged, or that were delivered to the sink. */
  readonly written: WindowedStat
  readonly completedCommits: WindowedStat
  /** Records of each transaction that was committed; null where the task has no transactions. */
  transactionSize: WindowedStat | null = null
  readTotal = 0
  completedCommitsTotal = 0
  /** Of the last commit of a sink. */
  commitSequence = 0
  active = 0
  facts: TaskFacts = {}
  stages: readonly StageFacts[] = []
  /** Whether it runs in a thread of its own, which has its other numbers. */
  isInThread = false
  partitionCount: () => number = () => 0
  state = 'UNASSIGNED'
  readonly #startMs: number
  #stateSinceMs: number
  readonly #durationsMs: Record<RatioState, number> = { RUNNING: 0, PAUSED: 0 }
  readonly #consumed = new Map<string, number>()
  readonly #committed = new Map<string, number>()

  readonly type: 'source' | 'sink'
  readonly #windows: StatWindows

  constructor(type: 'source' | 'sink', windows: StatWindows, now: () => number) {
    this.type = type
    this.#windows = windows
    this.#now = now
    const stat = () => new WindowedStat(windows)
    ;[this.batchSize, this.batchTimeMs, this.commitTimeMs, this.commitSuccess] = [stat(), stat(), stat(), stat()]
    ;[this.activeRecords, this.read, this.written, this.completedCommits] = [stat(), stat(), stat(), stat()]
    this.#startMs = now()
    this.#stateSinceMs = this.#startMs
  }

  setState(state: string): void {
    const now = this.#now()
    this.#countDuration(now)
    this.state = state
    this.#stateSinceMs = now
  }

  #countDuration(now: number): void {
    if (this.state === 'RUNNING' || this.state === 'PAUSED') this.#durationsMs[this.state] += now - this.#stateSinceMs
  }

  /** The share of the time since the task was started. */
  ratio(state: RatioState): number {
    const now = this.#now()
    const inState = this.#durationsMs[state] + (this.state === state ? now - this.#stateSinceMs : 0)
    return now === this.#startMs ? 0 : inState / (now - this.#startMs)
  }

  /** A source has returned a batch, or a consumer one with records or without. */
  polled(records: number, durationMs: number | null): void {
    const now = this.#now()
    this.readTotal += records
    this.read.record(records, now)
    this.batchSize.record(records, now)
    if (durationMs !== null) this.batchTimeMs.record(durationMs, now)
  }

  put(durationMs: number): void {
    this.batchTimeMs.record(durationMs, this.#now())
  }

  wrote(records: number): void {
    this.written.record(records, this.#now())
  }

  /** The task commits its records in transactions. */
  hasTransactions(): void {
    this.transactionSize ??= new WindowedStat(this.#windows)
  }

  committedTransaction(records: number): void {
    this.transactionSize?.record(records, this.#now())
  }

  /** Records were sent to Kafka and are not acknowledged; negative for those that are. */
  changeActive(records: number): void {
    this.#setActive(this.active + records)
  }

  #setActive(records: number): void {
    this.active = records
    this.activeRecords.record(records, this.#now())
  }

  /** `firstOffset` is where the first batch of a partition begins. */
  consumed(partition: TopicPartition, firstOffset: number, nextOffset: number): void {
    const key = partitionKey(partition)
    this.#consumed.set(key, nextOffset)
    if (!this.#committed.has(key)) this.#committed.set(key, firstOffset)
    this.#countActive()
  }

  committed(offsets: readonly (TopicPartition & { offset: number })[]): void {
    for (const offset of offsets) this.#committed.set(partitionKey(offset), offset.offset)
    this.#countActive()
  }

  /** Partitions that are not assigned any more have no active records. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.#consumed.delete(partitionKey(partition))
      this.#committed.delete(partitionKey(partition))
    }
    this.#countActive()
  }

  #countActive(): void {
    let active = 0
    for (const [key, offset] of this.#consumed) active += Math.max(0, offset - (this.#committed.get(key) ?? offset))
    this.#setActive(active)
  }

  commitEnded(durationMs: number, succeeded: boolean): void {
    const now = this.#now()
    this.commitSequence++
    this.commitTimeMs.record(durationMs, now)
    this.commitSuccess.record(succeeded ? 1 : 0, now)
    if (!succeeded) return
    this.completedCommitsTotal++
    this.completedCommits.record(1, now)
  }
}
