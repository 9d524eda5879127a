/**
 * Symptom: after a power cut a read_committed consumer gets the records of an aborted transaction. The recovery point was at the end of a
 * segment that had just rolled, so that recovery trusted its index of aborted transactions, which was not durable. And one that recovery
 * had emptied stayed on the disk. Method: logs on a disk in memory that keeps the names of files and loses their bytes.
 */
import { expect, test } from 'vitest'
import { openLogs } from '../../core/log/index.ts'
import { encodeAbortedTxn } from '../../core/log/transaction-index.ts'
import { batchOf, config, options, TOPIC_ID } from '../core/log/scratch-log.ts'
import { RecordingDisk } from '../power-cut/recording-disk.ts'
import { systemOn } from '../power-cut/simulated-broker.ts'
import { until } from '../until.ts'

const DIR = '/data'
const CHECKPOINT = `${DIR}/recovery-point-offset-checkpoint`
const CHECKPOINT_MS = 5
/** Every name survives, and no byte that was not synced. */
const namesOnly = () => 0.999

async function open(disk: RecordingDisk) {
  const logs = await openLogs({ ...options(DIR), flushOffsetCheckpointIntervalMs: CHECKPOINT_MS }, systemOn(disk))
  return { logs, log: await logs.open('t', TOPIC_ID, 0, { ...config, segmentBytes: 300 }) }
}

const transactional = { producerId: 7, producerEpoch: 0, baseSequence: 0, transactional: true }
const marker = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, transactionVersion: 0 }

test('an aborted transaction in a segment that has just rolled stays aborted', async () => {
  const disk = new RecordingDisk()
  const { logs, log } = await open(disk)
  log.append(batchOf(['aborted'], transactional), 'client', 'disabled')
  await log.appendEndTxnMarker({ ...marker, committed: false }).durable
  await until(() => disk.readFile(CHECKPOINT)?.includes(`t 0 ${log.logEndOffset}\n`), 'the recovery point is at the end of the segment')
  log.append(batchOf(['next'.repeat(50)]))
  const left = disk.afterPowerCut(disk.step, 'torn', namesOnly)
  expect(left.stat(`${DIR}/t-0/00000000000000000000.txnindex`)?.bytes).toBe(0)

  const again = await open(left)
  expect(again.log.abortedTransactions(0, 100)).toEqual([{ producerId: 7, firstOffset: 0 }])
  await again.logs.close()
  await logs.close()
})

test('the index of a marker that was lost does not hide a transaction that is committed later', async () => {
  const disk = new RecordingDisk()
  const before = await open(disk)
  await before.log.append(batchOf(['committed'], transactional), 'client', 'disabled').durable
  const left = disk.afterPowerCut(disk.step, 'kept', namesOnly)
  await before.logs.close()
  const entry = { producerId: 7, firstOffset: 0, lastOffset: 1, lastStableOffset: 0 }
  left.writeFile(`${DIR}/t-0/00000000000000000000.txnindex`, encodeAbortedTxn(entry))

  const { logs, log } = await open(left)
  await log.appendEndTxnMarker({ ...marker, committed: true }).durable
  await log.append(batchOf(['next'.repeat(50)])).durable
  await logs.close()

  const again = await open(left)
  expect(again.log.abortedTransactions(0, 100)).toEqual([])
  await again.logs.close()
})
