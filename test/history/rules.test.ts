/**
 * Goal: each rule names its anomaly in a small history and is silent where the anomaly is an allowance of Jepsen's checker. Method:
 * histories written by hand, a line for each operation.
 */
import { describe, expect, test } from 'vitest'
import { type AnomalyName, anomalyMeanings } from './anomaly.ts'
import { check, report } from './check.ts'
import type { Ending, History, Isolation, Operation, Step } from './history.ts'

const KEY = 'k-0'
type Placed = [value: string, offset: number | null, key?: string]

const send = ([value, offset, key = KEY]: Placed, source?: number): Step => ({
  kind: 'send',
  key,
  value,
  offset,
  ...(source === undefined ? {} : { source: { group: 'g', key: KEY, offset: source } }),
})
const poll = (at: number, isolation: Isolation, ...records: Placed[]): Step => ({
  kind: 'poll',
  at,
  isolation,
  records: records.map(([value, offset, key = KEY]) => ({ key, offset: offset!, value })),
})
const commit = (offset: number): Step => ({ kind: 'commit', group: 'g', key: KEY, offset })
const committed = (offset: number): Step => ({ kind: 'committed', group: 'g', key: KEY, offset })
const assign: Step = { kind: 'assign', keys: 'all' }

/** Ten units of time for each operation; a transaction asks for its commit in the fifth. */
const plain = (at: number, process: string, ending: Ending, ...steps: Step[]): Operation => ({
  process,
  transactional: false,
  started: at * 10,
  decided: null,
  ended: at * 10 + 9,
  ending,
  steps,
})
const transaction = (at: number, process: string, ending: Ending, ...steps: Step[]): Operation => ({
  ...plain(at, process, ending, ...steps),
  transactional: true,
  decided: ending === 'fail' ? null : at * 10 + 5,
})
const write = (at: number, ending: Ending, ...sends: Placed[]) => plain(at, 'writer', ending, ...sends.map((sent) => send(sent)))
const read = (at: number, ...records: Placed[]) => plain(at, 'reader', 'ok', poll(at * 10 + 5, 'read_committed', ...records))
const peek = (at: number, ...records: Placed[]) => plain(at, 'peeker', 'ok', poll(at * 10 + 5, 'read_uncommitted', ...records))

const historyOf = (operations: Operation[], more: Partial<History> = {}): History => ({
  operations,
  isComplete: false,
  ends: [],
  openTransactions: [],
  unfinished: [],
  copiers: [],
  ...more,
})

/** The names of the anomalies of a history, those that Kafka permits included. */
const namesIn = (history: History): AnomalyName[] => {
  const { failures, permitted } = check(history)
  return [...new Set([...failures, ...permitted].map(({ name }) => name))].sort()
}

const abc = write(0, 'ok', ['a', 0], ['b', 1], ['c', 2])

const wrong: [AnomalyName, History][] = [
  ['duplicate', historyOf([write(0, 'ok', ['a', 0]), read(1, ['a', 0]), plain(2, 'other', 'ok', poll(25, 'read_committed', ['a', 7]))])],
  ['inconsistent-offsets', historyOf([write(0, 'ok', ['a', 0]), write(1, 'info', ['b', null]), read(2, ['b', 0])])],
  ['lost-write', historyOf([abc, read(1, ['a', 0]), plain(2, 'other', 'ok', poll(25, 'read_committed', ['c', 2]))])],
  ['unseen', historyOf([abc, read(1, ['a', 0], ['b', 1])], { isComplete: true })],
  ['unwritten-read', historyOf([read(0, ['a', 0])])],
  ['nonmonotonic-send', historyOf([write(0, 'ok', ['a', 5]), write(1, 'ok', ['b', 4])])],
  ['int-nonmonotonic-send', historyOf([write(0, 'ok', ['a', 5], ['b', 4])])],
  ['int-send-skip', historyOf([write(0, 'ok', ['a', 0], ['c', 2]), plain(0, 'other', 'ok', send(['b', 1]))])],
  ['aborted-read', historyOf([transaction(0, 'writer', 'fail', send(['a', 0])), read(1, ['a', 0])])],
  ['precommitted-read', historyOf([transaction(1, 'writer', 'ok', send(['a', 0])), read(0.96, ['a', 0])])],
  ['early-read', historyOf([write(3, 'ok', ['a', 0]), read(1, ['a', 0])])],
  ['int-poll-skip', historyOf([abc, read(1, ['a', 0], ['c', 2]), plain(2, 'other', 'ok', poll(25, 'read_committed', ['b', 1]))])],
  ['int-nonmonotonic-poll', historyOf([abc, read(1, ['a', 0], ['b', 1], ['a', 0])])],
  ['poll-skip', historyOf([abc, read(1, ['a', 0]), read(2, ['c', 2]), plain(3, 'other', 'ok', poll(35, 'read_committed', ['b', 1]))])],
  ['nonmonotonic-poll', historyOf([abc, read(1, ['a', 0], ['b', 1]), read(2, ['a', 0])])],
  [
    'G0',
    historyOf([
      transaction(0, 't1', 'ok', send(['a', 0, 'x-0']), send(['b', 1, 'y-0'])),
      transaction(0, 't2', 'ok', send(['c', 1, 'x-0']), send(['d', 0, 'y-0'])),
    ]),
  ],
  [
    'G1c',
    historyOf([
      transaction(0, 't1', 'ok', send(['a', 0, 'x-0']), poll(9, 'read_committed', ['b', 0, 'y-0'])),
      transaction(0, 't2', 'ok', send(['b', 0, 'y-0']), poll(9, 'read_committed', ['a', 0, 'x-0'])),
    ]),
  ],
  [
    'G1c-ww',
    historyOf([
      transaction(0, 't1', 'ok', send(['a', 0, 'x-0']), poll(9, 'read_committed', ['d', 0, 'y-0'])),
      transaction(0, 't2', 'ok', send(['c', 1, 'x-0']), send(['d', 0, 'y-0'])),
    ]),
  ],
  ['lost-commit', historyOf([plain(0, 'member', 'ok', commit(4)), plain(1, 'member', 'ok', commit(2)), plain(2, 'x', 'ok', committed(2))])],
  ['unmade-commit', historyOf([plain(0, 'member', 'ok', commit(1)), plain(1, 'x', 'ok', committed(2))])],
  ['aborted-commit', historyOf([transaction(0, 'member', 'fail', commit(2)), plain(1, 'x', 'ok', committed(2))])],
  [
    'processed-twice',
    historyOf([
      write(0, 'ok', ['a', 0]),
      transaction(1, 'copier', 'ok', send(['1', 0, 'out-0'], 0)),
      transaction(2, 'copier', 'ok', send(['2', 2, 'out-0'], 0)),
    ]),
  ],
  [
    'unprocessed',
    historyOf([write(0, 'ok', ['a', 0]), transaction(1, 'copier', 'ok', commit(1)), plain(2, 'x', 'ok', committed(1))], {
      copiers: [{ group: 'g', keys: [KEY] }],
    }),
  ],
  ['hanging-transaction', historyOf([], { openTransactions: ['t1'] })],
  ['unfinished', historyOf([], { unfinished: ['a reader'] })],
  ['stuck-last-stable-offset', historyOf([], { ends: [{ key: KEY, endOffset: 3, lastStableOffset: 1 }] })],
  ['end-before-record', historyOf([abc], { ends: [{ key: KEY, endOffset: 2, lastStableOffset: 2 }] })],
]

