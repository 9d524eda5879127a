/**
 * Goal: a power cut at any moment breaks no promise (Invariants 1 to 5 and 8): what was acknowledged is there, offsets and producer ids are
 * used once, transactions are whole or absent, deleted topics stay deleted, and the next start works. Method: a broker works on a disk in
 * memory; the disk is built again as a cut at a step may leave it, a broker opens it, and is compared with what clients knew at that step;
 * some of these starts are cut again. POWER_CUTS=n tries n moments. Disks that lie about their syncs show that the comparison finds losses.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { CUTS, cutAll, formatted, HOW_UNSYNCED, type Moment, moments, type Recording, random, record } from './recording.ts'
import { RecordingDisk } from './recording-disk.ts'

/** Of those that begin before a transaction ends. */
const CUTS_OF_TRANSACTIONS = Math.min(CUTS, 600)

/** Moments between the first request of a transaction and the decision about it. */
function* openMoments({ knowledge }: Recording, count: number): Iterable<Moment> {
  const { transactions } = knowledge
  for (const { name, beganAt, end } of transactions) {
    const steps = end!.askedAt - beganAt
    const share = Math.min(steps, Math.ceil(count / transactions.length))
    for (let at = 0; at < share; at++)
      yield { step: beganAt + Math.ceil(((at + random()) / share) * steps), during: `${name}, not decided` }
  }
}

describe('a power cut at any step', { timeout: 3_600_000 }, () => {
  let recording: Recording
  beforeAll(async () => {
    recording = await record({ prepare: formatted })
  }, 120_000)

  test('is tried where transactions and cleanings are', () => {
    expect(recording.knowledge.length).toBeGreaterThan(100)
    expect(recording.knowledge.transactions.filter(({ end }) => end?.committed).length).toBeGreaterThan(4)
    expect(recording.knowledge.transactions.filter(({ end }) => end?.committed === false).length).toBeGreaterThan(2)
  })

  test.each(HOW_UNSYNCED)('keeps every promise when unsynced changes are %s', async (unsynced) => {
    const { cuts } = await cutAll(recording, moments(recording, CUTS / 3), unsynced)
    expect(cuts).toBeGreaterThan(0)
  })

  test.each(HOW_UNSYNCED)('aborts what is open at the cut when its timeout passes: unsynced changes are %s', async (unsynced) => {
    const { timedOut } = await cutAll(recording, openMoments(recording, CUTS_OF_TRANSACTIONS / 3), unsynced, 1)
    expect(timedOut).toBeGreaterThan(0)
  })
})

describe('a disk that lies about its syncs', { timeout: 600_000 }, () => {
  test.each([
    ['records', /\/orders-\d\//, /order .* is at orders/],
    ['committed offsets', /__consumer_offsets-0\//, /offset \d+ is committed|payment .* is whole/],
    [
      'the states of transactions',
      /__transaction_state-0\//,
      /payment .* is whole|last stable offset .* stays behind|what was open is ended/,
    ],
    ['the records of a transaction', /\/payments-\d\//, /payment .* is whole/],
    ['metadata', /__cluster_metadata-0\/.*log$/, /fails|is created|is set|is given|is deleted/],
    ['the names of partitions', /^\/data$/, /is created|is at/],
    ['cleaned segments', /\.(cleaned|swap)$/, /contradicts/],
    ['log start offsets', /log-start-offset-checkpoint/, /records before \d+ of clicks are deleted/],
  ] as const)('for %s breaks a promise, which is named', async (_, path, promise) => {
    const recording = await record({ disk: new RecordingDisk((synced) => path.test(synced)), prepare: formatted })
    await expect(cutAll(recording, moments(recording, CUTS), 'lost')).rejects.toThrow(promise)
  })
})
