/**
 * Goal: the judge of connect chaos finds each kind of anomaly, and none in a good history. Method: histories by hand.
 */
import { expect, test } from 'vitest'
import { type ConnectHistory, judge, type TopicRecord } from './connect-history.ts'

const record = (offset: number, count: number, appendedMs = offset): TopicRecord => ({
  partition: 0,
  offset,
  appendedMs,
  counter: '1',
  count,
})
const noted = (records: readonly TopicRecord[]) => records.map(({ appendedMs, ...rest }) => ({ ...rest, notedMs: appendedMs }))
const KILL = { clean: false, startMs: 2, endMs: 3 }

function history(records: readonly TopicRecord[], more: Partial<ConnectHistory> = {}): ConnectHistory {
  return { records, notes: noted(records), faults: [], exactlyOnce: false, ...more }
}

test('a good history, also with repetitions after a kill', () => {
  expect(judge(history([record(0, 0), record(1, 1)]))).toEqual({ anomalies: [], counted: 2, repeatedInTopic: 0, repeatedNotes: 0 })
  const repeated = [record(0, 0), record(1, 1), record(2, 1), record(3, 2)]
  expect(judge(history(repeated, { faults: [KILL] }))).toMatchObject({ anomalies: [], repeatedInTopic: 1 })
})

const good = [record(0, 0), record(1, 1)]
test.each([
  ['a gap', history([record(0, 0), record(1, 2)]), 'counter 1: 2 comes after 0'],
  ['a repetition without a fault', history([record(0, 0), record(1, 0)]), 'no fault was near'],
  [
    'a repetition after a clean stop',
    history([record(0, 0), record(1, 0)], { faults: [{ ...KILL, clean: true, startMs: 0 }] }),
    'no fault was near',
  ],
  [
    'any repetition in exactly-once mode',
    history([record(0, 0), record(2, 0)], { faults: [KILL], exactlyOnce: true }),
    'in the topic twice',
  ],
  ['a record that no sink got', history(good, { notes: noted(good.slice(1)) }), 'offset 0 was never delivered'],
  ['a record delivered twice', history(good, { notes: noted([...good, good[0]!]) }), 'was delivered again'],
  ['a record that nobody wrote', history(good, { notes: noted([...good, record(9, 9)]) }), 'is not in the topic'],
  ['a record changed on its way', history(good, { notes: noted([good[0]!, record(1, 7)]) }), 'was delivered as 1 7, but is 1 1'],
])('%s is found', (_what, bad, message) => {
  expect(judge(bad).anomalies.join('\n')).toContain(message)
})
