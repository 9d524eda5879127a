/**
 * One life of a flow, from claiming it on the target until it is stopped or fails: finds topics, finds out where each partition goes on,
 * reads, writes, and keeps the ledger. What went wrong with one partition or one leader is mended here; the pair only starts lives.
 */
import { type Client, createClient } from '../core/client/index.ts'
import { type ErrorName, KafkaError } from '../core/errors.ts'
import type { System } from '../core/system/index.ts'
import type { Logger } from '../core/system/logger.ts'
import { Delivery } from './delivery.ts'
import { agreedEnds, examine, type Subject } from './examine.ts'
import { type FailoverOptions, failOverGroup } from './failover.ts'
import type { Route } from './filters.ts'
import { FramePool } from './frame-pool.ts'
import type { MappedPartition } from './group-plan.ts'
import { Groups } from './groups.ts'
import { Intake } from './intake.ts'
import { Ledger } from './ledger.ts'
import type { FlowMetrics } from './metrics.ts'
import type { OffsetMap } from './offset-map.ts'
import { type Acknowledged, PartitionFlow } from './partition-flow.ts'
import type { FlowSettings } from './settings.ts'
import { type Inheritance, readInheritance } from './takeover.ts'
import { type MirroredTopic, Topics } from './topics.ts'
import type { FailoverReport } from './types.ts'

