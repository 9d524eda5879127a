/**
 * One run of a flow, from claiming it on the target until it is stopped or fails: finds topics and the resume point of each partition,
 * mirrors batches, and stores the progress. Errors of one partition or one leader are handled here; the supervisor only starts the next
 * run.
 */
import type { Client } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import { Condition } from '../../core/system/condition.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { within } from '../../core/system/within.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import { GroupSync } from '../groups/group-sync.ts'
import type { MappedPartition } from '../groups/offset-translation.ts'
import type { FlowMetrics } from '../metrics.ts'
import type { Route } from '../settings/filters.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { PauseFlags } from '../store/ownership.ts'
import { type PositionStore, ProgressStore } from '../store/progress-store.ts'
import { FramePool } from '../transfer/frame-pool.ts'
import type { AcknowledgedBatch, PartitionProgress } from '../transfer/partition-progress.ts'
import { SourceFetcher } from '../transfer/source-fetcher.ts'
import { TargetSender } from '../transfer/target-sender.ts'
import type { FailoverReport } from '../types.ts'
import { ClusterErrors } from './cluster-errors.ts'
import { createFlowClients } from './flow-clients.ts'
import { failOverFlow } from './flow-failover.ts'
import { FlowPartitions } from './flow-partitions.ts'
import { type FinalWrite, shutDownFlow } from './flow-shutdown.ts'
import { type PartitionFigures, progressFigures, storedFigures } from './flow-status.ts'
import { ForeignRecords } from './foreign-records.ts'
import { PeriodicTasks } from './periodic-tasks.ts'
import { type MirroredTopic, TopicSync } from './topic-sync.ts'

/** Bytes of one partition that may be fetched and not yet acknowledged. */
const PARTITION_BUFFERED_BYTES = 2 * 1024 * 1024
/** How long an ended run waits for what still runs of it. */
const WORK_END_MS = 250
const SOURCE_RETRY = { baseMs: 500, maxMs: 5_000 }
/** How long a failover waits for the source: while it responds, while it does not, and while that is not known yet. */
const FAILOVER_SOURCE_MS = { responding: 4_000, unavailable: 500, unknown: 1_500 } as const

export interface FlowOptions {
  settings: FlowSettings
  routes: readonly Route[]
  system: System
  systemProperties: SystemProperties
  logger: Logger
  instance: string
  metrics: FlowMetrics
  /** Whether the flow is paused or failed over; a flag that is not set here is read from the target. */
  pauseFlags: Partial<PauseFlags>
  /** False where another connector syncs the groups. */
  syncsGroups: boolean
  /** Reads the target and mirrors nothing: for a failover while the source does not accept this mirror. */
  targetOnly?: boolean
  /** Stores the positions instead of the mirror's own topic. */
  positions?: PositionStore
}

export class Flow {
  readonly #options: FlowOptions
  readonly #source: Client
  readonly #target: Client
  readonly #clusterErrors: ClusterErrors
  readonly #progressStore: ProgressStore
  readonly #topicSync: TopicSync
  readonly #groupSync: GroupSync
  readonly #frames: FramePool
  readonly #fetcher: SourceFetcher
  readonly #sender: TargetSender
  readonly #flowPartitions: FlowPartitions
  readonly #periodicTasks: PeriodicTasks
  readonly #foreignRecords: ForeignRecords
  readonly #end = new AbortController()
  readonly #changed = new Condition()
  #failure: Error | null = null
  #opened = false
  #running = false
  #pauseFlags: Partial<PauseFlags>

