/**
 * Finds the point from which each partition is mirrored: reads the log bounds of both clusters, compares leader epochs, compares the tail
 * of the target with the source, and counts losses. It reads and decides; the flow applies the result.
 */
import type { Client, TopicPartition } from '../../core/client/index.ts'
import { isRetriable, KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Random } from '../../core/system/random.ts'
import { Semaphore } from '../../core/system/semaphore.ts'
import { OffsetMap } from '../offset-map.ts'
import { type LogBounds, readLogBounds, scanBatches } from '../store/topic-scan.ts'
import type { Mm2Progress } from './mm2-takeover.ts'
import { type Loss, planStart, type StartFacts, skipDeletedRecords } from './start-plan.ts'
import { type TailVerification, verifyTail } from './tail-verification.ts'

/** Tails compared at the same time: each buffers one fetch response of either cluster. */
const MAX_PARALLEL_VERIFICATIONS = 2

export interface ResumeOptions {
  source: Client
  target: Client
  clock: Clock
  random: Random
  signal: AbortSignal
  producerId: number
  reset: StartFacts['reset']
  committedOnly: boolean
}

/** What the flow knows of a partition from its offset map. */
export interface StoredProgress {
  map: OffsetMap
  topicId: string
  sourceEnd: number
  /** The leader epoch of the last batch read; -1 if none was read. */
  batchEpoch: number
  producerEpoch: number
  sequence: number
}

export interface ResumeRequest extends TopicPartition {
  targetTopic: string
  topicId: string
  stored: StoredProgress | undefined
  mm2Progress: Mm2Progress | undefined
}

export interface ResumePoint {
  map: OffsetMap
  losses: Loss[]
  /** Sentences for the log. */
  notes: string[]
  /** Null if there was no tail to compare. */
  tail: TailVerification | null
  source: LogBounds
  target: LogBounds
}

/**
 * The end of the last leader epoch that was read of each partition, in the source's log now: what was read after it has been truncated. -1
 * if no epoch is known or the source does not know it.
 */
export async function epochEndOffsets(source: Client, partitions: readonly (TopicPartition & { batchEpoch: number })[]): Promise<number[]> {
  const known = partitions.filter(({ batchEpoch }) => batchEpoch >= 0)
  if (known.length === 0) return partitions.map(() => -1)
  const epochEnds = await source.admin.offsetsForLeaderEpochs(
    known.map(({ batchEpoch, ...partition }) => ({ ...partition, leaderEpoch: batchEpoch })),
  )
  const ends = new Map(known.map((partition, index) => [partition, epochEnds[index]!]))
  return partitions.map((partition) => {
    const end = ends.get(partition)
    // Without a response a truncation would not be noticed.
    if (end?.error && isRetriable(end.error))
      throw new KafkaError(end.error, `end of the leader epoch of ${end.topic}-${end.partition}: ${end.error}`)
    return end && end.error === null ? end.endOffset : -1
  })
}

/** Throws if a topic was deleted or recreated while its log bounds were read. */
async function requireSameTopicIds(source: Client, requests: readonly ResumeRequest[]): Promise<void> {
  const ids = new Map(requests.map(({ topic, topicId }) => [topic, topicId]))
  await Promise.all(
    [...ids].map(async ([name, id]) => {
      const topic = await source.topic(name, { refresh: true })
      if (topic?.id !== id)
        throw new KafkaError('UNKNOWN_TOPIC_ID', `topic ${name} was ${topic ? 'recreated' : 'deleted'} while its offsets were read`)
    }),
  )
}

/** After the comparison: if no record confirms MirrorMaker 2's offset sync, the stored position of MirrorMaker 2 is used instead. */
function applyMm2Position(point: ResumePoint, position: number): void {
  const { map, source, target, tail } = point
  const next = Math.min(position, source.end)
  if (map.nextUpstreamOffset < next) map.advance(next)
  else if (map.nextUpstreamOffset > next && tail?.matched === 0) {
    point.map = new OffsetMap(next, target.end)
    point.notes.push(
      `the offset sync of MirrorMaker 2 at ${map.nextUpstreamOffset} does not match the target: continuing from its position ${position}`,
    )
  }
}

export async function findResumePoints(options: ResumeOptions, requests: readonly ResumeRequest[]): Promise<ResumePoint[]> {
  const { source, target, reset, committedOnly } = options
  const [sourceBounds, targetBounds, epochEnds] = await Promise.all([
    readLogBounds(source, requests, committedOnly ? 1 : 0),
    readLogBounds(
      target,
      requests.map(({ targetTopic, partition }) => ({ topic: targetTopic, partition })),
    ),
    epochEndOffsets(
      source,
      requests.map(({ topic, partition, stored }) => ({ topic, partition, batchEpoch: stored?.batchEpoch ?? -1 })),
    ),
  ])
  await requireSameTopicIds(source, requests)
  const verifications = new Semaphore(MAX_PARALLEL_VERIFICATIONS)
  return Promise.all(
    requests.map(async (request, index) => {
      const bounds = { source: sourceBounds[index]!, target: targetBounds[index]! }
      const { map, losses, notes, verifyTail } = planStart({
        stored: request.stored,
        mm2Progress: request.mm2Progress,
        source: { ...bounds.source, topicId: request.topicId },
        target: bounds.target,
        reset,
        epochEndOffset: epochEnds[index]!,
      })
      const point: ResumePoint = { map, losses, notes, tail: null, ...bounds }
      if (verifyTail) await verifications.run(() => compareTail(options, request, point))
      const loss = skipDeletedRecords(point.map, point.source, reset)
      if (loss) point.losses.push(loss)
      return point
    }),
  )
}

/** Compares what the target has after the map's end with the source, and moves the map over it. */
async function compareTail(options: ResumeOptions, request: ResumeRequest, point: ResumePoint): Promise<void> {
  const { producerId, committedOnly, source, target, ...scan } = options
  const { topic, targetTopic, partition, stored, mm2Progress } = request
  const { map } = point
  const sourceFrom = Math.max(map.nextUpstreamOffset, point.source.start)
  const targetFrom = Math.max(map.nextDownstreamOffset, point.target.start)
  const sourceBatches = scanBatches({ ...scan, client: source, committedOnly }, topic, partition, sourceFrom, point.source.end)
  try {
    point.tail = await verifyTail({
      map,
      source: sourceBatches,
      target: scanBatches({ ...scan, client: target }, targetTopic, partition, targetFrom, point.target.end),
      sourceStart: point.source.start,
      producer: stored ? { id: producerId, epoch: stored.producerEpoch, sequence: stored.sequence } : null,
    })
  } finally {
    await sourceBatches.return(undefined)
  }
  map.skipTarget(Math.max(map.nextDownstreamOffset, point.target.end))
  if (!stored && mm2Progress && mm2Progress.position !== null) applyMm2Position(point, mm2Progress.position)
}