/** Bytes of one partition that may be read and not yet acknowledged. */
const PARTITION_HELD_BYTES = 2 * 1024 * 1024
/** While the user names no interval: how often the topics are looked at, unless that takes long. */
const REFRESH_MS = 5_000
const REST_FACTOR = 20
const SYNC_MS = 1_000
/** How often the source's ends are asked for where no fetch tells them. */
const ENDS_MS = 5_000
const LOCATE_MS = 100
const LOCATE_MAX_MS = 5_000
/** How long a stop waits for what is under way. */
const DRAIN_MS = 2_000
const CLOSE_MS = 2_000
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
  paused: boolean
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`

export class Flow {
  readonly partitions = new Map<string, PartitionFlow>()
  /** The last thing that the source did to us, while it does not answer. */
  sourceTrouble: Error | null = null
  private readonly options: FlowOptions
  private readonly source: Client
  private readonly target: Client
  private readonly ledger: Ledger
  private readonly topics: Topics
  private readonly groups: Groups
  private readonly intake: Intake
  private readonly delivery: Delivery
  private readonly frames: FramePool
  /** Ends everything of this life at once. */
  private readonly end = new AbortController()
  private failure: Error | null = null
  private readonly failed: Promise<never>
  private reject: (error: Error) => void = () => {}
  private inherited: Map<string, Inheritance> | null = null
  private readonly busy = new Set<PartitionFlow>()
  private claimed = false

  constructor(options: FlowOptions) {
    this.options = options
    const { settings, system } = options
    const { config } = settings
    this.failed = new Promise((_, reject) => {
      this.reject = reject
    })
    this.failed.catch(() => {})
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
    this.source = client(settings.source, 'source')
    this.target = client(settings.target, 'target')
    const { signal } = this.end
    const shared = { settings, source: this.source, target: this.target, signal }
    this.ledger = new Ledger({
      ...shared,
      system,
      usurped: (owner) => options.logger.error({ mirror: settings.name, by: owner.instance }, 'taken over'),
    })
    this.topics = new Topics({ ...shared, routes: options.routes, clock: system.clock, logger: options.logger })
    this.groups = new Groups({
      ...shared,
      system,
      mapped: (topic, partition) => this.mapped(topic, partition),
      sourceTopic: (topic) => this.sourceTopic(topic),
    })
    this.delivery = new Delivery({
      client: this.target,
      clock: system.clock,
      maxRequestBytes: config['max.request.size'],
      timeoutMs: settings.target.config['request.timeout.ms'],
      signal,
      events: {
        acknowledged: (partition, done) => this.acknowledged(partition, done),
        room: () => this.intake.wakeAll(),
        unsure: (partition, reason) => this.reexamine(partition, reason),
        failed: (error) => this.fail(error),
      },
    })
    this.frames = new FramePool(config['max.in.flight.bytes'])
    this.intake = new Intake({
      frames: this.frames,
      client: this.source,
      clock: system.clock,
      signal,
      maxHeldBytes: config['max.in.flight.bytes'],
      partitionHeldBytes: Math.min(PARTITION_HELD_BYTES, config['max.in.flight.bytes']),
      maxBytes: config['fetch.max.bytes'],
      partitionMaxBytes: config['max.partition.fetch.bytes'],
      maxWaitMs: config['fetch.max.wait.ms'],
      isolationLevel: config['isolation.level'] === 'read_committed' ? 1 : 0,
      events: {
        took: (partition) => this.delivery.wake(partition),
        outOfRange: (partition) => this.reexamine(partition, 'the source does not have the offset that comes next'),
        gone: (partition) => void this.locate(partition),
        moved: (partition) => void this.locate(partition),
        failed: (error) => this.fail(error),
        trouble: (error) => {
          if (!this.sourceTrouble) options.logger.warn({ mirror: settings.name, err: error }, 'the source does not answer; tried again')
          this.sourceTrouble = error
        },
        well: () => {
          if (this.sourceTrouble) options.logger.info({ mirror: settings.name }, 'the source answers again')
          this.sourceTrouble = null
        },
      },
    })
    this.intake.pause(options.paused)
  }

  private fail(error: Error): void {
    if (this.failure || this.end.signal.aborted) return
    this.failure = error
    this.reject(error)
  }

  /** Lives until `stop` aborts (it resolves) or something happens that it cannot mend (it rejects). */
  async run(stop: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const work = this.work()
    work.catch((error) => this.fail(error as Error))
    try {
      await Promise.race([stopped, this.failed])
    } finally {
      await this.close()
      await work.catch(() => {})
    }
  }

  private async work(): Promise<void> {
    const { signal } = this.end
    const opening = this.open()
    const first = await this.firstTopics()
    await opening
    if (signal.aborted) return
    await this.admit(first)
    this.running = true
    await Promise.all([this.refreshLoop(), this.configLoop(), this.ledgerLoop(), this.endsLoop(), this.groupLoop()])
  }

  private async open(): Promise<void> {
    await this.ledger.open(this.options.instance)
    this.delivery.producerId = this.ledger.owner.producerId
    await this.groups.load()
    this.claimed = true
  }

  /** Waits for the source: what can be done without it (a failover) can be done meanwhile. */
  private async firstTopics(): Promise<MirroredTopic[]> {
    const { system, logger, settings } = this.options
    for (;;) {
      try {
        const topics = await this.topics.wanted()
        this.sourceTrouble = null
        return topics
      } catch (error) {
        if (this.end.signal.aborted) return []
        if (!(error instanceof KafkaError && error.retriable)) throw error
        if (!this.sourceTrouble) logger.warn({ mirror: settings.name, err: error }, 'the source cannot be reached; tried again')
        this.sourceTrouble = error
        await system.clock.sleep(LOCATE_MAX_MS / 5, this.end.signal)
      }
    }
  }

  private mapped(topic: string, partition: number): MappedPartition | undefined {
    const flow = this.partitions.get(keyOf(topic, partition))
    if (flow) return { targetTopic: flow.targetTopic, map: flow.map }
    const kept = this.ledger.kept(topic, partition)
    return kept && { targetTopic: this.targetName(topic), map: kept.map }
  }

  private targetName(topic: string): string {
    const { policy, source } = this.options.settings
    return policy.remoteTopic(source.alias, topic)
  }

  private sourceTopic(targetTopic: string): string | null {
    const { policy, source } = this.options.settings
    const upstream = policy.topicSource(targetTopic) === source.alias ? policy.upstreamTopic(targetTopic) : null
    return upstream !== null && this.targetName(upstream) === targetTopic ? upstream : null
  }

  /** Takes partitions in that do not flow yet. */
  private async admit(topics: readonly MirroredTopic[]): Promise<void> {
    const fresh = topics.filter((topic) =>
      topic.source.partitions.some(({ index }) => !this.partitions.has(keyOf(topic.source.name, index))),
    )
    if (fresh.length === 0) return
    await this.topics.ensure(fresh)
    const { settings, system } = this.options
    const subjects: Subject[] = []
    let unknown = false
    for (const topic of fresh) {
      for (const { index, leaderEpoch } of topic.source.partitions) {
        const key = keyOf(topic.source.name, index)
        if (this.partitions.has(key)) continue
        const kept = this.ledger.kept(topic.source.name, index)
        if (!kept) unknown = true
        subjects.push({
          topic: topic.source.name,
          partition: index,
          targetTopic: topic.targetName,
          topicId: topic.source.id,
          leaderEpoch,
          kept: kept && {
            map: kept.map,
            topicId: kept.head.topicId,
            sourceEnd: kept.head.sourceEnd,
            batchEpoch: kept.head.leaderEpoch,
            producerEpoch: kept.head.producerEpoch,
            sequence: kept.head.sequence,
          },
          inherited: undefined,
        })
      }
    }
    if (unknown) {
      this.inherited ??= await readInheritance(settings, this.ledger.positionsTopic, this.source, this.target, {
        clock: system.clock,
        signal: this.end.signal,
      })
      for (const subject of subjects) if (!subject.kept) subject.inherited = this.inherited.get(keyOf(subject.topic, subject.partition))
    }
    const stamped = await this.topics.appendTime(fresh.map((topic) => topic.targetName))
    const verdicts = await this.examine(subjects)
    const admitted: PartitionFlow[] = []
    for (const [index, subject] of subjects.entries()) {
      const { map, source } = verdicts[index]!
      const flow = new PartitionFlow(subject, subject.topicId, map, source.end)
      const kept = this.ledger.kept(subject.topic, subject.partition)
      flow.lostRecords = kept?.head.lostRecords ?? 0
      flow.repeatedRecords = kept?.head.repeatedRecords ?? 0
      flow.batchEpoch = kept && kept.head.topicId === subject.topicId ? kept.head.leaderEpoch : -1
      flow.targetAppendTime = stamped.has(subject.targetTopic)
      this.account(flow, verdicts[index]!)
      admitted.push(flow)
    }
    for (const flow of admitted) flow.rewind(this.ledger.owner.producerEpoch)
    // where it began is durable before anything is sent: a crash from now on finds its way
    await this.ledger.write(admitted)
    for (const flow of admitted) this.partitions.set(keyOf(flow.topic, flow.partition), flow)
    await Promise.all(admitted.map((flow) => this.start(flow)))
  }

  private examine(subjects: readonly Subject[]) {
    const { settings, system } = this.options
    return examine(
      {
        source: this.source,
        target: this.target,
        clock: system.clock,
        signal: this.end.signal,
        producerId: this.ledger.owner.producerId,
        reset: settings.config['auto.offset.reset'],
        committedOnly: settings.config['isolation.level'] === 'read_committed',
      },
      subjects,
    )
  }

  /** Counts and tells what was found. Invariant 11. */
  private account(flow: PartitionFlow, verdict: Awaited<ReturnType<typeof examine>>[number]): void {
    const { logger, settings, system } = this.options
    const place = { mirror: settings.name, topic: flow.topic, partition: flow.partition }
    flow.arrivals.seen(verdict.source.end, system.clock.monotonic())
    flow.arrivals.done(flow.map.nextUp)
    flow.sourceStart = verdict.source.start
    flow.targetEnd = verdict.target.end
    for (const note of verdict.notes) logger.warn({ ...place, offset: flow.map.nextUp }, note)
    const { findings } = verdict
    if (findings) {
      flow.repeatedRecords += findings.unproven
      logger[findings.unproven > 0 ? 'warn' : 'info'](
        { ...place, ...findings, offset: flow.map.nextUp },
        'what the target holds behind the last position was compared with the source',
      )
    }
    for (const { from, to, reason } of verdict.losses) {
      flow.lostRecords += to - from
      logger.error({ ...place, from, to, reason }, `offsets ${from} to ${to - 1} were gone from the source before they could be mirrored`)
      if (settings.config['auto.offset.reset'] === 'none')
        throw new KafkaError(
          'OFFSET_OUT_OF_RANGE',
          `${flow.where}: offsets ${from} to ${to - 1} were gone from the source before they could be mirrored (${reason}), and auto.offset.reset=none says to stop: set it to earliest to go on with what is there, and resume the mirror`,
        )
    }
  }

  /** Finds both leaders and lets the partition flow. */
  private async start(flow: PartitionFlow): Promise<void> {
    const target = await this.target.topic(flow.targetTopic)
    const place = target?.partitions[flow.partition]
    if (!target || !place || place.leader < 0)
      throw new KafkaError('LEADER_NOT_AVAILABLE', `${flow.targetTopic}-${flow.partition} has no leader at the target`)
    flow.targetTopicId = target.id
    flow.targetLeader = place.leader
    const source = (await this.source.topic(flow.topic))?.partitions[flow.partition]
    flow.state = 'flowing'
    if (!source || source.leader < 0) void this.locate(flow)
    else {
      flow.leader = source.leader
      flow.leaderEpoch = source.leaderEpoch
      this.intake.add(flow)
    }
  }

  /** Finds the source's leader again, and sees whether its log still agrees with what was read. */
  private async locate(flow: PartitionFlow): Promise<void> {
    if (this.busy.has(flow)) return
    this.busy.add(flow)
    this.intake.remove(flow)
    const { clock } = this.options.system
    try {
      for (let attempt = 0; !this.end.signal.aborted; attempt++) {
        const again = await this.tryLocate(flow, attempt > 0).catch((error: unknown) => {
          if (error instanceof KafkaError && error.retriable) return 'later' as const
          throw error
        })
        if (again === 'found') {
          this.busy.delete(flow)
          this.intake.add(flow)
          return
        }
        if (again !== 'later') {
          this.busy.delete(flow)
          this.reexamine(flow, again.reason)
          return
        }
        await clock.sleep(Math.min(LOCATE_MAX_MS, LOCATE_MS * 2 ** Math.min(attempt, 10)), this.end.signal)
      }
    } catch (error) {
      this.fail(error as Error)
    } finally {
      this.busy.delete(flow)
    }
  }

  private async tryLocate(flow: PartitionFlow, always: boolean): Promise<'found' | 'later' | { reason: string }> {
    const topic = await this.source.topic(flow.topic, { refresh: true })
    const place = topic?.partitions[flow.partition]
    if (!topic || !place || place.leader < 0) return 'later'
    if (topic.id !== flow.topicId) return { reason: 'the topic was created anew at the source' }
    const epochChanged = place.leaderEpoch !== flow.leaderEpoch
    if (epochChanged || always) {
      const [agreed] = await agreedEnds(this.source, [
        { topic: flow.topic, partition: flow.partition, leaderEpoch: place.leaderEpoch, batchEpoch: flow.batchEpoch },
      ])
      if (agreed! >= 0 && agreed! < flow.fetchOffset) return { reason: 'the new leader of the source does not have all that was read' }
    }
    flow.leader = place.leader
    flow.leaderEpoch = place.leaderEpoch
    return 'found'
  }

  /** Stops the partition, waits for what is under way, and finds out anew where it goes on. */
  private reexamine(flow: PartitionFlow, reason: string): void {
    if (this.busy.has(flow) || this.end.signal.aborted) return
    this.busy.add(flow)
    const { settings, logger, system } = this.options
    logger.warn({ mirror: settings.name, topic: flow.topic, partition: flow.partition, offset: flow.fetchOffset }, reason)
    this.intake.remove(flow)
    const again = async () => {
      while (flow.state === 'flowing' && !flow.idle && !this.end.signal.aborted) await system.clock.sleep(10, this.end.signal)
      flow.state = 'starting'
      await this.delivery.settled(flow)
      for (let attempt = 0; !this.end.signal.aborted; attempt++) {
        try {
          await this.restart(flow)
          this.busy.delete(flow)
          return
        } catch (error) {
          if (!(error instanceof KafkaError && error.retriable)) throw error
          await system.clock.sleep(Math.min(LOCATE_MAX_MS, LOCATE_MS * 2 ** Math.min(attempt, 10)), this.end.signal)
        }
      }
    }
    again().catch((error) => this.fail(error as Error))
  }

  private async restart(flow: PartitionFlow): Promise<void> {
    const topic = await this.source.topic(flow.topic, { refresh: true })
    const place = topic?.partitions[flow.partition]
    if (!topic || !place) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${flow.where} is not at the source now`)
    await this.topics.ensure([{ source: topic, targetName: flow.targetTopic }])
    const held = flow.heldBytes
    const kept = {
      map: flow.map,
      topicId: flow.topicId,
      sourceEnd: flow.arrivals.end,
      batchEpoch: flow.batchEpoch,
      producerEpoch: flow.producerEpoch,
      sequence: flow.doneSequence,
    }
    const subject: Subject = {
      topic: flow.topic,
      partition: flow.partition,
      targetTopic: flow.targetTopic,
      topicId: topic.id,
      leaderEpoch: place.leaderEpoch,
      kept,
      inherited: undefined,
    }
    const [verdict] = await this.examine([subject])
    if (topic.id !== flow.topicId || verdict!.source.end < flow.arrivals.end) flow.arrivals.reset(verdict!.map.nextUp)
    flow.topicId = topic.id
    flow.map = verdict!.map
    flow.batchEpoch = -1
    this.account(flow, verdict!)
    flow.rewind(await this.ledger.renew())
    this.intake.release(held)
    await this.ledger.write([flow])
    await this.start(flow)
  }

  private acknowledged(flow: PartitionFlow, done: readonly Acknowledged[]): void {
    const { metrics, system, logger, settings } = this.options
    const now = system.clock.monotonic()
    for (const each of done) {
      this.intake.release(each.bytes)
      this.frames.release(each.parcel.bytes!)
      metrics.acknowledged(flow, each, now)
      if (each.foreign) {
        const { from, to } = each.foreign
        logger.warn(
          { mirror: settings.name, topic: flow.targetTopic, partition: flow.partition, from, to },
          `${to - from} records that are not of this mirror were written to ${flow.targetTopic}: the offsets are mapped around them; see that no other mirror writes there`,
        )
      }
    }
    flow.arrivals.done(flow.map.nextUp)
  }

  private async refreshLoop(): Promise<void> {
    const { settings, system, logger } = this.options
    const { clock } = system
    const { config, given } = settings
    if (!config['refresh.topics.enabled']) return
    const name = 'refresh.topics.interval.seconds'
    const asked = config[name] * 1000
    let quick = 250
    let tookMs = 0
    while (!this.end.signal.aborted) {
      const steady = given.has(name) ? asked : Math.min(asked, Math.max(REFRESH_MS, tookMs * REST_FACTOR))
      // topics that come just after the start should not have to wait for a whole interval
      await clock.sleep(Math.min(quick, steady), this.end.signal)
      quick *= 2
      if (this.end.signal.aborted) return
      const begun = clock.monotonic()
      try {
        await this.admit(await this.topics.wanted())
      } catch (error) {
        if (this.end.signal.aborted) return
        if (!(error instanceof KafkaError && error.retriable)) throw error
        logger.warn({ mirror: settings.name, err: error }, 'topics cannot be looked at now; tried again')
      }
      tookMs = clock.monotonic() - begun
    }
  }

  private async configLoop(): Promise<void> {
    const { settings, system, logger } = this.options
    const { config } = settings
    if (!config['sync.topic.configs.enabled']) return
    let waitMs = 2_000
    while (!this.end.signal.aborted) {
      await system.clock.sleep(waitMs, this.end.signal)
      if (this.end.signal.aborted) return
      waitMs = config['sync.topic.configs.interval.seconds'] * 1000
      try {
        await this.topics.syncConfigs((await this.topics.wanted()).filter((topic) => this.partitions.has(keyOf(topic.source.name, 0))))
      } catch (error) {
        if (this.end.signal.aborted) return
        logger.warn({ mirror: settings.name, err: error }, 'topic settings were not carried over this time')
      }
    }
  }

  private async ledgerLoop(): Promise<void> {
    const { settings, system, logger } = this.options
    const { clock } = system
    const { config } = settings
    const due = { syncs: clock.monotonic() + SYNC_MS, positions: clock.monotonic() + config['offset.flush.interval.ms'] }
    let told = false
    while (!this.end.signal.aborted) {
      await clock.sleep(config['offset.map.flush.interval.ms'], this.end.signal)
      if (this.end.signal.aborted) return
      await this.writeMap()
      const now = clock.monotonic()
      try {
        if (now >= due.positions) {
          due.positions = now + config['offset.flush.interval.ms']
          await this.ledger.writePositions(this.partitions.values())
        }
        if (now >= due.syncs) {
          due.syncs = now + SYNC_MS
          await this.ledger.writeSyncs(this.partitions.values())
        }
        told = false
      } catch (error) {
        if (this.end.signal.aborted) return
        if (!told)
          logger.warn(
            { mirror: settings.name, err: error },
            "positions or offset syncs in MirrorMaker 2's format were not written this time",
          )
        told = true
      }
    }
  }

  private async writeMap(): Promise<void> {
    if (this.ledger.rewriteAll) {
      this.ledger.rewriteAll = false
      for (const flow of this.partitions.values()) flow.dirty = true
    }
    const moved = [...this.partitions.values()].filter((flow) => flow.dirty && flow.state !== 'starting')
    try {
      await this.ledger.write(moved)
    } catch (error) {
      for (const flow of moved) flow.dirty = true
      if (!(error instanceof KafkaError && error.retriable)) throw error
      this.options.logger.warn({ mirror: this.options.settings.name, err: error }, 'the offset map was not written this time')
    }
  }

  /** The source's ends of partitions that no fetch tells about: paused ones, and those without room. */
  private async endsLoop(): Promise<void> {
    const { system } = this.options
    while (!this.end.signal.aborted) {
      await system.clock.sleep(ENDS_MS, this.end.signal)
      const quiet = [...this.partitions.values()].filter((flow) => flow.state === 'flowing' && !flow.fetching)
      if (quiet.length === 0 || this.end.signal.aborted) continue
      await this.askEnds(quiet).catch((error: unknown) => {
        this.sourceTrouble ??= error as Error
      })
    }
  }

  private async askEnds(flows: readonly PartitionFlow[]): Promise<void> {
    const { settings, system } = this.options
    const isolation = settings.config['isolation.level'] === 'read_committed' ? 1 : 0
    const answers = await this.source.admin.listOffsets(
      flows.map(({ topic, partition }) => ({ topic, partition, timestamp: -1 })),
      isolation,
    )
    for (const [index, { error, offset }] of answers.entries()) if (!error) flows[index]!.arrivals.seen(offset, system.clock.monotonic())
  }

  private async groupLoop(): Promise<void> {
    const { config } = this.options.settings
    if (config['emit.checkpoints.enabled'] || config['sync.group.offsets.enabled']) await this.groups.follow()
  }

  pause(paused: boolean): void {
    this.intake.pause(paused)
  }

  /** Whether all partitions that were found at the start flow. */
  running = false

  /** Whether the kept maps can be used: the target has been read. */
  get ready(): boolean {
    return this.claimed
  }

  async failover(groups: readonly string[] | 'all', dryRun: boolean): Promise<Omit<FailoverReport, 'mirror' | 'durationMs'>> {
    const { system } = this.options
    const ends = new Map<string, number>()
    let sourceReachable = false
    const ask = async () => {
      await this.groups.poll()
      const flows = [...this.partitions.values()]
      if (flows.length > 0) await this.askEnds(flows)
      for (const flow of flows) ends.set(keyOf(flow.topic, flow.partition), flow.arrivals.end)
      sourceReachable = true
    }
    // the source may be gone: what was seen last serves then
    const patienceMs = this.sourceTrouble ? ASK_GONE_MS : this.running ? ASK_SOURCE_MS : ASK_UNKNOWN_MS
    await Promise.race([ask().catch(() => {}), system.clock.sleep(patienceMs, this.end.signal)])
    const reachable = sourceReachable
    const names = groups === 'all' ? [...this.groups.commits.keys()].sort() : groups
    const reports: FailoverReport['groups'] = []
    for (const group of names) {
      const options: FailoverOptions = {
        target: this.target,
        group,
        commits: this.groups.commits.get(group)?.values() ?? [],
        mapped: (topic, partition) => this.mapped(topic, partition),
        sourceEnd: (topic, partition) => (reachable ? (ends.get(keyOf(topic, partition)) ?? null) : null),
        checkpoint: (topic, partition) => {
          const last = this.groups.checkpoint(group, topic, partition)
          return last && { targetTopic: last.topic, down: last.downstreamOffset }
        },
        dryRun,
      }
      reports.push(await failOverGroup(options))
    }
    return { dryRun, sourceReachable: reachable, groups: reports }
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
    return [...this.ledger.keptAll].map(({ head, map }) => ({
      topic: head.topic,
      targetTopic: this.targetName(head.topic),
      partition: head.partition,
      map,
      sourceEnd: head.sourceEnd,
      lost: head.lostRecords,
      repeated: head.repeatedRecords,
    }))
  }

  /** Lets what is under way arrive, writes down where everything stands, and lets go of both clusters. */
  private async close(): Promise<void> {
    const { clock } = this.options.system
    this.intake.pause(true)
    const flows = [...this.partitions.values()]
    const lost =
      this.failure instanceof KafkaError && (this.failure.error === 'PRODUCER_FENCED' || this.failure.error === 'INVALID_PRODUCER_EPOCH')
    const deadline = clock.monotonic() + DRAIN_MS
    while (this.delivery.underWay > 0 && clock.monotonic() < deadline) await clock.sleep(5)
    const last = async () => {
      if (!this.claimed || lost) return
      await this.writeMap()
      await this.ledger.writePositions(flows)
      if (!this.sourceTrouble) await this.ledger.writeSyncs(flows)
    }
    await Promise.race([last().catch(() => {}), clock.sleep(CLOSE_MS)])
    this.end.abort()
    const parts = Promise.allSettled([this.intake.close(), this.delivery.close(), this.ledger.close(), this.groups.close()])
    await Promise.race([parts, clock.sleep(CLOSE_MS / 2)])
    await Promise.race([Promise.allSettled([this.source.close(), this.target.close()]), clock.sleep(CLOSE_MS / 2)])
  }
}

/** Whether starting again may help. */
export function mends(error: unknown): boolean {
  if (!(error instanceof KafkaError)) return !(error instanceof Error && error.name === 'MirrorSettingsError')
  const lasting: readonly ErrorName[] = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'CORRUPT_MESSAGE']
  return error.error === 'UNKNOWN_SERVER_ERROR' || (error.retriable && !lasting.includes(error.error))
}
