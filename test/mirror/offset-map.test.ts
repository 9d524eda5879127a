/**
 * Goal: the map is exact, in both directions, and never past the true offset (Invariant 10), also after truncations and dropped pages.
 * Method: fast-check generates histories of a source partition (ranges, gaps, foreign records on the target, truncations) and compares with
 * a list of all mirrored records.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_RANGES, OffsetMap, type OffsetPair, PAGE_RANGES } from '../../mirror/offset-map.ts'

type Step = { kind: 'records'; gap: number; foreign: number; length: number } | { kind: 'restart'; back: number }
const steps = fc.array(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        kind: fc.constant('records' as const),
        gap: fc.nat(3),
        foreign: fc.nat({ max: 2 }),
        length: fc.integer({ min: 1, max: 20 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), back: fc.nat(40) }) },
  ),
  { maxLength: 60 },
)

/** The map after a history, and all mirrored records in order. */
function play(history: readonly Step[], start: OffsetPair) {
  const map = new OffsetMap(start.upstreamOffset, start.downstreamOffset)
  let truth: OffsetPair[] = []
  for (const step of history) {
    if (step.kind === 'restart') {
      const up = Math.max(start.upstreamOffset, map.nextUpstreamOffset - step.back)
      map.truncateSource(up)
      truth = truth.filter((record) => record.upstreamOffset < up)
      continue
    }
    map.advance(map.nextUpstreamOffset + step.gap)
    map.skipTarget(map.nextDownstreamOffset + step.foreign)
    const { nextUpstreamOffset: nextUp, nextDownstreamOffset: nextDown } = map
    map.append(nextUp, nextDown, step.length)
    for (let i = 0; i < step.length; i++) truth.push({ upstreamOffset: nextUp + i, downstreamOffset: nextDown + i })
  }
  return { map, truth }
}

describe('the offset map', () => {
  test('translates every offset exactly, and back', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), fc.nat(50), (history, up, down) => {
        const { map, truth } = play(history, { upstreamOffset: up, downstreamOffset: down })
        for (let offset = up; offset <= map.nextUpstreamOffset + 2; offset++) {
          const { downstreamOffset: given, exact, ahead } = map.translateDownstream(offset)
          const next = truth.find((record) => record.upstreamOffset >= offset)
          const before = truth.filter((record) => record.upstreamOffset < offset).at(-1)
          // What the group has not read is at or after the translated offset; what it has read is before it.
          expect(given).toBeLessThanOrEqual(next?.downstreamOffset ?? map.nextDownstreamOffset)
          if (exact && before) expect(given).toBeGreaterThan(before.downstreamOffset)
          expect(ahead).toBe(offset > map.nextUpstreamOffset)
        }
        for (const record of truth) {
          expect(map.translateDownstream(record.upstreamOffset)).toEqual({
            downstreamOffset: record.downstreamOffset,
            exact: true,
            ahead: false,
          })
          expect(map.translateUpstream(record.downstreamOffset)).toBe(record.upstreamOffset)
        }
      }),
    )
  })

  test('after a truncation of the target, records are sent again from the first missing one', () => {
    fc.assert(
      fc.property(steps, fc.nat(300), (history, cut) => {
        const { map, truth } = play(history, { upstreamOffset: 7, downstreamOffset: 3 })
        const down = Math.min(cut, map.nextDownstreamOffset)
        const up = map.truncateTarget(down)
        for (const record of truth) if (record.downstreamOffset >= down) expect(up).toBeLessThanOrEqual(record.upstreamOffset)
        for (const record of truth)
          if (record.downstreamOffset < down)
            expect(map.translateDownstream(record.upstreamOffset).downstreamOffset).toBe(record.downstreamOffset)
        expect(map.nextDownstreamOffset).toBe(down)
      }),
    )
  })

  test('drops its oldest pages at the limit, and translates to a lower bound there', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < MAX_RANGES + 1; i++) {
      map.advance(map.nextUpstreamOffset + 1)
      map.append(map.nextUpstreamOffset, map.nextDownstreamOffset, 2)
    }
    const old = map.translateDownstream(3 * 10 + 1)
    expect(old.exact).toBe(false)
    expect(old.downstreamOffset).toBeLessThanOrEqual(20)
    expect(map.translateDownstream(3 * 1000 + 1)).toEqual({ downstreamOffset: 2000, exact: true, ahead: false })
    expect(map.openPage - map.firstPage).toBe(MAX_RANGES / PAGE_RANGES - 1)
  })

  test('a topic without gaps is one range, however long', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < 1000; i++) map.append(map.nextUpstreamOffset, map.nextDownstreamOffset, 63)
    expect(map.page(0)).toHaveLength(1)
  })
})
