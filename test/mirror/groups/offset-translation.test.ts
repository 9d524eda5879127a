/**
 * Goal: a group on the target never skips a record (Invariant 10) and never goes back; a checkpoint is written where it says something new.
 * Method: commits of a group against maps made by hand.
 */
import { describe, expect, test } from 'vitest'
import {
  commitsToApply,
  needsCheckpoint,
  type SourceCommit,
  type TranslatedCommit,
  translateCommits,
} from '../../../mirror/groups/offset-translation.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'

/** 10 records from offset 5 on, at 100 on the target; then a gap of 5, and 10 more. */
function mapWithGap(): OffsetMap {
  const map = new OffsetMap(5, 100)
  map.append(5, 100, 10)
  map.append(20, 110, 10)
  return map
}

const commit = (offset: number, more: Partial<SourceCommit> = {}): SourceCommit => ({
  topic: 't',
  partition: 0,
  offset,
  metadata: '',
  ...more,
})

const translate = (map: OffsetMap, ...commits: SourceCommit[]) =>
  translateCommits(commits, (topic) => (topic === 't' ? { targetTopic: 'us.t', map } : undefined))

describe('translated commits', () => {
  test.each([
    { offset: 8, downstreamOffset: 103, ahead: false },
    { offset: 17, downstreamOffset: 110, ahead: false },
    { offset: 25, downstreamOffset: 115, ahead: false },
    { offset: 30, downstreamOffset: 120, ahead: false },
    { offset: 40, downstreamOffset: 120, ahead: true },
  ])('offset $offset is $downstreamOffset on the target', ({ offset, downstreamOffset, ahead }) => {
    expect(translate(mapWithGap(), commit(offset))).toMatchObject([{ targetTopic: 'us.t', downstreamOffset, exact: true, ahead }])
  })

  test('are missing for partitions without a map and for groups without a committed offset', () => {
    expect(translate(mapWithGap(), commit(8, { topic: 'other' }), commit(-1))).toEqual([])
  })

  test('of a deleted topic keep their translation when the map is of the recreated topic', () => {
    const map = mapWithGap()
    map.resetSource(0)
    map.append(0, 120, 50)
    expect(translate(map, commit(30, { lastDownstreamOffset: 118 }))).toMatchObject([{ downstreamOffset: 118, exact: true }])
    expect(translate(map, commit(30, { lastDownstreamOffset: 150 }))).toMatchObject([{ downstreamOffset: 150, exact: true }])
    expect(translate(map, commit(30))).toMatchObject([{ downstreamOffset: 150 }])
  })
})

describe('a checkpoint', () => {
  const translated = (offset: number, downstreamOffset: number): TranslatedCommit => ({
    ...commit(offset),
    targetTopic: 'us.t',
    downstreamOffset,
    exact: true,
    ahead: false,
  })
  const last = { upstreamOffset: 10, downstreamOffset: 50 }

  test.each([
    ['the first one', undefined, translated(10, 50), true],
    ['nothing new', last, translated(10, 50), false],
    ['the group has advanced', last, translated(12, 52), true],
    ['the data of a commit ahead has arrived', last, translated(10, 51), true],
    ['the group has advanced over a gap', last, translated(11, 50), true],
    ['the group was reset to an earlier offset', last, translated(5, 45), true],
    ['the map knows less than before', last, translated(12, 49), false],
  ])('%s', (_, before, now, expected) => {
    expect(needsCheckpoint(before, now)).toBe(expected)
  })

  test('commits are applied where the group has none or an earlier one on the target', () => {
    const commits = [0, 1, 2].map((partition) => ({ ...translated(10, 50), partition }))
    const committed = new Map([
      ['us.t-1', 49],
      ['us.t-2', 50],
    ])
    expect(commitsToApply(commits, committed).map(({ partition }) => partition)).toEqual([0, 1])
  })
})
