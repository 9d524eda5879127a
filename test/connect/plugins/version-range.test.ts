/**
 * Goal: versions are in Maven's order, and ranges contain what Maven's contain. Method: Maven's own examples, as a table.
 */
import { describe, expect, test } from 'vitest'
import { compareVersions, InvalidVersionRange, versionRange } from '../../../connect/plugins/version-range.ts'

const ascending = [
  ['undefined', '0.1'],
  ['1', '1.1'],
  ['1.9', '1.10'],
  ['1-alpha', '1-beta'],
  ['1.0-alpha-1', '1.0-alpha-2'],
  ['1-beta', '1-milestone'],
  ['1-m1', '1-rc'],
  ['1-cr', '1-SNAPSHOT'],
  ['1-SNAPSHOT', '1'],
  ['1', '1-sp'],
  ['1-sp', '1-abc'],
  ['1-abc', '1-1'],
  ['1-1', '1.1'],
  ['2.0.0-rc1', '2.0.0'],
  ['1.0.0', '1.0.1'],
] as const

test.each(ascending)('%s is older than %s', (older, newer) => {
  expect(compareVersions(older, newer)).toBeLessThan(0)
  expect(compareVersions(newer, older)).toBeGreaterThan(0)
})

test.each([
  ['1', '1.0.0'],
  ['1.0', '1-ga'],
  ['1.0.0-final', '1'],
  ['1rc2', '1-rc-2'],
  ['1.0-a1', '1-alpha-1'],
])('%s is %s', (one, other) => {
  expect(compareVersions(one, other)).toBe(0)
})

describe('a range', () => {
  test.each([
    ['1.0', ['1.0', '1.0.0'], ['1.0.1', '0.9', 'undefined']],
    ['[1.0,2.0)', ['1.0', '1.9.9', '2.0-rc1'], ['2.0', '0.9']],
    ['(1.0,2.0]', ['1.1', '2.0'], ['1.0', '2.1']],
    ['[1.5,)', ['1.5', '99'], ['1.4']],
    ['(,1.0],[1.2,)', ['0.5', '1.0', '1.2'], ['1.1']],
    ['[1.0]', ['1'], ['1.1']],
    [' [1.0, 2.0) ', ['1.5'], ['2']],
  ])('%s', (text, inside, outside) => {
    const range = versionRange(text)!
    expect(inside.filter((version) => !range.contains(version))).toEqual([])
    expect(outside.filter((version) => range.contains(version))).toEqual([])
  })

  test.each(['', ' ', 'latest', null, undefined])('%s is any version', (text) => {
    expect(versionRange(text)).toBeNull()
  })

  test.each(['[1.0', '1.0]', '[1.0,2.0', '(1.0)', '[2.0,1.0]', '(1.0,1.0]', '[1,2,3]', '[1,2],[1.5,3]', '1.0,2.0', '[]', '[1]x'])(
    '%s is refused',
    (text) => {
      expect(() => versionRange(text)).toThrow(InvalidVersionRange)
    },
  )
})
