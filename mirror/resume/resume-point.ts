/**
 * Finds out where partitions go on: asks both clusters for their ends, compares epochs, holds tails against the source, and names losses.
 * It reads and decides; the flow sets the result in motion.
 */
import offsetForLeaderEpoch from '../../core/apis/23-offset-for-leader-epoch.ts'
import type { Client, TopicPartition } from '../../core/client/index.ts'
import { type ErrorName, errorName, isRetriable, KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import { OffsetMap } from '../offset-map.ts'
import { scanBatches } from '../store/topic-scan.ts'
import type { Mm2Progress } from './mm2-takeover.ts'
import { type LogBounds, type Loss, planStart, skipDeletedRecords } from './start-plan.ts'
import { type TailVerification, verifyTail } from './tail-verification.ts'

/** Tails held against the source at one time: each holds a fetch of either side. */
const PARALLEL_PROOFS = 2

export interface ResumeOptions {
  source: Client
  target: Client
  clock: Clock
  signal: AbortSignal
  producerId: number
  reset: 'earliest' | 'latest' | 'none'
  committedOnly: boolean
}

export interface ResumeRequest extends TopicPartition {
  targetTopic: string
  topicId: string
  /** Of the source's partition now. */
  leaderEpoch: number
  stored: { map: OffsetMap; topicId: string; sourceEnd: number; batchEpoch: number; producerEpoch: number; sequence: number } | undefined
  mm2Progress: Mm2Progress | undefined
}

export interface ResumePoint {
  map: OffsetMap
  losses: Loss[]
  notes: string[]
  tail: TailVerification | null
  source: LogBounds
  target: LogBounds
}

async function ends(client: Client, partitions: readonly TopicPartition[], isolationLevel: 0 | 1): Promise<LogBounds[]> {
  const ask = (spec: 'earliest' | 'latest') =>
    client.admin.listOffsets(
      partitions.map(({ topic, partition }) => ({ topic, partition, spec })),
      isolationLevel,
    )
  const [starts, latest] = await Promise.all([ask('earliest'), ask('latest')])
  return partitions.map((place, index) => {
    const [start, end] = [starts[index]!, latest[index]!]
    const error = start.error ?? end.error
    if (error) throw new KafkaError(error as ErrorName, `offsets of ${place.topic}-${place.partition}: ${error}`)
    return { start: start.offset, end: end.offset }
  })
}

/** Where the source's log and what was read from it part: the end of the last epoch that was read; -1 where the source does not know. */
export async function epochEndOffsets(
  client: Client,
  places: readonly (TopicPartition & { leaderEpoch: number; batchEpoch: number })[],
): Promise<number[]> {
  const byLeader = new Map<number, number[]>()
  for (const [index, place] of places.entries()) {
    if (place.batchEpoch < 0) continue
    const leader = (await client.topic(place.topic))?.partitions[place.partition]?.leader ?? -1
    if (leader >= 0) byLeader.set(leader, [...(byLeader.get(leader) ?? []), index])
  }
  const agreed = places.map(() => -1)
  await Promise.all(
    [...byLeader].map(async ([node, indexes]) => {
      const answer = await client.send({ node }, offsetForLeaderEpoch, {
        replicaId: -1,
        topics: indexes.map((index) => {
          const { topic, partition, leaderEpoch, batchEpoch } = places[index]!
          return { topic, partitions: [{ partition, currentLeaderEpoch: leaderEpoch, leaderEpoch: batchEpoch }] }
        }),
      })
      for (const topic of answer.topics)
        for (const found of topic.partitions) {
          const index = indexes.find((each) => places[each]!.topic === topic.topic && places[each]!.partition === found.partition)
          if (index === undefined) continue
          const error = errorName(found.errorCode)
          // asked at a wrong moment: without an answer a truncation would go unseen
          if (found.errorCode !== 0 && isRetriable(error))
            throw new KafkaError(error, `epochs of ${topic.topic}-${found.partition}: ${error}`)
          if (found.errorCode === 0) agreed[index] = found.endOffset
        }
    }),
  )
  return agreed
}

/** The ends are those of the topics that were asked about: one that is created anew in between is another, whatever its ends look like. */
async function sameLives(source: Client, subjects: readonly ResumeRequest[]): Promise<void> {
  const ids = new Map(subjects.map(({ topic, topicId }) => [topic, topicId]))
  await Promise.all(
    [...ids].map(async ([name, id]) => {
      const now = await source.topic(name, { refresh: true })
      if (now?.id !== id)
        throw new KafkaError('UNKNOWN_TOPIC_ID', `topic ${name} was ${now ? 'created anew' : 'deleted'} while it was looked at`)
    }),
  )
}

/** What a MirrorMaker 2 left, after the proof: a sync that what lies there does not bear out says nothing against its position. */
function settleInheritance(verdict: ResumePoint, position: number | null): void {
  const { map, source, target, tail: findings } = verdict
  if (position === null) return
  const from = Math.min(position, source.end)
  if (map.nextUpstreamOffset < from) map.advance(from)
  else if (map.nextUpstreamOffset > from && findings?.matched === 0) {
    verdict.map = new OffsetMap(from, target.end)
    verdict.notes.push(`its offset sync at ${map.nextUpstreamOffset} does not fit what the target holds: taken over at offset ${position}`)
  }
}

export async function findResumePoints(options: ResumeOptions, subjects: readonly ResumeRequest[]): Promise<ResumePoint[]> {
  const { source, target, reset, producerId, clock, signal, committedOnly } = options
  const isolationLevel = committedOnly ? 1 : 0
  const [sourceEnds, targetEnds, agreed] = await Promise.all([
    ends(source, subjects, isolationLevel),
    ends(
      target,
      subjects.map(({ targetTopic, partition }) => ({ topic: targetTopic, partition })),
      0,
    ),
    epochEndOffsets(
      source,
      subjects.map(({ topic, partition, leaderEpoch, stored: kept }) => ({
        topic,
        partition,
        leaderEpoch,
        batchEpoch: kept?.batchEpoch ?? -1,
      })),
    ),
  ])
  await sameLives(source, subjects)
  const verdicts = subjects.map((subject, index): ResumePoint & { prove: boolean } => {
    const facts = {
      stored: subject.stored,
      mm2Progress: subject.mm2Progress,
      source: { ...sourceEnds[index]!, topicId: subject.topicId },
      target: targetEnds[index]!,
      reset,
      epochEndOffset: agreed[index]!,
    }
    const { map, losses, notes, verifyTail: prove } = planStart(facts)
    return { map, losses, notes, prove, tail: null, source: sourceEnds[index]!, target: targetEnds[index]! }
  })
  const queue = verdicts.flatMap((verdict, index) => (verdict.prove ? [index] : []))
  const work = async () => {
    for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
      const verdict = verdicts[index]!
      const { topic, targetTopic, partition, stored: kept, mm2Progress: inherited } = subjects[index]!
      const scan = { clock, signal }
      const begin = Math.max(verdict.map.nextUpstreamOffset, verdict.source.start)
      const batches = scanBatches({ ...scan, client: source, committedOnly }, topic, partition, begin, verdict.source.end)
      try {
        verdict.tail = await verifyTail({
          map: verdict.map,
          source: batches,
          target: scanBatches(
            { ...scan, client: target },
            targetTopic,
            partition,
            Math.max(verdict.map.nextDownstreamOffset, verdict.target.start),
            verdict.target.end,
          ),
          sourceStart: verdict.source.start,
          producer: kept ? { id: producerId, epoch: kept.producerEpoch, sequence: kept.sequence } : null,
        })
      } finally {
        await batches.return(undefined)
      }
      verdict.map.skipTarget(Math.max(verdict.map.nextDownstreamOffset, verdict.target.end))
      if (!kept && inherited) settleInheritance(verdict, inherited.position)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_PROOFS }, work))
  for (const verdict of verdicts) {
    const loss = skipDeletedRecords(verdict.map, verdict.source, reset)
    if (loss) verdict.losses.push(loss)
  }
  return verdicts
}
