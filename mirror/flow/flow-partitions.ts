/**
 * The partitions of a flow: adds them, and restarts a partition whose resume point has to be determined again (the source was truncated or
 * recreated, the target has lost records). A restart stops one partition only, reads both clusters, and continues exactly.
 */
import type { Client } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { type Mm2Progress, readMm2Progress } from '../resume/mm2-takeover.ts'
import { findResumePoints, type ResumePoint, type ResumeRequest } from '../resume/resume-point.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { ProgressStore } from '../store/progress-store.ts'
import { PartitionProgress } from '../transfer/partition-progress.ts'
import type { SourceFetcher } from '../transfer/source-fetcher.ts'
import type { TargetSender } from '../transfer/target-sender.ts'
import { LossReport } from './loss-report.ts'
import { LEADER_RETRY, recreatedWithout, SourceLeaderSearch } from './source-leader-search.ts'
import type { MirroredTopic, TopicSync } from './topic-sync.ts'

/** Partitions without a leader that are named in one line of the log. */
const MAX_LOGGED_PARTITIONS = 10

export interface FlowPartitionsOptions {
  settings: FlowSettings
  system: Pick<System, 'clock' | 'random'>
  logger: Logger
  source: Client
  target: Client
  progressStore: ProgressStore
  topicSync: TopicSync
  fetcher: SourceFetcher
  sender: TargetSender
  signal: AbortSignal
  onFailed(error: Error): void
}

export class FlowPartitions {
  readonly #options: FlowPartitionsOptions
  readonly #partitions = new Map<string, PartitionProgress>()
  readonly #leaderSearch: SourceLeaderSearch
  readonly #lossReport: LossReport
  #leaderlessCount = 0
  #mm2Progress: Map<string, Mm2Progress> | null = null
  /** Partitions whose leader is being found or that are being restarted; the reason where another restart has to follow. */
  readonly #busy = new Map<PartitionProgress, string | null>()

  constructor(options: FlowPartitionsOptions) {
    this.#options = options
    this.#leaderSearch = new SourceLeaderSearch({ ...options, name: options.settings.name })
    this.#lossReport = new LossReport(options.settings, options.logger)
  }

  get partitions(): ReadonlyMap<string, PartitionProgress> {
    return this.#partitions
  }

  /** Partitions that cannot be added yet: they have no leader at the source or at the target. */
  get leaderlessCount(): number {
    return this.#leaderlessCount
  }

