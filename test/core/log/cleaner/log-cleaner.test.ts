/**
 * Goal: the cleaner cleans what is dirty, remembers it in Kafka's checkpoint, keeps to its rate, gives up on what cannot be cleaned, and
 * never outlives the log that it cleans. Method: real logs and real threads, with a short back-off.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LogCleaner } from '../../../../core/log/cleaner/log-cleaner.ts'
import { type CleaningEffects, type CleaningRequest, cleanLog } from '../../../../core/log/cleaner/log-cleaning.ts'
import type { LogConfig, Logs, PartitionLog } from '../../../../core/log/types.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { keepingLogger, type LogLine } from '../../../broker-in-process.ts'
import { until } from '../../../until.ts'
import { cleanerSettings, config, readRecords, type Scratch, scratch, TOPIC_ID } from '../scratch-log.ts'
import { keyed, stored } from './compacted-log.ts'

const settings = { ...cleanerSettings, backoffMs: 1 }
const compacted: LogConfig = {
  ...config,
  cleanupPolicy: ['compact'],
  segmentBytes: 20_000,
  fileDeleteDelayMs: 0,
  minCleanableDirtyRatio: 0.01,
}
let fixture: Scratch
let lines: LogLine[]
let logs: Logs
let log: PartitionLog
beforeEach(async () => {
  lines = []
  fixture = scratch({ logger: keepingLogger(lines) })
  logs = await fixture.open()
  log = await logs.open('t', TOPIC_ID, 0, compacted)
})
afterEach(() => fixture.remove())

/** Batches of 10 records with the keys 0 to 99, `count` times. */
async function append(count: number, to = log): Promise<void> {
  for (let index = 0; index < count; index++) {
    const records = Array.from({ length: 10 }, (_, at) => ({ key: `${(index * 10 + at) % 100}`, value: 'x'.repeat(100) }))
    const { durable } = to.append(keyed(records))
    if (index === count - 1) await durable
  }
}

const checkpoint = () => readFileSync(join(fixture.dir, 'cleaner-offset-checkpoint'), 'utf8')
const segmentsOf = () => readdirSync(fixture.partitionDir).filter((name) => name.endsWith('.log'))

test('cleans in a thread, keeps the checkpoint of Kafka, and cleans again when the log is dirty', async () => {
  await append(100)
  logs.configureCleaner(settings)
  await until(() => existsSync(join(fixture.dir, 'cleaner-offset-checkpoint')), 'the log is clean')
  const clean = Number(/^0\n1\nt 0 (\d+)\n$/.exec(checkpoint())![1])
  expect(clean).toBe(Number(segmentsOf().at(-1)!.slice(0, 20)))
  const records = await readRecords(log)
  expect(records.filter(({ offset }) => offset < clean).length).toBe(100)
  expect(records.length).toBe(100 + 1000 - clean)
  expect(logs.cleaner).toMatchObject({ runs: 1, uncleanable: [], deadThreads: 0 })
  expect(logs.cleaner.bytesWritten).toBeGreaterThan(100 * 100)
  expect(logs.cleaner.bytesRead).toBeGreaterThan(clean * 200)
  await append(50)
  await until(() => logs.cleaner.runs >= 2 && logs.cleaner.maxDirtyRatio === 0, 'the log is clean again')
  expect((await readRecords(log)).length).toBeLessThan(records.length + 250)
  await logs.close()
  expect(readdirSync(fixture.partitionDir).filter((name) => /cleaned|swap/.test(name))).toEqual([])
})

test('goes on after a restart where it was', async () => {
  await append(100)
  logs.configureCleaner(settings)
  await until(() => logs.cleaner.runs > 0 && logs.cleaner.maxDirtyRatio === 0, 'the log is clean')
  await logs.close()
  const before = checkpoint()
  logs = await fixture.open()
  log = await logs.open('t', TOPIC_ID, 0, compacted)
  logs.configureCleaner(settings)
  expect(logs.cleaner.maxDirtyRatio).toBe(0)
  expect(logs.cleaner.runs).toBe(0)
  await logs.close()
  expect(checkpoint()).toBe(before)
})

test('cleans several logs at a time, each once', async () => {
  const others = await Promise.all([1, 2, 3].map((partition) => logs.open('t', TOPIC_ID, partition, compacted)))
  for (const other of [log, ...others]) await append(60, other)
  logs.configureCleaner({ ...settings, threads: 3 })
  await until(() => logs.cleaner.runs === 4 && logs.cleaner.maxDirtyRatio === 0, 'all are clean')
  await until(() => checkpoint().startsWith('0\n4\n'), 'the checkpoint has all')
})

