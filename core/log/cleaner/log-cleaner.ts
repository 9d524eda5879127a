/**
 * Cleans the compacted logs of a broker, the filthiest first, as many at a time as log.cleaner.threads says, each in a thread of its own.
 * It decides what is cleaned and puts cleaned segments in place; the threads do the reading and writing. A log that cannot be cleaned is
 * left alone until the next start, and says so.
 */
import { backoffMs } from '../../system/backoff.ts'
import type { Clock, Timer } from '../../system/clock.ts'
import type { Logger } from '../../system/logger.ts'
import type { Random } from '../../system/random.ts'
import type { StoredPartitionLog } from '../partition-log.ts'
import type { CleanerSettings, CleanerStatus } from './cleaner-settings.ts'
import { type CleaningRange, cleaningRange, dirtyRatio, needsCleaning } from './cleaning-range.ts'
import { cleanableLog, cleaningRequest } from './cleaning-request.ts'
import { CleaningFailed } from './cleaning-thread.ts'
import { SECRET_BYTES } from './key-hash.ts'
import type { CleanedGroup, CleaningRequest, CleaningResult } from './log-cleaning.ts'

/** The wait before a cleaning is tried again. */
const RETRY = { baseMs: 15_000, maxMs: 900_000 }
/** A full disk, too many open files, and segments that DeleteRecords deleted in between. */
const RETRIED_CODES = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOENT']

/** To look at all logs again and again at once would be of no use. */
const MIN_BACKOFF_MS = 100

/** A thread that had nothing to clean for so long is ended. To start one again and again would take the processor from appends. */
const IDLE_THREAD_MS = 60_000

/** What the cleaner needs from the owner of the logs. */
export interface CleanableLogs {
  /** By partition key. */
  logs(): Iterable<[string, StoredPartitionLog]>
  /** The end of the last cleaning, undefined before the first one. */
  cleanedUpTo(partition: string): number | undefined
  /** Resolves when the checkpoint is durable. */
  setCleanedUpTo(partition: string, offset: number): Promise<void>
}

/** How a cleaning is run: in a thread, or in this one by a test. */
export interface CleaningRunner {
  bytesPerSecond: number
  clean(request: CleaningRequest, replace: (group: CleanedGroup) => Promise<boolean>): Promise<CleaningResult | null>
  abort(): Promise<void>
  end(): Promise<void>
}

export interface CleanerParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly newThread: () => CleaningRunner
}

interface Running {
  readonly thread: CleaningRunner
  readonly done: Promise<void>
}

interface Candidate {
  readonly partition: string
  readonly log: StoredPartitionLog
  readonly range: CleaningRange
}

