/**
 * Goal: a producer with five batches in flight when the broker stops retries those that were not acknowledged, and none is stored twice,
 * whether the stop was clean or not (Invariant 5). A producer snapshot holds the last batch only, so the others must come from the log.
 * Method: a real folder, five batches, a stop, and a retry of each; over several segments, among other producers, and with the bytes
 * counted that a start reads for it.
 */
import { rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogConfig, PartitionLog } from '../../core/log/types.ts'
import { realDisk } from '../../core/system/disk.ts'
import { batchOf, faultyDisk, readValues, type Scratch, scratch } from '../core/log/scratch-log.ts'

const disk = faultyDisk()
let scratchLog: Scratch
let bytesRead = 0
beforeEach(() => {
  scratchLog = scratch({ disk })
  disk.read = async (...call) => {
    const got = await realDisk.read(...call)
    bytesRead += got
    return got
  }
})
afterEach(() => scratchLog.remove())

const batchNumber = (batch: number, over: { producerId?: number; bytes?: number } = {}) =>
  batchOf([`a${batch}`.padEnd(over.bytes ?? 100, '.'), `b${batch}`], {
    producerId: over.producerId ?? 7,
    producerEpoch: 3,
    baseSequence: batch * 2,
  })

async function restartedLog(produce: (log: PartitionLog) => Promise<unknown>, how: 'clean' | 'crash', over: Partial<LogConfig> = {}) {
  const { logs, log } = await scratchLog.openLog(over)
  await produce(log)
  await logs.close()
  if (how === 'crash') rmSync(join(scratchLog.dir, '.kafka_cleanshutdown'))
  bytesRead = 0
  return (await scratchLog.openLog(over)).log
}

const fiveBatches = async (log: PartitionLog) => {
  const results = [0, 1, 2, 3, 4].map((batch) => log.append(batchNumber(batch)))
  await Promise.all(results.map((result) => result.durable))
}

async function expectDuplicates(log: PartitionLog, batches: readonly number[], first = 0): Promise<void> {
  const end = log.logEndOffset
  for (const batch of batches) {
    const result = log.append(batchNumber(batch))
    await result.durable
    expect([batch, result.baseOffset]).toEqual([batch, first + batch * 2])
  }
  expect(log.logEndOffset).toBe(end)
}

describe.each(['clean', 'crash'] as const)('after a restart (%s)', (how) => {
  test('each of the last five batches gets its first offset again', async () => {
    const log = await restartedLog(fiveBatches, how)
    await expectDuplicates(log, [1, 0, 4, 2, 3])
    const next = log.append(batchNumber(5))
    await next.durable
    expect(next.baseOffset).toBe(10)
    expect((await readValues(log)).length).toBe(12)
  })

  test('and where a segment ended between them', async () => {
    const log = await restartedLog(fiveBatches, how, { segmentBytes: 500 })
    expect(realDisk.list(scratchLog.partitionDir).filter(({ name }) => name.endsWith('.log')).length).toBeGreaterThan(1)
    await expectDuplicates(log, [0, 1, 2, 3, 4])
  })

  test('and where other producers wrote more after them', async () => {
    const log = await restartedLog(
      async (log) => {
        await fiveBatches(log)
        const others = Array.from({ length: 60 }, (_, at) =>
          log.append(batchNumber(at % 6, { producerId: 100 + Math.floor(at / 6), bytes: 4000 })),
        )
        await others.at(-1)!.durable
      },
      how,
      { segmentBytes: 200_000 },
    )
    await expectDuplicates(log, [0, 1, 2, 3, 4])
  })

  test('the sixth from the end is out of sequence, as before the restart', async () => {
    const log = await restartedLog(async (log) => {
      await fiveBatches(log)
      await log.append(batchNumber(5)).durable
    }, how)
    expect(() => log.append(batchNumber(0))).toThrow('sequence 0 arrived where 12 was expected')
    await expectDuplicates(log, [1, 2, 3, 4, 5])
  })
})

describe('the bytes that a clean start reads', () => {
  const manyBatches = (producerId: number) => async (log: PartitionLog) => {
    const results = Array.from({ length: 400 }, (_, batch) => log.append(batchNumber(batch, { producerId, bytes: 10_000 })))
    await Promise.all(results.map((result) => result.durable))
  }

  test('are few where one producer wrote', async () => {
    const log = await restartedLog(manyBatches(7), 'clean')
    await expectDuplicates(log, [395, 396, 397, 398, 399])
    expect(bytesRead).toBeLessThan(256 * 1024)
  })

  test('are bounded where a producer wrote far from the end', async () => {
    const log = await restartedLog(async (log) => {
      for (let batch = 0; batch < 6; batch++) log.append(batchNumber(batch))
      await manyBatches(8)(log)
    }, 'clean')
    await expectDuplicates(log, [5])
    expect(bytesRead).toBeGreaterThan(512 * 1024)
    expect(bytesRead).toBeLessThan(1.25 * 1024 * 1024)
  })

  test('are next to none without idempotent producers', async () => {
    const anonymous = await restartedLog(async (log) => {
      for (let batch = 0; batch < 100; batch++) log.append(batchOf(['x'.repeat(10_000)]))
      await log.append(batchOf(['end'])).durable
    }, 'clean')
    expect(bytesRead).toBeLessThan(32 * 1024)
    expect(anonymous.logEndOffset).toBe(101)
  })

  test('are next to none where all producers have expired', async () => {
    const { logs, log } = await scratchLog.openLog()
    await manyBatches(7)(log)
    await logs.close()
    const longAgo = Date.now() / 1000 - 25 * 3600
    utimesSync(join(scratchLog.partitionDir, `${'0'.repeat(20)}.log`), longAgo, longAgo)
    bytesRead = 0
    const { log: again } = await scratchLog.openLog()
    expect(bytesRead).toBeLessThan(32 * 1024)
    expect(again.logEndOffset).toBe(800)
  })
})
