/**
 * Goal: whatever a crash leaves in a partition's folder, recovery keeps all acknowledged records and nothing invalid (Invariants 1, 2, 3,
 * 5). Method: real folders, truncated, damaged and emptied at each place that matters; and a property: random appends and a power loss that
 * keeps the flushed part of each file, a random part of the rest, and garbage after it.
 */
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogs } from '../../../core/log/index.ts'
import { encodeAbortedTxn } from '../../../core/log/transaction-index.ts'
import type { PartitionLog } from '../../../core/log/types.ts'
import type { Disk, DiskFile } from '../../../core/system/disk.ts'
import { realDisk } from '../../../core/system/disk.ts'
import { batchOf, config, faultyDisk, options, readValues, type Scratch, scratch, TOPIC_ID } from './scratch-log.ts'

let fixture: Scratch
beforeEach(() => {
  fixture = scratch()
})
afterEach(() => fixture.remove())

const logFile = (base: number) => join(fixture.partitionDir, `${String(base).padStart(20, '0')}.log`)

/** Stops cleanly, then deletes the mark of the clean shutdown: the next start must recover. */
async function crashed(log: PartitionLog, logs: { close(): Promise<void> }): Promise<void> {
  await log.append(batchOf(['last'])).durable
  await logs.close()
  rmSync(join(fixture.dir, '.kafka_cleanshutdown'))
}

describe('a log without appends', () => {
  test('costs no sync and no index file after a kill, and its first append makes its names durable', async () => {
    const disk = faultyDisk()
    const slow = scratch({ disk })
    try {
      await (await slow.openLog()).logs.close()
      rmSync(join(slow.dir, '.kafka_cleanshutdown'))
      const synced: string[] = []
      disk.fdatasync = (file) => {
        synced.push('fdatasync')
        return realDisk.fdatasync(file)
      }
      disk.syncFolder = (path) => {
        synced.push(path)
        return realDisk.syncFolder(path)
      }
      const killed = await slow.openLog()
      expect(synced).toEqual([])
      await killed.logs.close()
      expect(readdirSync(slow.partitionDir).filter((name) => name.endsWith('index'))).toEqual([])
      rmSync(join(slow.dir, '.kafka_cleanshutdown'))
      const { log } = await slow.openLog()
      synced.length = 0
      await log.append(batchOf(['first'])).durable
      expect(synced).toEqual(expect.arrayContaining(['fdatasync', slow.partitionDir, slow.dir]))
    } finally {
      await slow.remove()
    }
  })

  test('an entry of a transaction index whose log is lost is not served for new records', async () => {
    const { logs } = await fixture.openLog()
    await logs.close()
    rmSync(join(fixture.dir, '.kafka_cleanshutdown'))
    const entry = encodeAbortedTxn({ producerId: 7, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 })
    writeFileSync(logFile(0).replace('.log', '.txnindex'), entry)
    const { log } = await fixture.openLog()
    await log.append(batchOf(['a', 'b'])).durable
    expect(log.abortedTransactions(0, 2)).toEqual([])
  })
})

describe('the end of the log', () => {
  test('a last batch torn at any byte is truncated, and appends continue at its offset', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    const whole = statSync(logFile(0)).size
    await crashed(log, logs)
    const pristine = readFileSync(logFile(0))
    for (let bytes = whole; bytes < pristine.length; bytes++) {
      writeFileSync(logFile(0), pristine.subarray(0, bytes))
      const { logs, log } = await fixture.openLog()
      expect([log.logEndOffset, log.highWatermark, log.sizeBytes, statSync(logFile(0)).size]).toEqual([1, 1, whole, whole])
      await logs.close()
      rmSync(join(fixture.dir, '.kafka_cleanshutdown'))
    }
  })

  test.each([
    ['zeros', Buffer.alloc(5000)],
    ['garbage', Buffer.from('garbage '.repeat(100))],
    ['a batch of an earlier offset', batchOf(['again'])],
    [
      'a batch with a wrong CRC',
      (() => {
        const batch = batchOf(['x'], { baseOffset: 2 })
        batch[batch.length - 1]! ^= 1
        return batch
      })(),
    ],
  ])('%s after the last batch are truncated', async (_what, rest) => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    await crashed(log, logs)
    const whole = statSync(logFile(0)).size
    appendFileSync(logFile(0), rest)
    const { log: again } = await fixture.openLog()
    expect([again.logEndOffset, statSync(logFile(0)).size]).toEqual([2, whole])
    await again.append(batchOf(['b'])).durable
    expect(await readValues(again)).toEqual(['a', 'last', 'b'])
  })

  test('damage in an older segment ends the log there and deletes the later segments', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 500 })
    for (let index = 0; index < 12; index++) await log.append(batchOf([`v${index}`.padEnd(150, '.')])).durable
    await crashed(log, logs)
    rmSync(join(fixture.dir, 'recovery-point-offset-checkpoint'))
    const bases = readdirSync(fixture.partitionDir)
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number(name.slice(0, 20)))
    expect(bases.length).toBeGreaterThan(3)
    const bytes = readFileSync(logFile(bases[2]!))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(logFile(bases[2]!), bytes)
    const { log: again } = await fixture.openLog({ segmentBytes: 500 })
    expect(again.logEndOffset).toBe(bases[3]! - 1)
    expect(readdirSync(fixture.partitionDir).some((name) => Number(name.slice(0, 20)) > bases[2]!)).toBe(false)
    await again.append(batchOf(['on'])).durable
    expect((await readValues(again)).at(-1)).toBe('on')
  })

  test('records of the oldest message formats are refused, never truncated', async () => {
    const { logs, log } = await fixture.openLog()
    await crashed(log, logs)
    const body = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 255, 255, 255, 255, 0, 0, 0, 2]), Buffer.from('hi')])
    const head = Buffer.alloc(16)
    head.writeBigInt64BE(1n, 0)
    head.writeInt32BE(4 + body.length, 8)
    head.writeUInt32BE(crc32(body), 12)
    const before = statSync(logFile(0)).size
    appendFileSync(logFile(0), Buffer.concat([head, body]))
    await expect(fixture.openLog()).rejects.toThrow('format before Kafka 0.11')
    expect(statSync(logFile(0)).size).toBe(before + 16 + body.length)
  })

  test('a gap between segments after a power loss ends the log before it', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 500 })
    for (let index = 0; index < 6; index++) await log.append(batchOf([`v${index}`.padEnd(150, '.')])).durable
    await crashed(log, logs)
    rmSync(join(fixture.dir, 'recovery-point-offset-checkpoint'))
    truncateSync(logFile(0), batchOf(['v0'.padEnd(150, '.')]).length)
    const { log: again } = await fixture.openLog()
    expect(again.logEndOffset).toBe(1)
  })
})

