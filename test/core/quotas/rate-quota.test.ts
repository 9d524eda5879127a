/**
 * Goal: a quota on a rate throttles those who share it, and nobody else. Method: records with times.
 */
import { expect, test } from 'vitest'
import { RateQuota } from '../../../core/quotas/rate-quota.ts'

const client = (user: string, clientId = 'app') => ({ user, clientId })

test('two client ids of a user share its quota; another user has one of its own', () => {
  const quota = new RateQuota('producer_byte_rate', { samples: 11, sampleMs: 1000 })
  quota.sensors.update([{ entity: [{ entityType: 'user', entityName: null }], quotas: { producer_byte_rate: 100 } }])
  expect(quota.record(client('alice', 'one'), 1000, 0)).toBe(0)
  expect(quota.record(client('bob'), 1000, 0)).toBe(0)
  expect(quota.record(client('alice', 'two'), 500, 0)).toBe(5000)
  // What is only recorded, or taken back, is paid for by the next request.
  quota.recordOnly(client('bob'), 500, 0)
  expect(quota.record(client('bob'), 0, 0)).toBe(5000)
  quota.recordOnly(client('bob'), -500, 0)
  expect(quota.record(client('bob'), 0, 0)).toBe(0)
  quota.throttled(client('alice'), 5000, 0)
  quota.throttled(client('alice'), 1000, 0)
  expect([...quota.sensors.all()].map(({ entity, throttleTimes }) => [entity.user, throttleTimes.mean(0)])).toEqual([
    ['alice', 3000],
    ['bob', 0],
  ])
})

test('the most of one window: all samples but the current one', () => {
  const quota = new RateQuota('consumer_byte_rate', { samples: 11, sampleMs: 2000 }, 2000)
  expect(quota.maxInWindow(client('alice'), 0)).toBe(Number.POSITIVE_INFINITY)
  quota.sensors.update([{ entity: [{ entityType: 'client-id', entityName: 'app' }], quotas: { consumer_byte_rate: 50 } }])
  expect(quota.maxInWindow(client('alice'), 0)).toBe(1000)
  expect(quota.maxInWindow(client('alice', 'other'), 0)).toBe(Number.POSITIVE_INFINITY)
  expect(quota.record(client('alice'), 1_000_000, 0)).toBe(2000)
})
