/**
 * Goal: a delayed fetch completes when enough bytes are available, its time is over, its client disconnects or its topic is deleted;
 * thousands of them cost an append to another log nothing. Method: fake logs and a clock that the test advances.
 */
import { expect, test } from 'vitest'
import { FetchPurgatory } from '../../../core/log/fetch-purgatory.ts'
import type { PartitionLog } from '../../../core/log/types.ts'
import type { Clock } from '../../../core/system/clock.ts'

function handClock() {
  let now = 0
  const timers = new Set<{ at: number; task: () => void }>()
  const after: Clock['after'] = (delayMs, task) => {
    const timer = { at: now + delayMs, task }
    timers.add(timer)
    return { cancel: () => timers.delete(timer) }
  }
  return {
    clock: { after } as Clock,
    timers,
    advance(ms: number) {
      now += ms
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer)
        timer.task()
      }
    },
  }
}

function fakeLog() {
  const listeners = new Set<() => void>()
  let checks = 0
  const log = {
    highWatermark: 0,
    available(offset: number) {
      checks++
      return Math.max(0, log.highWatermark - offset)
    },
    onAdvance(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    log: log as unknown as PartitionLog,
    listeners,
    get checks() {
      return checks
    },
    advance(bytes: number) {
      log.highWatermark += bytes
      for (const listener of [...listeners]) listener()
    },
  }
}

const never = () => () => {}
const wait = (delayed: FetchPurgatory, logs: PartitionLog[], minBytes: number, onClose: (task: () => void) => () => void = never) => {
  let over = false
  const done = delayed
    .wait({
      partitions: logs.map((log) => ({ log, offset: 0, maxBytes: 1000 })),
      minBytes,
      maxWaitMs: 500,
      bound: 'highWatermark',
      onClose,
    })
    .then(() => {
      over = true
    })
  const isOver = async () => {
    await Promise.resolve()
    await Promise.resolve()
    return over
  }
  return { done, isOver }
}

test('it completes when enough bytes are available over all partitions', async () => {
  const delayed = new FetchPurgatory(handClock().clock)
  const [a, b] = [fakeLog(), fakeLog()]
  const poll = wait(delayed, [a.log, b.log], 100)
  a.advance(60)
  expect(await poll.isOver()).toBe(false)
  b.advance(40)
  expect(await poll.isOver()).toBe(true)
  expect(delayed.size).toBe(0)
  expect(a.listeners.size + b.listeners.size).toBe(0)
})

test('it completes with its time, its client and its topic, and no timer or listener remains', async () => {
  const hand = handClock()
  const delayed = new FetchPurgatory(hand.clock)
  const a = fakeLog()
  const timed = wait(delayed, [a.log], 1)
  hand.advance(499)
  expect(await timed.isOver()).toBe(false)
  hand.advance(1)
  expect(await timed.isOver()).toBe(true)

  let disconnect = () => {}
  const left = wait(delayed, [a.log], 1, (task) => {
    disconnect = task
    return () => {}
  })
  disconnect()
  expect(await left.isOver()).toBe(true)

  const deleted = wait(delayed, [a.log], 1)
  delayed.completeFor([a.log])
  expect(await deleted.isOver()).toBe(true)
  const stopped = wait(delayed, [a.log], 1)
  delayed.close()
  expect(await stopped.isOver()).toBe(true)
  expect(hand.timers.size).toBe(0)
  expect(a.listeners.size).toBe(0)
  expect(delayed.size).toBe(0)
})

test('an append checks the fetches of its own log only', async () => {
  const delayed = new FetchPurgatory(handClock().clock)
  const logs = Array.from({ length: 5000 }, fakeLog)
  const polls = logs.map(({ log }) => wait(delayed, [log], 10))
  expect(delayed.size).toBe(5000)
  logs[0]!.advance(10)
  expect(await polls[0]!.isOver()).toBe(true)
  expect(logs.slice(1).reduce((sum, { checks }) => sum + checks, 0)).toBe(0)
  delayed.close()
  await Promise.all(polls.map(({ done }) => done))
})