describe('the other files of a partition', () => {
  async function filled(): Promise<string[]> {
    const { logs, log } = await fixture.openLog({ segmentBytes: 10_000, indexIntervalBytes: 300 })
    const values = Array.from({ length: 200 }, (_, index) => `v${index}`.padEnd(100, '.'))
    for (const value of values) log.append(batchOf([value]))
    await log.append(batchOf(['end'])).durable
    await logs.close()
    return [...values, 'end']
  }
  const files = (suffix: string) =>
    readdirSync(fixture.partitionDir)
      .filter((name) => name.endsWith(suffix))
      .map((name) => join(fixture.partitionDir, name))

  test.each([
    ['missing', (path: string) => rmSync(path)],
    ['of half an entry', (path: string) => appendFileSync(path, 'abc')],
  ])('indexes that are %s are rebuilt, byte for byte, also after a clean shutdown', async (_what, damage) => {
    const values = await filled()
    const pristine = [...files('.index'), ...files('.timeindex')].map((path) => [path, readFileSync(path)] as const)
    for (const [path] of pristine) damage(path)
    const { logs, log } = await fixture.openLog({ segmentBytes: 10_000, indexIntervalBytes: 300 })
    expect(await readValues(log)).toEqual(values)
    await logs.close()
    for (const [path, bytes] of pristine) expect(readFileSync(path).equals(bytes), path).toBe(true)
  })

  test('index files without their log, interrupted deletions and temporary files are removed', async () => {
    const values = await filled()
    for (const name of [
      '00000000000000009999.index',
      '00000000000000000000.log.deleted',
      '00000000000000000000.log.cleaned',
      'leader-epoch-checkpoint.tmp',
    ]) {
      writeFileSync(join(fixture.partitionDir, name), 'x')
    }
    const { log } = await fixture.openLog()
    expect(await readValues(log)).toEqual(values)
    expect(readdirSync(fixture.partitionDir).filter((name) => /9999|deleted|cleaned|tmp/.test(name))).toEqual([])
  })

  test('a complete swap file replaces the segments that it covers', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 300 })
    for (let index = 0; index < 4; index++) await log.append(batchOf([`v${index}`.padEnd(150, '.')], { key: 'k' })).durable
    await logs.close()
    const kept = batchOf(['v1'.padEnd(150, '.')], { key: 'k', baseOffset: 1 })
    writeFileSync(`${logFile(0)}.swap`, kept)
    expect(existsSync(logFile(1))).toBe(true)
    const { log: again } = await fixture.openLog({ cleanupPolicy: ['compact'] })
    expect((await readValues(again)).map((value) => value.slice(0, 2))).toEqual(['v1', 'v2', 'v3'])
    expect(existsSync(logFile(1))).toBe(false)
  })

  test('producer state is recovered after a crash, also with a damaged snapshot', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 300 })
    const produced = (sequence: number) => batchOf(['x'.repeat(100)], { producerId: 5, producerEpoch: 1, baseSequence: sequence })
    for (let sequence = 0; sequence < 6; sequence++) await log.append(produced(sequence)).durable
    await crashed(log, logs)
    for (const path of files('.snapshot')) if (!path.includes('00000000000000000002')) writeFileSync(path, 'damaged')
    const { log: again } = await fixture.openLog()
    expect(again.append(produced(5)).baseOffset).toBe(5)
    expect(again.append(produced(6)).baseOffset).toBe(7)
  })

  test('a log that ends before its log start offset restarts empty there', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a', 'b', 'c'])).durable
    await log.deleteRecordsBefore(3)
    await crashed(log, logs)
    writeFileSync(logFile(0), '')
    const { log: again } = await fixture.openLog()
    expect([again.logStartOffset, again.logEndOffset]).toEqual([3, 3])
    expect(again.append(batchOf(['d'])).baseOffset).toBe(3)
  })
})

