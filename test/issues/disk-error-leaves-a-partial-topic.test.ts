/**
 * Goal: a partition whose creation or deletion failed on the disk breaks neither other partitions, nor a later topic of its name, nor the
 * next start.
 * Method: a broker on a disk that fails at one folder; then the same name again, with records and restarts.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RunningBroker, startBroker } from '../../core/index.ts'
import { realDisk } from '../../core/system/disk.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { batchOf, faultyDisk, nodeError, readValues } from '../core/log/scratch-log.ts'

let dir: string
let disk: ReturnType<typeof faultyDisk>
let broker: RunningBroker

const start = () =>
  startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir }, { ...realSystem('silent'), logger: silentLogger, disk })
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tributary-half-'))
  disk = faultyDisk()
  broker = await start()
})
afterEach(async () => {
  Object.assign(disk, realDisk)
  await broker.close()
  rmSync(dir, { recursive: true, force: true })
})
async function restart(): Promise<void> {
  await broker.close()
  broker = await start()
}

/** The disk is full when the folder of partition 2 is created. */
function fillDiskAtPartition2(): void {
  disk.makeFolder = (path) => {
    if (path.endsWith('-2')) throw nodeError('ENOSPC')
    return realDisk.makeFolder(path)
  }
}
const create = (partitions: number) => broker.cluster.createTopic({ name: 'orders', partitions, replicationFactor: 1 })
const append = async (value: string, partition = 0) =>
  broker.logs.get('orders', partition)!.append(batchOf([value], { timestamp: Date.now() })).durable
const valuesOf = (partition = 0) => readValues(broker.logs.get('orders', partition)!)

test('a partition whose folder cannot be created rejects records until it can be; the others do not', async () => {
  fillDiskAtPartition2()
  await create(4)
  await append('first')
  expect(broker.logs.get('orders', 2)!.failure).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  await expect(async () => append('rejected', 2)).rejects.toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  await append('after it', 3)
  Object.assign(disk, realDisk)
  await append('third', 2)
  await restart()
  expect(broker.cluster.topic('orders')).toMatchObject({ partitions: 4 })
  expect([await valuesOf(), await valuesOf(2), await valuesOf(3)]).toEqual([['first'], ['third'], ['after it']])
})

test('a partition whose folder could not be created is there after a restart', async () => {
  await create(1)
  await append('first')
  fillDiskAtPartition2()
  await broker.cluster.createPartitions('orders', 5, false)
  expect(broker.logs.get('orders', 2)!.failure).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  await broker.close()
  Object.assign(disk, realDisk)
  broker = await start()
  await append('later', 2)
  expect([await valuesOf(), await valuesOf(2)]).toEqual([['first'], ['later']])
})

test('records of a deleted topic whose folder could not be renamed do not appear in a new topic of its name', async () => {
  await create(1)
  await append('of the deleted')
  disk.rename = () => {
    throw nodeError('EIO')
  }
  await broker.cluster.deleteTopic('orders')
  disk.rename = realDisk.rename
  await create(1)
  expect(await valuesOf()).toEqual([])
  await append('of the new')
  await restart()
  expect(await valuesOf()).toEqual(['of the new'])
})

test('a folder without a topic is set aside at the start, and the next stop is clean again', async () => {
  await create(1)
  await append('lost')
  disk.rename = () => {
    throw nodeError('EIO')
  }
  await broker.cluster.deleteTopic('orders')
  // A killed broker leaves no mark of a clean stop.
  disk.replaceFile = async (path, bytes) => (path.endsWith('cleanshutdown') ? undefined : realDisk.replaceFile(path, bytes))
  await broker.close()
  Object.assign(disk, realDisk)
  broker = await start()
  expect(readdirSync(dir).filter((name) => name.startsWith('orders-0'))).toEqual([expect.stringMatching(/^orders-0\.[0-9a-f]{32}-stray$/)])
  await broker.close()
  expect(readdirSync(dir)).toContain('.kafka_cleanshutdown')
  broker = await start()
})
