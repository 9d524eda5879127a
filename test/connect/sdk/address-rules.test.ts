/**
 * Goal: no request goes to an address inside of a network unless a setting allows it, however the address is written. Method: addresses of
 * all kinds, and entries of the setting.
 */
import { expect, test } from 'vitest'
import { AddressRules, allowedAddressProblem } from '../../../connect/sdk/address-rules.ts'

const none = new AddressRules([])

test.each([
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.100.100.200',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd12:3456::1',
  'fd00:ec2::254',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:169.254.169.254',
  '64:ff9b::7f00:1',
  '64:ff9b::10.0.0.1',
  '64:ff9b::1',
  '2002:7f00:1::',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '::ffff:0:127.0.0.1',
  '168.63.129.16',
  '2001:2::1',
  '2001:20::1',
  '3fff::1',
  '5f00::1',
])('%s is not reached', (address) => {
  expect(none.allows('service.example', address)).toBe(false)
})

test.each([
  '93.184.216.34',
  '168.63.129.17',
  '2001:200::1',
  '2001:4860:4860::8888',
  '172.32.0.1',
  '100.128.0.1',
  '169.253.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
])('%s is reached', (address) => {
  expect(none.allows('service.example', address)).toBe(true)
})

test('networks, addresses and hosts open what they name, and nothing else', () => {
  const rules = new AddressRules(['10.1.0.0/16', '192.168.1.7', 'fd00::/8', 'Internal.example'])
  expect(rules.allows('a', '10.1.255.1')).toBe(true)
  expect(rules.allows('a', '::ffff:10.1.255.1')).toBe(true)
  expect(rules.allows('a', '10.2.0.1')).toBe(false)
  expect(rules.allows('a', '192.168.1.7')).toBe(true)
  expect(rules.allows('a', '192.168.1.8')).toBe(false)
  expect(rules.allows('a', 'fd12::1')).toBe(true)
  expect(rules.allows('internal.example', '127.0.0.1')).toBe(true)
  expect(rules.allows('not.internal.example', '127.0.0.1')).toBe(false)
  expect(new AddressRules(['*']).allows('a', '127.0.0.1')).toBe(true)
})

test('a limit counts whatever is allowed, also for everything and for hosts; public addresses have none', () => {
  const limit = ['10.1.0.0/16', 'internal.example']
  const all = new AddressRules(['*'], limit)
  expect(all.allows('a', '10.1.2.3')).toBe(true)
  expect(all.allows('a', '10.2.2.3')).toBe(false)
  expect(all.allows('a', '::ffff:169.254.169.254')).toBe(false)
  expect(all.allows('internal.example', '127.0.0.1')).toBe(true)
  expect(all.allows('a', '93.184.216.34')).toBe(true)
  expect(new AddressRules(['a'], limit).allows('a', '127.0.0.1')).toBe(false)
  expect(new AddressRules(['10.0.0.0/8'], limit).allows('internal.example', '10.9.0.1')).toBe(true)
  expect(new AddressRules(['10.1.0.1'], limit).allows('a', '10.1.0.2')).toBe(false)
  expect(new AddressRules(['*'], []).allows('a', '127.0.0.1')).toBe(false)
})

test('who refuses an address is known', () => {
  const rules = new AddressRules(['10.0.0.0/8'], ['10.1.0.0/16'])
  expect(rules.refusal('a', '127.0.0.1')).toBe('setting')
  expect(rules.refusal('a', '10.2.0.1')).toBe('limit')
  expect(rules.refusal('a', '10.1.0.1')).toBeNull()
})

test('an entry that is none is refused', () => {
  for (const good of ['10.0.0.0/8', '::1', 'fd00::/8', 'host', 'a.b-c.example', '*']) expect(allowedAddressProblem(good)).toBeUndefined()
  for (const bad of ['10.0.0.0/33', 'fd00::/129', 'x/8', 'a b', 'http://host', '-x', '']) expect(allowedAddressProblem(bad)).toBeDefined()
})
