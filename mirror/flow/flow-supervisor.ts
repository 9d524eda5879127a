/**
 * One flow as users see it: started, paused, resumed, failed over, and its state. It starts a new life of the flow after what may mend
 * itself, with growing pauses, and stays FAILED with the reason after what cannot. One pair never touches another.
 */
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import type { MirrorMetrics } from '../metrics.ts'
import type { Route } from '../settings/filters.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PauseFlags } from '../store/ownership.ts'
import { type FailoverReport, MirrorError, type MirrorState, type MirrorStatus, type PartitionLag } from '../types.ts'
import { Flow, mends } from './flow.ts'

const RESTART_MS = 500
const RESTART_MAX_MS = 60_000
/** A life that lasted this long was a good one: the next failure begins with a short pause again. */
const GOOD_LIFE_MS = 60_000
/** Behind this time without a word of the source about a partition, nobody knows what waits there. */
const SILENCE_MS = 12_000
/** How long a pause, a resume and a failover wait until it is written down that they hold. */
const KEEP_MS = 2_000
/** How long a failover waits for the target to be read after a start. */
const READY_MS = 20_000

export interface FlowSupervisorOptions {
  settings: FlowSettings
  routes: readonly Route[]
  system: System
  logger: Logger
  instance: string
  metrics: MirrorMetrics
}

export class FlowSupervisor {
  readonly settings: FlowSettings
  readonly #options: FlowSupervisorOptions
  #flow: Flow | null = null
  #state: MirrorState = 'STARTING'
  /** What was asked for here: the rest is as it was left on the target. */
  #held: Partial<PauseFlags> = {}
  #trace: string | null = null
  readonly #stop = new AbortController()
  #restart: (() => void) | null = null
  /** Ends the pause before the next life. */
  #hurry: AbortController | null = null
  #running: Promise<void> = Promise.resolve()
  #last: MirrorStatus | null = null
  #mirrored = { records: 0, bytes: 0 }
  readonly #hide: () => void

  constructor(options: FlowSupervisorOptions) {
    this.#options = options
    this.settings = options.settings
    const { source, target } = options.settings
    const shown = options.metrics.show({
      source: source.alias,
      target: target.alias,
      partitions: () => this.#flow?.partitions.values() ?? [],
    })
    this.#hide = () => shown.hide()
  }

  start(): void {
    this.#running = this.#lives()
  }

