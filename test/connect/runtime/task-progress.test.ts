/**
 * Goal: what has begun and not ended for too long is a stall, a retry is no progress, and nothing begun is no stall. Method: the progress
 * on a clock that the test moves.
 */
import { expect, test } from 'vitest'
import { StallWatch } from '../../../connect/runtime/stall-watch.ts'
import { type Stall, TaskProgress } from '../../../connect/runtime/task-progress.ts'
import type { Clock } from '../../../core/system/clock.ts'

function moved() {
  let now = 0
  let tick = () => {}
  const clock = {
    now: () => 1_000_000 + now,
    monotonic: () => now,
    every: (_periodMs: number, task: () => void) => {
      tick = task
      return { cancel: () => (tick = () => {}) }
    },
  } as Partial<Clock> as Clock
  return {
    clock,
    progress: new TaskProgress(clock),
    pass: (ms: number) => {
      now += ms
      tick()
    },
  }
}

test('nothing begun is no stall, however long', () => {
  const { progress, pass } = moved()
  progress.begin('put')
  progress.end('put')
  pass(10_000)
  expect(progress.stall(100)).toBeNull()
})

test('beginning again is no progress; advancing is', () => {
  const { progress, pass } = moved()
  progress.begin('put')
  pass(60)
  progress.begin('put')
  pass(60)
  expect(progress.stall(100)).toEqual({ stage: 'put', since: 1_000_000 })
  progress.advance('put')
  expect(progress.stall(100)).toBeNull()
})

test('of two that take too long, it is the one that the other waits for', () => {
  const { progress, pass } = moved()
  progress.begin('poll')
  progress.begin('flush')
  pass(100)
  expect(progress.stall(100)?.stage).toBe('flush')
})

test('an error ends what was begun', async () => {
  const { progress, pass } = moved()
  await expect(
    progress.during('start', async () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  pass(1_000)
  expect(progress.stall(100)).toBeNull()
})

test('a watch says once that a task stalls, and once that it goes on', () => {
  const { clock, progress, pass } = moved()
  const said: (Stall | null)[] = []
  const watch = new StallWatch(clock, progress, 100, (stall) => said.push(stall))
  progress.begin('put')
  for (let n = 0; n < 10; n++) pass(50)
  expect(said).toEqual([{ stage: 'put', since: 1_000_000 }])
  progress.end('put')
  pass(50)
  pass(50)
  expect(said.slice(1)).toEqual([null])
  watch.cancel()
  progress.begin('put')
  pass(500)
  expect(said.length).toBe(2)
})

test('what is tried again is the work that is shown, with its reason, until it ends; then that of the connector is again', () => {
  const { progress, pass } = moved()
  const shown: unknown[] = []
  progress.onWork = () => shown.push(progress.work)
  progress.show({ what: 'snapshot' })
  progress.begin('put')
  pass(5)
  progress.retrying('put', new Error('the system is away'), 1)
  progress.end('flush')
  pass(5)
  progress.retrying('put', new Error('it is still away'), 2)
  const since = new Date(1_000_000).toISOString()
  expect(progress.work).toEqual({ what: 'put is tried again', reason: 'it is still away', tries: 2, since })
  progress.end('put')
  expect(progress.work).toEqual({ what: 'snapshot' })
  expect(shown).toHaveLength(4)
})