/** Records how many bytes of each `.log` survive a power loss: those that were written before the last completed flush started. */
function powerLossDisk(): { disk: Disk; durable: Map<string, number> } {
  const paths = new Map<DiskFile, string>()
  const durable = new Map<string, number>()
  const disk = faultyDisk()
  disk.open = (path, mode) => {
    const file = realDisk.open(path, mode)
    paths.set(file, path)
    return file
  }
  disk.fdatasync = async (file) => {
    const path = paths.get(file)!
    const bytes = realDisk.size(file)
    await realDisk.fdatasync(file)
    durable.set(path, Math.max(bytes, durable.get(path) ?? 0))
  }
  return { disk, durable }
}

test('property: after a power loss the log has all acknowledged records, and a prefix of the appended ones', async () => {
  const { disk, durable } = powerLossDisk()
  let round = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ size: fc.integer({ min: 1, max: 900 }), wait: fc.boolean() }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 200, max: 4000 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      fc.constantFrom('nothing', 'zeros', 'garbage'),
      async (appends, segmentBytes, keep, rest) => {
        const dir = join(fixture.dir, `live-${round}`)
        const lost = join(fixture.dir, `lost-${round++}`)
        const settings = { ...config, segmentBytes: segmentBytes + 1100, indexIntervalBytes: 200 }
        const logs = await openLogs(options(dir), { ...fixture.system, disk })
        const log = await logs.open('t', TOPIC_ID, 0, settings)
        const values: string[] = []
        let acknowledged = 0
        for (const [index, { size, wait }] of appends.entries()) {
          values.push(`${index}:`.padEnd(size, '.'))
          const { durable: synced } = log.append(batchOf([values[index]!]))
          synced.then(() => {
            acknowledged = Math.max(acknowledged, index + 1)
          })
          if (wait) await synced
        }
        const least = acknowledged
        // A temporary file may be renamed during the copy.
        cpSync(dir, lost, { recursive: true, filter: (path) => !path.endsWith('.tmp') })
        const folder = join(lost, 't-0')
        for (const [index, name] of readdirSync(folder)
          .filter((name) => name.endsWith('.log'))
          .sort()
          .entries()) {
          const path = join(folder, name)
          const flushed = durable.get(join(dir, 't-0', name)) ?? 0
          const size = statSync(path).size
          const left = Math.floor(flushed + (size - flushed) * keep[index % keep.length]!)
          truncateSync(path, left)
          if (rest !== 'nothing' && left < size) appendFileSync(path, Buffer.alloc(size - left, rest === 'zeros' ? 0 : 'garbage'))
        }
        for (const name of readdirSync(folder)) if (/index$/.test(name)) writeFileSync(join(folder, name), '')
        rmSync(join(lost, '.lock'), { force: true })
        const again = await openLogs(options(lost), fixture.system)
        const recovered = await again.open('t', TOPIC_ID, 0, settings)
        const found = await readValues(recovered)
        expect(found.length).toBeGreaterThanOrEqual(least)
        expect(found).toEqual(values.slice(0, found.length))
        expect(recovered.logEndOffset).toBe(found.length)
        await recovered.append(batchOf(['next'])).durable
        await again.close()
        await logs.close()
        rmSync(dir, { recursive: true })
        rmSync(lost, { recursive: true })
      },
    ),
    { numRuns: 40 },
  )
})

test('after a clean shutdown a partition opens without reading all of its records, as it does after a crash', async () => {
  const disk = faultyDisk()
  let bytesRead = 0
  disk.read = async (...call) => {
    const got = await realDisk.read(...call)
    bytesRead += got
    return got
  }
  const own = scratch({ disk })
  try {
    const { logs, log } = await own.openLog()
    await Promise.all(Array.from({ length: 100 }, () => log.append(batchOf(['a'.repeat(10_000)])).durable))
    await logs.close()
    const readAtOpen = async () => {
      bytesRead = 0
      const opened = await own.openLog()
      expect(opened.log.logEndOffset).toBe(100)
      const read = bytesRead
      await opened.logs.close()
      return read
    }
    expect(await readAtOpen()).toBeLessThan(50_000)
    rmSync(join(own.dir, '.kafka_cleanshutdown'))
    expect(await readAtOpen()).toBeGreaterThan(1_000_000)
  } finally {
    own.remove()
  }
})
