/**
 * Plans where a partition starts: from the stored offset map, from MirrorMaker 2's progress, or by auto.offset.reset, and from the log
 * bounds of both clusters. It never skips a record that the source has, and reports each one that was deleted there (Invariant 11). Pure.
 */
import { ZERO_UUID } from '../../core/wire/types.ts'
import { OffsetMap } from '../offset-map.ts'
import type { LogBounds } from '../store/topic-scan.ts'
import type { Mm2Progress } from './mm2-takeover.ts'

export interface Loss {
  /** Offsets of the source that were never read: an upper bound of the number of records. */
  from: number
  to: number
  reason: 'deleted' | 'recreated' | 'truncated' | 'skipped'
}

export interface StartFacts {
  stored: { map: OffsetMap; topicId: string; sourceEnd: number } | undefined
  mm2Progress: Mm2Progress | undefined
  source: LogBounds & { topicId: string }
  target: LogBounds
  reset: 'earliest' | 'latest' | 'none'
  /** The end of the last leader epoch that was read, in the source's log now; -1 if it is not known. */
  epochEndOffset: number
}

export interface StartPlan {
  map: OffsetMap
  /** What the target has after the map's end must be compared with the source. */
  verifyTail: boolean
  losses: Loss[]
  /** Sentences for the log. */
  notes: string[]
}

const isKnown = (topicId: string): boolean => topicId !== '' && topicId !== ZERO_UUID

export function planStart(facts: StartFacts): StartPlan {
  const { stored, mm2Progress, source, target } = facts
  if (stored) return planFromMap(facts, stored)
  const notes: string[] = []
  // A position says what was mirrored, not where to: nothing was mirrored into an empty target.
  if (mm2Progress && target.end > 0) {
    const { position, sync } = mm2Progress
    // After a kill the offset sync is newer than the position. Comparing the target with the source decides whether it is right.
    if (sync && isWithin(sync.upstreamOffset, source) && isWithin(sync.downstreamOffset, target)) {
      notes.push(`continuing from the offset sync of MirrorMaker 2 at ${sync.upstreamOffset}`)
      return { map: new OffsetMap(sync.upstreamOffset, sync.downstreamOffset), verifyTail: true, losses: [], notes }
    }
    if (position !== null) {
      notes.push(`continuing from the position of MirrorMaker 2 at ${position}`)
      return { map: new OffsetMap(Math.min(position, source.end), target.end), verifyTail: false, losses: [], notes }
    }
  }
  if (target.end > target.start)
    notes.push(`the target has ${target.end - target.start} records that no mirror has a position for; they are not deleted`)
  const start = facts.reset === 'latest' ? source.end : source.start
  return { map: new OffsetMap(start, target.end), verifyTail: false, losses: [], notes }
}

const isWithin = (offset: number, { start, end }: LogBounds): boolean => offset >= start && offset < end

function planFromMap(facts: StartFacts, stored: NonNullable<StartFacts['stored']>): StartPlan {
  const { source, target, epochEndOffset } = facts
  const { map } = stored
  const losses: Loss[] = []
  const notes: string[] = []
  if (isKnown(stored.topicId) && isKnown(source.topicId) && stored.topicId !== source.topicId) {
    // The offsets of the deleted topic are meaningless now, and its records cannot be compared with the new ones.
    if (stored.sourceEnd > map.nextUpstreamOffset) losses.push({ from: map.nextUpstreamOffset, to: stored.sourceEnd, reason: 'recreated' })
    notes.push('the source topic was recreated: it is mirrored from its beginning')
    if (target.end < map.nextDownstreamOffset) map.truncateTarget(target.end)
    map.skipTarget(target.end)
    map.resetSource(source.start)
    return { map, verifyTail: false, losses, notes }
  }
  const unread = Math.max(source.end, map.nextUpstreamOffset)
  if (unread < stored.sourceEnd) losses.push({ from: unread, to: stored.sourceEnd, reason: 'truncated' })
  const end = epochEndOffset >= 0 ? Math.min(source.end, epochEndOffset) : source.end
  if (end < map.nextUpstreamOffset) {
    notes.push(`the source was truncated to ${end}: the target has records up to ${map.nextUpstreamOffset} that the source no longer has`)
    map.truncateSource(end)
  }
  if (target.end < map.nextDownstreamOffset) {
    const before = map.nextUpstreamOffset
    const from = map.truncateTarget(target.end)
    notes.push(`the target was truncated to ${target.end}: source offsets ${from} to ${before} are sent again`)
  }
  return { map, verifyTail: target.end > map.nextDownstreamOffset, losses, notes }
}

/** Advances the map over records that the source deleted before they were read, as `reset` says. Returns what was lost. */
export function skipDeletedRecords(map: OffsetMap, source: LogBounds, reset: StartFacts['reset']): Loss | null {
  if (map.nextUpstreamOffset >= source.start) return null
  const to = reset === 'latest' ? source.end : source.start
  const loss: Loss = { from: map.nextUpstreamOffset, to, reason: reset === 'latest' && to > source.start ? 'skipped' : 'deleted' }
  map.advance(to)
  return loss
}
