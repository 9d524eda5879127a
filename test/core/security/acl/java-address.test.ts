/**
 * Goal: an address is written as Java writes it, so that the hosts of access control lists mean the same here. Method: addresses as Node
 * has them, and as InetAddress.getHostAddress prints them.
 */
import { expect, test } from 'vitest'
import { javaAddress } from '../../../../core/security/acl/java-address.ts'

test.each([
  ['/127.0.0.1', '127.0.0.1'],
  ['/::1', '0:0:0:0:0:0:0:1'],
  ['/::', '0:0:0:0:0:0:0:0'],
  ['/2001:db8::8a2e:370:7334', '2001:db8:0:0:0:8a2e:370:7334'],
  ['/2001:DB8:0001::', '2001:db8:1:0:0:0:0:0'],
  ['/1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['/fe80::1%eth0', 'fe80:0:0:0:0:0:0:1%eth0'],
  ['/unknown', 'unknown'],
])('%s is %s', (host, expected) => {
  expect(javaAddress(host)).toBe(expected)
})