  /** Adds the partitions of these topics that are not mirrored yet. */
  async add(topics: readonly MirroredTopic[]): Promise<void> {
    const { topicSync, progressStore, system } = this.#options
    const incomplete = topics.filter(({ source }) =>
      source.partitions.some(({ index }) => {
        const partition = this.#partitions.get(partitionKey({ topic: source.name, partition: index }))
        return !partition || partition.state === 'deleted'
      }),
    )
    if (incomplete.length === 0) {
      this.#leaderlessCount = 0
      return
    }
    this.#addDeleted(incomplete)
    await topicSync.ensureTargetTopics(incomplete)
    const requests = await this.#resumeRequests(incomplete)
    if (requests.length === 0) return
    await this.#readMm2Progress(requests)
    const targetAppendTime = await topicSync.withLogAppendTime(incomplete.map((topic) => topic.targetName))
    const resumePoints = await this.#findResumePoints(requests)
    const added = requests.map((request, index) => {
      const { map, source, target } = resumePoints[index]!
      const head = progressStore.stored(request.topic, request.partition)?.head
      const initial = {
        topicId: request.topicId,
        map,
        sourceEndOffset: source.end,
        targetEndOffset: target.end,
        lostRecords: head?.lostRecords ?? 0,
        repeatedRecords: head?.repeatedRecords ?? 0,
        batchLeaderEpoch: head && head.topicId === request.topicId ? head.leaderEpoch : -1,
        targetAppendTime: targetAppendTime.has(request.targetTopic),
      }
      const partition = new PartitionProgress(request, initial, system.clock.monotonic())
      this.#lossReport.resumed(partition, resumePoints[index]!)
      return partition
    })
    for (const partition of added) partition.rewind(progressStore.ownership.owner.producerEpoch)
    // The resume points are stored before anything is sent, so that a crash from here on is recovered exactly.
    await progressStore.writeMap(added)
    for (const partition of added) this.#partitions.set(partitionKey(partition), partition)
    await Promise.all(added.map((partition) => this.#startAdded(partition)))
  }

  async #startAdded(partition: PartitionProgress): Promise<void> {
    try {
      await this.#start(partition)
      if (!partition.sourceLeaderKnown) void this.findLeader(partition)
    } catch (error) {
      if (!(error instanceof KafkaError && error.retriable)) throw error
      this.restart(partition, error.message)
    }
  }

  /** What is needed to determine the resume points of partitions that are not mirrored yet and have leaders. */
  async #resumeRequests(topics: readonly MirroredTopic[]): Promise<ResumeRequest[]> {
    const { settings, target, progressStore, logger } = this.#options
    const requests: ResumeRequest[] = []
    const leaderless: string[] = []
    for (const { source, targetName } of topics) {
      const targetTopic = await target.topic(targetName)
      for (const { index, leader } of source.partitions) {
        const key = partitionKey({ topic: source.name, partition: index })
        const partition = this.#partitions.get(key)
        if (partition?.state === 'deleted') this.restart(partition, 'the partition exists again at the source')
        if (partition) continue
        // Partitions with leaders do not wait for it.
        if (leader < 0 || (targetTopic?.partitions[index]?.leader ?? -1) < 0) {
          leaderless.push(key)
          continue
        }
        const stored = progressStore.stored(source.name, index)
        requests.push({
          topic: source.name,
          partition: index,
          targetTopic: targetName,
          topicId: source.id,
          stored: stored && {
            map: stored.map,
            topicId: stored.head.topicId,
            sourceEnd: stored.head.sourceEnd,
            batchEpoch: stored.head.leaderEpoch,
            producerEpoch: stored.head.producerEpoch,
            sequence: stored.head.sequence,
          },
          mm2Progress: undefined,
        })
      }
    }
    if (leaderless.length > this.#leaderlessCount)
      logger.warn(
        { mirror: settings.name, partitions: leaderless.slice(0, MAX_LOGGED_PARTITIONS) },
        `${leaderless.length} partitions have no leader; they are added when they have one`,
      )
    this.#leaderlessCount = leaderless.length
    return requests
  }

  /** Adds the progress that MirrorMaker 2 or the Connect worker has stored, for partitions that are not in the offset map. */
  async #readMm2Progress(requests: readonly ResumeRequest[]): Promise<void> {
    const { settings, source, target, progressStore, system, signal } = this.#options
    const unknown = requests.filter((request) => !request.stored)
    if (unknown.length === 0) return
    const scan = { clock: system.clock, random: system.random, signal }
    this.#mm2Progress ??= await readMm2Progress(settings, progressStore.positionsTopic, source, target, scan)
    for (const request of unknown) {
      const progress = this.#mm2Progress.get(partitionKey(request))
      const offset = await progressStore.positions?.get(request.topic, request.partition)
      request.mm2Progress = offset === null || offset === undefined ? progress : { position: offset + 1, sync: progress?.sync ?? null }
    }
  }

  /** Adds stored partitions that the source topic no longer has, so that the status shows what was lost of them. */
  #addDeleted(topics: readonly MirroredTopic[]): void {
    const { progressStore, system } = this.#options
    const byName = new Map(topics.map((topic) => [topic.source.name, topic]))
    for (const { head, map } of progressStore.storedPartitions) {
      const topic = byName.get(head.topic)
      const key = partitionKey(head)
      if (!topic || head.partition < topic.source.partitions.length || this.#partitions.has(key)) continue
      const { topicId, sourceEnd: sourceEndOffset, lostRecords, repeatedRecords } = head
      const initial = { topicId, map, sourceEndOffset, targetEndOffset: map.nextDownstreamOffset, lostRecords, repeatedRecords }
      const partition = new PartitionProgress({ ...head, targetTopic: topic.targetName }, initial, system.clock.monotonic())
      this.#partitions.set(key, partition)
      if (topicId === topic.source.id) partition.sourceDeleted(null)
      else this.#sourceDeleted(partition, topic.source.id, progressStore.ownership.owner.producerEpoch)
    }
  }

