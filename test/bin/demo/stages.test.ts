/**
 * Goal: the demo's comparison finds every error in a stage, and the data set has the records that the demo announces.
 * Method: the real data set; a stage has the records of the data set with one change.
 */
import { expect, test } from 'vitest'
import { loadFeeds } from '../../../bin/demo/data-set.ts'
import { isOk, problems } from '../../../bin/demo/report.ts'
import { compareStage, rowOf, withKey } from '../../../bin/demo/stages.ts'

const feeds = await loadFeeds()
const [quakes] = feeds
const all = [...quakes!.expected.values()]
const judge = (records: readonly Readonly<Record<string, unknown>>[]) => {
  const { found, lost, duplicated, different } = compareStage(quakes!, 'central', records)
  return { found, lost, duplicated, different }
}

test('the data set is split into two regions', () => {
  expect(feeds.map(({ region, topic, expected }) => [region, topic, expected.size])).toEqual([
    ['us', 'earthquakes', 1612],
    ['us', 'weather', 2922],
    ['eu', 'earthquakes', 95],
    ['eu', 'wind', 4800],
  ])
  for (const { lines, expected } of feeds) expect(lines.length).toBe(expected.size)
})

test('equal records agree in any order of records and fields', () => {
  const turned = [...all].reverse().map((fields) => Object.fromEntries(Object.entries(fields).reverse()))
  expect(judge(turned)).toEqual({ found: all.length, lost: 0, duplicated: 0, different: 0 })
})

test('lost, duplicated, changed and foreign records are distinguished', () => {
  const one = all.length
  expect(judge(all.slice(1))).toEqual({ found: one - 1, lost: 1, duplicated: 0, different: 0 })
  expect(judge([...all, all[5]!])).toEqual({ found: one + 1, lost: 0, duplicated: 1, different: 0 })
  expect(judge([{ ...all[0], mag: 9.9 }, ...all.slice(1)])).toEqual({ found: one, lost: 0, duplicated: 0, different: 1 })
  expect(judge([{ id: 'foreign' }, ...all.slice(1)])).toEqual({ found: one, lost: 1, duplicated: 0, different: 1 })
})

test('a record under the key of another one is different', () => {
  const { keyField } = quakes!
  const keys = all.map((fields) => String(fields[keyField]))
  expect(judge(all.map((fields, i) => withKey(fields, keys[i], keyField))).different).toBe(0)
  expect(judge(all.map((fields, i) => withKey(fields, keys[i === 3 ? 4 : i], keyField))).different).toBe(1)
  expect(judge(all.map((fields, i) => withKey(fields, i === 3 ? undefined : keys[i], keyField))).different).toBe(1)
})

test('a mirror that does not run is a failure, even without lag', () => {
  const group = { expected: 1, seen: 1, skipped: 0, readAgain: 0, beforeFailover: 0 }
  const mirror = { name: 'us->central', state: 'RUNNING', records: 1, lagRecords: 0, lagMs: 0, maxLagMs: 0, lost: 0, repeated: 0 }
  expect(isOk({ comparisons: [], group, mirrors: [mirror] })).toBe(true)
  for (const [wrong, sentence] of [
    [{ state: 'FAILED' }, 'The mirror us->central is FAILED, its lag is 0 records, and it has lost 0.'],
    [{ lagRecords: 2 }, 'The mirror us->central is RUNNING, its lag is 2 records, and it has lost 0.'],
    [{ lost: 3 }, 'The mirror us->central is RUNNING, its lag is 0 records, and it has lost 3.'],
  ] as const)
    expect(problems({ comparisons: [], group, mirrors: [{ ...mirror, ...wrong }] })).toEqual([sentence])
})

test('one lost and one duplicated record are a failure, though the count is right', () => {
  const comparisons = [compareStage(quakes!, 'file', [...all.slice(1), all[1]!])]
  const group = { expected: 1, seen: 1, skipped: 0, readAgain: 0, beforeFailover: 0 }
  expect(comparisons[0]!.found).toBe(all.length)
  expect(isOk({ comparisons, group, mirrors: [] })).toBe(false)
  expect(isOk({ comparisons: [compareStage(quakes!, 'file', all)], group, mirrors: [] })).toBe(true)
  expect(isOk({ comparisons: [], group: { ...group, skipped: 1 }, mirrors: [] })).toBe(false)
})

test('a change counts as the row that it inserted; a change of another kind is different', () => {
  const row = { ...all[0] }
  const after = { ...row, __connect_topic: 'us.earthquakes', __connect_partition: 0, __connect_offset: 7 }
  expect(
    judge(
      [
        { op: 'c', after },
        { op: 'r', after },
      ].map(rowOf),
    ),
  ).toMatchObject({ found: 2, duplicated: 1, different: 0 })
  expect(judge([rowOf({ op: 'u', after })])).toMatchObject({ different: 1 })
  expect(judge([rowOf({ op: 'd', before: after, after: null })])).toMatchObject({ different: 1 })
})
