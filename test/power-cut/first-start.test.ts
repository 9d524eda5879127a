/**
 * Goal: a power cut in the middle of a first start loses nothing that was acknowledged, and the next start works: of a log directory that
 * was never formatted, of several ones, and of one of Tributary 0.1, whose journal is converted (Invariants 1 and 8). Method: that of
 * power-cut.test.ts, on a first start with little work after it; and starts in which a write or a sync fails, then the next one.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { writeJournalFolder } from './journal-folder.ts'
import { CUTS, cutAll, HOW_UNSYNCED, moments, open, type Recording, type RecordingOptions, random, record } from './recording.ts'
import { diskError, RecordingDisk } from './recording-disk.ts'
import { startOn } from './simulated-broker.ts'

const little = { starts: ['first'], rounds: 1, withCleanings: false }
const oldFolder = (wasKilled: boolean): RecordingOptions => ({
  ...little,
  prepare: ({ disk, knowledge }) => writeJournalFolder(disk, knowledge, wasKilled),
})

const folders: [string, RecordingOptions][] = [
  ['of an empty log directory', little],
  ['of several log directories', { ...little, properties: { 'log.dirs': '/data,/data2', 'metadata.log.dir': '/metadata' } }],
  ['of a folder of Tributary 0.1 after a clean stop', oldFolder(false)],
  ['of a folder of Tributary 0.1 after a kill', oldFolder(true)],
]

describe.each(folders)('a power cut during the first start %s', { timeout: 3_600_000 }, (_, options) => {
  let recording: Recording
  beforeAll(async () => {
    recording = await record(options)
  }, 120_000)

  test.each(HOW_UNSYNCED)('keeps every promise when unsynced changes are %s', async (unsynced) => {
    const { cuts } = await cutAll(recording, moments(recording, CUTS / 6), unsynced)
    expect(cuts).toBeGreaterThan(0)
  })
})

/** Of the calls that change the disk in a start, how many are tried. */
const FAILURES = Math.ceil(CUTS / 15)

describe.each(folders)('a disk that fails in the middle of the first start %s', { timeout: 3_600_000 }, (_, options) => {
  test.each(['ENOSPC', 'EIO'])('with %s: the next start finds everything', async (code) => {
    const recording = await record({ ...options, starts: [] })
    const { disk, properties } = recording
    /** The start fails at call `at`. Returns how many calls there were until then. */
    const startFailingAt = async (left: RecordingDisk, at: number) => {
      let calls = 0
      left.fault = ({ path }) => {
        if (calls++ === at) throw diskError(code, path)
      }
      const started = await startOn(left, { properties }).catch((error: Error) => error)
      if (started instanceof Error) expect(started.message).toContain(code)
      else
        await started.close().catch((error: Error) => expect(error.message).toMatch(/could not be closed|KAFKA_STORAGE_ERROR|ENOSPC|EIO/))
      left.fault = () => {}
      return calls
    }
    const calls = await startFailingAt(disk.afterPowerCut(disk.step, 'kept', random), Number.POSITIVE_INFINITY)
    const tried = Math.min(calls, FAILURES)
    for (let index = 0; index < tried; index++) {
      const at = Math.floor(((index + random()) / tried) * calls)
      const left = disk.afterPowerCut(disk.step, 'kept', random)
      await startFailingAt(left, at)
      await open(recording, left, disk.step, `${code} at call ${at} of ${calls} of the first start`)
      const lost = left.afterPowerCut(left.step, 'lost', random)
      await open(recording, lost, disk.step, `power cut after ${code} at call ${at} of ${calls} of the first start, and the next start`)
    }
    expect(tried).toBeGreaterThan(0)
  })
})

describe('a disk that lies about its syncs', { timeout: 600_000 }, () => {
  test.each([
    ['the snapshot of a journal', oldFolder(false), /\.checkpoint\.tmp$/, /damaged|contradicts/],
    ['the identity of a new log directory', little, /meta\.properties/, /is missing|has no cluster\.id|contradicts|fails/],
  ] as const)('for %s breaks a promise, which is named', async (_, options, path, promise) => {
    const recording = await record({ ...options, disk: new RecordingDisk((synced) => path.test(synced)) })
    await expect(cutAll(recording, moments(recording, CUTS), 'lost')).rejects.toThrow(promise)
  })
})
