/**
 * Goal: the appends that wait for the transaction coordinator share a guard by producer, and the guards are bounded. Method: guards without
 * a log.
 */
import { expect, test } from 'vitest'
import { MAX_GUARDS, VerificationGuards } from '../../../core/log/verification-guards.ts'

test('a guard keeps the lowest sequence of the newest epoch', () => {
  const guards = new VerificationGuards()
  const guard = guards.create(1, 0, 7, false, 100)
  expect(guards.create(1, 0, 5, false, 100)).toBe(guard)
  guards.create(1, 0, 6, false, 100)
  expect(guard).toMatchObject({ producerEpoch: 0, lowestSequence: 5 })
  guards.create(1, 1, 9, false, 100)
  guards.create(1, 0, 1, false, 100)
  expect(guard).toMatchObject({ producerEpoch: 1, lowestSequence: 9 })
})

test('a cleared guard is another one afterwards; one that nobody uses expires', () => {
  const guards = new VerificationGuards()
  const guard = guards.create(1, 0, 0, true, 100)
  guards.clear(1)
  expect(guards.get(1)).toBeUndefined()
  const next = guards.create(1, 0, 0, true, 200)
  expect(next).not.toBe(guard)
  guards.expire(200)
  expect(guards.get(1)).toBe(next)
  guards.expire(201)
  expect(guards.size).toBe(0)
})

test('the number of guards is bounded: the oldest is void', () => {
  const guards = new VerificationGuards()
  for (let producerId = 0; producerId <= MAX_GUARDS; producerId++) guards.create(producerId, 0, 0, false, 0)
  expect([guards.size, guards.get(0), guards.get(1) !== undefined]).toEqual([MAX_GUARDS, undefined, true])
})
