/**
 * What a flow does beside moving records, each on its own time: looks for topics, carries settings over, writes the ledger, asks for ends that
 * no fetch tells. None of them waits for another, and none is stopped by a cluster that does not answer.
 */
import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { ProgressStore } from '../store/progress-store.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import type { FlowPartitions } from './partitions.ts'
import type { TopicSync } from './topic-sync.ts'

/** While the user names no interval: how often the topics are looked at, unless that takes long. */
const REFRESH_MS = 5_000
const FIRST_REFRESH_MS = 250
const REST_FACTOR = 20
const FIRST_CONFIGS_MS = 2_000
const SYNC_MS = 1_000
/** Of partitions that moved, how many are written down at one time; the others follow. What is not written is proven after a crash. */
const HEADS_AT_ONCE = 100
/** How often the source's ends are asked for where no fetch tells them. */
const ENDS_MS = 5_000

export interface PeriodicTasksOptions {
  settings: FlowSettings
  system: Pick<System, 'clock'>
  logger: Logger
  source: Client
  ledger: ProgressStore
  topics: TopicSync
  roster: FlowPartitions
  signal: AbortSignal
  sourceTrouble(): Error | null
  troubled(error: Error): void
  /** The source answered. */
  well(): void
}

export class PeriodicTasks {
  readonly #options: PeriodicTasksOptions

  constructor(options: PeriodicTasksOptions) {
    this.#options = options
  }

  /** Ends when the flow does; rejects with what cannot mend itself. */
  async run(): Promise<void> {
    await Promise.all([
      this.#refreshLoop(),
      this.#configLoop(),
      this.#mapLoop(),
      this.#positionsLoop(),
      this.#syncsLoop(),
      this.#endsLoop(),
    ])
  }

  async #refreshLoop(): Promise<void> {
    const { settings, system, logger } = this.#options
    const { clock } = system
    const { config, given } = settings
    const name = 'refresh.topics.interval.seconds'
    const asked = config[name] * 1000
    let quick = FIRST_REFRESH_MS
    let tookMs = 0
    while (!this.#options.signal.aborted && (config['refresh.topics.enabled'] || this.#options.roster.leftOut > 0)) {
      const steady = given.has(name) ? asked : Math.min(asked, Math.max(REFRESH_MS, tookMs * REST_FACTOR))
      // topics that come just after the start should not have to wait for a whole interval
      await clock.sleep(Math.min(quick, steady), this.#options.signal)
      quick *= 2
      if (this.#options.signal.aborted) return
      const begun = clock.monotonic()
      try {
        await this.#options.roster.admit(await this.#options.topics.wanted())
      } catch (error) {
        if (this.#options.signal.aborted) return
        if (!(error instanceof KafkaError && error.retriable)) throw error
        logger.warn({ mirror: settings.name, err: error }, 'topics cannot be looked at now; tried again')
      }
      tookMs = clock.monotonic() - begun
    }
  }

  async #configLoop(): Promise<void> {
    const { settings, system, logger } = this.#options
    const { config } = settings
    if (!config['sync.topic.configs.enabled']) return
    let waitMs = FIRST_CONFIGS_MS
    while (!this.#options.signal.aborted) {
      await system.clock.sleep(waitMs, this.#options.signal)
      if (this.#options.signal.aborted) return
      waitMs = config['sync.topic.configs.interval.seconds'] * 1000
      try {
        await this.#options.topics.syncConfigs(
          (await this.#options.topics.wanted()).filter((topic) =>
            this.#options.roster.partitions.has(partitionKey({ topic: topic.source.name, partition: 0 })),
          ),
        )
      } catch (error) {
        if (this.#options.signal.aborted) return
        logger.warn({ mirror: settings.name, err: error }, 'topic settings were not carried over this time')
      }
    }
  }

  async #mapLoop(): Promise<void> {
    const { settings, system, signal } = this.#options
    while (!signal.aborted) {
      await system.clock.sleep(settings.config['offset.map.flush.interval.ms'], signal)
      if (!signal.aborted) await this.writeMap()
    }
  }

  async #positionsLoop(): Promise<void> {
    const { settings, ledger, roster } = this.#options
    await this.#often(settings.config['offset.flush.interval.ms'], "positions in Kafka Connect's format were not written this time", () =>
      ledger.writePositions(roster.partitions.values()),
    )
  }

  async #syncsLoop(): Promise<void> {
    const { settings, system, ledger, roster, sourceTrouble } = this.#options
    let dueMs = 0
    await this.#often(SYNC_MS, "offset syncs in MirrorMaker 2's format were not written this time", async () => {
      if (sourceTrouble()) return
      const now = system.clock.monotonic()
      const all = now >= dueMs
      if (all) dueMs = now + settings.config['offset.flush.interval.ms']
      await ledger.writeSyncs(roster.partitions.values(), all)
    })
  }

  /** What others read and the flow itself does not need: a failure is told once and tried again. */
  async #often(periodMs: number, complaint: string, work: () => Promise<void>): Promise<void> {
    const { settings, system, logger, signal } = this.#options
    let told = false
    while (!signal.aborted) {
      await system.clock.sleep(periodMs, signal)
      if (signal.aborted) return
      try {
        await work()
        told = false
      } catch (error) {
        if (signal.aborted) return
        if (!told) logger.warn({ mirror: settings.name, err: error }, complaint)
        told = true
      }
    }
  }

  async writeMap(all = false): Promise<void> {
    if (this.#options.ledger.rewriteAll) {
      this.#options.ledger.rewriteAll = false
      for (const flow of this.#options.roster.partitions.values()) flow.dirty = true
    }
    const dirty = [...this.#options.roster.partitions.values()].filter((flow) => flow.dirty && flow.state !== 'starting')
    const moved = all || dirty.length <= HEADS_AT_ONCE ? dirty : dirty.sort((a, b) => a.writtenMs - b.writtenMs).slice(0, HEADS_AT_ONCE)
    const now = this.#options.system.clock.monotonic()
    for (const flow of moved) flow.writtenMs = now
    try {
      await this.#options.ledger.writeMap(moved)
    } catch (error) {
      for (const flow of moved) flow.dirty = true
      if (!(error instanceof KafkaError && error.retriable)) throw error
      this.#options.logger.warn({ mirror: this.#options.settings.name, err: error }, 'the offset map was not written this time')
    }
  }

  /** The source's ends of partitions that no fetch tells about: paused ones, those without room, those that the target does not take. */
  async #endsLoop(): Promise<void> {
    const { system } = this.#options
    while (!this.#options.signal.aborted) {
      await system.clock.sleep(ENDS_MS, this.#options.signal)
      const quiet = [...this.#options.roster.partitions.values()].filter(
        (flow) => (flow.state === 'flowing' || flow.state === 'resending') && !flow.fetching,
      )
      if (quiet.length === 0 || this.#options.signal.aborted) continue
      await this.askEnds(quiet).catch((error: unknown) => {
        this.#options.troubled(error as Error)
      })
    }
  }

  async askEnds(flows: readonly PartitionProgress[]): Promise<void> {
    const { settings, system } = this.#options
    const isolation = settings.config['isolation.level'] === 'read_committed' ? 1 : 0
    const answers = await this.#options.source.admin.listOffsets(
      flows.map(({ topic, partition }) => ({ topic, partition, spec: 'latest' })),
      isolation,
    )
    if (answers.some(({ error }) => !error)) this.#options.well()
    for (const [index, { error, offset }] of answers.entries()) if (!error) flows[index]!.sourceEndsAt(offset, system.clock.monotonic())
  }
}
