/**
 * Goal: a disk failure never makes the log acknowledge or serve what is not durable. Method: a disk whose writes, flushes and opens fail;
 * what was acknowledged is compared with what a new start finds.
 */
import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { realDisk } from '../../../core/system/disk.ts'
import { until } from '../../until.ts'
import { batchOf, config, faultyDisk, nodeError, readValues, type Scratch, scratch, TOPIC_ID } from './scratch-log.ts'

let fixture: Scratch
let disk: ReturnType<typeof faultyDisk>
beforeEach(() => {
  disk = faultyDisk()
  fixture = scratch({ disk })
})
afterEach(() => fixture.remove())

const storageError = { error: 'KAFKA_STORAGE_ERROR' }

describe('fdatasync fails', () => {
  test('nothing is acknowledged or served, the partition rejects appends, and a restart recovers', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    disk.fdatasync = () => Promise.reject(nodeError('EIO'))
    const lost = log.append(batchOf(['b']))
    const lostToo = log.append(batchOf(['c']))
    await lost.written
    await expect(lost.durable).rejects.toMatchObject(storageError)
    await expect(lostToo.durable).rejects.toMatchObject(storageError)
    disk.fdatasync = realDisk.fdatasync
    expect(log.failure).toMatchObject(storageError)
    expect(() => log.append(batchOf(['d']))).toThrow(expect.objectContaining(storageError))
    expect(log.highWatermark).toBe(1)
    expect(await readValues(log)).toEqual(['a'])
    await logs.close()
    expect(realDisk.exists(`${fixture.dir}/.kafka_cleanshutdown`)).toBe(false)
    const { log: again } = await fixture.openLog()
    expect((await readValues(again))[0]).toBe('a')
    expect(again.failure).toBeNull()
  })

  test('appends that were written after the failing flush started fail too', async () => {
    const { log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    let reject: (error: Error) => void = () => {}
    disk.fdatasync = () => new Promise((_, no) => (reject = no))
    const first = log.append(batchOf(['b']))
    await first.written
    const second = log.append(batchOf(['c']))
    await second.written
    reject(nodeError('EIO'))
    await expect(first.durable).rejects.toMatchObject(storageError)
    await expect(second.durable).rejects.toMatchObject(storageError)
  })

  test('a failing sync of the folder of a new file fails the append', async () => {
    const { log } = await fixture.openLog()
    disk.syncFolder = () => Promise.reject(nodeError('EIO'))
    await expect(log.append(batchOf(['a'])).durable).rejects.toMatchObject(storageError)
    disk.syncFolder = realDisk.syncFolder
  })
})

describe('the disk is full', () => {
  test('the partial write is truncated, that append fails, and later ones succeed once there is space', async () => {
    const { logs, log } = await fixture.openLog()
    const produced = (sequence: number) => batchOf([`p${sequence}`], { producerId: 3, producerEpoch: 0, baseSequence: sequence })
    await log.append(produced(0)).durable
    const whole = log.sizeBytes
    disk.writeSync = (file, bytes, position) => {
      if (bytes.length <= 10) throw nodeError('ENOSPC')
      return realDisk.writeSync(file, bytes.subarray(0, bytes.length - 10), position)
    }
    disk.writevSync = (file, chunks, position) => realDisk.writeSync(file, Buffer.concat(chunks).subarray(0, 20), position)
    const failing = [log.append(produced(1)), log.append(produced(2))]
    for (const { durable, written } of failing) {
      await expect(written).rejects.toMatchObject(storageError)
      await expect(durable).rejects.toMatchObject(storageError)
    }
    expect([log.logEndOffset, log.sizeBytes, log.failure]).toEqual([1, whole, null])
    expect(realDisk.stat(`${fixture.partitionDir}/00000000000000000000.log`)!.bytes).toBe(whole)
    disk.writeSync = realDisk.writeSync
    disk.writevSync = realDisk.writevSync
    const retried = log.append(produced(1))
    await retried.durable
    expect(retried.baseOffset).toBe(1)
    expect(await readValues(log)).toEqual(['p0', 'p1'])
    await logs.close()
    const { log: again } = await fixture.openLog()
    expect(await readValues(again)).toEqual(['p0', 'p1'])
  })

  test('no space for a new segment fails the append and leaves the old segment unchanged', async () => {
    const { log } = await fixture.openLog({ segmentBytes: 200 })
    await log.append(batchOf(['a'.repeat(100)])).durable
    disk.writeFile = () => {
      throw nodeError('ENOSPC')
    }
    expect(() => log.append(batchOf(['b'.repeat(100)]))).toThrow(expect.objectContaining(storageError))
    disk.writeFile = realDisk.writeFile
    await log.append(batchOf(['c'.repeat(100)])).durable
    expect((await readValues(log)).map((value) => value[0])).toEqual(['a', 'c'])
  })
})

