/**
 * Goal: a partition starts where no record is skipped and every loss is reported. Method: each situation at a start as plain facts.
 */
import { describe, expect, test } from 'vitest'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { planStart, type StartFacts, skipDeletedRecords } from '../../../mirror/resume/start-plan.ts'

const facts = (more: Partial<StartFacts>): StartFacts => ({
  stored: undefined,
  mm2Progress: undefined,
  source: { start: 0, end: 100, topicId: 'one' },
  target: { start: 0, end: 0 },
  reset: 'earliest',
  epochEndOffset: -1,
  ...more,
})
/** 60 records mirrored: 0…59 at the source, 0…59 at the target. */
function storedProgress(): NonNullable<StartFacts['stored']> {
  const map = new OffsetMap(0, 0)
  map.append(0, 0, 60)
  return { map, topicId: 'one', sourceEnd: 80 }
}
const at = ({ map }: { map: OffsetMap }) => [map.nextUpstreamOffset, map.nextDownstreamOffset]

describe('where a partition starts', () => {
  test('without progress: at the log start or the log end, after the records of the target', () => {
    expect(at(planStart(facts({ source: { start: 7, end: 100, topicId: 'one' } })))).toEqual([7, 0])
    expect(at(planStart(facts({ reset: 'latest' })))).toEqual([100, 0])
    const onto = planStart(facts({ target: { start: 0, end: 5 } }))
    expect(at(onto)).toEqual([0, 5])
    expect(onto.notes[0]).toMatch(/has 5 records/)
  })

  test('at the end of its map; if the target has more records, they are verified first', () => {
    expect(planStart(facts({ stored: storedProgress(), target: { start: 0, end: 60 } }))).toMatchObject({
      verifyTail: false,
      losses: [],
      notes: [],
    })
    expect(planStart(facts({ stored: storedProgress(), target: { start: 0, end: 70 } }))).toMatchObject({
      verifyTail: true,
      losses: [],
      notes: [],
    })
  })

  test('a target that was truncated: the missing records are sent again', () => {
    const plan = planStart(facts({ stored: storedProgress(), target: { start: 0, end: 45 } }))
    expect(at(plan)).toEqual([45, 45])
    expect(plan.notes[0]).toMatch(/source offsets 45 to 60 are sent again/)
  })

  test('a source that was truncated: by its log end, and by its leader epochs', () => {
    const plan = planStart(
      facts({ stored: storedProgress(), source: { start: 0, end: 50, topicId: 'one' }, target: { start: 0, end: 60 } }),
    )
    expect(at(plan)).toEqual([50, 60])
    expect(plan.notes[0]).toMatch(/truncated to 50/)
    expect(at(planStart(facts({ stored: storedProgress(), epochEndOffset: 55, target: { start: 0, end: 60 } })))).toEqual([55, 60])
  })

  test('records that were truncated before they were read are lost', () => {
    const behind = planStart(
      facts({ stored: storedProgress(), source: { start: 0, end: 70, topicId: 'one' }, target: { start: 0, end: 60 } }),
    )
    expect(at(behind)).toEqual([60, 60])
    expect(behind.losses).toEqual([{ from: 70, to: 80, reason: 'truncated' }])
    const before = planStart(
      facts({ stored: storedProgress(), source: { start: 0, end: 50, topicId: 'one' }, target: { start: 0, end: 60 } }),
    )
    expect(before.losses).toEqual([{ from: 60, to: 80, reason: 'truncated' }])
  })

  test('a recreated topic: from its beginning, and unread records of the deleted topic are lost', () => {
    const plan = planStart(facts({ stored: storedProgress(), source: { start: 0, end: 9, topicId: 'two' }, target: { start: 0, end: 60 } }))
    expect(at(plan)).toEqual([0, 60])
    expect(plan.losses).toEqual([{ from: 60, to: 80, reason: 'recreated' }])
  })

  test('records that retention deleted before they were read are lost', () => {
    const { map } = storedProgress()
    expect(skipDeletedRecords(map, { start: 75, end: 100 }, 'earliest')).toEqual({ from: 60, to: 75, reason: 'deleted' })
    expect(map.nextUpstreamOffset).toBe(75)
    expect(skipDeletedRecords(storedProgress().map, { start: 75, end: 100 }, 'latest')).toEqual({ from: 60, to: 100, reason: 'skipped' })
    expect(skipDeletedRecords(storedProgress().map, { start: 60, end: 100 }, 'earliest')).toBeNull()
  })

  test("at MirrorMaker 2's newest offset sync, which is verified; otherwise at its position", () => {
    const target = { start: 0, end: 44 }
    expect(at(planStart(facts({ mm2Progress: { position: 40, sync: null }, target })))).toEqual([40, 44])
    const synced = planStart(facts({ mm2Progress: { position: 40, sync: { upstreamOffset: 30, downstreamOffset: 34 } }, target }))
    expect([...at(synced), synced.verifyTail]).toEqual([30, 34, true])
    // Killed before its next position was stored: the sync is newer.
    const ahead = planStart(facts({ mm2Progress: { position: 20, sync: { upstreamOffset: 30, downstreamOffset: 34 } }, target }))
    expect([...at(ahead), ahead.verifyTail]).toEqual([30, 34, true])
    const killed = planStart(facts({ mm2Progress: { position: null, sync: { upstreamOffset: 30, downstreamOffset: 34 } }, target }))
    expect([...at(killed), killed.verifyTail]).toEqual([30, 34, true])
    expect(at(planStart(facts({ mm2Progress: { position: 40, sync: { upstreamOffset: 30, downstreamOffset: 50 } }, target })))).toEqual([
      40, 44,
    ])
    expect(at(planStart(facts({ mm2Progress: { position: 40, sync: null } })))).toEqual([0, 0])
  })
})
