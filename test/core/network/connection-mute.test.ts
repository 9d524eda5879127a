/**
 * Goal: a connection is read from unless it is over a limit, or has requests while memory is exhausted; and it is paused and resumed once
 * for that. Method: a socket that counts, and memory of the test.
 */
import { expect, test } from 'vitest'
import { ConnectionMute } from '../../../core/network/connection-mute.ts'

function fixture() {
  const connection = { isOverLimit: false, isQuiet: true, readsOn: true }
  const calls: string[] = []
  const waiting: (() => void)[] = []
  const memory = { isExhausted: false, reserve() {}, release() {}, onceAvailable: (task: () => void) => void waiting.push(task) }
  const socket = { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') }
  const mute = new ConnectionMute(socket as never, memory, connection)
  return { connection, calls, waiting, memory, mute }
}

test('over a limit it is muted until it is not', () => {
  const { connection, calls, mute } = fixture()
  mute.check()
  mute.recheck()
  expect(calls).toEqual([])
  connection.isOverLimit = true
  mute.check()
  mute.check()
  mute.recheck()
  expect(calls).toEqual(['pause'])
  connection.isOverLimit = false
  mute.recheck()
  mute.recheck()
  expect(calls).toEqual(['pause', 'resume'])
})

test('without memory it waits once, and not at all without requests', () => {
  const { connection, calls, waiting, memory, mute } = fixture()
  memory.isExhausted = true
  mute.check()
  expect(calls).toEqual([])
  connection.isQuiet = false
  mute.check()
  mute.recheck()
  expect([calls, waiting.length]).toEqual([['pause'], 1])
  // Others were faster.
  for (const task of waiting.splice(0)) task()
  expect([calls, waiting.length]).toEqual([['pause'], 1])
  memory.isExhausted = false
  for (const task of waiting.splice(0)) task()
  expect(calls).toEqual(['pause', 'resume'])
})

test('what reads no more is neither paused nor resumed', () => {
  const { connection, calls, mute } = fixture()
  connection.isOverLimit = true
  mute.check()
  connection.readsOn = false
  connection.isOverLimit = false
  mute.recheck()
  connection.isOverLimit = true
  mute.check()
  expect(calls).toEqual(['pause'])
})