  #sourceDeleted(partition: PartitionProgress, topicId: string, producerEpoch: number): void {
    this.#lossReport.deleted(partition, partition.sourceDeleted({ topicId, producerEpoch }))
  }

  #findResumePoints(requests: readonly ResumeRequest[]): Promise<ResumePoint[]> {
    const { settings, system, source, target, signal, progressStore } = this.#options
    return findResumePoints(
      {
        source,
        target,
        clock: system.clock,
        random: system.random,
        signal,
        producerId: progressStore.ownership.owner.producerId,
        reset: settings.config['auto.offset.reset'],
        committedOnly: settings.config['isolation.level'] === 'read_committed',
      },
      requests,
    )
  }

  /** Reads both leaders from the metadata and starts the partition. A missing leader of the source is to be found by the caller. */
  async #start(partition: PartitionProgress): Promise<void> {
    const { source, target, fetcher } = this.#options
    const targetTopic = await target.topic(partition.targetTopic)
    const targetLeader = targetTopic?.partitions[partition.partition]?.leader ?? -1
    if (!targetTopic || targetLeader < 0)
      throw new KafkaError('LEADER_NOT_AVAILABLE', `${partition.targetTopic}-${partition.partition} has no leader at the target`)
    const metadata = (await source.topic(partition.topic))?.partitions[partition.partition]
    const sourceLeader = metadata && metadata.leader >= 0 ? { leader: metadata.leader, leaderEpoch: metadata.leaderEpoch } : null
    partition.start({ topicId: targetTopic.id, leader: targetLeader }, sourceLeader)
    if (sourceLeader) fetcher.add(partition)
  }

  /** Finds the source's leader again, and restarts the partition where the log there is not the one that was read. */
  async findLeader(partition: PartitionProgress, error: ErrorName | null = null): Promise<void> {
    const { fetcher, signal, onFailed } = this.#options
    if (this.#busy.has(partition) || partition.state === 'deleted') return
    this.#busy.set(partition, null)
    fetcher.remove(partition)
    partition.sourceLeaderLost()
    try {
      const result = await this.#leaderSearch.find(partition, error)
      const restartReason = result && 'restartReason' in result ? result.restartReason : this.#busy.get(partition)
      this.#busy.delete(partition)
      if (restartReason) this.restart(partition, restartReason)
      else if (result && 'leader' in result && !signal.aborted) {
        partition.sourceLeaderFound(result)
        fetcher.add(partition)
      }
    } catch (failure) {
      onFailed(failure as Error)
    }
  }

  /** Stops the partition, waits for what is in flight, determines its resume point, and starts it again. */
  restart(partition: PartitionProgress, reason: string): void {
    const { settings, logger, fetcher, signal, onFailed } = this.#options
    if (signal.aborted) return
    if (this.#busy.has(partition)) {
      this.#busy.set(partition, reason)
      return
    }
    this.#busy.set(partition, null)
    const { topic, partition: index, fetchOffset } = partition
    logger.warn({ mirror: settings.name, topic, partition: index, offset: fetchOffset }, `the partition is restarted: ${reason}`)
    fetcher.remove(partition)
    this.#suspendAndResume(partition).catch((error) => onFailed(error as Error))
  }

  async #suspendAndResume(partition: PartitionProgress): Promise<void> {
    const { sender, system, signal } = this.#options
    await partition.settled(signal)
    partition.suspend()
    await sender.partitionDrained(partition)
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        this.#busy.set(partition, null)
        partition.suspend()
        await this.#resume(partition)
        const restartReason = this.#busy.get(partition)
        this.#busy.delete(partition)
        if (restartReason) this.restart(partition, restartReason)
        else if (!partition.sourceLeaderKnown) void this.findLeader(partition)
        return
      } catch (error) {
        if (!(error instanceof KafkaError && error.retriable)) throw error
        await system.clock.sleep(backoffMs(LEADER_RETRY, attempt, system.random), signal)
      }
    }
  }

  async #resume(partition: PartitionProgress): Promise<void> {
    const { source, fetcher, progressStore, topicSync, system } = this.#options
    const { ownership } = progressStore
    const { topic: name, partition: index, targetTopic, bufferedBytes } = partition
    const topic = await source.topic(name, { refresh: true })
    if (topic && recreatedWithout(topic, partition)) {
      // The next periodic write stores this; a run that starts before that finds the deletion again.
      this.#sourceDeleted(partition, topic.id, await ownership.bumpEpoch())
      fetcher.discard(bufferedBytes)
      return
    }
    const metadata = topic?.partitions[index]
    if (!topic || !metadata) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `${partition.name} does not exist at the source now`)
    await topicSync.ensureTargetTopics([{ source: topic, targetName: targetTopic }])
    const request: ResumeRequest = {
      topic: name,
      partition: index,
      targetTopic,
      topicId: topic.id,
      stored: {
        map: partition.map,
        topicId: partition.topicId,
        sourceEnd: partition.lag.endOffset,
        batchEpoch: partition.batchLeaderEpoch,
        producerEpoch: partition.producerEpoch,
        sequence: partition.acknowledgedSequence,
      },
      mm2Progress: undefined,
    }
    const resumePoint = (await this.#findResumePoints([request]))[0]!
    const position = {
      topicId: topic.id,
      map: resumePoint.map,
      sourceEndOffset: resumePoint.source.end,
      targetEndOffset: resumePoint.target.end,
    }
    partition.resumeAt(position, system.clock.monotonic())
    this.#lossReport.resumed(partition, resumePoint)
    partition.rewind(await ownership.bumpEpoch())
    fetcher.discard(bufferedBytes)
    await progressStore.writeMap([partition])
    await this.#start(partition)
  }
}
