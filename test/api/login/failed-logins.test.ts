/**
 * Goal: passwords cannot be tried by the thousand, one client locks out no other, and memory is bounded. Method: the counter alone, with a
 * time that the test gives.
 */
import { expect, test } from 'vitest'
import { clientOf, FAILED_LOGIN_BURST, FAILED_LOGINS_PER_SECOND, FailedLogins, MAX_PAIRS } from '../../../api/login/failed-logins.ts'

const fill = (failed: FailedLogins, user: string, address: string, now: number) => {
  for (let index = 0; index < FAILED_LOGIN_BURST; index++) failed.add(user, address, now)
}

test('after a burst one more each second, for this user from this address only', () => {
  const failed = new FailedLogins()
  for (let index = 0; index < FAILED_LOGIN_BURST; index++) {
    expect(failed.isBlocked('alice', '10.0.0.1', 0)).toBe(false)
    failed.add('alice', '10.0.0.1', 0)
  }
  expect(failed.isBlocked('alice', '10.0.0.1', 0)).toBe(true)
  expect(failed.isBlocked('alice', '10.0.0.2', 0)).toBe(false)
  expect(failed.isBlocked('bob', '10.0.0.1', 0)).toBe(false)
  expect(failed.isBlocked('alice', '10.0.0.1', 1000 / FAILED_LOGINS_PER_SECOND)).toBe(false)
  failed.add('alice', '10.0.0.1', 1000)
  expect(failed.isBlocked('alice', '10.0.0.1', 1000)).toBe(true)
})

test('whoever tries without pause has the burst and one try a second', () => {
  const failed = new FailedLogins()
  let tries = 0
  for (let now = 0; now < 60_000; now += 10) {
    if (failed.isBlocked('alice', '10.0.0.1', now)) continue
    failed.add('alice', '10.0.0.1', now)
    tries++
  }
  expect(tries).toBeLessThanOrEqual(FAILED_LOGIN_BURST + 60 * FAILED_LOGINS_PER_SECOND)
  expect(tries).toBeGreaterThanOrEqual(FAILED_LOGIN_BURST + 59 * FAILED_LOGINS_PER_SECOND)
})

test('the number of pairs is bounded; whoever tries many users does not make the failures of one forgotten', () => {
  const failed = new FailedLogins()
  fill(failed, 'alice', '10.0.0.1', 0)
  for (let index = 0; index < 3 * MAX_PAIRS; index++) {
    failed.add(`user ${index}`, '10.0.0.1', 0)
    expect(failed.size).toBeLessThanOrEqual(MAX_PAIRS)
  }
  expect(failed.isBlocked('alice', '10.0.0.1', 0)).toBe(true)
})

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:0:7:1:2:3:4', '2001:db8:0:7::/64'],
  ['2001:0DB8::7:1:2:3:4', '2001:db8:0:7::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
])('%s is the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client)
})
