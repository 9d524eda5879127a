/**
 * Goal: what was removed before it was read is counted where it can be known, and nothing is made up where it cannot. Method: what Redis 6,
 * 7.0 and 7.4 say of a stream and its group, as values.
 */
import { describe, expect, test } from 'vitest'
import { compareIds, GroupGaps, leftToRead, missedByRank, rankOf } from '../../../connectors/redis-stream-source/trimming.ts'

/** Ten entries were added; the first four were trimmed. */
const trimmed = { length: 6, firstId: '5-0', lastId: '10-0', added: 10 }
const empty = { length: 0, firstId: '0-0', lastId: '10-0', added: 10 }

test.each([
  ['1-0', '1-0', 0],
  ['9-0', '10-0', -1],
  ['10-2', '10-10', -1],
  ['18446744073709551615-1', '18446744073709551615-0', 1],
])('%s is compared with %s', (a, b, sign) => expect(Math.sign(compareIds(a, b))).toBe(sign))

test.each([
  ['0-0', 6],
  ['4-0', 6],
  ['5-0', null],
  ['10-0', 0],
  ['11-0', 0],
])('after %s %s entries are left', (position, left) => expect(leftToRead(trimmed, position)).toBe(left))

test('by the rank of a position: what is gone between it and the first entry', () => {
  expect(missedByRank(trimmed, '2-0', 2)).toBe(2)
  expect(missedByRank(trimmed, '4-0', 4)).toBe(0)
  expect(missedByRank(empty, '2-0', 2)).toBe(8)
  expect(missedByRank(trimmed, '7-0', 7)).toBeNull()
  expect(missedByRank({ ...trimmed, added: null }, '2-0', 2)).toBeNull()
  expect([rankOf(trimmed, '4-0'), rankOf(trimmed, '10-0'), rankOf(trimmed, '7-0')]).toEqual([4, 10, null])
  // The stream was deleted and begun anew.
  expect(missedByRank({ length: 2, firstId: '20-0', lastId: '21-0', added: 2 }, '10-0', 10)).toBe(0)
})

describe('by the count of a group', () => {
  test('Redis 7.0, which never counts what was missed', () => {
    const gaps = new GroupGaps(0)
    expect(gaps.newlyMissed(trimmed, { delivered: '2-0', read: 2, lag: 8 })).toBe(2)
    expect(gaps.newlyMissed(trimmed, { delivered: '2-0', read: 2, lag: 8 })).toBe(0)
    expect(gaps.newlyMissed(trimmed, { delivered: '10-0', read: 8, lag: 2 })).toBe(0)
    expect(gaps.newlyMissed({ length: 1, firstId: '13-0', lastId: '13-0', added: 13 }, { delivered: '10-0', read: 8, lag: 5 })).toBe(2)
  })

  test('Redis 7.4, whose lag leaves out what is gone, and whose count goes on', () => {
    const gaps = new GroupGaps(0)
    expect(gaps.newlyMissed(trimmed, { delivered: '2-0', read: 2, lag: 6 })).toBe(2)
    expect(gaps.newlyMissed(trimmed, { delivered: '10-0', read: 10, lag: 0 })).toBe(0)
    expect(gaps.newlyMissed({ length: 1, firstId: '13-0', lastId: '13-0', added: 13 }, { delivered: '10-0', read: 10, lag: 1 })).toBe(2)
  })

  test('a server that comes back with an old count: it goes on from there', () => {
    const all = { length: 100, firstId: '1-0', lastId: '100-0', added: 100 }
    const gaps = new GroupGaps(0)
    gaps.took(100)
    expect(gaps.newlyMissed(all, { delivered: '100-0', read: 50, lag: 50 })).toBe(0)
    const more = { length: 110, firstId: '1-0', lastId: '110-0', added: 110 }
    gaps.took(10)
    expect(gaps.newlyMissed(more, { delivered: '110-0', read: 60, lag: 50 })).toBe(0)
    expect(gaps.newlyMissed({ length: 5, firstId: '116-0', lastId: '120-0', added: 120 }, { delivered: '110-0', read: 60, lag: 60 })).toBe(
      5,
    )
    expect(new GroupGaps(0, 100).newlyMissed(all, { delivered: '100-0', read: 50, lag: 50 })).toBe(0)
  })

  test('a new group on a stream that was trimmed before, a restart, and what Redis does not know', () => {
    expect(new GroupGaps(0).newlyMissed(trimmed, { delivered: '0-0', read: null, lag: 6 })).toBe(0)
    expect(new GroupGaps(2).newlyMissed(trimmed, { delivered: '2-0', read: 2, lag: 8 })).toBe(0)
    expect(new GroupGaps(0).newlyMissed(trimmed, { delivered: '2-0', read: null, lag: null })).toBeNull()
    expect(new GroupGaps(0).newlyMissed(trimmed, { delivered: '7-0', read: 5, lag: 5 })).toBeNull()
    expect(new GroupGaps(0).newlyMissed({ ...trimmed, added: null }, { delivered: '10-0', read: null, lag: null })).toBeNull()
  })
})