  constructor(options: FlowOptions) {
    this.#options = options
    this.#pauseFlags = { ...options.pauseFlags }
    const { settings, system, logger } = options
    const { name, config } = settings
    const { source, target } = createFlowClients(settings, { ...system, logger }, options.systemProperties)
    this.#source = source
    this.#target = target
    this.#clusterErrors = new ClusterErrors(name, logger)
    const { signal } = this.#end
    const onFailed = (error: Error) => this.#fail(error)
    const shared = { settings, source, target, signal }
    const onOverwritten = () => this.#flowPartitions.partitions.forEach((partition) => void partition.markDirty())
    const progressStore = new ProgressStore({ ...shared, system, positions: options.positions, onFenced: onFailed, onOverwritten })
    const topicSync = new TopicSync({ ...shared, routes: options.routes, clock: system.clock, logger })
    this.#progressStore = progressStore
    this.#topicSync = topicSync
    this.#groupSync = new GroupSync({
      ...shared,
      system,
      mapped: (topic, partition) => this.#mapped(topic, partition),
      sourceTopic: (topic) => this.#sourceTopic(topic),
      failedOver: () => this.failedOver,
    })
    this.#frames = new FramePool(config['max.in.flight.bytes'])
    const sender = new TargetSender({
      client: target,
      system,
      maxRequestBytes: config['max.request.size'],
      timeoutMs: settings.target.config['request.timeout.ms'],
      signal,
      events: {
        onAcknowledged: (partition, batches) => this.#acknowledged(partition, batches),
        onResponse: () => this.#fetcher.pollAll(),
        onResumePointLost: (partition, reason) => this.#flowPartitions.restart(partition, reason),
        onUnavailable: (error) => this.#clusterErrors.targetUnavailable(error),
        onFailed,
      },
    })
    const fetcher = new SourceFetcher({
      client: source,
      system,
      signal,
      frames: this.#frames,
      maxBufferedBytes: config['max.in.flight.bytes'],
      partitionMaxBufferedBytes: Math.min(PARTITION_BUFFERED_BYTES, config['max.in.flight.bytes']),
      maxBytes: config['fetch.max.bytes'],
      partitionMaxBytes: config['max.partition.fetch.bytes'],
      maxWaitMs: config['fetch.max.wait.ms'],
      isolationLevel: config['isolation.level'] === 'read_committed' ? 1 : 0,
      events: {
        onFetched: (partition) => this.#sender.schedule(partition),
        onOffsetOutOfRange: (partition) => this.#flowPartitions.restart(partition, 'the source does not have the fetch offset'),
        onLeaderLost: (partition, error) => void this.#flowPartitions.findLeader(partition, error),
        onResponse: () => this.#clusterErrors.sourceResponded(),
        onUnavailable: (error) => this.#clusterErrors.sourceUnavailable(error),
        onFailed,
      },
    })
    this.#sender = sender
    this.#fetcher = fetcher
    this.#applyPauseFlags()
    const parts = { ...shared, system, logger, progressStore, topicSync }
    this.#foreignRecords = new ForeignRecords({ name, target, clock: system.clock, random: system.random, logger, signal, onFailed })
    this.#flowPartitions = new FlowPartitions({ ...parts, sender, fetcher, onFailed })
    this.#periodicTasks = new PeriodicTasks({ ...parts, flowPartitions: this.#flowPartitions, clusterErrors: this.#clusterErrors })
  }

  #fail(error: Error): void {
    if (this.#failure || this.#end.signal.aborted) return
    this.#failure = error
    this.#sender.halt()
    this.#changed.notify()
  }

  /** Runs until `stop` aborts (it resolves), or until an error that cannot be handled here (it rejects). */
  async run(stop: AbortSignal): Promise<void> {
    const work = this.#work().catch((error: Error) => this.#fail(error))
    await this.#changed.until(() => this.#failure !== null, stop)
    const failure = this.#failure
    await this.#shutDown()
    // A request without a response must not delay the stop, or the next run.
    await within(this.#options.system.clock, WORK_END_MS, work)
    if (failure) throw failure
  }

  async #work(): Promise<void> {
    const { signal } = this.#end
    const opening = this.#open()
    opening.catch((error: Error) => this.#fail(error))
    if (this.#options.targetOnly) return
    const topics = await this.#firstTopics()
    await opening
    if (signal.aborted) return
    await this.#flowPartitions.add(topics)
    this.#running = true
    await Promise.all([this.#periodicTasks.run(), this.#syncGroups()])
  }

  /** Claims the flow on the target, and reads what is stored there. */
  async #open(): Promise<void> {
    await this.#progressStore.open(this.#options.instance)
    const { ownership } = this.#progressStore
    const { paused, failedOver, producerId } = ownership.owner
    const flags = { paused, failedOver, ...this.#pauseFlags }
    this.#pauseFlags = flags
    if (flags.paused !== paused || flags.failedOver !== failedOver) await ownership.storePauseFlags(flags)
    this.#applyPauseFlags()
    this.#sender.useProducerId(producerId)
    ownership.watch().catch((error: Error) => this.#fail(error))
    await this.#groupSync.loadCheckpoints()
    this.#opened = true
    this.#changed.notify()
  }

  /** Waits for the source. A failover, which needs only the target, is possible meanwhile. */
  async #firstTopics(): Promise<MirroredTopic[]> {
    const { clock, random } = this.#options.system
    const { signal } = this.#end
    for (let attempt = 0; ; attempt++) {
      try {
        const topics = await this.#topicSync.mirroredTopics()
        this.#clusterErrors.sourceResponded()
        return topics
      } catch (error) {
        if (signal.aborted) return []
        if (!(error instanceof KafkaError && error.retriable)) throw error
        this.#clusterErrors.sourceUnavailable(error)
        await clock.sleep(backoffMs(SOURCE_RETRY, attempt, random), signal)
      }
    }
  }

  async #syncGroups(): Promise<void> {
    const { settings, syncsGroups } = this.#options
    const { config } = settings
    if (syncsGroups && (config['emit.checkpoints.enabled'] || config['sync.group.offsets.enabled'])) await this.#groupSync.run()
  }

  #mapped(topic: string, partition: number): MappedPartition | undefined {
    const progress = this.partitions.get(partitionKey({ topic, partition }))
    if (progress) return { targetTopic: progress.targetTopic, map: progress.map }
    const stored = this.#progressStore.stored(topic, partition)
    return stored && { targetTopic: this.#targetName(topic), map: stored.map }
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

  #acknowledged(partition: PartitionProgress, batches: readonly AcknowledgedBatch[]): void {
    const { metrics, system } = this.#options
    const now = system.clock.monotonic()
    this.#clusterErrors.targetAccepted()
    for (const { batch, foreign, firstOfEpoch } of batches) {
      this.#fetcher.release(batch.bytes!.length)
      this.#frames.release(batch.bytes!)
      metrics.acknowledged(partition, batch, now)
      if (foreign) this.#foreignRecords.observe(partition, foreign, firstOfEpoch ? this.#sender.producerId : null)
    }
  }

  get partitions(): ReadonlyMap<string, PartitionProgress> {
    return this.#flowPartitions.partitions
  }

  /** Partitions of mirrored topics that cannot be mirrored yet, because they have no leader. */
  get leaderlessCount(): number {
    return this.#flowPartitions.leaderlessCount
  }

  /** The partitions' figures; while the source has not responded yet, those that were stored. */
  figures(nowMs: number): PartitionFigures[] {
    if (this.partitions.size > 0 || !this.#opened)
      return Array.from(this.partitions.values(), (partition) => progressFigures(partition, nowMs))
    return Array.from(this.#progressStore.storedPartitions, (stored) => storedFigures(stored, this.#targetName(stored.head.topic)))
  }

  get sourceError(): Error | null {
    return this.#clusterErrors.source
  }

  get targetError(): Error | null {
    return this.#clusterErrors.target
  }

  /** Whether the groups have been failed over: the source is not mirrored until a resume. */
  get failedOver(): boolean {
    return this.#pauseFlags.failedOver ?? false
  }

  get paused(): boolean {
    return this.#pauseFlags.paused ?? false
  }

  /** Whether the partitions that were found at the start have been added. */
  get running(): boolean {
    return this.#running
  }

  /** Whether the target has been read, so that a failover is possible. */
  get opened(): boolean {
    return this.#opened
  }

  /** Resolves when the flow is open, has failed, or has ended. */
  async settled(): Promise<void> {
    await this.#changed.until(() => this.#opened || this.#failure !== null, this.#end.signal)
  }

  #applyPauseFlags(): void {
    this.#fetcher.setPaused(this.paused || this.failedOver)
  }

  /** Applies the flags at once; resolves when they are stored on the target. */
  async setPauseFlags(flags: Partial<PauseFlags>): Promise<void> {
    const changed = Object.entries(flags).some(([name, value]) => this.#pauseFlags[name as keyof PauseFlags] !== value)
    this.#pauseFlags = { ...this.#pauseFlags, ...flags }
    this.#applyPauseFlags()
    const { ownership } = this.#progressStore
    if (changed && ownership.owner.instance === this.#options.instance) await ownership.storePauseFlags(flags)
  }

  async failover(groups: readonly string[] | 'all', dryRun: boolean): Promise<Omit<FailoverReport, 'mirror' | 'durationMs'>> {
    const { settings, system, logger } = this.#options
    return failOverFlow({
      name: settings.name,
      groups,
      dryRun,
      target: this.#target,
      groupSync: this.#groupSync,
      partitions: [...this.partitions.values()].filter((partition) => partition.state !== 'deleted'),
      mapped: (topic, partition) => this.#mapped(topic, partition),
      observeSourceEnds: (partitions) => this.#periodicTasks.observeSourceEnds(partitions),
      sourceTimeoutMs: FAILOVER_SOURCE_MS[this.sourceError ? 'unavailable' : this.#running ? 'responding' : 'unknown'],
      system,
      logger,
      signal: this.#end.signal,
    })
  }

  async #shutDown(): Promise<void> {
    const { settings, system, logger } = this.#options
    await shutDownFlow({
      name: settings.name,
      clock: system.clock,
      logger,
      fetcher: this.#fetcher,
      sender: this.#sender,
      finalWrites: () => this.#finalWrites(),
      abort: () => this.#end.abort(),
      parts: [this.#progressStore, this.#groupSync],
      clients: [this.#source, this.#target],
    })
  }

  #finalWrites(): FinalWrite[] {
    const fenced = this.#failure instanceof KafkaError && isFenced(this.#failure.error)
    if (!this.#opened || fenced) return []
    const { ownership } = this.#progressStore
    const partitions = [...this.partitions.values()]
    const writes: FinalWrite[] = [
      {
        what: 'the offset map',
        consequence: 'the next start reads the last records of the source and the target again and compares them',
        write: () => this.#periodicTasks.writeMap(true),
      },
      {
        what: "the positions in Kafka Connect's format",
        consequence: 'a MirrorMaker 2 that takes over before the next start mirrors the last records again',
        write: () => this.#progressStore.writePositions(partitions),
      },
    ]
    if (this.#sender.batchesInFlight === 0)
      writes.push({
        what: 'the release of the flow',
        consequence: 'the next start waits a moment for batches in flight',
        write: () => ownership.release(),
      })
    if (!this.sourceError)
      writes.push({
        what: "the offset syncs in MirrorMaker 2's format",
        consequence: 'clients that read them translate to older offsets',
        write: () => this.#progressStore.writeSyncs(partitions, true),
      })
    return writes
  }
}

const isFenced = (error: ErrorName): boolean => error === 'PRODUCER_FENCED' || error === 'INVALID_PRODUCER_EPOCH'

/** Whether another run of the flow may succeed without a change by the user. */
export function restartMayHelp(error: unknown): boolean {
  if (authenticationFailure(error)) return false
  if (!(error instanceof KafkaError)) return !(error instanceof Error && error.name === 'MirrorSettingsError')
  if (isFenced(error.error) || error.error === 'CORRUPT_MESSAGE') return false
  return error.error === 'UNKNOWN_SERVER_ERROR' || error.retriable
}