describe('too many files are open', () => {
  test('the first appends to a partition are acknowledged once its folder entries are durable', async () => {
    const { log } = await fixture.openLog()
    let tries = 0
    disk.syncFile = async () => {
      tries++
      throw nodeError('EMFILE')
    }
    const first = log.append(batchOf(['a'])).durable
    await until(() => tries >= 2, 'a retry')
    expect([log.highWatermark, log.failure]).toEqual([0, null])
    const second = log.append(batchOf(['b'])).durable
    disk.syncFile = realDisk.syncFile
    await Promise.all([first, second])
    expect(await readValues(log)).toEqual(['a', 'b'])
  })

  test('a failing fdatasync at the same time is not retried', async () => {
    const { log } = await fixture.openLog()
    disk.syncFile = () => Promise.reject(nodeError('EMFILE'))
    disk.fdatasync = () => Promise.reject(nodeError('EIO'))
    await expect(log.append(batchOf(['a'])).durable).rejects.toMatchObject(storageError)
    expect(log.failure).toMatchObject(storageError)
  })

  test('a rolled segment is flushed later, and a shutdown does not wait for the retry', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 200 })
    await log.append(batchOf(['a'.repeat(100)])).durable
    let tries = 0
    disk.syncFile = async (path) => {
      if (!path.endsWith('.snapshot')) return realDisk.syncFile(path)
      tries++
      throw nodeError('EMFILE')
    }
    await log.append(batchOf(['b'.repeat(100)])).durable
    await until(() => tries >= 2, 'a retry')
    expect(log.failure).toBeNull()
    await log.append(batchOf(['c'.repeat(100)])).durable
    disk.syncFile = (path) => (path.endsWith('.snapshot') ? Promise.reject(nodeError('EMFILE')) : realDisk.syncFile(path))
    await logs.close()
    disk.syncFile = realDisk.syncFile
    const { log: again } = await fixture.openLog()
    expect((await readValues(again)).map((value) => value[0])).toEqual(['a', 'b', 'c'])
  })

  test('a file that cannot be opened fails the append only', async () => {
    const { logs, log: closedFile } = await fixture.openLog({}, { flush: 'os' })
    await closedFile.append(batchOf(['a'])).durable
    // More files than the limit: the first one is closed.
    const fill = async (_: unknown, index: number) => (await logs.open('t', TOPIC_ID, index + 1, config)).append(batchOf(['x'])).durable
    await Promise.all(Array.from({ length: 520 }, fill))
    disk.open = () => {
      throw nodeError('EMFILE')
    }
    await expect(closedFile.append(batchOf(['b'])).durable).rejects.toMatchObject(storageError)
    disk.open = realDisk.open
    expect(closedFile.failure).toBeNull()
    await closedFile.append(batchOf(['c'])).durable
    expect(await readValues(closedFile)).toEqual(['a', 'c'])
  })
})

test('a deleted partition is closed only after the flush of a segment that rolled during its last flush', async () => {
  const { logs, log } = await fixture.openLog({ segmentBytes: 400 })
  await log.append(batchOf(['a'.repeat(100)])).durable
  const releases: (() => void)[] = []
  disk.fdatasync = (file) => new Promise<void>((resolve) => releases.push(resolve)).then(() => realDisk.fdatasync(file))
  const last = log.append(batchOf(['b'.repeat(20)]))
  await last.written
  const removed = logs.remove('t', 0)
  await new Promise((resolve) => setImmediate(resolve))
  const rolling = log.append(batchOf(['c'.repeat(100)]))
  await rolling.written
  let isRemoved = false
  void removed.then(() => (isRemoved = true))
  // The flushes of the appends end, that of the rolled segment does not.
  const [first, rolled, ...others] = releases
  expect(others).toEqual([])
  first!()
  await last.durable
  await until(() => releases.length === 3, 'the flush of the new segment')
  releases[2]!()
  await rolling.durable
  await new Promise((resolve) => setImmediate(resolve))
  expect([isRemoved, existsSync(fixture.partitionDir)]).toEqual([false, true])
  rolled!()
  await removed
  expect(log.failure).toMatchObject({ error: 'NOT_LEADER_FOR_PARTITION' })
})

test('any other failing write fails the partition at once', async () => {
  const { log } = await fixture.openLog()
  disk.writeSync = () => {
    throw nodeError('EIO')
  }
  await expect(log.append(batchOf(['a'])).written).rejects.toMatchObject(storageError)
  disk.writeSync = realDisk.writeSync
  expect(log.failure).toMatchObject(storageError)
})

test('a short write is continued where it ended', async () => {
  const { log } = await fixture.openLog()
  disk.writevSync = (file, chunks, position) => realDisk.writeSync(file, Buffer.concat(chunks).subarray(0, 100), position)
  log.append(batchOf(['a'.repeat(90)]))
  await log.append(batchOf(['b'.repeat(90)])).durable
  disk.writevSync = realDisk.writevSync
  expect((await readValues(log)).map((value) => value[0])).toEqual(['a', 'b'])
})

test('a failing read is a storage error', async () => {
  let { logs, log } = await fixture.openLog()
  await log.append(batchOf(['a'])).durable
  await logs.close()
  ;({ logs, log } = await fixture.openLog())
  disk.read = () => Promise.reject(nodeError('EIO'))
  await expect(async () => log.read(0, 1000, true)).rejects.toMatchObject(storageError)
  disk.read = realDisk.read
  expect(await readValues(log)).toEqual(['a'])
})

test('under log.flush=os no append waits for the device', async () => {
  disk.fdatasync = () => Promise.reject(nodeError('EIO'))
  const { log } = await fixture.openLog({}, { flush: 'os' })
  const result = log.append(batchOf(['a']))
  await result.durable
  expect([log.highWatermark, result.written === result.durable]).toEqual([1, true])
  expect(await readValues(log)).toEqual(['a'])
})
