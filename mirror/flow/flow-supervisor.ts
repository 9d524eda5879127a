/**
 * Starts, pauses, resumes and fails over one flow, and shows its status. After an error that a restart may resolve, it starts another run
 * with back-off; after any other error the flow stays FAILED until a resume. One flow never affects another.
 */
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import { aborted, Condition } from '../../core/system/condition.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { within } from '../../core/system/within.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { MirrorMetrics } from '../metrics.ts'
import type { Route } from '../settings/filters.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PauseFlags } from '../store/ownership.ts'
import { type FailoverReport, MirrorError, type MirrorState, type MirrorStatus } from '../types.ts'
import { Flow, restartMayHelp } from './flow.ts'
import { flowStatus, stoppedStatus } from './flow-status.ts'

const RESTART = { baseMs: 500, maxMs: 60_000 }
/** After a run that lasted this long, the back-off starts at its base again. */
const STABLE_MS = 60_000
/** After this long without a fetch response the lag of a partition is unknown. */
const SILENCE_MS = 12_000
/** How long a pause, a resume and a failover wait until their effect is stored on the target. */
const STORE_FLAGS_MS = 2_000
/** How long a failover waits after a start until the target has been read. */
const OPEN_MS = 20_000

export interface FlowSupervisorOptions {
  settings: FlowSettings
  routes: readonly Route[]
  system: System
  systemProperties: SystemProperties
  logger: Logger
  instance: string
  metrics: MirrorMetrics
}

export class FlowSupervisor {
  readonly settings: FlowSettings
  readonly #options: FlowSupervisorOptions
  readonly #stop = new AbortController()
  /** A run has started, has opened the target, or has ended. */
  readonly #changed = new Condition()
  readonly #unregisterMetrics: () => void
  #flow: Flow | null = null
  #failed = false
  /** What ended the last run. */
  #failure: unknown = null
  #trace: string | null = null
  /** Ends the wait for the next run. */
  #resumed: AbortController | null = null
  /** Flags that were requested since the process started; the other flags are read from the target. */
  #pauseFlags: Partial<PauseFlags> = {}
  #runs: Promise<void> = Promise.resolve()
  #lastStatus: MirrorStatus | null = null
  #mirrored = { records: 0, bytes: 0 }

