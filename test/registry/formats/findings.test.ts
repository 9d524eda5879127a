/** Goal: findings are listed in order with their paths, and never more than the limits. Method: nested findings, shared ones, deep ones. */
import { expect, test } from 'vitest'
import { type Findings, listed, together } from '../../../registry/formats/findings.ts'

interface Found {
  readonly name: string
  readonly path: readonly string[]
}

test('paths lead from the root, in the order of the parts', () => {
  const inner: Findings<Found> = [{ name: 'a', path: ['x'] }]
  const findings: Findings<Found> = [
    { nested: [{ nested: inner, path: ['2'] }], path: ['1'] },
    { name: 'b', path: [] },
    { nested: inner, path: [] },
  ]
  expect(listed(findings)).toEqual([
    { name: 'a', path: ['1', '2', 'x'] },
    { name: 'b', path: [] },
    { name: 'a', path: ['x'] },
  ])
})

test('what doubles at every level is listed up to a thousand times', () => {
  let findings: Findings<Found> = [{ name: 'a', path: [] }]
  for (let level = 0; level < 200; level++) findings = together([findings, [], findings])
  expect(listed(findings)).toHaveLength(1000)
})

test('a long path is written for few differences', () => {
  let findings: Findings<Found> = [
    { name: 'a', path: [] },
    { name: 'b', path: [] },
  ]
  for (let level = 0; level < 300_000; level++) findings = [{ nested: findings, path: ['p'] }]
  expect(listed(findings).map(({ name, path }) => [name, path.length])).toEqual([['a', 300_000]])
})

test('the only part is not wrapped', () => {
  const part: Findings<Found> = [{ name: 'a', path: [] }]
  expect(together([[], part, []])).toBe(part)
  expect(together<Found>([[], []])).toEqual([])
})
