/**
 * Issue: after a flush that failed, a restart served the records that were still in the page cache; the power cut after that took them
 * away. Linux marks the pages of a failed fsync clean: no later fsync writes them. Goal: nothing is acknowledged after a failed flush until
 * the log is opened again, and what is served then is durable. Method: a disk in memory whose failed sync drops what it was to cover.
 */
import { expect, test } from 'vitest'
import { openLogs } from '../../core/log/index.ts'
import type { Logs, PartitionLog } from '../../core/log/types.ts'
import { batchOf, config, options, readValues, TOPIC_ID } from '../core/log/scratch-log.ts'
import { diskError, RecordingDisk } from '../power-cut/recording-disk.ts'
import { systemOn } from '../power-cut/simulated-broker.ts'
import { seededRandom } from '../random.ts'

const random = seededRandom()
const storageError = { error: 'KAFKA_STORAGE_ERROR' }
const large = (letter: string, bytes: number) => letter.repeat(bytes)

async function open(disk: RecordingDisk, segmentBytes = config.segmentBytes): Promise<{ logs: Logs; log: PartitionLog }> {
  const logs = await openLogs(options('/data'), systemOn(disk))
  return { logs, log: await logs.open('t', TOPIC_ID, 0, { ...config, segmentBytes }) }
}

function failSyncs(disk: RecordingDisk): void {
  disk.fault = ({ type, path }) => {
    if (type === 'sync' && path.endsWith('.log')) throw diskError('EIO', path)
  }
}

/** All of `values`, a batch each, are part of the failed flush. */
async function afterFailedFlush(values: readonly string[], segmentBytes?: number): Promise<RecordingDisk> {
  const disk = new RecordingDisk()
  const { logs, log } = await open(disk, segmentBytes)
  await log.append(batchOf(['durable'])).durable
  failSyncs(disk)
  const results = await Promise.allSettled(values.map((value) => log.append(batchOf([value])).durable))
  expect(results).toEqual(values.map(() => expect.objectContaining({ reason: expect.objectContaining(storageError) })))
  disk.fault = () => {}
  expect(() => log.append(batchOf(['after the failure']))).toThrow(expect.objectContaining(storageError))
  expect(log.highWatermark).toBe(1)
  await logs.close()
  return disk
}

test.each([
  ['in the active segment', [large('a', 10_000)], config.segmentBytes],
  ['in a segment after a roll', [large('a', 10_000)], 10_120],
  ['of several megabytes', ['a', 'b', 'c', 'd'].map((letter) => large(letter, 900_000)), config.segmentBytes],
])('what a start serves after a failed flush survives a power cut: %s', async (_, values, segmentBytes) => {
  const disk = await afterFailedFlush(values, segmentBytes)
  const restarted = await open(disk, segmentBytes)
  const served = await readValues(restarted.log)
  expect(served).toEqual(['durable', ...values])
  await restarted.log.append(batchOf(['after the restart'])).durable
  const next = await open(disk.afterPowerCut(disk.step, 'lost', random), segmentBytes)
  expect(await readValues(next.log)).toEqual([...served, 'after the restart'])
  await next.logs.close()
  await restarted.logs.close()
})

test('a start whose own flush fails is refused, and the next one finds all that was acknowledged', async () => {
  const disk = await afterFailedFlush([large('a', 10_000)])
  failSyncs(disk)
  await expect(open(disk)).rejects.toThrow(/recovered records cannot be made durable: EIO/)
  disk.fault = () => {}
  const next = await open(disk.afterPowerCut(disk.step, 'lost', random))
  expect(await readValues(next.log)).toEqual(['durable'])
  await next.logs.close()
})
