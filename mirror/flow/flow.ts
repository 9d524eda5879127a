/**
 * One life of a flow, from claiming it on the target until it is stopped or fails: finds topics, finds out where each partition goes on,
 * reads, writes, and keeps the ledger. What went wrong with one partition or one leader is mended here; the pair only starts lives.
 */
import { type Client, createClient } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { type FailoverOptions, failOverGroup } from '../groups/failover.ts'
import { GroupSync } from '../groups/group-sync.ts'
import type { MappedPartition } from '../groups/offset-translation.ts'
import type { FlowMetrics } from '../metrics.ts'
import type { OffsetMap } from '../offset-map.ts'
import type { Route } from '../settings/filters.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PauseFlags } from '../store/ownership.ts'
import { type PositionStore, ProgressStore } from '../store/progress-store.ts'
import { FramePool } from '../transfer/frame-pool.ts'
import type { Acknowledged, PartitionProgress } from '../transfer/partition-progress.ts'
import { SourceFetcher } from '../transfer/source-fetcher.ts'
import { TargetSender } from '../transfer/target-sender.ts'
import type { FailoverReport } from '../types.ts'
import { ForeignRecords } from './foreign-records.ts'
import { FlowPartitions } from './partitions.ts'
import { PeriodicTasks } from './periodic-tasks.ts'
import { type MirroredTopic, TopicSync } from './topic-sync.ts'

/** Bytes of one partition that may be read and not yet acknowledged. */
const PARTITION_HELD_BYTES = 2 * 1024 * 1024
const TRY_SOURCE_MS = 1_000
/** How long a stop waits for what is under way. */
const DRAIN_MS = 2_000
const HALT_MS = 300
const CLOSE_MS = 1_500
/** How long a failover waits for the source's last word, and how long where it did not answer already. */
const ASK_SOURCE_MS = 4_000
const ASK_GONE_MS = 500
const ASK_UNKNOWN_MS = 1_500

export interface FlowOptions {
  settings: FlowSettings
  routes: readonly Route[]
  system: System
  logger: Logger
  instance: string
  metrics: FlowMetrics
  /** Whether it is paused, and whether the groups have been failed over; as it was left on the target where it is not given. */
  held: Partial<PauseFlags>
  /** False where somebody else follows the groups. */
  followsGroups: boolean
  /** Where positions are kept, where that is not a topic of ours. */
  positions?: PositionStore
}

export class Flow {
  /** The last thing that the source did to us, while it does not answer. */
  sourceTrouble: Error | null = null
  /** Why the target did not take what was sent last, while it takes nothing. */
  targetTrouble: Error | null = null
  readonly #options: FlowOptions
  readonly #source: Client
  readonly #target: Client
  readonly #ledger: ProgressStore
  readonly #topics: TopicSync
  readonly #groups: GroupSync
  readonly #intake: SourceFetcher
  readonly #delivery: TargetSender
  readonly #frames: FramePool
  readonly #roster: FlowPartitions
  readonly #upkeep: PeriodicTasks
  readonly #others: ForeignRecords
  /** Ends everything of this life at once. */
  readonly #end = new AbortController()
  #failure: Error | null = null
  readonly #failed: Promise<never>
  #reject: (error: Error) => void = () => {}
  #claimed = false
  #held: Partial<PauseFlags>

