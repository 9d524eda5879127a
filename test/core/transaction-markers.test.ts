/**
 * Goal: a marker ends the transaction of its partition once it is durable, each error reaches the coordinator as one that it knows. Method:
 * real logs, and a group coordinator that the test plays.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KafkaError } from '../../core/errors.ts'
import type { PartitionLog } from '../../core/log/types.ts'
import { TransactionMarkers } from '../../core/transaction-markers.ts'
import { batchOf, type Scratch, scratch } from './log/scratch-log.ts'

let fixture: Scratch
let log: PartitionLog
beforeEach(async () => {
  fixture = scratch()
  ;({ log } = await fixture.openLog())
})
afterEach(() => fixture.remove())

const marker = { producerId: 1, producerEpoch: 0, committed: true, coordinatorEpoch: 3, transactionVersion: 0 }

function markersWith(endTransaction: (partition: number) => Promise<void> = async () => {}) {
  const topics = new Map([
    ['t', 2],
    ['__consumer_offsets', 1],
  ])
  const logs = { get: (topic: string, partition: number) => (topics.has(topic) && partition === 0 ? log : undefined) }
  const cluster = { topic: (name: string) => (topics.has(name) ? ({ partitions: topics.get(name) } as never) : undefined) }
  return new TransactionMarkers(cluster, logs, { endTransaction })
}

test('the last stable offset rises when it resolves', async () => {
  const batch = batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true })
  await log.append(batch, 'client', 'disabled').durable
  expect(log.lastStableOffset).toBe(0)
  expect(await markersWith().writeMarker(marker, { topic: 't', partition: 0 })).toBe('NONE')
  expect(log.lastStableOffset).toBe(2)
})

test('nothing is left to do in a deleted partition; one whose log is not open is tried again', async () => {
  const markers = markersWith()
  const deleted = { topic: 'deleted', partition: 0 }
  expect([await markers.writeMarker(marker, deleted), await markers.appendMarker(marker, deleted)]).toEqual([
    'NONE',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])
  expect(await markers.appendMarker(marker, { topic: 't', partition: 2 })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await markers.writeMarker(marker, { topic: 't', partition: 1 })).toBe('NOT_LEADER_FOR_PARTITION')
})

test('the errors of the log are those of the marker', async () => {
  const markers = markersWith()
  const t = { topic: 't', partition: 0 }
  await markers.writeMarker({ ...marker, producerEpoch: 5 }, t)
  expect(await markers.writeMarker(marker, t)).toBe('INVALID_PRODUCER_EPOCH')
  expect(await markers.writeMarker({ ...marker, producerEpoch: 5, coordinatorEpoch: 2 }, t)).toBe('TRANSACTION_COORDINATOR_FENCED')
})

test('the group coordinator writes the markers of the offsets topic', async () => {
  const ended: number[] = []
  const offsets = { topic: '__consumer_offsets', partition: 0 }
  expect(await markersWith(async (partition) => void ended.push(partition)).writeMarker(marker, offsets)).toBe('NONE')
  expect([ended, log.logEndOffset]).toEqual([[0], 0])
  const loading = markersWith(() => Promise.reject(new KafkaError('COORDINATOR_NOT_AVAILABLE')))
  expect(await loading.writeMarker(marker, offsets)).toBe('NOT_LEADER_FOR_PARTITION')
})
