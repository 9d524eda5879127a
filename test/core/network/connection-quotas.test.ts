/**
 * Goal: the counts and rates of connections decide as Kafka's ConnectionQuotas. Method: the rules alone, with times that the test chooses;
 * then a random story against a simple model. What a real broker does beside Apache Kafka is in test/peers.
 */
import { describe, expect, test } from 'vitest'
import { type ConnectionLimits, ConnectionQuotas } from '../../../core/network/connection-quotas.ts'
import { limits as bounds } from '../../../core/network/limits.ts'
import { randomFrom } from '../../random.ts'

const MAX = 2 ** 31 - 1
const none: ConnectionLimits = {
  maxConnections: MAX,
  maxCreationRate: MAX,
  maxPerIp: MAX,
  perIpOverrides: new Map(),
  listeners: new Map(),
}
const window = { samples: 11, sampleMs: 1000 }

function quotas(limits: Partial<ConnectionLimits> = {}, listeners = ['INTERNAL', 'EXTERNAL']): ConnectionQuotas {
  const created = new ConnectionQuotas({ window, interBrokerListener: 'INTERNAL', limits: { ...none, ...limits } })
  for (const listener of listeners) created.addListener(listener)
  return created
}

const admitted = (of: ConnectionQuotas, listener: string, address = 'a') => of.admit(listener, address, 0).outcome === 'admitted'

describe('how many', () => {
  test('max.connections holds for all listeners together, and not for the inter-broker one', () => {
    const two = quotas({ maxConnections: 2, listeners: new Map([['INTERNAL', { maxConnections: 5, maxCreationRate: MAX }]]) })
    expect(two.hasSlot('EXTERNAL')).toBe(true)
    admitted(two, 'EXTERNAL')
    admitted(two, 'INTERNAL')
    expect(two.hasSlot('EXTERNAL')).toBe(false)
    expect(two.hasSlot('INTERNAL')).toBe(true)
    expect(two.excess).toBe(0)
    admitted(two, 'INTERNAL')
    expect(two.excess).toBe(1)
    two.release('EXTERNAL', 'a')
    expect(two.excess).toBe(0)
    expect(two.hasSlot('EXTERNAL')).toBe(false)
  })

  test('the inter-broker listener is not protected where it is the only one', () => {
    const one = quotas({ maxConnections: 1 }, ['INTERNAL'])
    admitted(one, 'INTERNAL')
    expect(one.isProtected('INTERNAL')).toBe(false)
    expect(one.hasSlot('INTERNAL')).toBe(false)
  })

  test('max.connections of a listener', () => {
    const one = quotas({ listeners: new Map([['EXTERNAL', { maxConnections: 1, maxCreationRate: MAX }]]) })
    admitted(one, 'EXTERNAL')
    expect([one.hasSlot('EXTERNAL'), one.hasSlot('INTERNAL')]).toEqual([false, true])
  })

  test('max.connections.per.ip, and the overrides of addresses', () => {
    const few = quotas({ maxPerIp: 1, perIpOverrides: new Map([['b', 2], ['c', 0], ['d', -1]]) }) // biome-ignore format: one line
    expect(few.admit('EXTERNAL', 'a', 0)).toEqual({ outcome: 'admitted' })
    expect(few.admit('EXTERNAL', 'a', 0)).toEqual({ outcome: 'rejected', max: 1 })
    expect([admitted(few, 'INTERNAL', 'b'), admitted(few, 'EXTERNAL', 'b'), admitted(few, 'EXTERNAL', 'b')]).toEqual([true, true, false])
    expect([admitted(few, 'EXTERNAL', 'c'), admitted(few, 'EXTERNAL', 'd')]).toEqual([false, false])
    few.release('EXTERNAL', 'a')
    expect(admitted(few, 'EXTERNAL', 'a')).toBe(true)
    few.limits = { ...none, maxPerIp: 2 }
    expect(admitted(few, 'EXTERNAL', 'a')).toBe(true)
    expect(admitted(few, 'EXTERNAL', 'a')).toBe(false)
  })
})