  constructor(options: FlowOptions) {
    this.#options = options
    this.#held = { ...options.held }
    const { settings, system } = options
    const { config } = settings
    this.#failed = new Promise((_, reject) => {
      this.#reject = reject
    })
    this.#failed.catch(() => {})
    const client = (cluster: FlowSettings['source'], role: string) =>
      createClient(
        {
          bootstrapServers: cluster.config['bootstrap.servers'],
          clientId: `${cluster.config['client.id'] ? `${cluster.config['client.id']}|` : ''}${settings.name}|${role}`,
          requestTimeoutMs: cluster.config['request.timeout.ms'],
          metadataMaxAgeMs: config['metadata.max.age.ms'],
        },
        { ...system, logger: options.logger },
      )
    this.#source = client(settings.source, 'source')
    this.#target = client(settings.target, 'target')
    const { signal } = this.#end
    const shared = { settings, source: this.#source, target: this.#target, signal }
    this.#ledger = new ProgressStore({
      ...shared,
      system,
      positions: options.positions,
      fenced: (error) => this.#fail(error),
    })
    this.#topics = new TopicSync({ ...shared, routes: options.routes, clock: system.clock, logger: options.logger })
    this.#groups = new GroupSync({
      ...shared,
      system,
      mapped: (topic, partition) => this.#mapped(topic, partition),
      sourceTopic: (topic) => this.#sourceTopic(topic),
      failedOver: () => this.failedOver,
    })
    this.#delivery = new TargetSender({
      client: this.#target,
      clock: system.clock,
      maxRequestBytes: config['max.request.size'],
      timeoutMs: settings.target.config['request.timeout.ms'],
      signal,
      events: {
        acknowledged: (partition, done) => this.#acknowledged(partition, done),
        room: () => this.#intake.wakeAll(),
        unsure: (partition, reason) => this.#roster.reexamine(partition, reason),
        trouble: (error) => {
          if (!this.targetTrouble) options.logger.warn({ mirror: settings.name, err: error }, 'the target takes nothing now; sent again')
          this.targetTrouble = error
        },
        failed: (error) => this.#fail(error),
      },
    })
    this.#frames = new FramePool(config['max.in.flight.bytes'])
    this.#intake = new SourceFetcher({
      frames: this.#frames,
      client: this.#source,
      clock: system.clock,
      signal,
      maxHeldBytes: config['max.in.flight.bytes'],
      partitionHeldBytes: Math.min(PARTITION_HELD_BYTES, config['max.in.flight.bytes']),
      maxBytes: config['fetch.max.bytes'],
      partitionMaxBytes: config['max.partition.fetch.bytes'],
      maxWaitMs: config['fetch.max.wait.ms'],
      isolationLevel: config['isolation.level'] === 'read_committed' ? 1 : 0,
      events: {
        took: (partition) => this.#delivery.wake(partition),
        outOfRange: (partition) => this.#roster.reexamine(partition, 'the source does not have the offset that comes next'),
        gone: (partition, error) => void this.#roster.locate(partition, error),
        moved: (partition, error) => void this.#roster.locate(partition, error),
        failed: (error) => this.#fail(error),
        trouble: (error) => {
          if (!this.sourceTrouble) options.logger.warn({ mirror: settings.name, err: error }, 'the source does not answer; tried again')
          this.sourceTrouble = error
        },
        well: () => this.#sourceAnswered(),
      },
    })
    this.#hold()
    const fail = (error: Error) => this.#fail(error)
    const parts = { ...shared, system, logger: options.logger, ledger: this.#ledger, topics: this.#topics }
    this.#others = new ForeignRecords({
      name: settings.name,
      target: this.#target,
      clock: system.clock,
      logger: options.logger,
      signal,
      fail,
    })
    this.#roster = new FlowPartitions({ ...parts, delivery: this.#delivery, intake: this.#intake, fail })
    this.#upkeep = new PeriodicTasks({
      ...parts,
      roster: this.#roster,
      sourceTrouble: () => this.sourceTrouble,
      troubled: (error) => {
        this.sourceTrouble ??= error
      },
      well: () => this.#sourceAnswered(),
    })
  }

  #sourceAnswered(): void {
    const { logger, settings } = this.#options
    if (this.sourceTrouble) logger.info({ mirror: settings.name }, 'the source answers again')
    this.sourceTrouble = null
  }

  #fail(error: Error): void {
    if (this.#failure || this.#end.signal.aborted) return
    this.#failure = error
    this.#delivery.halt()
    this.#reject(error)
  }

  /** Lives until `stop` aborts (it resolves) or something happens that it cannot mend (it rejects). */
  async run(stop: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const work = this.#work()
    work.catch((error) => this.#fail(error as Error))
    try {
      await Promise.race([stopped, this.#failed])
    } finally {
      await this.#close()
      await work.catch(() => {})
    }
  }

  /** Partitions of mirrored topics of which nothing is known yet. */
  get leftOut(): number {
    return this.#roster.leftOut
  }

  get partitions(): ReadonlyMap<string, PartitionProgress> {
    return this.#roster.partitions
  }

  async #work(): Promise<void> {
    const { signal } = this.#end
    const opening = this.#open()
    opening.catch((error) => this.#fail(error as Error))
    const first = await this.#firstTopics()
    await opening
    if (signal.aborted) return
    await this.#roster.admit(first)
    this.running = true
    await Promise.all([this.#upkeep.run(), this.#groupLoop()])
  }

  async #open(): Promise<void> {
    await this.#ledger.open(this.#options.instance)
    const { ownership } = this.#ledger
    const { paused, failedOver } = ownership.owner
    const held = { paused, failedOver, ...this.#held }
    this.#held = held
    if (held.paused !== paused || held.failedOver !== failedOver) await ownership.storePauseFlags(held)
    this.#hold()
    this.#delivery.producerId = ownership.owner.producerId
    ownership.watch().catch((error) => this.#fail(error as Error))
    await this.#groups.loadCheckpoints()
    this.#claimed = true
  }

  /** Waits for the source: what can be done without it (a failover) can be done meanwhile. */
  async #firstTopics(): Promise<MirroredTopic[]> {
    const { system, logger, settings } = this.#options
    for (;;) {
      try {
        const topics = await this.#topics.wanted()
        this.sourceTrouble = null
        return topics
      } catch (error) {
        if (this.#end.signal.aborted) return []
        if (!(error instanceof KafkaError && error.retriable)) throw error
        if (!this.sourceTrouble) logger.warn({ mirror: settings.name, err: error }, 'the source cannot be reached; tried again')
        this.sourceTrouble = error
        await system.clock.sleep(TRY_SOURCE_MS, this.#end.signal)
      }
    }
  }

  #mapped(topic: string, partition: number): MappedPartition | undefined {
    const flow = this.partitions.get(partitionKey({ topic, partition }))
    if (flow) return { targetTopic: flow.targetTopic, map: flow.map }
    const kept = this.#ledger.stored(topic, partition)
    return kept && { targetTopic: this.#targetName(topic), map: kept.map }
  }

  #targetName(topic: string): string {
    const { policy, source } = this.#options.settings
    return policy.remoteTopic(source.alias, topic)
  }

  #sourceTopic(targetTopic: string): string | null {
    const { policy, source } = this.#options.settings
    const upstream = policy.topicSource(targetTopic) === source.alias ? policy.upstreamTopic(targetTopic) : null
    return upstream !== null && this.#targetName(upstream) === targetTopic ? upstream : null
  }

  #acknowledged(flow: PartitionProgress, done: readonly Acknowledged[]): void {
    const { metrics, system, logger, settings } = this.#options
    const now = system.clock.monotonic()
    if (this.targetTrouble) logger.info({ mirror: settings.name }, 'the target takes what is sent again')
    this.targetTrouble = null
    for (const each of done) {
      this.#intake.release(each.bytes)
      this.#frames.release(each.parcel.bytes!)
      metrics.acknowledged(flow, each, now)
      if (each.foreign) this.#others.wrote(flow, each.foreign, each.first ? this.#delivery.producerId : null)
    }
    flow.arrivals.done(flow.map.nextUpstreamOffset)
  }

  async #groupLoop(): Promise<void> {
    const { config } = this.#options.settings
    if (!this.#options.followsGroups) return
    if (config['emit.checkpoints.enabled'] || config['sync.group.offsets.enabled']) await this.#groups.run()
  }

  #hold(): void {
    this.#intake.pause(this.paused || this.failedOver)
  }

  /** Whether the target is where the groups live: the source no longer writes into it unasked. */
  get failedOver(): boolean {
    return this.#held.failedOver ?? false
  }

  get paused(): boolean {
    return this.#held.paused ?? false
  }

  /** Pauses, stops after a failover, or takes either back at once; resolves when the next mirror of the flow knows. */
  async keep(held: Partial<PauseFlags>): Promise<void> {
    const same = Object.entries(held).every(([name, value]) => this.#held[name as keyof PauseFlags] === value)
    Object.assign(this.#held, held)
    this.#hold()
    const { ownership } = this.#ledger
    if (!same && ownership.owner.instance === this.#options.instance) await ownership.storePauseFlags(held)
  }

  /** Whether all partitions that were found at the start flow. */
  running = false

  /** Whether the kept maps can be used: the target has been read. */
  get ready(): boolean {
    return this.#claimed
  }

  async failover(groups: readonly string[] | 'all', dryRun: boolean): Promise<Omit<FailoverReport, 'mirror' | 'durationMs'>> {
    const { system } = this.#options
    const ends = new Map<string, number>()
    let sourceReachable = false
    const ask = async () => {
      await this.#groups.pollCommits()
      const flows = [...this.partitions.values()].filter((each) => each.state !== 'gone')
      if (flows.length > 0) await this.#upkeep.askEnds(flows)
      for (const flow of flows) ends.set(partitionKey(flow), flow.arrivals.end)
      sourceReachable = true
    }
    // the source may be gone: what was seen last serves then
    const patienceMs = this.sourceTrouble ? ASK_GONE_MS : this.running ? ASK_SOURCE_MS : ASK_UNKNOWN_MS
    await Promise.race([ask().catch(() => {}), system.clock.sleep(patienceMs, this.#end.signal)])
    const reachable = sourceReachable
    const names = groups === 'all' ? this.#mirroredGroups() : groups
    const reports: FailoverReport['groups'] = []
    for (const group of names) {
      const options: FailoverOptions = {
        target: this.#target,
        group,
        commits: this.#groups.sourceCommits.get(group)?.values() ?? [],
        mapped: (topic, partition) => this.#mapped(topic, partition),
        sourceEnd: (topic, partition) => (reachable ? (ends.get(partitionKey({ topic, partition })) ?? null) : null),
        checkpoint: (topic, partition) => {
          const last = this.#groups.checkpoint(group, topic, partition)
          return last && { targetTopic: last.topic, downstreamOffset: last.downstreamOffset }
        },
        dryRun,
      }
      reports.push(await failOverGroup(options))
    }
    return { dryRun, sourceReachable: reachable, groups: reports }
  }

  /** Groups that have committed something on a mirrored topic. */
  #mirroredGroups(): string[] {
    const groups = this.#groups
    const known = [...groups.sourceCommits].filter(([group, commits]) =>
      [...commits.values()].some(({ topic, partition }) => this.#mapped(topic, partition) ?? groups.checkpoint(group, topic, partition)),
    )
    return known.map(([group]) => group).sort()
  }

  /** Partitions that are known from the ledger while the source cannot be asked. */
  get keptPartitions(): {
    topic: string
    targetTopic: string
    partition: number
    map: OffsetMap
    sourceEnd: number
    lost: number
    repeated: number
  }[] {
    return [...this.#ledger.storedPartitions].map(({ head, map }) => ({
      topic: head.topic,
      targetTopic: this.#targetName(head.topic),
      partition: head.partition,
      map,
      sourceEnd: head.sourceEnd,
      lost: head.lostRecords,
      repeated: head.repeatedRecords,
    }))
  }

  /** Lets what is under way arrive, writes down where everything stands, and lets go of both clusters. */
  async #close(): Promise<void> {
    const { clock } = this.#options.system
    this.#intake.pause(true)
    const flows = [...this.partitions.values()]
    const lost =
      this.#failure instanceof KafkaError && (this.#failure.error === 'PRODUCER_FENCED' || this.#failure.error === 'INVALID_PRODUCER_EPOCH')
    const deadline = clock.monotonic() + DRAIN_MS
    while (this.#delivery.underWay > 0 && clock.monotonic() < deadline) await clock.sleep(5)
    this.#delivery.halt()
    while (this.#delivery.underWay > 0 && clock.monotonic() < deadline + HALT_MS) await clock.sleep(5)
    const last = async () => {
      if (!this.#claimed || lost) return
      await this.#upkeep.writeMap(true)
      await this.#ledger.writePositions(flows)
      if (this.#delivery.underWay === 0) await this.#ledger.ownership.release()
      if (!this.sourceTrouble) await this.#ledger.writeSyncs(flows, true)
    }
    await Promise.race([last().catch(() => {}), clock.sleep(CLOSE_MS)])
    this.#end.abort()
    const parts = Promise.allSettled([this.#intake.close(), this.#delivery.close(), this.#ledger.close(), this.#groups.close()])
    await Promise.race([parts, clock.sleep(CLOSE_MS / 2)])
    await Promise.race([Promise.allSettled([this.#source.close(), this.#target.close()]), clock.sleep(CLOSE_MS / 2)])
  }
}

/** Whether starting again may help. */
export function mends(error: unknown): boolean {
  if (!(error instanceof KafkaError)) return !(error instanceof Error && error.name === 'MirrorSettingsError')
  const lasting: readonly ErrorName[] = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'CORRUPT_MESSAGE']
  return error.error === 'UNKNOWN_SERVER_ERROR' || (error.retriable && !lasting.includes(error.error))
}
