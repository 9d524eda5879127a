/**
 * Goal: `npm ci` of a clean clone installs all that the tests need, from whatever registry the machine uses. Method: package-lock.json is
 * read.
 */
import { expect, test } from 'vitest'
import { leftOut, readLock } from './lock.ts'

test('no optional package is left out where npm runs on an older Node (node test/lock.ts repairs it)', () => {
  expect(leftOut(readLock())).toEqual([])
})

test('the lock file names no host', () => {
  const named = Object.entries(readLock().packages).filter(([, entry]) => /^https?:/.test(entry.resolved ?? ''))
  expect(named.map(([name]) => name)).toEqual([])
})