describe('each anomaly is named, and nothing else', () => {
  test.each(wrong)('%s', (name, history) => {
    expect(namesIn(history)).toEqual([name])
  })

  test('there is a history for every anomaly', () => {
    expect(wrong.map(([name]) => name).sort()).toEqual(Object.keys(anomalyMeanings).sort())
  })
})

const right: [string, History][] = [
  [
    'a write whose answer is unknown is read, or not',
    historyOf([write(0, 'info', ['a', null], ['b', null]), read(1, ['b', 0])], { isComplete: true }),
  ],
  ['a transaction whose end is unknown is not read', historyOf([transaction(0, 't', 'info', send(['a', 0])), abc], { isComplete: false })],
  ['an aborted transaction is read by uncommitted readers', historyOf([transaction(0, 't', 'fail', send(['a', 0])), peek(1, ['a', 0])])],
  [
    'an open transaction is read by uncommitted readers',
    historyOf([transaction(1, 't', 'ok', send(['a', 0])), peek(0.96, ['a', 0]), read(3, ['a', 0])]),
  ],
  [
    'markers and aborted records leave holes',
    historyOf([
      write(0, 'ok', ['a', 0]),
      transaction(1, 't', 'fail', send(['b', 1])),
      write(2, 'ok', ['c', 4]),
      read(3, ['a', 0], ['c', 4]),
    ]),
  ],
  [
    'a rebalance begins again',
    historyOf([abc, read(1, ['a', 0], ['b', 1]), plain(2, 'reader', 'ok', assign), read(3, ['a', 0], ['b', 1], ['c', 2])]),
  ],
  [
    'a late request of an earlier operation is written behind the next one',
    historyOf([write(0, 'info', ['a', null]), write(1, 'ok', ['b', 0]), read(2, ['b', 0], ['a', 1])]),
  ],
  [
    'an aborted copy is made again',
    historyOf([
      write(0, 'ok', ['a', 0]),
      transaction(1, 'copier', 'fail', send(['1', 0, 'out-0'], 0), commit(1)),
      transaction(2, 'copier', 'ok', send(['2', 2, 'out-0'], 0), commit(1)),
      plain(3, 'x', 'ok', committed(1)),
    ]),
  ],
]

test.each(right)('no anomaly: %s', (_, history) => {
  expect(namesIn(history)).toEqual([])
})

test('a transaction that is read in part must be read whole, whatever its client was told', () => {
  const half = historyOf([transaction(0, 't', 'info', send(['a', 0]), send(['b', 0, 'x-0'])), read(1, ['a', 0])], { isComplete: true })
  expect(namesIn(half)).toEqual(['unseen'])
})

test('what an uncommitted reader saw does not make a committed write seen', () => {
  expect(namesIn(historyOf([abc, peek(1, ['a', 0], ['b', 1], ['c', 2]), read(2, ['a', 0])], { isComplete: true }))).toEqual(['unseen'])
})

test('a long circle of transactions is found without recursion', () => {
  const length = 20_000
  const ring = Array.from({ length }, (_, i) =>
    transaction(
      0,
      `t${i}`,
      'ok',
      send([`${i}`, 0, `k${i}-0`]),
      poll(9, 'read_committed', [`${(i + 1) % length}`, 0, `k${(i + 1) % length}-0`]),
    ),
  )
  expect(namesIn(historyOf(ring))).toEqual(['G1c'])
})

test('a report has a paragraph for each kind, of a few lines', () => {
  const lost = Array.from({ length: 40 }, (_, i): Placed => [`v${i}`, i])
  const lines = report(check(historyOf([write(0, 'ok', ...lost), read(1, ['v39', 39])])).failures).split('\n')
  expect(lines[0]).toContain('39 × lost-write')
  expect(lines).toHaveLength(6)
})
