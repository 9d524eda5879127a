/**
 * Goal: a power cut in the middle of a first start loses nothing that was acknowledged, and the next start works: of a log directory that
 * was never formatted, of several ones, and of one of Tributary 0.1, whose journal is converted (Invariants 1 and 8). Method: that of
 * power-cut.test.ts, on a first start with little work after it.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { writeJournalFolder } from './journal-folder.ts'
import { CUTS, cutAll, HOW_UNSYNCED, moments, type Recording, type RecordingOptions, record } from './recording.ts'
import { RecordingDisk } from './recording-disk.ts'

const little = { starts: ['first'], rounds: 1, withCleanings: false }
const oldFolder = (wasKilled: boolean): RecordingOptions => ({
  ...little,
  prepare: ({ disk, knowledge }) => writeJournalFolder(disk, knowledge, wasKilled),
})

describe.each<[string, RecordingOptions]>([
  ['of an empty log directory', little],
  ['of several log directories', { ...little, properties: { 'log.dirs': '/data,/data2', 'metadata.log.dir': '/metadata' } }],
  ['of a folder of Tributary 0.1 after a clean stop', oldFolder(false)],
  ['of a folder of Tributary 0.1 after a kill', oldFolder(true)],
])('a power cut during the first start %s', { timeout: 3_600_000 }, (_, options) => {
  let recording: Recording
  beforeAll(async () => {
    recording = await record(options)
  }, 120_000)

  test.each(HOW_UNSYNCED)('keeps every promise when unsynced changes are %s', async (unsynced) => {
    const { cuts } = await cutAll(recording, moments(recording, CUTS / 6), unsynced)
    expect(cuts).toBeGreaterThan(0)
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
