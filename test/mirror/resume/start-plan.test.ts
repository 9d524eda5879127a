/**
 * Goal: a partition goes on where nothing is skipped and every loss is named. Method: each situation at a start as plain facts.
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
function kept(): NonNullable<StartFacts['stored']> {
  const map = new OffsetMap(0, 0)
  map.append(0, 0, 60)
  return { map, topicId: 'one', sourceEnd: 80 }
}
const at = ({ map }: { map: OffsetMap }) => [map.nextUpstreamOffset, map.nextDownstreamOffset]

describe('where a partition goes on', () => {
  test('for the first time: at the beginning or at the end, behind what the target has', () => {
    expect(at(planStart(facts({ source: { start: 7, end: 100, topicId: 'one' } })))).toEqual([7, 0])
    expect(at(planStart(facts({ reset: 'latest' })))).toEqual([100, 0])
    const onto = planStart(facts({ target: { start: 0, end: 5 } }))
    expect(at(onto)).toEqual([0, 5])
    expect(onto.notes[0]).toMatch(/has 5 records/)
  })

  test('where it was kept; what the target has more is proven first', () => {
    expect(planStart(facts({ stored: kept(), target: { start: 0, end: 60 } }))).toMatchObject({ verifyTail: false, losses: [], notes: [] })
    expect(planStart(facts({ stored: kept(), target: { start: 0, end: 70 } }))).toMatchObject({ verifyTail: true, losses: [], notes: [] })
  })

  test('a target that lost its tail is sent it again', () => {
    const plan = planStart(facts({ stored: kept(), target: { start: 0, end: 45 } }))
    expect(at(plan)).toEqual([45, 45])
    expect(plan.notes[0]).toMatch(/source offsets 45 to 60 are sent again/)
  })

  test('a source that was truncated: by its end, and by what its epochs say', () => {
    const plan = planStart(facts({ stored: kept(), source: { start: 0, end: 50, topicId: 'one' }, target: { start: 0, end: 60 } }))
    expect(at(plan)).toEqual([50, 60])
    expect(plan.notes[0]).toMatch(/truncated to 50/)
    expect(at(planStart(facts({ stored: kept(), epochEndOffset: 55, target: { start: 0, end: 60 } })))).toEqual([55, 60])
  })

  test('what was there and never read is lost with a truncation', () => {
    const behind = planStart(facts({ stored: kept(), source: { start: 0, end: 70, topicId: 'one' }, target: { start: 0, end: 60 } }))
    expect(at(behind)).toEqual([60, 60])
    expect(behind.losses).toEqual([{ from: 70, to: 80, reason: 'truncated' }])
    const before = planStart(facts({ stored: kept(), source: { start: 0, end: 50, topicId: 'one' }, target: { start: 0, end: 60 } }))
    expect(before.losses).toEqual([{ from: 60, to: 80, reason: 'truncated' }])
  })

  test('a topic created anew: from its beginning, and what was never read of its earlier life is lost', () => {
    const plan = planStart(facts({ stored: kept(), source: { start: 0, end: 9, topicId: 'two' }, target: { start: 0, end: 60 } }))
    expect(at(plan)).toEqual([0, 60])
    expect(plan.losses).toEqual([{ from: 60, to: 80, reason: 'recreated' }])
  })

  test('what retention took is a loss', () => {
    const { map } = kept()
    expect(skipDeletedRecords(map, { start: 75, end: 100 }, 'earliest')).toEqual({ from: 60, to: 75, reason: 'deleted' })
    expect(map.nextUpstreamOffset).toBe(75)
    expect(skipDeletedRecords(kept().map, { start: 75, end: 100 }, 'latest')).toEqual({ from: 60, to: 100, reason: 'skipped' })
    expect(skipDeletedRecords(kept().map, { start: 60, end: 100 }, 'earliest')).toBeNull()
  })

  test("MirrorMaker 2's position, and its newest sync to prove what came after", () => {
    const target = { start: 0, end: 44 }
    expect(at(planStart(facts({ mm2Progress: { position: 40, sync: null }, target })))).toEqual([40, 44])
    const proven = planStart(facts({ mm2Progress: { position: 40, sync: { upstreamOffset: 30, downstreamOffset: 34 } }, target }))
    expect([...at(proven), proven.verifyTail]).toEqual([30, 34, true])
    // killed before its position was written once more: the sync is the newer word
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
