/**
 * Where a partition goes on: decided from what was kept, what a MirrorMaker 2 left, and where both logs begin and end. It never skips a
 * record that is still there, and every one that is gone is named (Invariant 11). Pure: reading and comparing is the flow's work.
 */

import { OffsetMap } from '../offset-map.ts'
import type { Mm2Progress } from './mm2-takeover.ts'

export interface LogBounds {
  start: number
  end: number
}

export interface Loss {
  /** Offsets of the source that were never read: an upper bound of the records. */
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
  /** Where the source's log stops to agree with what was read: the end of the last epoch read, -1 where it is not known. */
  epochEndOffset: number
}

export interface StartPlan {
  map: OffsetMap
  /** The target's end has to be held against the source from the map's position on. */
  verifyTail: boolean
  losses: Loss[]
  /** Sentences for the log. */
  notes: string[]
}

const known = (topicId: string): boolean => topicId !== '' && !/^A+$/.test(topicId)

export function planStart(facts: StartFacts): StartPlan {
  const { stored: kept, mm2Progress: inherited, source, target } = facts
  if (kept) return planKept(facts, kept)
  const notes: string[] = []
  // a position says what was mirrored, not where to: into a partition that was never written to, nothing was
  if (inherited && target.end > 0) {
    const { position, sync } = inherited
    // each says the truth of its moment; where it was killed, the sync is the newer one. Its proof decides
    const usable =
      sync &&
      sync.downstreamOffset < target.end &&
      sync.upstreamOffset < source.end &&
      sync.upstreamOffset >= source.start &&
      sync.downstreamOffset >= target.start
    if (usable) {
      notes.push(`taken over from MirrorMaker 2, from its offset sync at ${sync.upstreamOffset} on`)
      return { map: new OffsetMap(sync.upstreamOffset, sync.downstreamOffset), verifyTail: true, losses: [], notes }
    }
    if (position !== null) {
      notes.push(`taken over from MirrorMaker 2 at offset ${position}`)
      return { map: new OffsetMap(Math.min(position, source.end), target.end), verifyTail: false, losses: [], notes }
    }
  }
  if (target.end > target.start)
    notes.push(`the target holds ${target.end - target.start} records already that no mirror accounts for; they stay`)
  const begin = facts.reset === 'latest' ? source.end : source.start
  return { map: new OffsetMap(begin, target.end), verifyTail: false, losses: [], notes }
}

function planKept(facts: StartFacts, kept: NonNullable<StartFacts['stored']>): StartPlan {
  const { source, target, epochEndOffset: agreedEnd } = facts
  const { map } = kept
  const losses: Loss[] = []
  const notes: string[] = []
  if (known(kept.topicId) && known(source.topicId) && kept.topicId !== source.topicId) {
    // the offsets of the topic's earlier life mean nothing any more, and nothing can be compared with it
    if (kept.sourceEnd > map.nextUpstreamOffset) losses.push({ from: map.nextUpstreamOffset, to: kept.sourceEnd, reason: 'recreated' })
    notes.push('the topic was deleted and created anew at the source: mirrored from its beginning')
    if (target.end < map.nextDownstreamOffset) map.truncateTarget(target.end)
    map.skipTarget(target.end)
    map.resetSource(source.start)
    return { map, verifyTail: false, losses, notes }
  }
  const unread = Math.max(source.end, map.nextUpstreamOffset)
  if (unread < kept.sourceEnd) losses.push({ from: unread, to: kept.sourceEnd, reason: 'truncated' })
  const end = agreedEnd >= 0 ? Math.min(source.end, agreedEnd) : source.end
  if (end < map.nextUpstreamOffset) {
    notes.push(
      `the source was truncated to ${end}; records from there to ${map.nextUpstreamOffset} are on the target and no longer at the source`,
    )
    map.truncateSource(end)
  }
  if (target.end < map.nextDownstreamOffset) {
    const before = map.nextUpstreamOffset
    const up = map.truncateTarget(target.end)
    notes.push(`the target ends at ${target.end} and has lost what was written behind it: source offsets ${up} to ${before} are sent again`)
  }
  return { map, verifyTail: target.end > map.nextDownstreamOffset, losses, notes }
}

/** After the tail is proven: what the source no longer has in front of the position, and where the flow goes on. */
export function skipDeletedRecords(map: OffsetMap, source: LogBounds, reset: StartFacts['reset']): Loss | null {
  if (map.nextUpstreamOffset >= source.start) return null
  const to = reset === 'latest' ? source.end : source.start
  const loss: Loss = { from: map.nextUpstreamOffset, to, reason: reset === 'latest' && to > source.start ? 'skipped' : 'deleted' }
  map.advance(to)
  return loss
}