export class LogCleaner {
  readonly #parts: CleanerParts
  readonly #logs: CleanableLogs
  #settings: CleanerSettings | null = null
  #timer: Timer | null = null
  #isClosed = false
  /** By partition. */
  readonly #running = new Map<string, Running>()
  /** The one that was busy last comes last. */
  #idleThreads: { readonly thread: CleaningRunner; readonly sinceMs: number }[] = []
  readonly #uncleanable = new Map<string, StoredPartitionLog>()
  readonly #postponed = new Map<string, { log: StoredPartitionLog; attempts: number; untilMs: number }>()
  readonly #status = {
    runs: 0,
    bytesRead: 0,
    bytesWritten: 0,
    lastRunSeconds: 0,
    maxDirtyRatio: 0,
    maxCompactionDelayMs: 0,
    mapUtilization: 0,
    deadThreads: 0,
  }

  constructor(parts: CleanerParts, logs: CleanableLogs) {
    this.#parts = parts
    this.#logs = logs
  }

  get status(): CleanerStatus {
    return { ...this.#status, uncleanable: [...this.#uncleanable.keys()] }
  }

  /** The first call starts the cleaner. */
  configure(settings: CleanerSettings): void {
    this.#settings = settings
    for (const { thread } of this.#running.values()) this.#setRate(thread, settings)
    this.#timer?.cancel()
    this.#timer = null
    this.#look()
  }

  /** True where compaction owns the segments of a log at the moment: retention waits. */
  isCleaning(partition: string): boolean {
    return this.#running.has(partition)
  }

  /** Ends the cleaning of a partition. Nothing touches its folder any more when it resolves. */
  async abort(partition: string): Promise<void> {
    const running = this.#running.get(partition)
    this.#uncleanable.delete(partition)
    this.#postponed.delete(partition)
    if (!running) return
    await running.thread.abort()
    await running.done
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await Promise.all([...this.#running.keys()].map((partition) => this.abort(partition)))
    await this.#endIdleThreads(0)
  }

  /** Starts cleanings until all threads are busy or nothing needs one; looks again after the back-off then. */
  #look(): void {
    const settings = this.#settings!
    if (this.#isClosed) return
    const isOff = !settings.enable || settings.threads === 0
    void this.#endIdleThreads(isOff ? 0 : IDLE_THREAD_MS)
    if (isOff) return
    this.#timer?.cancel()
    this.#timer = null
    while (this.#running.size < settings.threads) {
      const candidate = this.#filthiest()
      if (candidate === null) break
      this.#start(candidate, settings)
    }
    this.#applyRetention()
    if (!this.#isClosed) this.#timer = this.#parts.clock.after(Math.max(settings.backoffMs, MIN_BACKOFF_MS), () => this.#look())
  }

  #filthiest(): Candidate | null {
    const now = this.#parts.clock.now()
    let filthiest: Candidate | null = null
    this.#status.maxDirtyRatio = 0
    this.#status.maxCompactionDelayMs = 0
    for (const [partition, log] of this.#logs.logs()) {
      if (!this.#mayClean(partition, log, now)) continue
      let range: CleaningRange
      try {
        range = this.#rangeOf(partition, log, now)
      } catch (err) {
        this.#setUncleanable(partition, log, err)
        continue
      }
      const ratio = dirtyRatio(range)
      this.#status.maxDirtyRatio = Math.max(this.#status.maxDirtyRatio, ratio)
      this.#status.maxCompactionDelayMs = Math.max(this.#status.maxCompactionDelayMs, range.compactionDelayMs)
      if (needsCleaning(range, log.config) && (filthiest === null || ratio > dirtyRatio(filthiest.range)))
        filthiest = { partition, log, range }
    }
    return filthiest
  }

  #mayClean(partition: string, log: StoredPartitionLog, nowMs: number): boolean {
    if (!log.config.cleanupPolicy.includes('compact') || log.failure !== null || this.#running.has(partition)) return false
    if (this.#uncleanable.get(partition) === log) return false
    const postponed = this.#postponed.get(partition)
    return postponed?.log !== log || nowMs >= postponed.untilMs
  }

  #rangeOf(partition: string, log: StoredPartitionLog, nowMs: number): CleaningRange {
    const checkpointed = this.#logs.cleanedUpTo(partition)
    const range = cleaningRange(cleanableLog(log), checkpointed, nowMs)
    if (range.isReset) {
      // With `delete` the log start passes the checkpoint in the normal course.
      if (!log.config.cleanupPolicy.includes('delete') || checkpointed! > log.logEndOffset)
        this.#parts.logger.warn(
          { partition, checkpointed, logStartOffset: log.logStartOffset, logEndOffset: log.logEndOffset },
          'the cleaner checkpoint is outside of the log: the log is cleaned from its start',
        )
      void this.#saveCheckpoint(partition, range.firstDirtyOffset)
    }
    return range
  }

  #start({ partition, log, range }: Candidate, settings: CleanerSettings): void {
    const { clock, random, newThread } = this.#parts
    const thread = this.#idleThreads.pop()?.thread ?? newThread()
    this.#setRate(thread, settings)
    const request = cleaningRequest(log, range, settings, { nowMs: clock.now(), secret: random.bytes(SECRET_BYTES) })
    const startedMs = clock.monotonic()
    const cleaning = thread.clean(request, (group) => log.replaceSegments(group.replaced, group.sizeBytes))
    const done = cleaning
      .then(
        (result) => this.#cleaned(partition, log, result, request, (clock.monotonic() - startedMs) / 1000),
        (error: unknown) => this.#failed(partition, log, error),
      )
      .then(() => {
        this.#running.delete(partition)
        this.#idleThreads.push({ thread, sinceMs: clock.monotonic() })
        if (!this.#isClosed) this.#look()
      })
    this.#running.set(partition, { thread, done })
  }

  async #cleaned(
    partition: string,
    log: StoredPartitionLog,
    result: CleaningResult | null,
    request: CleaningRequest,
    seconds: number,
  ): Promise<void> {
    // Aborted.
    if (result === null) return
    if (!result.isComplete) {
      this.#failed(partition, log, new CleaningFailed('segments were deleted during the cleaning', 'ENOENT'))
      return
    }
    const { stats, endOffset } = result
    this.#postponed.delete(partition)
    const status = this.#status
    status.runs++
    status.bytesRead += stats.bytesRead + stats.mapBytesRead
    status.bytesWritten += stats.bytesWritten
    status.lastRunSeconds = seconds
    status.mapUtilization = stats.mapUtilization
    const { firstDirtyOffset } = request
    this.#parts.logger.info({ partition, firstDirtyOffset, endOffset, seconds, ...stats }, 'log cleaned')
    if (stats.invalidRecords > 0)
      this.#parts.logger.warn({ partition, records: stats.invalidRecords }, 'records without a key were removed from a compacted log')
    await this.#saveCheckpoint(partition, endOffset)
  }

  #failed(partition: string, log: StoredPartitionLog, error: unknown): void {
    // Of a log that was closed or deleted in between.
    if (this.#isClosed || log.failure !== null) return
    if (!(error instanceof CleaningFailed)) this.#status.deadThreads++
    if (error instanceof CleaningFailed && RETRIED_CODES.includes(error.code ?? '')) this.#postpone(partition, log, error)
    else this.#setUncleanable(partition, log, error)
  }

  #postpone(partition: string, log: StoredPartitionLog, error: CleaningFailed): void {
    const { clock, random, logger } = this.#parts
    const attempts = (this.#postponed.get(partition)?.attempts ?? 0) + 1
    const waitMs = backoffMs(RETRY, attempts - 1, random)
    this.#postponed.set(partition, { log, attempts, untilMs: clock.now() + waitMs })
    logger.warn({ err: error, partition, retryMs: Math.round(waitMs) }, 'a log could not be cleaned; it is tried again later')
  }

  #setUncleanable(partition: string, log: StoredPartitionLog, err: unknown): void {
    this.#uncleanable.set(partition, log)
    this.#parts.logger.error({ err, partition }, 'a log cannot be cleaned, and is not compacted any more until the broker restarts')
  }

  async #saveCheckpoint(partition: string, offset: number): Promise<void> {
    try {
      await this.#logs.setCleanedUpTo(partition, offset)
    } catch (err) {
      this.#parts.logger.warn({ err, partition }, 'the cleaner checkpoint could not be written; after a restart the log is cleaned again')
    }
  }

  /** Of compacted logs: between two cleanings, as retention and compaction both delete segments. */
  #applyRetention(): void {
    const now = this.#parts.clock.now()
    for (const [partition, log] of this.#logs.logs()) {
      if (!log.config.cleanupPolicy.includes('compact') || this.#running.has(partition) || this.#uncleanable.get(partition) === log)
        continue
      try {
        log.applyRetention(now)
      } catch (err) {
        this.#parts.logger.warn({ err, partition }, 'retention failed; the next check retries')
      }
    }
  }

  #setRate(thread: CleaningRunner, { ioBytesPerSecond, threads }: CleanerSettings): void {
    thread.bytesPerSecond = ioBytesPerSecond / threads
  }

  async #endIdleThreads(idleMs: number): Promise<void> {
    const latestMs = this.#parts.clock.monotonic() - idleMs
    const ended = this.#idleThreads.filter(({ sinceMs }) => sinceMs <= latestMs)
    this.#idleThreads = this.#idleThreads.filter(({ sinceMs }) => sinceMs > latestMs)
    await Promise.all(ended.map(({ thread }) => thread.end()))
  }
}
