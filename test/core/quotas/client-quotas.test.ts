/**
 * Goal: the quotas follow the metadata, measure with the windows of the settings, and forget. Method: a source of quotas and a clock of the
 * test.
 */
import { expect, test } from 'vitest'
import { ClientQuotas, quotaClientOf } from '../../../core/quotas/client-quotas.ts'
import { limits } from '../../../core/quotas/limits.ts'
import { TestClock } from '../groups/memory-store.ts'

const requester = { peer: { principal: 'User:CN=alice:x' }, clientId: null }

function fixture() {
  const clock = new TestClock()
  const tasks = new Set<() => void>()
  let current: { entity: { entityType: string; entityName: string | null }[]; quotas: Record<string, number> }[] = []
  const source = {
    clientQuotas: () => current,
    onClientQuotasChanged(task: () => void) {
      tasks.add(task)
      return () => void tasks.delete(task)
    },
  }
  const quotas = new ClientQuotas(source, { rates: { samples: 3, sampleMs: 2000 }, mutations: { samples: 5, sampleMs: 1000 } }, clock)
  const set = (values: Record<string, number>) => {
    current = Object.keys(values).length === 0 ? [] : [{ entity: [{ entityType: 'user', entityName: null }], quotas: values }]
    for (const task of tasks) task()
  }
  return { clock, quotas, set, tasks }
}

test('a client is the name of its principal and its client id', () => {
  expect(quotaClientOf(requester)).toEqual({ user: 'CN=alice:x', clientId: '' })
  expect(quotaClientOf({ peer: { principal: 'User:ANONYMOUS' }, clientId: 'app' })).toEqual({ user: 'ANONYMOUS', clientId: 'app' })
})

test('changes of the quotas apply at once, with the windows of the settings', () => {
  const { quotas, set } = fixture()
  expect([quotas.isEnabled, quotas.maxFetchBytes(requester)]).toEqual([false, Number.POSITIVE_INFINITY])
  set({ consumer_byte_rate: 10.5 })
  expect([quotas.isEnabled, quotas.maxFetchBytes(requester)]).toEqual([true, 42])
  expect([quotas.fetch.isEnabled, quotas.produce.isEnabled]).toEqual([true, false])
  set({ request_percentage: 1 })
  // No longer than one window.
  expect(quotas.request.record(quotaClientOf(requester), 1e9, quotas.now())).toBe(2000)
  set({ controller_mutation_rate: 2 })
  const mutations = quotas.mutations(requester, false)
  mutations.record(10)
  expect(mutations.throttleTimeMs).toBe(0)
  mutations.record(2)
  expect(mutations.throttleTimeMs).toBe(1000)
  set({})
  expect(quotas.isEnabled).toBe(false)
})

test('unused clients are forgotten from time to time, until the quotas are closed', async () => {
  const { clock, quotas, set, tasks } = fixture()
  set({ producer_byte_rate: 1 })
  quotas.produce.record(quotaClientOf(requester), 1, quotas.now())
  await clock.pass(limits.sensorExpirationMs + limits.expirationCheckMs)
  expect(quotas.produce.sensors.size).toBe(0)
  quotas.produce.record(quotaClientOf(requester), 1, quotas.now())
  quotas.close()
  await clock.pass(2 * limits.sensorExpirationMs)
  expect([quotas.produce.sensors.size, tasks.size]).toEqual([1, 0])
})
