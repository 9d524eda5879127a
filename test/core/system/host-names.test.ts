/**
 * Goal: a name is resolved by the system, and one without an address is no error. Method: the names that every machine has.
 */
import { expect, test } from 'vitest'
import { realHostNames } from '../../../core/system/host-names.ts'

test('the addresses of names', async () => {
  expect(['127.0.0.1', '::1']).toContain(await realHostNames.address('localhost'))
  expect(await realHostNames.address('10.1.2.3')).toBe('10.1.2.3')
  expect(await realHostNames.address('a..b')).toBeNull()
})
