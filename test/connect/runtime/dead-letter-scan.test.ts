/**
 * Goal: a cursor of users is what a response gave, or refused. Method: texts. `dead-letters.test.ts` reads topics with them.
 */
import { expect, test } from 'vitest'
import { parseCursor } from '../../../connect/runtime/dead-letter-scan.ts'

test('a cursor has the next offset and the end of each partition', () => {
  expect([...parseCursor('0:17-500, 1:3')]).toEqual([
    [0, { from: 17, end: 500 }],
    [1, { from: 3, end: null }],
  ])
})

test.each(['', 'x', '0', '0:', '0:1-', '-1:2', '0:1,', '0:99999999999999999999'])('%j is refused', (text) => {
  expect(() => parseCursor(text)).toThrow(/must be the `next` of a response/)
})
