/**
 * Goal: the demo's comparison finds whatever is wrong at a station, and its data set is what it says.
 * Method: the real data set; a station's records are the data set's own, with one thing done to them.
 */
import { expect, test } from 'vitest'
import { loadFeeds } from '../../../bin/demo/data-set.ts'
import { isOk, problems } from '../../../bin/demo/report.ts'
import { compared, keyed } from '../../../bin/demo/stages.ts'

const feeds = await loadFeeds()
const [quakes] = feeds
const all = [...quakes!.expected.values()]
const judge = (records: readonly Readonly<Record<string, unknown>>[]) => {
  const { found, lost, duplicated, different } = compared(quakes!, 'central', records)
  return { found, lost, duplicated, different }
}

test('the data set is parted into two regions', () => {
  expect(feeds.map(({ region, topic, expected }) => [region, topic, expected.size])).toEqual([
    ['us', 'earthquakes', 1612],
    ['us', 'weather', 2922],
    ['eu', 'earthquakes', 95],
    ['eu', 'wind', 4800],
  ])
  for (const { lines, expected } of feeds) expect(lines.length).toBe(expected.size)
})

test('what agrees agrees, whatever the order of records and fields', () => {
  const turned = [...all].reverse().map((fields) => Object.fromEntries(Object.entries(fields).reverse()))
  expect(judge(turned)).toEqual({ found: all.length, lost: 0, duplicated: 0, different: 0 })
})

test('what is lost, twice, changed or foreign is told apart', () => {
  const one = all.length
  expect(judge(all.slice(1))).toEqual({ found: one - 1, lost: 1, duplicated: 0, different: 0 })
  expect(judge([...all, all[5]!])).toEqual({ found: one + 1, lost: 0, duplicated: 1, different: 0 })
  expect(judge([{ ...all[0], mag: 9.9 }, ...all.slice(1)])).toEqual({ found: one, lost: 0, duplicated: 0, different: 1 })
  expect(judge([{ id: 'foreign' }, ...all.slice(1)])).toEqual({ found: one, lost: 1, duplicated: 0, different: 1 })
})

test('a record under the key of another one is different', () => {
  const { keyField } = quakes!
  const keys = all.map((fields) => String(fields[keyField]))
  expect(judge(all.map((fields, i) => keyed(fields, keys[i], keyField))).different).toBe(0)
  expect(judge(all.map((fields, i) => keyed(fields, keys[i === 3 ? 4 : i], keyField))).different).toBe(1)
  expect(judge(all.map((fields, i) => keyed(fields, i === 3 ? undefined : keys[i], keyField))).different).toBe(1)
})

test('a mirror that does not run is not well, though it is not behind', () => {
  const group = { expected: 1, seen: 1, skipped: 0, readAgain: 0, beforeFailover: 0 }
  const mirror = { name: 'us->central', state: 'RUNNING', records: 1, lagRecords: 0, lagMs: 0, mostLagMs: 0, lost: 0, repeated: 0 }
  expect(isOk({ comparisons: [], group, mirrors: [mirror] })).toBe(true)
  for (const [wrong, sentence] of [
    [{ state: 'FAILED' }, 'The mirror us->central is FAILED, 0 records behind, and has lost 0.'],
    [{ lagRecords: 2 }, 'The mirror us->central is RUNNING, 2 records behind, and has lost 0.'],
    [{ lost: 3 }, 'The mirror us->central is RUNNING, 0 records behind, and has lost 3.'],
  ] as const)
    expect(problems({ comparisons: [], group, mirrors: [{ ...mirror, ...wrong }] })).toEqual([sentence])
})

test('one record lost and another twice is not well, though the count is right', () => {
  const comparisons = [compared(quakes!, 'file', [...all.slice(1), all[1]!])]
  const group = { expected: 1, seen: 1, skipped: 0, readAgain: 0, beforeFailover: 0 }
  expect(comparisons[0]!.found).toBe(all.length)
  expect(isOk({ comparisons, group, mirrors: [] })).toBe(false)
  expect(isOk({ comparisons: [compared(quakes!, 'file', all)], group, mirrors: [] })).toBe(true)
  expect(isOk({ comparisons: [], group: { ...group, skipped: 1 }, mirrors: [] })).toBe(false)
})
