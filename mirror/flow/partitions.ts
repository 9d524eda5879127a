/**
 * The partitions of a flow: takes them in, finds their leaders again, and where something does not fit (a log that was cut, a topic created
 * anew, a target that forgot us) stops one, looks at both sides, and lets it go on exactly. Every loss is counted and told (Invariant 11).
 */
import type { Client, TopicMetadata } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { type Mm2Progress, readMm2Progress } from '../resume/mm2-takeover.ts'
import { epochEndOffsets, findResumePoints, type ResumePoint, type ResumeRequest } from '../resume/resume-point.ts'
import type { Loss } from '../resume/start-plan.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { ProgressStore } from '../store/progress-store.ts'
import { PartitionProgress } from '../transfer/partition-progress.ts'
import type { SourceFetcher } from '../transfer/source-fetcher.ts'
import type { TargetSender } from '../transfer/target-sender.ts'
import type { MirroredTopic, TopicSync } from './topic-sync.ts'

const LOCATE_MS = 100
const LOCATE_MAX_MS = 5_000
/** Tries after which a partition that cannot be found is told. */
const LOCATE_PATIENCE = 4

/** Whether the topic is another than the one that was read, and does not have the partition. */
const isAnotherWithout = (topic: TopicMetadata, flow: PartitionProgress): boolean =>
  topic.id !== flow.topicId && flow.partition >= topic.partitions.length

export interface FlowPartitionsOptions {
  settings: FlowSettings
  system: Pick<System, 'clock'>
  logger: Logger
  source: Client
  target: Client
  ledger: ProgressStore
  topics: TopicSync
  delivery: TargetSender
  intake: SourceFetcher
  signal: AbortSignal
  fail(error: Error): void
}

export class FlowPartitions {
  readonly partitions = new Map<string, PartitionProgress>()
  readonly #options: FlowPartitionsOptions
  /** Partitions that cannot be taken in yet: they have no leader at the source or at the target. */
  leftOut = 0
  #inherited: Map<string, Mm2Progress> | null = null
  /** Partitions that are being located or examined, and why one has to be examined after that. */
  readonly #busy = new Map<PartitionProgress, string | null>()

  constructor(options: FlowPartitionsOptions) {
    this.#options = options
  }