  constructor(options: FlowSupervisorOptions) {
    this.#options = options
    this.settings = options.settings
    const { source, target } = options.settings
    this.#unregisterMetrics = options.metrics.register({
      source: source.alias,
      target: target.alias,
      partitions: () => this.#flow?.partitions.values() ?? [],
    })
  }

  start(): void {
    this.#runs = this.#runRepeatedly()
  }

  async #runRepeatedly(): Promise<void> {
    const { system, logger, settings } = this.#options
    const { clock, random } = system
    const { signal } = this.#stop
    let restarts = 0
    while (!signal.aborted) {
      this.#failed = false
      const startedMs = clock.monotonic()
      try {
        await this.#runOnce()
      } catch (error) {
        if (signal.aborted) break
        this.#failure = error
        this.#trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
        if (clock.monotonic() - startedMs > STABLE_MS) restarts = 0
        this.#resumed = new AbortController()
        const resumedOrStopped = AbortSignal.any([signal, this.#resumed.signal])
        if (restartMayHelp(error)) {
          const waitMs = backoffMs(RESTART, restarts++, random)
          logger.warn({ mirror: settings.name, err: error, waitMs }, 'the flow failed and is restarted')
          await clock.sleep(waitMs, resumedOrStopped)
        } else {
          this.#failed = true
          this.#changed.notify()
          logger.error(
            { mirror: settings.name, err: error },
            'the flow failed and will not be restarted: correct the cause, then resume the mirror',
          )
          await aborted(resumedOrStopped)
          restarts = 0
        }
        this.#resumed = null
      }
    }
  }

  async #runOnce(): Promise<void> {
    const flow = new Flow({ ...this.#options, syncsGroups: true, pauseFlags: this.#pauseFlags })
    this.#flow = flow
    void flow.settled().then(() => this.#changed.notify())
    try {
      await flow.run(this.#stop.signal)
    } finally {
      this.#keepFigures(flow)
    }
  }

  /** Keeps the last status and the counters of a run that has ended. */
  #keepFigures(flow: Flow): void {
    this.#lastStatus = this.#statusOf(flow)
    for (const { counters } of flow.partitions.values()) {
      this.#mirrored.records += counters.records
      this.#mirrored.bytes += counters.bytes
    }
    this.#flow = null
  }

  status(): MirrorStatus {
    if (this.#flow) return this.#statusOf(this.#flow)
    return stoppedStatus(this.#lastStatus ?? this.#statusOf(null), this.#failed ? 'FAILED' : 'STARTING', this.#trace)
  }

  /** `flow` is null before the first run. */
  #statusOf(flow: Flow | null): MirrorStatus {
    const { name, source, target, config } = this.settings
    const sourceError = flow?.sourceError ?? null
    const nowMs = this.#options.system.clock.monotonic()
    return flowStatus({
      name,
      source: source.alias,
      target: target.alias,
      state: stateOf(flow),
      // The error of an earlier run is not shown once this run mirrors.
      trace: (sourceError ?? flow?.targetError)?.message ?? (flow?.running ? null : this.#trace),
      sourceResponds: sourceError === null,
      running: flow?.running ?? false,
      leaderlessCount: flow?.leaderlessCount ?? 0,
      partitions: flow?.figures(nowMs) ?? [],
      mirroredBefore: this.#mirrored,
      nowMs,
      silenceMs: Math.max(SILENCE_MS, 2 * config['fetch.max.wait.ms']),
    })
  }

  async pause(): Promise<void> {
    await this.#setPauseFlags({ paused: true })
  }

  /** Ends a pause and a failover, and restarts a flow that has failed. */
  async resume(): Promise<void> {
    const stored = this.#setPauseFlags({ paused: false, failedOver: false })
    if (this.#failed) {
      this.#failed = false
      this.#failure = null
      this.#trace = null
    }
    this.#resumed?.abort()
    await stored
  }

  async failover(groups: readonly string[] | 'all', dryRun: boolean): Promise<FailoverReport> {
    const flow = await this.#openFlow()
    if (flow) return this.#failOver(flow, groups, dryRun)
    if (this.#failed && authenticationFailure(this.#failure)) return this.#failOverByTarget(groups, dryRun)
    throw this.#cannotFailOver(this.#failed ? 'it has failed; resume it first' : 'the target has not responded yet', this.#trace)
  }

  #cannotFailOver(why: string, trace: string | null): MirrorError {
    const cause = trace ? ` (${trace.split('\n')[0]})` : ''
    return new MirrorError(503, `mirror ${this.settings.name} cannot fail over now: ${why}${cause}`)
  }

  async #failOver(flow: Flow, groups: readonly string[] | 'all', dryRun: boolean): Promise<FailoverReport> {
    const { clock } = this.#options.system
    const startedMs = clock.monotonic()
    const report = await flow.failover(groups, dryRun)
    // From now on the groups are on the target: the old source must not write into it until a resume.
    if (groups === 'all' && !dryRun && report.groups.every((group) => group.applied)) await this.#setPauseFlags({ failedOver: true }, flow)
    return { mirror: this.settings.name, ...report, durationMs: Math.round(clock.monotonic() - startedMs) }
  }

  /** A source that refuses the mirror keeps the flow from running; what a failover needs is on the target. */
  async #failOverByTarget(groups: readonly string[] | 'all', dryRun: boolean): Promise<FailoverReport> {
    const done = new AbortController()
    const flow = new Flow({ ...this.#options, syncsGroups: true, targetOnly: true, pauseFlags: this.#pauseFlags })
    let failure: Error | null = null
    const run = flow.run(AbortSignal.any([done.signal, this.#stop.signal])).catch((error: Error) => {
      failure = error
    })
    try {
      await within(this.#options.system.clock, OPEN_MS, flow.settled(), this.#stop.signal)
      if (flow.opened) return await this.#failOver(flow, groups, dryRun)
    } finally {
      done.abort()
      await run
    }
    throw this.#cannotFailOver('the target cannot be read', (failure as Error | null)?.message ?? this.#trace)
  }

  /** The flow, once it has read the target; null where it fails or that takes too long. */
  async #openFlow(): Promise<Flow | null> {
    const timeout = new AbortController()
    const opened = this.#changed.until(() => this.#failed || this.#flow?.opened === true, timeout.signal)
    await within(this.#options.system.clock, OPEN_MS, opened, this.#stop.signal)
    timeout.abort()
    return this.#flow?.opened ? this.#flow : null
  }

  /** The flags apply at once. Resolves when they are stored on the target, or after STORE_FLAGS_MS. */
  async #setPauseFlags(flags: Partial<PauseFlags>, flow = this.#flow): Promise<void> {
    const { logger, settings, system } = this.#options
    this.#pauseFlags = { ...this.#pauseFlags, ...flags }
    const stored = flow?.setPauseFlags(flags).catch((error: unknown) => {
      logger.warn(
        { mirror: settings.name, err: error, ...flags },
        'the pause flags could not be stored on the target: a restart of the process may undo this change',
      )
    })
    await within(system.clock, STORE_FLAGS_MS, stored, this.#stop.signal)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#unregisterMetrics()
    await this.#runs
  }
}

function stateOf(flow: Flow | null): MirrorState {
  if (flow?.failedOver) return 'FAILED_OVER'
  if (flow?.paused) return 'PAUSED'
  return flow?.running ? 'RUNNING' : 'STARTING'
}
