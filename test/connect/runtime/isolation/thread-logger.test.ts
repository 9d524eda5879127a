/**
 * Goal: log lines of a thread reach its owner, with what the loggers they come from are bound to, and at a bounded rate. Method: a clock
 * that the test moves.
 */
import { expect, test } from 'vitest'
import { threadLogger } from '../../../../connect/runtime/isolation/thread-logger.ts'
import type { FromThread } from '../../../../connect/runtime/isolation/thread-messages.ts'
import { realClock } from '../../../../core/system/clock.ts'

function logger(logsDebug = false) {
  let now = 0
  const told: FromThread[] = []
  const clock = { ...realClock, monotonic: () => now }
  return { told, logger: threadLogger((message) => void told.push(message), clock, logsDebug), later: (ms: number) => void (now += ms) }
}

test('lines have level, message and the details of the whole way', () => {
  const { logger: root, told } = logger()
  root.child({ connector: 'a' }).child({ task: 1 }).warn({ delay: 3 }, 'late')
  root.debug({}, 'not wanted')
  expect(told).toEqual([{ type: 'log', level: 'warn', details: { connector: 'a', task: 1, delay: 3 }, message: 'late' }])
  expect(root.isLevelEnabled!('debug')).toBe(false)
  const verbose = logger(true)
  verbose.logger.debug({}, 'wanted')
  expect(verbose.told).toHaveLength(1)
})

test('what is too much in a second is counted and left out', () => {
  const { logger: root, told, later } = logger()
  for (let line = 0; line < 700; line++) root.info({}, `line ${line}`)
  expect(told).toHaveLength(500)
  later(1_000)
  root.info({}, 'again')
  expect(told.slice(500)).toMatchObject([
    { level: 'warn', details: { left: 200 }, message: 'a task logs too much: log lines were left out' },
    { message: 'again' },
  ])
})

test('a message that is too long is cut', () => {
  const { logger: root, told } = logger()
  root.info({}, 'x'.repeat(1e6))
  expect((told[0] as { message: string }).message.length).toBeLessThan(70_000)
})
