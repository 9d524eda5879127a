/**
 * Goal: a task retries as often as its settings say, and a lost connection is not the same as a statement that fails. Method: the policy is
 * told what fails, and asked what to throw.
 */
import { expect, test } from 'vitest'
import { Retriable } from '../../../connect/sdk/index.ts'
import { RetryPolicy } from '../../../connectors/postgres-sink/retry-policy.ts'

const delays = (policy: RetryPolicy, isConnected: boolean, times: number) =>
  Array.from({ length: times }, () => {
    const error = policy.failed(new Error('no'), isConnected)
    return error instanceof Retriable ? error.afterMs : 'failed'
  })
const limits = { retries: 2, backoffMs: 30, connectAttempts: 3, connectBackoffMs: 100 }

test('a statement is retried as often as allowed, and a success begins anew', () => {
  const policy = new RetryPolicy(limits)
  expect(delays(policy, true, 3)).toEqual([30, 30, 'failed'])
  policy.succeeded()
  expect(delays(policy, true, 1)).toEqual([30])
})

test('several tries to connect are one retry', () => {
  expect(delays(new RetryPolicy(limits), false, 9)).toEqual([100, 100, 30, 100, 100, 30, 100, 100, 'failed'])
})

test('both may be without limit', () => {
  expect(delays(new RetryPolicy({ ...limits, retries: null }), true, 100).at(-1)).toBe(30)
  expect(delays(new RetryPolicy({ ...limits, connectAttempts: null }), false, 100).at(-1)).toBe(100)
})