test('a damaged log is not cleaned, and is said once', async () => {
  await append(100)
  const path = join(fixture.partitionDir, segmentsOf()[1]!)
  const bytes = readFileSync(path)
  bytes[500]! ^= 1
  writeFileSync(path, bytes)
  const healthy = await logs.open('healthy', 'AAAAAAAAAAAAAAAAAAAAAg', 0, compacted)
  await append(30, healthy)
  logs.configureCleaner(settings)
  await until(() => logs.cleaner.runs === 1, 'the other log is clean')
  await until(() => logs.cleaner.uncleanable.length > 0, 'the damaged log is given up')
  expect(logs.cleaner.uncleanable).toEqual(['t-0'])
  await append(100, healthy)
  await until(() => logs.cleaner.runs >= 2, 'the other log is cleaned again')
  const said = lines.filter(({ level }) => level === 'error')
  expect(said.map(({ message }) => message)).toEqual(['a log cannot be cleaned, and is not compacted any more until the broker restarts'])
  expect(String((said[0]!.details as { err: Error }).err)).toContain('CRC')
})

describe('at a slow rate', () => {
  beforeEach(async () => {
    await append(200)
    logs.configureCleaner({ ...settings, ioBytesPerSecond: 10_000 })
    await until(() => readdirSync(fixture.partitionDir).length > 0, 'the cleaning begins')
  })

  test('a faster one applies at once', async () => {
    expect(logs.cleaner.runs).toBe(0)
    logs.configureCleaner(settings)
    await until(() => logs.cleaner.runs === 1, 'the log is clean')
  })

  test('a topic can be deleted, and created again', async () => {
    await logs.remove('t', 0)
    expect(existsSync(fixture.partitionDir)).toBe(false)
    const again = await logs.open('t', 'AAAAAAAAAAAAAAAAAAAAAg', 0, compacted)
    await again.append(keyed([{ key: 'a', value: '1' }])).durable
    expect((await readRecords(again)).length).toBe(1)
    expect(readdirSync(fixture.partitionDir).filter((name) => /cleaned|swap/.test(name))).toEqual([])
    expect(logs.cleaner).toMatchObject({ runs: 0, uncleanable: [] })
  })

  test('the logs can be closed', async () => {
    await logs.close()
    expect(existsSync(join(fixture.dir, '.kafka_cleanshutdown'))).toBe(true)
    expect(readdirSync(fixture.partitionDir).filter((name) => /cleaned|swap/.test(name))).toEqual([])
  })
})

test('a topic whose policy is delete, a disabled cleaner and one without threads clean nothing', async () => {
  await append(100)
  log.configure({ ...compacted, cleanupPolicy: ['delete'] })
  logs.configureCleaner(settings)
  log.configure(compacted)
  logs.configureCleaner({ ...settings, enable: false })
  logs.configureCleaner({ ...settings, threads: 0 })
  expect(logs.cleaner).toMatchObject({ runs: 0, maxDirtyRatio: 0 })
})

test('a thread stays for the next cleaning, and is ended once it was idle for long', async () => {
  await append(100)
  let nowMs = 0
  let look = () => {}
  const threads: { cleanings: number; ended: boolean }[] = []
  const clock: Clock = {
    ...realClock,
    monotonic: () => nowMs,
    after: (_delayMs, task) => {
      look = task
      return { cancel: () => {} }
    },
  }
  const newThread = () => {
    const thread = { cleanings: 0, ended: false }
    threads.push(thread)
    return {
      bytesPerSecond: 0,
      clean: (request: CleaningRequest, replace: CleaningEffects['replace']) => {
        thread.cleanings++
        return cleanLog(request, { disk: realDisk, transferred: () => undefined, replace })
      },
      abort: async () => {},
      end: async () => {
        thread.ended = true
      },
    }
  }
  let cleanedTo: number | undefined
  const cleaner = new LogCleaner(
    { clock, random: realRandom, logger: silentLogger, newThread },
    {
      logs: () => [['t-0', stored(log)]],
      cleanedUpTo: () => cleanedTo,
      setCleanedUpTo: async (_partition, offset) => {
        cleanedTo = offset
      },
    },
  )
  const cleaned = async (runs: number) => {
    look()
    await until(() => cleaner.status.runs === runs && !cleaner.isCleaning('t-0'), `${runs} cleanings`)
  }
  cleaner.configure(settings)
  await cleaned(1)
  await append(100)
  nowMs += 59_000
  await cleaned(2)
  expect(threads).toEqual([{ cleanings: 2, ended: false }])
  nowMs += 59_000
  look()
  expect(threads[0]!.ended).toBe(false)
  nowMs += 1_000
  look()
  expect(threads[0]!.ended).toBe(true)
  await append(100)
  await cleaned(3)
  cleaner.configure({ ...settings, enable: false })
  expect(threads.map(({ ended }) => ended)).toEqual([true, true])
  await cleaner.close()
})