  async #lives(): Promise<void> {
    const { system, logger, settings } = this.#options
    const { clock } = system
    const { signal } = this.#stop
    let attempt = 0
    while (!signal.aborted) {
      const flow = new Flow({ ...this.#options, followsGroups: true, held: this.#held })
      this.#flow = flow
      this.#state = 'STARTING'
      const begun = clock.monotonic()
      try {
        await flow.run(signal)
      } catch (error) {
        if (signal.aborted) break
        this.#trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
        if (clock.monotonic() - begun > GOOD_LIFE_MS) attempt = 0
        if (mends(error)) {
          const waitMs = Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** Math.min(attempt++, 10))
          logger.warn({ mirror: settings.name, err: error, waitMs }, 'the flow failed and is started again')
          this.#bury(flow)
          this.#hurry = new AbortController()
          await clock.sleep(waitMs, AbortSignal.any([signal, this.#hurry.signal]))
          this.#hurry = null
        } else {
          this.#state = 'FAILED'
          logger.error({ mirror: settings.name, err: error }, 'the flow failed and waits for a resume')
          this.#bury(flow)
          await this.#awaitRestart(signal)
          attempt = 0
        }
        continue
      }
      this.#bury(flow)
    }
  }

  /** Keeps what the flow last showed. */
  #bury(flow: Flow): void {
    this.#last = this.#statusOf(flow)
    for (const partition of flow.partitions.values()) {
      this.#mirrored.records += partition.records
      this.#mirrored.bytes += partition.bytes
    }
    this.#flow = null
  }

  #awaitRestart(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        this.#restart = null
        resolve()
      }
      this.#restart = done
      signal.addEventListener('abort', done, { once: true })
    })
  }

  status(): MirrorStatus {
    const flow = this.#flow
    if (flow) return this.#statusOf(flow)
    const last = this.#last
    const base = last ?? this.#emptyStatus()
    return {
      ...base,
      state: this.#state,
      ...(this.#trace === null ? {} : { trace: this.#trace }),
      lagMs: null,
      partitions: base.partitions.map((each) => ({ ...each, lagMs: null })),
    }
  }

  #emptyStatus(): MirrorStatus {
    const { name, source, target } = this.settings
    const nothing = {
      lagRecords: 0,
      lagMs: null,
      recordsMirrored: this.#mirrored.records,
      bytesMirrored: this.#mirrored.bytes,
      lostRecords: 0,
      repeatedRecords: 0,
    }
    return { name, source: source.alias, target: target.alias, state: this.#state, topics: [], partitions: [], ...nothing }
  }

  #stateOf(flow: Flow): MirrorState {
    if (this.#state === 'FAILED') return 'FAILED'
    if (flow.failedOver) return 'FAILED_OVER'
    if (flow.paused) return 'PAUSED'
    return flow.running ? 'RUNNING' : 'STARTING'
  }

  #statusOf(flow: Flow): MirrorStatus {
    const now = this.#options.system.clock.monotonic()
    const unreachable = flow.sourceTrouble !== null
    const silenceMs = Math.max(SILENCE_MS, 2 * this.settings.config['fetch.max.wait.ms'])
    const partitions: PartitionLag[] = []
    let { records, bytes } = this.#mirrored
    for (const each of flow.partitions.values()) {
      const waited = each.arrivals.waitedMs(now)
      const silent = !each.located || now - (each.arrivals.heardMs ?? 0) > silenceMs
      const unknown = unreachable || (silent && each.state !== 'gone')
      records += each.records
      bytes += each.bytes
      partitions.push({
        topic: each.topic,
        targetTopic: each.targetTopic,
        partition: each.partition,
        sourceOffset: each.map.nextUpstreamOffset,
        sourceEndOffset: each.arrivals.end,
        targetEndOffset: each.targetEnd,
        lagRecords: each.lagRecords,
        // while the source does not answer, nobody knows what waits there beyond what was seen
        lagMs: unknown && waited === 0 ? null : Math.round(waited),
        lostRecords: each.lostRecords,
        repeatedRecords: each.repeatedRecords,
      })
    }
    if (partitions.length === 0 && flow.ready) {
      for (const kept of flow.keptPartitions)
        partitions.push({
          topic: kept.topic,
          targetTopic: kept.targetTopic,
          partition: kept.partition,
          sourceOffset: kept.map.nextUpstreamOffset,
          sourceEndOffset: Math.max(kept.sourceEnd, kept.map.nextUpstreamOffset),
          targetEndOffset: kept.map.nextDownstreamOffset,
          lagRecords: Math.max(0, kept.sourceEnd - kept.map.nextUpstreamOffset),
          lagMs: null,
          lostRecords: kept.lost,
          repeatedRecords: kept.repeated,
        })
    }
    partitions.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
    const sum = (pick: (each: PartitionLag) => number) => partitions.reduce((total, each) => total + pick(each), 0)
    const known = flow.leftOut === 0 && partitions.every((each) => each.lagMs !== null)
    // what ended an earlier life says nothing once this one flows
    const trace = (flow.sourceTrouble ?? flow.targetTrouble)?.message ?? (flow.running ? null : this.#trace)
    return {
      ...this.#emptyStatus(),
      state: this.#stateOf(flow),
      ...(trace === null ? {} : { trace }),
      topics: [...new Set(partitions.map((each) => each.topic))],
      lagRecords: sum((each) => each.lagRecords),
      lagMs: known && (partitions.length > 0 || flow.running) ? Math.max(0, ...partitions.map((each) => each.lagMs!)) : null,
      recordsMirrored: records,
      bytesMirrored: bytes,
      lostRecords: sum((each) => each.lostRecords),
      repeatedRecords: sum((each) => each.repeatedRecords),
      partitions,
    }
  }

  async pause(): Promise<void> {
    await this.#keep({ paused: true })
  }

  /** Goes on; starts again what had failed, and takes back a failover's stop. */
  async resume(): Promise<void> {
    const kept = this.#keep({ paused: false, failedOver: false })
    this.#hurry?.abort()
    if (this.#restart) {
      this.#state = 'STARTING'
      this.#trace = null
      this.#restart()
    }
    await kept
  }

  async failover(groups: readonly string[] | 'all', dryRun: boolean): Promise<FailoverReport> {
    const { clock } = this.#options.system
    const begun = clock.monotonic()
    while (!this.#flow?.ready && clock.monotonic() - begun < READY_MS && !this.#stop.signal.aborted && !this.#restart)
      await clock.sleep(20, this.#stop.signal)
    const flow = this.#flow
    if (!flow?.ready)
      throw new MirrorError(
        503,
        `mirror ${this.settings.name} cannot fail over now: ${this.#restart ? 'it has failed; resume it first' : 'the target has not answered yet'}${this.#trace ? ` (${this.#trace.split('\n')[0]})` : ''}`,
      )
    const report = await flow.failover(groups, dryRun)
    if (groups === 'all' && !dryRun && report.groups.every((group) => group.applied)) {
      // from here on the target is where the groups live: the old source no longer writes into it unasked
      await this.#keep({ failedOver: true })
    }
    return { mirror: this.settings.name, ...report, durationMs: Math.round(clock.monotonic() - begun) }
  }

  /** It holds at once; whoever asked waits a little for the target to know it as well. */
  async #keep(held: Partial<PauseFlags>): Promise<void> {
    const { logger, settings, system } = this.#options
    Object.assign(this.#held, held)
    const kept = this.#flow?.keep(held).catch((error: unknown) => {
      logger.warn({ mirror: settings.name, err: error, ...held }, 'it could not be written down on the target; a restart may not know it')
    })
    await Promise.race([kept, system.clock.sleep(KEEP_MS, this.#stop.signal)])
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#hide()
    await this.#running
  }
}
