/**
 * Goal: the map is exact, in both directions, and never past the truth (Invariant 10), also after losses, restarts and forgotten pages.
 * Method: fast-check draws histories of a source partition (stretches, gaps, foreign records on the target, restarts); a plain list of
 * every mirrored record is the truth. What lies on the topic is written and read back.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_RUNS, OffsetMap, type OffsetPair, PAGE_RUNS, type Run } from '../../mirror/offset-map.ts'
import {
  decodeOffsetMapRecord,
  encodeHead,
  encodeOwner,
  encodePage,
  type Head,
  restoreMap,
  UNKNOWN_TOPIC_ID,
} from '../../mirror/store/offset-map-records.ts'

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

/** Every record that stands on the target, in its order, with where it came from. */
function play(history: readonly Step[], start: OffsetPair) {
  const map = new OffsetMap(start.up, start.down)
  let truth: OffsetPair[] = []
  for (const step of history) {
    if (step.kind === 'restart') {
      const up = Math.max(start.up, map.nextUp - step.back)
      map.restartSource(up)
      truth = truth.filter((record) => record.up < up)
      continue
    }
    map.advance(map.nextUp + step.gap)
    map.skipTarget(map.nextDown + step.foreign)
    const { nextUp, nextDown } = map
    map.append(nextUp, nextDown, step.length)
    for (let i = 0; i < step.length; i++) truth.push({ up: nextUp + i, down: nextDown + i })
  }
  return { map, truth }
}

describe('the offset map', () => {
  test('translates every offset exactly, and back', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), fc.nat(50), (history, up, down) => {
        const { map, truth } = play(history, { up, down })
        for (let offset = up; offset <= map.nextUp + 2; offset++) {
          const { down: given, exact, ahead } = map.translate(offset)
          const next = truth.find((record) => record.up >= offset)
          const before = truth.filter((record) => record.up < offset).at(-1)
          // everything that the group has not read lies at or behind what it is given; everything it has read lies before
          expect(given).toBeLessThanOrEqual(next?.down ?? map.nextDown)
          if (exact && before) expect(given).toBeGreaterThan(before.down)
          expect(ahead).toBe(offset > map.nextUp)
        }
        for (const record of truth) {
          expect(map.translate(record.up)).toEqual({ down: record.down, exact: true, ahead: false })
          expect(map.upstream(record.down)).toBe(record.up)
        }
      }),
    )
  })

  test('a target that lost its tail is sent it again, from the first record that is not there', () => {
    fc.assert(
      fc.property(steps, fc.nat(300), (history, cut) => {
        const { map, truth } = play(history, { up: 7, down: 3 })
        const down = Math.min(cut, map.nextDown)
        const up = map.restartTarget(down)
        for (const record of truth) if (record.down >= down) expect(up).toBeLessThanOrEqual(record.up)
        for (const record of truth) if (record.down < down) expect(map.translate(record.up).down).toBe(record.down)
        expect(map.nextDown).toBe(down)
      }),
    )
  })

  test('survives its topic: pages, then the head that counts them', () => {
    fc.assert(
      fc.property(fc.nat(3 * PAGE_RUNS + 5), (count) => {
        const map = new OffsetMap(0, 0)
        for (let i = 0; i < count; i++) {
          map.advance(map.nextUp + 1)
          map.append(map.nextUp, map.nextDown, (i % 5) + 1)
        }
        const pages = new Map<number, readonly Run[]>()
        for (let page = map.firstPage; page < map.openPage; page++) {
          const { key, value } = encodePage({ topic: 't', partition: 0, page, runs: map.page(page) })
          const read = decodeOffsetMapRecord(key, value)
          if (read.kind === 'page') pages.set(read.page.page, read.page.runs)
        }
        const { key, value } = encodeHead(headOf(map))
        const read = decodeOffsetMapRecord(key, value)
        if (read.kind !== 'head') throw new Error('no head')
        const again = restoreMap(read.head, (page) => pages.get(page))
        expect(again).toEqual(map)
      }),
      { numRuns: 30 },
    )
  })

  test('a page that is missing shortens what is known and never moves it', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < 3 * PAGE_RUNS; i++) {
      map.advance(map.nextUp + 1)
      map.append(map.nextUp, map.nextDown, 1)
    }
    const known = new Map([[1, map.page(1)]])
    const short = restoreMap(headOf(map), (page) => known.get(page))
    for (let offset = 0; offset < map.nextUp; offset++) expect(short.translate(offset).down).toBeLessThanOrEqual(map.translate(offset).down)
    expect(short.translate(map.nextUp - 5)).toEqual(map.translate(map.nextUp - 5))
  })

  test('forgets its oldest pages at the limit, and stays below the truth there', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < MAX_RUNS + 1; i++) {
      map.advance(map.nextUp + 1)
      map.append(map.nextUp, map.nextDown, 2)
    }
    expect(map.size).toBeLessThanOrEqual(MAX_RUNS)
    const old = map.translate(3 * 10 + 1)
    expect(old.exact).toBe(false)
    expect(old.down).toBeLessThanOrEqual(20)
    expect(map.translate(3 * 1000 + 1)).toEqual({ down: 2000, exact: true, ahead: false })
    expect(map.openPage - map.firstPage).toBe(MAX_RUNS / PAGE_RUNS - 1)
  })

  test('the owner', () => {
    const place = { producerId: 4001, producerEpoch: 7, instance: 'host/1', startedMs: 1700000000000 }
    const owner = { ...place, released: true, failedOver: true, paused: true }
    const { key, value } = encodeOwner(owner)
    expect(decodeOffsetMapRecord(key, value)).toEqual({ kind: 'owner', owner })
    // as it was before failovers were kept
    expect(decodeOffsetMapRecord(key, value.subarray(0, -1))).toEqual({ kind: 'owner', owner: { ...owner, paused: false } })
    expect(decodeOffsetMapRecord(key, value.subarray(0, -2))).toEqual({
      kind: 'owner',
      owner: { ...owner, paused: false, failedOver: false },
    })
  })

  test('a gap-free topic is one run, however long', () => {
    const map = new OffsetMap(0, 0)
    for (let i = 0; i < 1000; i++) map.append(map.nextUp, map.nextDown, 63)
    expect(map.size).toBe(1)
  })
})

function headOf(map: OffsetMap): Head {
  return {
    topic: 't',
    partition: 0,
    topicId: UNKNOWN_TOPIC_ID,
    leaderEpoch: 4,
    nextUp: map.nextUp,
    nextDown: map.nextDown,
    origin: map.origin,
    sourceEnd: map.nextUp,
    lostRecords: 0,
    repeatedRecords: 0,
    producerEpoch: 2,
    sequence: 77,
    firstPage: map.firstPage,
    openPage: map.openPage,
    runs: map.page(map.openPage),
  }
}
