/**
 * Goal: a cleaning ends with its thread, by an abort or by a death, and the next one starts another. Method: real threads on a real log.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cleaningRange } from '../../../../core/log/cleaner/cleaning-range.ts'
import { cleanableLog, cleaningRequest } from '../../../../core/log/cleaner/cleaning-request.ts'
import { CleaningFailed, CleaningThread, ThreadDied } from '../../../../core/log/cleaner/cleaning-thread.ts'
import type { CleaningRequest } from '../../../../core/log/cleaner/log-cleaning.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { cleanerSettings, type Scratch, scratch } from '../scratch-log.ts'
import { keyed, stored } from './compacted-log.ts'

let fixture: Scratch
let thread: CleaningThread
let request: CleaningRequest
const appendWrites = new Int32Array(new SharedArrayBuffer(4))
beforeEach(async () => {
  fixture = scratch()
  const { log } = await fixture.openLog({ cleanupPolicy: ['compact'], segmentBytes: 500 })
  for (let index = 0; index < 20; index++) await log.append(keyed([{ key: `k${index % 3}`, value: 'x'.repeat(100) }])).durable
  const range = cleaningRange(cleanableLog(stored(log)), undefined, Date.now())
  request = cleaningRequest(stored(log), range, cleanerSettings, { nowMs: Date.now(), secret: Buffer.alloc(16) })
  thread = new CleaningThread((ms) => realClock.sleep(ms), appendWrites)
  thread.bytesPerSecond = Number.MAX_VALUE
})
afterEach(async () => {
  await thread.end()
  await fixture.remove()
})

const refuse = async () => false

test('a cleaning is aborted while it waits for its rate', async () => {
  thread.bytesPerSecond = 1
  const cleaning = thread.clean(request, refuse)
  await thread.abort()
  expect(await cleaning).toBeNull()
  thread.bytesPerSecond = Number.MAX_VALUE
  expect(await thread.clean(request, refuse)).toMatchObject({ isComplete: false })
})

test('a cleaning goes on while appends are written all the time', async () => {
  const cleaning = thread.clean({ ...request, bufferBytes: 4096 }, refuse)
  let isClean = false
  void cleaning.finally(() => {
    isClean = true
  })
  while (!isClean) {
    Atomics.add(appendWrites, 0, 1)
    await realClock.sleep(0)
  }
  expect(await cleaning).toMatchObject({ isComplete: false })
})

test('a thread that dies fails its cleaning, and the next one has another', async () => {
  thread.bytesPerSecond = 1
  const cleaning = thread.clean(request, refuse)
  const ended = expect(cleaning).rejects.toThrow(ThreadDied)
  await thread.end()
  await ended
  thread.bytesPerSecond = Number.MAX_VALUE
  expect(await thread.clean(request, refuse)).toMatchObject({ isComplete: false })
})

test('a failed system call is reported with its code', async () => {
  const missing = thread.clean({ ...request, folder: `${request.folder}-missing` }, refuse)
  await expect(missing).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(missing).rejects.toThrow(CleaningFailed)
})

test('where the log has failed the files stay', async () => {
  const cleaning = thread.clean(request, () => Promise.reject(new Error('the disk has failed')))
  await expect(cleaning).rejects.toThrow('the log has failed')
  expect(fixture.system.disk.list(fixture.partitionDir).some(({ name }) => name.endsWith('.log.swap'))).toBe(true)
})