  /** Takes partitions in that do not flow yet. */
  async admit(topics: readonly MirroredTopic[]): Promise<void> {
    const fresh = topics.filter((topic) =>
      topic.source.partitions.some(
        ({ index }) => (this.partitions.get(partitionKey({ topic: topic.source.name, partition: index }))?.state ?? 'gone') === 'gone',
      ),
    )
    if (fresh.length === 0) {
      this.leftOut = 0
      return
    }
    this.#missing(fresh)
    await this.#options.topics.ensure(fresh)
    const { settings, system, logger } = this.#options
    const subjects: ResumeRequest[] = []
    const leaderless: string[] = []
    let unknown = false
    for (const topic of fresh) {
      const there = await this.#options.target.topic(topic.targetName)
      for (const { index, leader, leaderEpoch } of topic.source.partitions) {
        const key = partitionKey({ topic: topic.source.name, partition: index })
        const flow = this.partitions.get(key)
        if (flow?.state === 'gone') this.reexamine(flow, 'the partition is there again at the source')
        if (flow) continue
        // the others do not wait for it
        if (leader < 0 || (there?.partitions[index]?.leader ?? -1) < 0) {
          leaderless.push(`${topic.source.name}-${index}`)
          continue
        }
        const kept = this.#options.ledger.stored(topic.source.name, index)
        if (!kept) unknown = true
        subjects.push({
          topic: topic.source.name,
          partition: index,
          targetTopic: topic.targetName,
          topicId: topic.source.id,
          leaderEpoch,
          stored: kept && {
            map: kept.map,
            topicId: kept.head.topicId,
            sourceEnd: kept.head.sourceEnd,
            batchEpoch: kept.head.leaderEpoch,
            producerEpoch: kept.head.producerEpoch,
            sequence: kept.head.sequence,
          },
          mm2Progress: undefined,
        })
      }
    }
    if (leaderless.length > this.leftOut)
      logger.warn(
        { mirror: settings.name, partitions: leaderless.slice(0, 10) },
        `${leaderless.length} partitions have no leader now; waited for`,
      )
    this.leftOut = leaderless.length
    if (subjects.length === 0) return
    if (unknown) {
      const { source, target, ledger, signal } = this.#options
      this.#inherited ??= await readMm2Progress(settings, ledger.positionsTopic, source, target, { clock: system.clock, signal })
      for (const subject of subjects) if (!subject.stored) subject.mm2Progress = await this.#inheritance(subject, this.#inherited)
    }
    const stamped = await this.#options.topics.appendTime(fresh.map((topic) => topic.targetName))
    const verdicts = await this.#examine(subjects)
    const admitted: PartitionProgress[] = []
    for (const [index, subject] of subjects.entries()) {
      const { map, source } = verdicts[index]!
      const flow = new PartitionProgress(subject, subject.topicId, map, source.end)
      const kept = this.#options.ledger.stored(subject.topic, subject.partition)
      flow.lostRecords = kept?.head.lostRecords ?? 0
      flow.repeatedRecords = kept?.head.repeatedRecords ?? 0
      flow.batchEpoch = kept && kept.head.topicId === subject.topicId ? kept.head.leaderEpoch : -1
      flow.targetAppendTime = stamped.has(subject.targetTopic)
      this.#account(flow, verdicts[index]!)
      admitted.push(flow)
    }
    for (const flow of admitted) flow.rewind(this.#options.ledger.ownership.owner.producerEpoch)
    // where it began is durable before anything is sent: a crash from now on finds its way
    await this.#options.ledger.writeMap(admitted)
    for (const flow of admitted) this.partitions.set(partitionKey(flow), flow)
    await Promise.all(
      admitted.map(async (flow) => {
        await this.#start(flow)
        if (!flow.located) void this.locate(flow)
      }),
    )
  }

  /** What was kept of partitions that the source's topic does not have any more. */
  #missing(topics: readonly MirroredTopic[]): void {
    const { ledger } = this.#options
    const now = new Map(topics.map((topic) => [topic.source.name, topic]))
    for (const { head, map } of ledger.storedPartitions) {
      const { topic, partition } = head
      const there = now.get(topic)
      const key = partitionKey({ topic, partition })
      if (!there || partition < there.source.partitions.length || this.partitions.has(key)) continue
      const flow = new PartitionProgress({ topic, partition, targetTopic: there.targetName }, head.topicId, map, head.sourceEnd)
      flow.lostRecords = head.lostRecords
      flow.repeatedRecords = head.repeatedRecords
      flow.targetEnd = map.nextDownstreamOffset
      flow.sourceEndsAt(head.sourceEnd, this.#options.system.clock.monotonic())
      flow.state = 'gone'
      this.partitions.set(key, flow)
      if (head.topicId !== there.source.id) this.#vanished(flow, there.source.id, ledger.ownership.owner.producerEpoch)
    }
  }

  #vanished(flow: PartitionProgress, topicId: string, producerEpoch: number): void {
    const { logger, settings } = this.#options
    const lost = flow.vanish(topicId, producerEpoch)
    logger.warn(
      { mirror: settings.name, topic: flow.topic, partition: flow.partition },
      'the topic was created anew at the source with fewer partitions: this one is not waited for',
    )
    if (lost.to > lost.from) this.#lose(flow, { ...lost, reason: 'recreated' })
  }

