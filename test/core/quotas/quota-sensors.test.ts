/**
 * Goal: what is kept of clients is bounded, forgotten when it is not used, and follows changes of the quotas (Invariant 13). Method: more
 * clients than may be kept, and a changed quota.
 */
import { expect, test } from 'vitest'
import { limits } from '../../../core/quotas/limits.ts'
import { QuotaSensors } from '../../../core/quotas/quota-sensors.ts'

const quota = (entityType: string, entityName: string | null, value: number) => ({
  entity: [{ entityType, entityName }],
  quotas: { producer_byte_rate: value },
})
const sensorsWith = (...quotas: ReturnType<typeof quota>[]) => {
  const sensors = new QuotaSensors('producer_byte_rate', () => ({ value: 0 }))
  sensors.update(quotas)
  return sensors
}

test('those unused for longest are forgotten when there are too many', () => {
  const sensors = sensorsWith(quota('client-id', null, 1))
  const first = sensors.of({ user: 'u', clientId: 'first' }, 0)
  const used = sensors.of({ user: 'u', clientId: 'used' }, 0)
  for (let client = 0; client < limits.sensors - 2; client++) sensors.of({ user: 'u', clientId: `${client}` }, 1)
  expect(sensors.of({ user: 'u', clientId: 'used' }, 2000)).toBe(used)
  sensors.of({ user: 'u', clientId: 'one more' }, 2000)
  expect(sensors.size).toBe(limits.sensors)
  expect(sensors.of({ user: 'u', clientId: 'used' }, 2000)).toBe(used)
  expect(sensors.of({ user: 'u', clientId: 'first' }, 2000)).not.toBe(first)
})

test('one that is not used for an hour is forgotten', () => {
  const sensors = sensorsWith(quota('user', null, 1))
  sensors.of({ user: 'a', clientId: '' }, 0)
  sensors.of({ user: 'b', clientId: '' }, 0)
  sensors.of({ user: 'a', clientId: '' }, 60_000)
  sensors.expire(limits.sensorExpirationMs)
  expect([...sensors.all()].map(({ entity }) => entity.user)).toEqual(['a'])
  sensors.expire(limits.sensorExpirationMs + 60_000)
  expect(sensors.size).toBe(0)
})

test('a changed quota applies to what is used already; without any, nothing is enabled', () => {
  const sensors = sensorsWith(quota('user', 'a', 5))
  const sensor = sensors.of({ user: 'a', clientId: 'x' }, 0)
  expect([sensor.limit, sensors.isEnabled]).toEqual([5, true])
  sensors.update([quota('user', null, 7)])
  expect([sensor.limit, sensors.isEnabled]).toEqual([7, true])
  sensors.update([])
  expect([sensor.limit, sensors.isEnabled]).toEqual([Number.POSITIVE_INFINITY, false])
})

test('names that look alike when they are joined are different clients', () => {
  const both = {
    entity: [
      { entityType: 'user', entityName: null },
      { entityType: 'client-id', entityName: null },
    ],
    quotas: { producer_byte_rate: 1 },
  }
  const sensors = new QuotaSensors('producer_byte_rate', () => ({}))
  sensors.update([both])
  const names = [
    ['ab', 'c'],
    ['a', 'bc'],
    ['1:a', 'b'],
    ['', '1:ab'],
    ['1', ':ab'],
  ] as const
  const found = names.map(([user, clientId]) => sensors.of({ user, clientId }, 0))
  expect(new Set(found).size).toBe(names.length)
})
