/**
 * Goal: levels follow by name and by root, children come and go, and people read lines. Method: real loggers, below and above their level.
 */
import { expect, test } from 'vitest'
import { createLogger, logLevels, silentLogger } from '../../../core/system/logger.ts'
import { readableLine } from '../../../core/system/readable-log.ts'

const levelOf = (logger: unknown) => (logger as { level: string }).level

test('a name has a level of its own; the root is for all; who comes later follows', () => {
  const root = createLogger('silent')
  const levels = logLevels(root)!
  const [worker, other, nameless] = [root.child({ part: 'worker' }), root.child({ part: 'mirror' }), root.child({ connection: 1 })]
  expect(levels.set('worker', 'error')).toEqual(['worker'])
  expect([worker, other, nameless].map(levelOf)).toEqual(['error', 'silent', 'silent'])
  expect(levelOf(root.child({ part: 'worker' }))).toBe('error')
  expect(levels.set('root', 'silent')).toEqual(['worker'])
  expect(levels.set('root', 'error')).toEqual(['root', 'worker', 'mirror'])
  expect([worker, other, nameless, root].map(levelOf)).toEqual(['error', 'error', 'error', 'error'])
  expect(levels.set('later', 'warn')).toEqual(['later'])
  expect(levelOf(root.child({ part: 'later' }))).toBe('warn')
  expect(Object.fromEntries(levels.list())).toEqual({ root: 'error', worker: 'error', mirror: 'error', later: 'warn' })
})

test('a grandchild without a name keeps to its parent', () => {
  const root = createLogger('silent')
  const task = root.child({ part: 'worker' }).child({ task: 1 })
  logLevels(root)!.set('worker', 'error')
  expect(levelOf(task)).toBe('error')
})

test('the silent logger has no levels', () => {
  expect(logLevels(silentLogger)).toBeUndefined()
})

test('lines for people', () => {
  const json =
    '{"level":"warn","time":"2026-01-02T03:04:05.678Z","part":"mirror","why":"two words","count":3,"list":[1],"msg":"it happened"}'
  expect(readableLine(json)).toBe('03:04:05.678 WARN  it happened  part=mirror why="two words" count=3 list=[1]\n')
  expect(readableLine('{"level":"error","time":"2026-01-02T03:04:05.678Z","err":{"stack":"Error: x\\n    at y"},"msg":"broke"}')).toBe(
    '03:04:05.678 ERROR broke\n    Error: x\n        at y\n',
  )
  expect(readableLine('no json')).toBe('no json')
})

test('a namespace has the loggers below it, and the time of its last change', () => {
  const root = createLogger('info')
  const levels = logLevels(root)!
  for (const part of ['a.b', 'a.b.c', 'ab']) root.child({ part })
  expect(levels.setNamespace('a', 'debug', 5)).toEqual(['a', 'a.b', 'a.b.c'])
  expect([...levels.list()].filter(([, level]) => level === 'debug').map(([name]) => name)).toEqual(['a.b', 'a.b.c', 'a'])
  expect([levels.changedAt('a.b'), levels.changedAt('ab')]).toEqual([5, null])
  expect(levels.setNamespace('a.b', 'debug', 6)).toEqual([])
  // It has the level of the root already.
  expect(levels.setNamespace('new', 'info', 7)).toEqual([])
  expect([levels.changedAt('a.b'), levels.changedAt('new')]).toEqual([5, null])
})
