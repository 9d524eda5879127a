/**
 * Goal: an exhausted quota on mutations refuses strict requests and throttles permissive ones; what is left may be exceeded once, as in
 * Kafka. Method: requests with times.
 */
import { expect, test } from 'vitest'
import { MutationQuota } from '../../../core/quotas/mutation-quota.ts'

let now = 0
const client = { user: 'alice', clientId: 'admin' }
const limited = (rate: number) => {
  const quota = new MutationQuota({ samples: 11, sampleMs: 1000 }, () => now)
  quota.sensors.update([{ entity: [{ entityType: 'user', entityName: 'alice' }], quotas: { controller_mutation_rate: rate } }])
  return quota
}

test('strict: refused until the quota is back, and told how long that takes', () => {
  now = 0
  const quota = limited(10)
  const first = quota.of(client, true)
  first.record(130)
  expect(first.throttleTimeMs).toBe(0)
  // Another topic of the same request.
  expect(() => first.record(1)).toThrow(expect.objectContaining({ error: 'THROTTLING_QUOTA_EXCEEDED' }))
  expect(first.throttleTimeMs).toBe(2000)
  now = 500
  expect(first.throttleTimeMs).toBe(1500)
  const second = quota.of(client, true)
  expect(() => second.record(1)).toThrow('THROTTLING_QUOTA_EXCEEDED')
  expect(second.throttleTimeMs).toBe(1500)
  now = 2000
  quota.of(client, true).record(1)
})

test('permissive: done, and throttled', () => {
  now = 0
  const quota = limited(10)
  const request = quota.of(client, false)
  request.record(130)
  expect(request.throttleTimeMs).toBe(2000)
  request.record(10)
  expect(request.throttleTimeMs).toBe(3000)
  now = 5000
  expect(request.throttleTimeMs).toBe(0)
})

test('a client without a quota is not limited, whoever else has one', () => {
  now = 0
  const quota = limited(1)
  const other = quota.of({ user: 'bob', clientId: 'admin' }, true)
  for (let request = 0; request < 3; request++) other.record(1_000_000)
  expect(other.throttleTimeMs).toBe(0)
  quota.sensors.update([])
  const unlimited = quota.of(client, true)
  for (let request = 0; request < 3; request++) unlimited.record(1_000_000)
  expect([unlimited.throttleTimeMs, quota.isEnabled]).toEqual([0, false])
})
