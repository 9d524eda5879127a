/**
 * Goal: a flow that stops waits for batches in flight, stores its progress in order, and logs what could not be stored and what that means.
 * It never waits without a bound. Method: the shutdown with parts in memory that record what is called, and a clock whose time is short.
 */
import { expect, test } from 'vitest'
import { type Clock, realClock } from '../../../core/system/clock.ts'
import type { Logger } from '../../../core/system/logger.ts'
import { type FinalWrite, shutDownFlow } from '../../../mirror/flow/flow-shutdown.ts'

/** A hundred times as fast. */
const clock: Clock = { ...realClock, sleep: (delayMs, signal) => realClock.sleep(delayMs / 100, signal) }

async function shutDown(writes: Omit<FinalWrite, 'consequence'>[], drained: () => Promise<void> = async () => {}) {
  const calls: string[] = []
  const warnings: { message: string; error: string }[] = []
  const logger = {
    debug: () => {},
    warn: ({ err }: { err: Error }, message: string) => void warnings.push({ message, error: err.message }),
  } as unknown as Logger
  const part = (name: string) => ({ close: async () => void calls.push(`close ${name}`) })
  await shutDownFlow({
    name: 'us->central',
    clock,
    logger,
    fetcher: { ...part('fetcher'), setPaused: () => void calls.push('pause') },
    sender: { ...part('sender'), drained, halt: () => void calls.push('halt') },
    finalWrites: () =>
      writes.map(({ what, write }) => ({
        what,
        consequence: `no ${what}`,
        write() {
          calls.push(`write ${what}`)
          return write()
        },
      })),
    abort: () => void calls.push('abort'),
    parts: [part('store')],
    clients: [part('client')],
  })
  return { calls, warnings }
}

test('everything in its order', async () => {
  const { calls, warnings } = await shutDown([
    { what: 'map', write: async () => {} },
    { what: 'release', write: async () => {} },
  ])
  expect(calls).toEqual([
    'pause',
    'halt',
    'write map',
    'write release',
    'abort',
    'close fetcher',
    'close sender',
    'close store',
    'close client',
  ])
  expect(warnings).toEqual([])
})

test('a write that fails is logged with its consequence, and so are those that are not tried any more', async () => {
  const { calls, warnings } = await shutDown([
    { what: 'map', write: () => Promise.reject(new Error('the target is offline')) },
    { what: 'release', write: async () => {} },
  ])
  expect(calls).not.toContain('write release')
  expect(calls).toContain('close client')
  expect(warnings).toEqual([
    { message: 'map could not be written before the flow stopped: no map', error: 'the target is offline' },
    { message: 'release could not be written before the flow stopped: no release', error: 'the target is offline' },
  ])
})

test('a write without a response and batches that stay in flight do not keep the flow from stopping', async () => {
  const forever = () => new Promise<void>(() => {})
  const { calls, warnings } = await shutDown([{ what: 'map', write: forever }], forever)
  expect(calls.at(-1)).toBe('close client')
  expect(warnings).toEqual([{ message: 'map could not be written before the flow stopped: no map', error: 'not written within 1500 ms' }])
})
