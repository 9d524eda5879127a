/** Goal: one client has one address, however it is written. Method: the texts that sockets, files and clients use. */
import { expect, test } from 'vitest'
import { canonicalAddress } from '../../../core/network/address.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.0.0.2', '10.0.0.2'],
  ['::FFFF:10.0.0.2', '10.0.0.2'],
  ['0:0:0::2', '::2'],
  ['FE80::0:1%eth0', 'fe80::1'],
  ['localhost', null],
  ['127.1', null],
  ['', null],
])('%s is %s', (host, expected) => {
  expect(canonicalAddress(host)).toBe(expected)
})
