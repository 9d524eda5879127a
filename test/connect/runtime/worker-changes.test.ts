/**
 * Goal: changes run one after another once the worker has joined; a request that waits, and the health check, say what the worker is in the
 * middle of, in Kafka Connect's words. Method: a membership and a clock that the test controls.
 */
import { expect, test } from 'vitest'
import { WorkerChanges } from '../../../connect/runtime/worker-changes.ts'
import type { WorkerMembership } from '../../../connect/runtime/worker-membership.ts'
import { handClock } from '../../hand-clock.ts'

function opened() {
  const { clock, advance } = handClock()
  const joined = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<never>()
  const membership = { joined: joined.promise, failed: failed.promise, lostAt: null as number | null, isLeader: true, leaderUrl: null }
  return { changes: new WorkerChanges(membership as unknown as WorkerMembership, clock), membership, joined, failed, advance }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a change waits for the group and for the changes before it, and says so', async () => {
  const { changes, joined } = opened()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = changes.run('writing a config', async () => {
    await gate.promise
    order.push('first')
  })
  const second = changes.run('restarting a task', async () => void order.push('second'))
  await settled()
  expect(changes.stage).toBe('The worker is currently ensuring membership in the cluster, which began at 1970-01-01T00:00:00.000Z')
  joined.resolve()
  await settled()
  expect(changes.stage).toBe('The worker is currently writing a config, which began at 1970-01-01T00:00:00.000Z')
  gate.resolve()
  await Promise.all([first, second])
  expect(order).toEqual(['first', 'second'])
  expect(changes.stage).toBeNull()
})

test('a worker is starting, healthy, unhealthy while a change or its group takes too long, and healthy again', async () => {
  const { changes, joined, membership, advance } = opened()
  expect(changes.health()).toEqual({ status: 'starting', message: 'Worker is still starting up.' })
  joined.resolve()
  await settled()
  expect(changes.health().status).toBe('healthy')
  const gate = Promise.withResolvers<void>()
  const change = changes.run('writing a config', () => gate.promise)
  await settled()
  advance(9_999)
  expect(changes.health().status).toBe('healthy')
  advance(1)
  expect(changes.health()).toEqual({
    status: 'unhealthy',
    message:
      'Worker was unable to handle this request and may be unable to handle other requests. ' +
      'The worker is currently writing a config, which began at 1970-01-01T00:00:00.000Z',
  })
  gate.resolve()
  await change
  expect(changes.health().status).toBe('healthy')
  membership.lostAt = 10_000
  advance(10_000)
  expect(changes.health().message).toContain('ensuring membership in the cluster')
  membership.lostAt = null
  expect(changes.health().status).toBe('healthy')
})

test('a worker that its group refuses for good is unhealthy, and its changes fail with the reason', async () => {
  const { changes, failed } = opened()
  failed.reject(new Error('the group refuses it'))
  await settled()
  expect(changes.health()).toEqual({ status: 'unhealthy', message: 'the group refuses it' })
  await expect(changes.run('writing a config', async () => {})).rejects.toMatchObject({ status: 500, message: 'the group refuses it' })
})
