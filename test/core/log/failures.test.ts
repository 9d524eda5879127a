/**
 * Goal: a disk that fails never makes the log lie. Method: a disk whose writes, syncs and space are told to fail; what was answered is compared with what a new
 * start finds.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { realDisk } from '../../../core/system/disk.ts'
import { until } from '../../until.ts'
import { batchOf, config, faultyDisk, nodeError, readValues, type Scratch, scratch, TOPIC_ID } from './scratch-log.ts'

let room: Scratch
let disk: ReturnType<typeof faultyDisk>
beforeEach(() => {
  disk = faultyDisk()
  room = scratch({ disk })
})
afterEach(() => room.remove())

const storageError = { error: 'KAFKA_STORAGE_ERROR' }

describe('fdatasync fails', () => {
  test('nobody is acknowledged, nothing is served, the partition takes no more, and a restart recovers', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['a'])).durable
    disk.fdatasync = () => Promise.reject(nodeError('EIO'))
    const lost = log.append(batchOf(['b']))
    const alsoLost = log.append(batchOf(['c']))
    await lost.written
    await expect(lost.durable).rejects.toMatchObject(storageError)
    await expect(alsoLost.durable).rejects.toMatchObject(storageError)
    disk.fdatasync = realDisk.fdatasync
    expect(log.failure).toMatchObject(storageError)
    expect(() => log.append(batchOf(['d']))).toThrow(expect.objectContaining(storageError))
    expect(log.highWatermark).toBe(1)
    expect(await readValues(log)).toEqual(['a'])
    await logs.close()
    expect(realDisk.exists(`${room.dir}/.kafka_cleanshutdown`)).toBe(false)
    const { log: again } = await room.openLog()
    expect((await readValues(again))[0]).toBe('a')
    expect(again.failure).toBeNull()
  })

  test('what was written after the failing sync began fails too', async () => {
    const { log } = await room.openLog()
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

  test('the folder that names a new file counts as well', async () => {
    const { log } = await room.openLog()
    disk.syncFolder = () => Promise.reject(nodeError('EIO'))
    await expect(log.append(batchOf(['a'])).durable).rejects.toMatchObject(storageError)
    disk.syncFolder = realDisk.syncFolder
  })
})

describe('the disk is full', () => {
  test('the partial write is cut off, that append fails, and later ones succeed once there is room', async () => {
    const { logs, log } = await room.openLog()
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
    expect(realDisk.stat(`${room.partitionDir}/00000000000000000000.log`)!.bytes).toBe(whole)
    disk.writeSync = realDisk.writeSync
    disk.writevSync = realDisk.writevSync
    const retried = log.append(produced(1))
    await retried.durable
    expect(retried.baseOffset).toBe(1)
    expect(await readValues(log)).toEqual(['p0', 'p1'])
    await logs.close()
    const { log: again } = await room.openLog()
    expect(await readValues(again)).toEqual(['p0', 'p1'])
  })

  test('no room for a new segment fails the append and leaves the old segment as it was', async () => {
    const { log } = await room.openLog({ segmentBytes: 200 })
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
  test('the first appends to a partition wait until its names can be made durable, and nobody is acknowledged before', async () => {
    const { log } = await room.openLog()
    let tries = 0
    disk.syncFile = async () => {
      tries++
      throw nodeError('EMFILE')
    }
    const first = log.append(batchOf(['a'])).durable
    await until(() => tries >= 2, 'a second try')
    expect([log.highWatermark, log.failure]).toEqual([0, null])
    const second = log.append(batchOf(['b'])).durable
    disk.syncFile = realDisk.syncFile
    await Promise.all([first, second])
    expect(await readValues(log)).toEqual(['a', 'b'])
  })

  test('a failing fdatasync beside it is not tried again', async () => {
    const { log } = await room.openLog()
    disk.syncFile = () => Promise.reject(nodeError('EMFILE'))
    disk.fdatasync = () => Promise.reject(nodeError('EIO'))
    await expect(log.append(batchOf(['a'])).durable).rejects.toMatchObject(storageError)
    expect(log.failure).toMatchObject(storageError)
  })

  test('a full segment is made durable later, and a stop does not wait for that', async () => {
    const { logs, log } = await room.openLog({ segmentBytes: 200 })
    await log.append(batchOf(['a'.repeat(100)])).durable
    let tries = 0
    disk.syncFile = async (path) => {
      if (!path.endsWith('.snapshot')) return realDisk.syncFile(path)
      tries++
      throw nodeError('EMFILE')
    }
    await log.append(batchOf(['b'.repeat(100)])).durable
    await until(() => tries >= 2, 'a second try')
    expect(log.failure).toBeNull()
    await log.append(batchOf(['c'.repeat(100)])).durable
    disk.syncFile = (path) => (path.endsWith('.snapshot') ? Promise.reject(nodeError('EMFILE')) : realDisk.syncFile(path))
    await logs.close()
    disk.syncFile = realDisk.syncFile
    const { log: again } = await room.openLog()
    expect((await readValues(again)).map((value) => value[0])).toEqual(['a', 'b', 'c'])
  })

  test('a file that cannot be opened fails the append and nothing else', async () => {
    const { logs, log: crowded } = await room.openLog({}, { flush: 'os' })
    await crowded.append(batchOf(['a'])).durable
    // more than are kept open: the file of the first is closed
    const fill = async (_: unknown, index: number) => (await logs.open('t', TOPIC_ID, index + 1, config)).append(batchOf(['x'])).durable
    await Promise.all(Array.from({ length: 520 }, fill))
    disk.open = () => {
      throw nodeError('EMFILE')
    }
    await expect(crowded.append(batchOf(['b'])).durable).rejects.toMatchObject(storageError)
    disk.open = realDisk.open
    expect(crowded.failure).toBeNull()
    await crowded.append(batchOf(['c'])).durable
    expect(await readValues(crowded)).toEqual(['a', 'c'])
  })
})

test('any other failing write ends the partition at once', async () => {
  const { log } = await room.openLog()
  disk.writeSync = () => {
    throw nodeError('EIO')
  }
  await expect(log.append(batchOf(['a'])).written).rejects.toMatchObject(storageError)
  disk.writeSync = realDisk.writeSync
  expect(log.failure).toMatchObject(storageError)
})

test('a short write goes on where it stopped', async () => {
  const { log } = await room.openLog()
  disk.writevSync = (file, chunks, position) => realDisk.writeSync(file, Buffer.concat(chunks).subarray(0, 100), position)
  log.append(batchOf(['a'.repeat(90)]))
  await log.append(batchOf(['b'.repeat(90)])).durable
  disk.writevSync = realDisk.writevSync
  expect((await readValues(log)).map((value) => value[0])).toEqual(['a', 'b'])
})

test('a read that the disk refuses says where', async () => {
  let { logs, log } = await room.openLog()
  await log.append(batchOf(['a'])).durable
  await logs.close()
  ;({ logs, log } = await room.openLog())
  disk.read = () => Promise.reject(nodeError('EIO'))
  await expect(async () => log.read(0, 1000, true)).rejects.toMatchObject(storageError)
  disk.read = realDisk.read
  expect(await readValues(log)).toEqual(['a'])
})

test('under log.flush=os nothing waits for the device', async () => {
  disk.fdatasync = () => Promise.reject(nodeError('EIO'))
  const { log } = await room.openLog({}, { flush: 'os' })
  const result = log.append(batchOf(['a']))
  await result.durable
  expect([log.highWatermark, result.written === result.durable]).toEqual([1, true])
  expect(await readValues(log)).toEqual(['a'])
})
