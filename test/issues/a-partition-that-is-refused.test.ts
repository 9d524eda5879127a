/**
 * Goal: a partition whose leader is known but keeps refusing fetches is fetched with back-off, and at once where it was refused only once.
 * Method: a source in memory whose leader is always known and responds to each fetch with a retriable error; the time that a number of fetches
 * takes is compared with the back-off between them.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { Client, RawAccess } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { FlowPartitions, type FlowPartitionsOptions } from '../../mirror/flow/flow-partitions.ts'
import { OffsetMap } from '../../mirror/offset-map.ts'
import { FramePool } from '../../mirror/transfer/frame-pool.ts'
import { PartitionProgress } from '../../mirror/transfer/partition-progress.ts'
import { SourceFetcher } from '../../mirror/transfer/source-fetcher.ts'
import { until } from '../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'

test('a partition whose leader keeps refusing is fetched with back-off', async () => {
  const asked: number[] = []
  const fetch = (async (_: number, partitions: readonly { topic: string; partition: number }[]) => {
    await new Promise((done) => setTimeout(done, 1))
    asked.push(performance.now())
    return partitions.map(({ topic, partition }) => ({ topic, partition, error: 'KAFKA_STORAGE_ERROR', records: Buffer.alloc(0) }))
  }) as unknown as RawAccess['fetch']
  const topic = { id: UUID, name: 't', internal: false, partitions: [{ index: 0, leader: 0, leaderEpoch: 3 }] }
  const client = { raw: () => ({ fetch, close: async () => {} }), topic: async () => topic } as unknown as Client
  const ending = new AbortController()
  const system = { clock: realClock, random: realRandom }
  onTestFinished(() => ending.abort())
  const logged: { error?: string }[] = []
  const logger = { warn: (about: { error?: string }) => logged.push(about) } as unknown as Logger
  const fetcher: SourceFetcher = new SourceFetcher({
    client,
    system,
    signal: ending.signal,
    maxBufferedBytes: 1_000_000,
    partitionMaxBufferedBytes: 1_000_000,
    maxBytes: 1_000_000,
    partitionMaxBytes: 1_000_000,
    maxWaitMs: 10,
    isolationLevel: 0,
    frames: new FramePool(0),
    events: {
      onFetched: () => {},
      onOffsetOutOfRange: () => {},
      onLeaderLost: (partition, error) => void partitions.findLeader(partition, error),
      onResponse: () => {},
      onUnavailable: () => {},
      onFailed: () => {},
    },
  })
  const settings = { name: 'us->central' }
  const parts = { settings, system, logger, source: client, fetcher, signal: ending.signal }
  const partitions = new FlowPartitions(parts as unknown as FlowPartitionsOptions)
  const initial = { topicId: UUID, map: new OffsetMap(0, 0), sourceEndOffset: 0, targetEndOffset: 0 }
  const partition = new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, initial, 0)
  partition.start({ topicId: UUID, leader: 0 }, { leader: 0, leaderEpoch: 3 })
  fetcher.add(partition)
  await until(() => asked.length >= 6, 'six fetches')
  expect(asked[1]! - asked[0]!).toBeLessThan(100)
  // 100, 200, 400 and 800 ms, less the jitter of a fifth; timers may be a little early.
  expect(asked[5]! - asked[0]!).toBeGreaterThan(1_150)
  expect(logged).toMatchObject([{ error: 'KAFKA_STORAGE_ERROR', topic: 't', partition: 0 }])
})