describe('how fast', () => {
  const times = (number: number, run: () => number) => Array.from({ length: number }, run)

  test('the rate of the broker is not one of the inter-broker listener, that of a listener is', () => {
    const listeners = new Map([['INTERNAL', { maxConnections: MAX, maxCreationRate: 3 }]])
    const slow = quotas({ maxCreationRate: 2, listeners })
    expect(times(30, () => slow.record('INTERNAL', 0)).every((wait) => wait === 0)).toBe(true)
    expect(slow.record('INTERNAL', 0)).toBe(333)
    expect(times(20, () => slow.record('EXTERNAL', 0)).every((wait) => wait === 0)).toBe(true)
    expect(slow.record('EXTERNAL', 0)).toBe(500)
    expect([...slow.figures(0)].map(({ throttled, throttleMs }) => [throttled, throttleMs])).toEqual([
      [1, 333],
      [1, 500],
    ])
  })

  test('no wait is longer than a sample', () => {
    const slow = quotas({ maxCreationRate: 1 })
    times(500, () => slow.record('EXTERNAL', 0))
    expect(slow.record('EXTERNAL', 0)).toBe(1000)
  })

  test('an address that is too fast is not counted, and nobody waits because of it', () => {
    const some = quotas({ maxCreationRate: 1 })
    some.ipRates = { fallback: Number.POSITIVE_INFINITY, byAddress: new Map([['fast', 1]]) }
    for (let event = 0; event < 10; event++) {
      some.record('EXTERNAL', 0)
      expect(some.admit('EXTERNAL', 'fast', 0).outcome).toBe('admitted')
    }
    const before = some.acceptRate(0)
    some.record('EXTERNAL', 0)
    expect(some.admit('EXTERNAL', 'fast', 0)).toEqual({ outcome: 'throttled', throttleMs: 1000 })
    expect(some.acceptRate(0)).toBe(before)
    expect(some.connectionsOf('fast')).toBe(10)
    // It was not recorded either: the next one waits no longer.
    expect(some.admit('EXTERNAL', 'fast', 0)).toEqual({ outcome: 'throttled', throttleMs: 1000 })
    expect(some.admit('EXTERNAL', 'fast', 11_000).outcome).toBe('admitted')
    expect(some.admit('EXTERNAL', 'other', 0).outcome).toBe('admitted')
    expect([...some.figures(0)].find(({ listener }) => listener === 'EXTERNAL')).toMatchObject({ ipThrottled: 2, ipThrottleMs: 2000 })
  })

  test('the default of addresses, and one without a limit', () => {
    const some = quotas()
    some.ipRates = { fallback: 1, byAddress: new Map([['free', Number.POSITIVE_INFINITY]]) }
    const outcomes = (address: string) => new Set(Array.from({ length: 30 }, () => some.admit('EXTERNAL', address, 0).outcome))
    expect(outcomes('any')).toEqual(new Set(['admitted', 'throttled']))
    expect(outcomes('free')).toEqual(new Set(['admitted']))
  })

  test('the rates of addresses that are kept are bounded: those that connected longest ago go first', () => {
    const some = quotas()
    some.ipRates = { fallback: 1, byAddress: new Map() }
    const burst = (address: string) => {
      for (let event = 0; event < 10; event++) some.admit('EXTERNAL', address, 0)
      return some.admit('EXTERNAL', address, 0).outcome
    }
    expect(burst('first')).toBe('throttled')
    for (let address = 0; address < bounds.addressRates - 1; address++) some.admit('EXTERNAL', `${address}`, 0)
    expect(some.admit('EXTERNAL', 'first', 0).outcome).toBe('throttled')
    for (let address = 0; address < bounds.addressRates; address++) some.admit('EXTERNAL', `other ${address}`, 0)
    expect(some.admit('EXTERNAL', 'first', 0).outcome).toBe('admitted')
  })
})

test('a random story: the counts are those of the connections that are open', () => {
  const random = randomFrom(7)
  const few = quotas({ maxConnections: 20, maxPerIp: 6 })
  const open: { listener: string; address: string }[] = []
  for (let step = 0; step < 20_000; step++) {
    const listener = random() < 0.3 ? 'INTERNAL' : 'EXTERNAL'
    const address = `${Math.floor(random() * 6)}`
    if (random() < 0.5) {
      const inListener = open.filter((one) => one.listener === listener).length
      expect(few.hasSlot(listener)).toBe(listener === 'INTERNAL' ? inListener < 20 : open.length < 20 && inListener < 20)
      if (few.hasSlot(listener) && admitted(few, listener, address)) open.push({ listener, address })
    } else if (open.length > 0) {
      const [gone] = open.splice(Math.floor(random() * open.length), 1)
      few.release(gone!.listener, gone!.address)
    }
    expect(few.connections).toBe(open.length)
    expect(few.connectionsOf(address)).toBe(open.filter((one) => one.address === address).length)
    expect(few.excess).toBe(Math.max(0, open.length - 20))
  }
  for (const { listener, address } of open) few.release(listener, address)
  expect([few.connections, few.addresses]).toEqual([0, 0])
})
