/**
 * Goal: rows of one position stay in one batch, up to a limit, and nothing is lost. Method: rows that are their positions, in fetches of
 * any size.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowGroups } from '../../../connectors/postgres-query-source/row-groups.ts'

const groups = (maxHeld: number) => new RowGroups<number>((a, b) => a === b, maxHeld)

test('the rows of the last position wait for the next fetch', () => {
  const rows = groups(10)
  expect(rows.push([1, 1, 2, 2], false)).toEqual({ rows: [1, 1], last: 1 })
  expect(rows.push([2, 2], false)).toBeNull()
  expect(rows.push([2, 3], true)).toEqual({ rows: [2, 2, 2, 2, 2, 3], last: 3 })
})

test('more rows of one position than the limit go in parts, with the position before them', () => {
  const rows = groups(3)
  expect(rows.push([1, 2, 2, 2, 2], false)).toEqual({ rows: [1, 2, 2, 2, 2], last: 1 })
  expect(rows.push([2, 2, 2, 2], false)).toEqual({ rows: [2, 2, 2, 2], last: null })
  expect(rows.push([], true)).toBeNull()
})

test('whatever the fetches, all rows come in order, and a position only when all its rows are sent', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(3), { maxLength: 9 }), { maxLength: 9 }), fc.integer({ min: 1, max: 6 }), (fetches, maxHeld) => {
      const sorted = fetches.flat().sort()
      const rows = groups(maxHeld)
      const sent: number[] = []
      let at = 0
      fetches.forEach((fetch, index) => {
        const cut = rows.push(sorted.slice(at, (at += fetch.length)), index === fetches.length - 1)
        if (!cut) return
        sent.push(...cut.rows)
        if (cut.last !== null) expect(sorted.filter((row) => row <= cut.last!).length).toBeLessThanOrEqual(sent.length)
      })
      expect(sent).toEqual(sorted)
    }),
  )
})
