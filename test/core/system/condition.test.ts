/**
 * Goal: a task that waits for a state goes on when it is reached, and not before; an abort ends every wait. Method: by hand.
 */
import { expect, test } from 'vitest'
import { aborted, Condition } from '../../../core/system/condition.ts'

test('a task goes on when the state is reached, not at each change', async () => {
  const changed = new Condition()
  let count = 0
  let reached = false
  const waiting = changed
    .until(() => count === 2)
    .then(() => {
      reached = true
    })
  count = 1
  changed.notify()
  await new Promise((resolve) => setImmediate(resolve))
  expect(reached).toBe(false)
  count = 2
  changed.notify()
  await waiting
  expect(reached).toBe(true)
})

test('a state that is reached already needs no change', async () => {
  await new Condition().until(() => true)
})

test('an abort ends the wait, now or later', async () => {
  const ending = new AbortController()
  const waits = [new Condition().until(() => false, ending.signal), aborted(ending.signal)]
  ending.abort()
  await Promise.all(waits)
  await new Condition().until(() => false, ending.signal)
  await aborted(ending.signal)
})