  /** What a MirrorMaker 2, or the worker that runs this flow, kept of a partition. */
  async #inheritance({ topic, partition }: ResumeRequest, found: ReadonlyMap<string, Mm2Progress>): Promise<Mm2Progress | undefined> {
    const inherited = found.get(partitionKey({ topic, partition }))
    const { positions } = this.#options.ledger
    const stored = positions ? await positions.get(topic, partition) : null
    return stored === null ? inherited : { position: stored + 1, sync: inherited?.sync ?? null }
  }

  #examine(subjects: readonly ResumeRequest[]) {
    const { settings, system } = this.#options
    return findResumePoints(
      {
        source: this.#options.source,
        target: this.#options.target,
        clock: system.clock,
        signal: this.#options.signal,
        producerId: this.#options.ledger.ownership.owner.producerId,
        reset: settings.config['auto.offset.reset'],
        committedOnly: settings.config['isolation.level'] === 'read_committed',
      },
      subjects,
    )
  }

  /** Counts and tells what was found. Invariant 11. */
  #account(flow: PartitionProgress, verdict: ResumePoint): void {
    const { logger, settings, system } = this.#options
    const place = { mirror: settings.name, topic: flow.topic, partition: flow.partition }
    flow.arrivals.seen(verdict.source.end, system.clock.monotonic())
    flow.arrivals.done(flow.map.nextUpstreamOffset)
    flow.sourceStart = verdict.source.start
    flow.targetEnd = verdict.target.end
    for (const note of verdict.notes) logger.warn({ ...place, offset: flow.map.nextUpstreamOffset }, note)
    const { tail: findings } = verdict
    if (findings) {
      flow.repeatedRecords += findings.unmatched
      logger[findings.unmatched > 0 ? 'warn' : 'info'](
        { ...place, ...findings, offset: flow.map.nextUpstreamOffset },
        'what the target holds behind the last position was compared with the source',
      )
    }
    for (const loss of verdict.losses) this.#lose(flow, loss)
  }

  #lose(flow: PartitionProgress, { from, to, reason }: Loss): void {
    const { logger, settings } = this.#options
    const place = { mirror: settings.name, topic: flow.topic, partition: flow.partition }
    flow.lostRecords += to - from
    logger.error({ ...place, from, to, reason }, `offsets ${from} to ${to - 1} were gone from the source before they could be mirrored`)
    if (settings.config['auto.offset.reset'] === 'none')
      throw new KafkaError(
        'OFFSET_OUT_OF_RANGE',
        `${flow.where}: offsets ${from} to ${to - 1} were gone from the source before they could be mirrored (${reason}), and auto.offset.reset=none says to stop: set it to earliest to go on with what is there, and resume the mirror`,
      )
  }

  /** Finds both leaders and lets the partition flow; without one at the source it has to be located. */
  async #start(flow: PartitionProgress): Promise<void> {
    const target = await this.#options.target.topic(flow.targetTopic)
    const place = target?.partitions[flow.partition]
    if (!target || !place || place.leader < 0)
      throw new KafkaError('LEADER_NOT_AVAILABLE', `${flow.targetTopic}-${flow.partition} has no leader at the target`)
    flow.targetTopicId = target.id
    flow.targetLeader = place.leader
    const source = (await this.#options.source.topic(flow.topic))?.partitions[flow.partition]
    flow.state = 'flowing'
    flow.located = source !== undefined && source.leader >= 0
    if (source && flow.located) {
      flow.leader = source.leader
      flow.leaderEpoch = source.leaderEpoch
      this.#options.intake.add(flow)
    }
  }

  /** Finds the source's leader again, and sees whether its log still agrees with what was read. */
  async locate(flow: PartitionProgress, error: ErrorName | null = null): Promise<void> {
    if (this.#busy.has(flow) || flow.state === 'gone') return
    this.#busy.set(flow, null)
    this.#options.intake.remove(flow)
    flow.located = false
    try {
      if (error) await this.#pace(flow, error)
      const reason = await this.#search(flow)
      const doubt = reason ?? this.#busy.get(flow)
      this.#busy.delete(flow)
      if (doubt) this.reexamine(flow, doubt)
      else if (!this.#options.signal.aborted) {
        flow.located = true
        this.#options.intake.add(flow)
      }
    } catch (error) {
      this.#options.fail(error as Error)
    }
  }

  /** A leader that is there and keeps refusing is asked ever more slowly; once may be a leader that has just moved. */
  async #pace(flow: PartitionProgress, error: ErrorName): Promise<void> {
    const { logger, settings, signal, system } = this.#options
    const { topic, partition, refusals } = flow
    if (refusals === LOCATE_PATIENCE)
      logger.warn({ mirror: settings.name, topic, partition, error }, 'the source keeps refusing this partition; asked more slowly')
    if (refusals > 1) await system.clock.sleep(Math.min(LOCATE_MAX_MS, LOCATE_MS * 2 ** Math.min(refusals - 2, 10)), signal)
  }

  /** Resolves when the leader is there: with null, or with the reason why what was read has to be looked at again. */
  async #search(flow: PartitionProgress): Promise<string | null> {
    const { logger, settings, signal } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      const again = await this.#tryLocate(flow, attempt > 0).catch((error: unknown) => {
        if (error instanceof KafkaError && error.retriable) return 'later' as const
        throw error
      })
      if (again === 'found') return null
      if (again !== 'later') return again.reason
      if (attempt === LOCATE_PATIENCE)
        logger.warn(
          { mirror: settings.name, topic: flow.topic, partition: flow.partition },
          'not to be found at the source now; waited for',
        )
      await this.#options.system.clock.sleep(Math.min(LOCATE_MAX_MS, LOCATE_MS * 2 ** Math.min(attempt, 10)), signal)
    }
    return null
  }

  async #tryLocate(flow: PartitionProgress, always: boolean): Promise<'found' | 'later' | { reason: string }> {
    const topic = await this.#options.source.topic(flow.topic, { refresh: true })
    if (topic && isAnotherWithout(topic, flow)) return { reason: 'the topic was created anew at the source' }
    const place = topic?.partitions[flow.partition]
    if (!topic || !place || place.leader < 0) return 'later'
    if (topic.id !== flow.topicId) return { reason: 'the topic was created anew at the source' }
    const epochChanged = place.leaderEpoch !== flow.leaderEpoch
    if (epochChanged || always) {
      const [agreed] = await epochEndOffsets(this.#options.source, [
        { topic: flow.topic, partition: flow.partition, leaderEpoch: place.leaderEpoch, batchEpoch: flow.batchEpoch },
      ])
      if (agreed! >= 0 && agreed! < flow.fetchOffset) return { reason: 'the new leader of the source does not have all that was read' }
    }
    flow.leader = place.leader
    flow.leaderEpoch = place.leaderEpoch
    return 'found'
  }

  /** Stops the partition, waits for what is under way, and finds out anew where it goes on. */
  reexamine(flow: PartitionProgress, reason: string): void {
    if (this.#options.signal.aborted) return
    if (this.#busy.has(flow)) {
      this.#busy.set(flow, reason)
      return
    }
    this.#busy.set(flow, null)
    const { settings, logger, system } = this.#options
    logger.warn({ mirror: settings.name, topic: flow.topic, partition: flow.partition, offset: flow.fetchOffset }, reason)
    this.#options.intake.remove(flow)
    const again = async () => {
      while (flow.state === 'flowing' && !flow.idle && !this.#options.signal.aborted) await system.clock.sleep(10, this.#options.signal)
      flow.state = 'starting'
      await this.#options.delivery.settled(flow)
      for (let attempt = 0; !this.#options.signal.aborted; attempt++) {
        try {
          this.#busy.set(flow, null)
          await this.#restart(flow)
          const doubt = this.#busy.get(flow)
          this.#busy.delete(flow)
          if (doubt) this.reexamine(flow, doubt)
          else if (!flow.located) void this.locate(flow)
          return
        } catch (error) {
          if (!(error instanceof KafkaError && error.retriable)) throw error
          await system.clock.sleep(Math.min(LOCATE_MAX_MS, LOCATE_MS * 2 ** Math.min(attempt, 10)), this.#options.signal)
        }
      }
    }
    again().catch((error) => this.#options.fail(error as Error))
  }

  async #restart(flow: PartitionProgress): Promise<void> {
    const topic = await this.#options.source.topic(flow.topic, { refresh: true })
    if (topic && isAnotherWithout(topic, flow)) {
      const { intake, ledger } = this.#options
      intake.release(flow.heldBytes)
      this.#vanished(flow, topic.id, await ledger.ownership.bumpEpoch())
      await ledger.writeMap([flow])
      return
    }
    const place = topic?.partitions[flow.partition]
    if (!topic || !place) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${flow.where} is not at the source now`)
    await this.#options.topics.ensure([{ source: topic, targetName: flow.targetTopic }])
    const held = flow.heldBytes
    const kept = {
      map: flow.map,
      topicId: flow.topicId,
      sourceEnd: flow.arrivals.end,
      batchEpoch: flow.batchEpoch,
      producerEpoch: flow.producerEpoch,
      sequence: flow.doneSequence,
    }
    const subject: ResumeRequest = {
      topic: flow.topic,
      partition: flow.partition,
      targetTopic: flow.targetTopic,
      topicId: topic.id,
      leaderEpoch: place.leaderEpoch,
      stored: kept,
      mm2Progress: undefined,
    }
    const [verdict] = await this.#examine([subject])
    if (topic.id !== flow.topicId || verdict!.source.end < flow.arrivals.end) flow.arrivals.reset(verdict!.map.nextUpstreamOffset)
    flow.topicId = topic.id
    flow.map = verdict!.map
    flow.batchEpoch = -1
    this.#account(flow, verdict!)
    flow.rewind(await this.#options.ledger.ownership.bumpEpoch())
    this.#options.intake.release(held)
    await this.#options.ledger.writeMap([flow])
    await this.#start(flow)
  }
}
