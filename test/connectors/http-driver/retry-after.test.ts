/**
 * Goal: a server's wish to wait is heeded up to the limit, and none of its forms makes a client ask at once again. Method: headers of all
 * kinds.
 */
import { expect, test } from 'vitest'
import { retryAfterMs } from '../../../connectors/http-driver/retry-after.ts'

const NOW = Date.UTC(2026, 0, 1)

test.each([
  ['3', 3000],
  [' 3 ', 3000],
  ['Thu, 01 Jan 2026 00:00:07 GMT', 7000],
  ['Fri, 02 Jan 2026 00:00:00 GMT', 60_000],
  ['999999999', 60_000],
  ['9999999999', 60_000],
  ['9'.repeat(40), 60_000],
  ['0', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['Wed, 31 Dec 2025 23:59:59 GMT', undefined],
  ['soon', undefined],
  ['', undefined],
])('%s is a wait of %s ms', (header, waitMs) => {
  expect(retryAfterMs(header, NOW, 60_000)).toBe(waitMs)
})

test('of several headers the first counts', () => {
  expect(retryAfterMs(['1', '2'], NOW, 60_000)).toBe(1000)
  expect(retryAfterMs(undefined, NOW, 60_000)).toBeUndefined()
})
