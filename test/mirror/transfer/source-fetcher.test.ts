/**
 * Goal: no partition and no broker of the source is starved because others have many records, whatever the bounds are. Method: a source in
 * memory that fills a response in the order of the request up to the requested bytes, as brokers do; every batch is acknowledged at once.
 */
import { expect, test } from 'vitest'
import type { Client, RawAccess } from '../../../core/client/index.ts'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { FramePool } from '../../../mirror/transfer/frame-pool.ts'
import { PartitionProgress } from '../../../mirror/transfer/partition-progress.ts'
import { SourceFetcher } from '../../../mirror/transfer/source-fetcher.ts'
import { until } from '../../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const VALUE = Buffer.alloc(900, 'x')
/** More records than a test reads. */
const ENDLESS = 1_000_000

/** Ends of partitions; each batch holds one record. */
function memorySource(ends: readonly number[], polls: { limit: number }): Client {
  const fetch: RawAccess['fetch'] = async (_, partitions, { maxBytes, partitionMaxBytes }) => {
    await new Promise((done) => setImmediate(done))
    if (polls.limit-- <= 0) await new Promise(() => {})
    let freeBytes = maxBytes
    return partitions.map(({ topic, partition, offset }) => {
      const batches: Buffer[] = []
      let own = Math.min(freeBytes, partitionMaxBytes)
      for (let at = offset; at < ends[partition]! && own > 0; at++) {
        const bytes = encodeBatch([{ key: null, value: VALUE, timestamp: 1_700_000_000_000 }], { baseOffset: at })
        if (bytes.length > own) break
        own -= bytes.length
        freeBytes -= bytes.length
        batches.push(bytes)
      }
      const end = ends[partition]!
      return {
        topic,
        partition,
        error: null,
        highWatermark: end,
        lastStableOffset: end,
        logStartOffset: 0,
        abortedTransactions: [],
        records: Buffer.concat(batches),
      }
    })
  }
  return { raw: () => ({ fetch, close: async () => {} }) } as unknown as Client
}

function reading(
  leaders: readonly number[],
  ends: readonly number[],
  bounds: { buffered: number; bytes: number; polls: number },
  isAcknowledged: (partition: PartitionProgress) => boolean = () => true,
) {
  const polls = { limit: bounds.polls }
  const ending = new AbortController()
  const fail = (error: Error) => {
    throw error
  }
  const fetcher = new SourceFetcher({
    client: memorySource(ends, polls),
    system: { clock: realClock, random: realRandom },
    signal: ending.signal,
    maxBufferedBytes: bounds.buffered,
    partitionMaxBufferedBytes: bounds.buffered,
    maxBytes: bounds.bytes,
    partitionMaxBytes: bounds.bytes,
    maxWaitMs: 10,
    isolationLevel: 0,
    frames: new FramePool(0),
    events: {
      onFetched(partition, bytes) {
        if (!isAcknowledged(partition)) return
        for (let batch = partition.nextBatch(1, 0); batch; batch = partition.nextBatch(1, 0))
          partition.acknowledge(batch, partition.map.nextDownstreamOffset)
        fetcher.release(bytes)
      },
      onOffsetOutOfRange: () => {},
      onLeaderLost: () => {},
      onResponse: () => {},
      onUnavailable: fail,
      onFailed: fail,
    },
  })
  const partitions = ends.map((_, partition) => {
    const initial = { topicId: UUID, map: new OffsetMap(0, 0), sourceEndOffset: 0, targetEndOffset: 0 }
    const progress = new PartitionProgress({ topic: 't', partition, targetTopic: 'us.t' }, initial, 0)
    progress.start({ topicId: UUID, leader: 0 }, { leader: leaders[partition]!, leaderEpoch: 0 })
    return progress
  })
  for (const partition of partitions) fetcher.add(partition)
  return { fetcher, partitions, stop: () => ending.abort() }
}

test('partitions that always fill a response do not starve the other partitions of their broker', async () => {
  const { partitions, stop } = reading([0, 0, 0], [ENDLESS, ENDLESS, 3], { buffered: 1_000_000, bytes: 10_000, polls: 20 })
  await until(() => partitions[2]!.map.nextUpstreamOffset === 3, 'the small one is read too')
  for (const busy of partitions.slice(0, 2)) expect(busy.map.nextUpstreamOffset).toBeGreaterThan(0)
  stop()
})

test('with a buffer that is smaller than one fetch, every broker is still fetched in turn', async () => {
  const { partitions, stop } = reading([0, 1, 2], [ENDLESS, ENDLESS, 3], { buffered: 50_000, bytes: 1_000_000, polls: 60 })
  await until(() => partitions.every(({ map }) => map.nextUpstreamOffset >= 3), 'all are read')
  stop()
})

test('buffer space that a restarted partition discards is used for the other brokers', async () => {
  const bounds = { buffered: 50_000, bytes: 1_000_000, polls: 60 }
  const { fetcher, partitions, stop } = reading([0, 1], [3, 3], bounds, ({ partition }) => partition === 1)
  const [first, second] = partitions as [PartitionProgress, PartitionProgress]
  await until(() => first.bufferedBytes > 0, 'the first is read, and not acknowledged')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(second.map.nextUpstreamOffset).toBe(0)
  fetcher.remove(first)
  first.suspend()
  const { bufferedBytes } = first
  first.rewind(1)
  fetcher.discard(bufferedBytes)
  await until(() => second.map.nextUpstreamOffset === 3, 'the second is read')
  stop()
})
