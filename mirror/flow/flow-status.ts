/**
 * The status of a flow as users see it, computed from plain figures. Pure: a lag that is not known is null, never a guess, and counts of
 * earlier runs are added.
 */
import type { StoredPartition } from '../store/offset-map-reader.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import type { MirrorState, MirrorStatus, PartitionLag } from '../types.ts'

export interface PartitionFigures extends Omit<PartitionLag, 'lagRecords' | 'lagMs'> {
  /** How long the oldest record observed at the source has waited (ms); 0 where none waits. */
  waitedMs: number
  /** When the source's end offset was observed last (monotonic ms); null while its leader is not known. */
  observedMs: number | null
  /** The source topic no longer has the partition. */
  deleted: boolean
  /** Mirrored in this run. */
  records: number
  bytes: number
}

export interface FlowFigures {
  /** `us->central` */
  name: string
  source: string
  target: string
  state: MirrorState
  /** What keeps the flow from running now; null where nothing does. */
  trace: string | null
  sourceResponds: boolean
  /** Whether the partitions that were found at the start have been added. */
  running: boolean
  leaderlessCount: number
  partitions: readonly PartitionFigures[]
  /** Mirrored in earlier runs. */
  mirroredBefore: { records: number; bytes: number }
  nowMs: number
  /** After this long without a response about a partition, its lag is unknown. */
  silenceMs: number
}

export function progressFigures(partition: PartitionProgress, nowMs: number): PartitionFigures {
  const { map, lag, counters } = partition
  return {
    topic: partition.topic,
    targetTopic: partition.targetTopic,
    partition: partition.partition,
    sourceOffset: map.nextUpstreamOffset,
    sourceEndOffset: lag.endOffset,
    targetEndOffset: partition.targetEndOffset,
    waitedMs: lag.lagMs(nowMs),
    observedMs: partition.sourceLeaderKnown ? lag.observedMs : null,
    deleted: partition.state === 'deleted',
    ...counters,
  }
}

/** Of a partition that is stored, and not mirrored yet because the source has not responded. */
export function storedFigures({ head, map }: StoredPartition, targetTopic: string): PartitionFigures {
  return {
    topic: head.topic,
    targetTopic,
    partition: head.partition,
    sourceOffset: map.nextUpstreamOffset,
    sourceEndOffset: Math.max(head.sourceEnd, map.nextUpstreamOffset),
    targetEndOffset: map.nextDownstreamOffset,
    waitedMs: 0,
    observedMs: null,
    deleted: false,
    lostRecords: head.lostRecords,
    repeatedRecords: head.repeatedRecords,
    records: 0,
    bytes: 0,
  }
}

export function flowStatus(figures: FlowFigures): MirrorStatus {
  const { name, source, target, state, trace, mirroredBefore } = figures
  const partitions = figures.partitions.map((partition) => partitionLag(partition, figures)).sort(byTopicAndPartition)
  const sum = <T>(items: readonly T[], figure: (item: T) => number) => items.reduce((total, item) => total + figure(item), 0)
  return {
    name,
    source,
    target,
    state,
    ...(trace === null ? {} : { trace }),
    topics: [...new Set(partitions.map(({ topic }) => topic))],
    lagRecords: sum(partitions, ({ lagRecords }) => lagRecords),
    lagMs: flowLagMs(partitions, figures),
    recordsMirrored: mirroredBefore.records + sum(figures.partitions, ({ records }) => records),
    bytesMirrored: mirroredBefore.bytes + sum(figures.partitions, ({ bytes }) => bytes),
    lostRecords: sum(partitions, ({ lostRecords }) => lostRecords),
    repeatedRecords: sum(partitions, ({ repeatedRecords }) => repeatedRecords),
    partitions,
  }
}

/** The status of a flow that has failed, or that waits for its next run: its last figures, with an unknown lag. */
export function stoppedStatus({ trace: _, ...last }: MirrorStatus, state: MirrorState, trace: string | null): MirrorStatus {
  return {
    ...last,
    state,
    ...(trace === null ? {} : { trace }),
    lagMs: null,
    partitions: last.partitions.map((partition) => ({ ...partition, lagMs: null })),
  }
}

function partitionLag(partition: PartitionFigures, { sourceResponds, nowMs, silenceMs }: FlowFigures): PartitionLag {
  const { topic, targetTopic, sourceOffset, sourceEndOffset, targetEndOffset, lostRecords, repeatedRecords } = partition
  const { waitedMs, observedMs, deleted } = partition
  const silent = observedMs === null || nowMs - observedMs > silenceMs
  const unknown = !sourceResponds || (silent && !deleted)
  return {
    topic,
    targetTopic,
    partition: partition.partition,
    sourceOffset,
    sourceEndOffset,
    targetEndOffset,
    lagRecords: Math.max(0, sourceEndOffset - sourceOffset),
    // A record that was observed keeps waiting, whether the source responds or not.
    lagMs: unknown && waitedMs === 0 ? null : Math.round(waitedMs),
    lostRecords,
    repeatedRecords,
  }
}

/** Unknown as soon as one partition's lag is unknown, or a partition is not mirrored yet. */
function flowLagMs(partitions: readonly PartitionLag[], { leaderlessCount, running }: FlowFigures): number | null {
  if (leaderlessCount > 0 || (partitions.length === 0 && !running)) return null
  let longest = 0
  for (const { lagMs } of partitions) {
    if (lagMs === null) return null
    longest = Math.max(longest, lagMs)
  }
  return longest
}

const byTopicAndPartition = (a: PartitionLag, b: PartitionLag): number =>
  a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition
