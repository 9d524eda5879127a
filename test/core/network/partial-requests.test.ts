/**
 * Goal: requests that are not complete have a bound over all connections, and whoever stalls longest pays for it. Method: the rule
 * alone, and a random story against the sums.
 */
import { expect, test } from 'vitest'
import { PartialRequests } from '../../../core/network/partial-requests.ts'
import { randomFrom } from '../../random.ts'

class Holder {
  closed: string | null = null

  close(reason: string): void {
    this.closed = reason
  }
}

test('beyond the limit the oldest are closed, until the others fit', () => {
  const partial = new PartialRequests(100)
  const [first, second, third] = [new Holder(), new Holder(), new Holder()]
  partial.hold(first!, 10)
  partial.hold(second!, 40)
  partial.hold(first!, 50)
  expect(partial.bytes).toBe(90)
  partial.hold(third!, 60)
  expect([first!.closed, second!.closed, third!.closed]).toEqual([expect.stringContaining('more than 100 bytes'), null, null])
  expect(partial.bytes).toBe(100)
})

test('who completes a request and begins another one is the newest', () => {
  const partial = new PartialRequests(100)
  const [busy, slow] = [new Holder(), new Holder()]
  partial.hold(busy!, 40)
  partial.hold(slow!, 40)
  partial.hold(busy!, 0)
  partial.hold(busy!, 61)
  expect([busy!.closed, slow!.closed]).toEqual([null, expect.any(String)])
})

test('one alone that is too large', () => {
  const partial = new PartialRequests(100)
  const holder = new Holder()
  partial.hold(holder, 101)
  expect([holder.closed !== null, partial.bytes]).toEqual([true, 0])
})

test('a random story', () => {
  const random = randomFrom(3)
  const partial = new PartialRequests(1000)
  const holders = Array.from({ length: 30 }, () => ({ holder: new Holder(), bytes: 0 }))
  for (let step = 0; step < 20_000; step++) {
    const one = holders[Math.floor(random() * holders.length)]!
    one.bytes = random() < 0.4 ? 0 : one.bytes + Math.floor(random() * 60)
    partial.hold(one.holder, one.bytes)
    for (const other of holders)
      if (other.holder.closed !== null) {
        other.holder = new Holder()
        other.bytes = 0
      }
    expect(partial.bytes).toBe(holders.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(partial.bytes).toBeLessThanOrEqual(1000)
  }
})
