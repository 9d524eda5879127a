/**
 * Goal: a partition whose fetches keep failing, though its leader is known, is fetched again at once after the first error and then with
 * ever longer pauses. Method: a source in memory with a known leader that answers every fetch with a retriable error; the clock notes each
 * pause.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { Client, RawAccess } from '../../core/client/index.ts'
import { type Clock, realClock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { realRandom } from '../../core/system/random.ts'
import { FlowPartitions, type FlowPartitionsOptions } from '../../mirror/flow/flow-partitions.ts'
import { OffsetMap } from '../../mirror/offset-map.ts'
import { FramePool } from '../../mirror/transfer/frame-pool.ts'
import { PartitionProgress } from '../../mirror/transfer/partition-progress.ts'
import { SourceFetcher } from '../../mirror/transfer/source-fetcher.ts'
import { until } from '../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'

test('fetches of a partition that keeps failing are spaced by growing pauses', async () => {
  /** `fetch`, or the pause in ms. */
  const steps: ('fetch' | number)[] = []
  const fetch = (async (_: number, partitions: readonly { topic: string; partition: number }[]) => {
    await new Promise((done) => setImmediate(done))
    steps.push('fetch')
    return partitions.map(({ topic, partition }) => ({ topic, partition, error: 'KAFKA_STORAGE_ERROR', records: Buffer.alloc(0) }))
  }) as unknown as RawAccess['fetch']
  const clock: Clock = {
    ...realClock,
    sleep: async (delayMs) => void steps.push(delayMs),
  }
  const system = { clock, random: realRandom }
  const topic = { id: UUID, name: 't', internal: false, partitions: [{ index: 0, leader: 0, leaderEpoch: 3 }] }
  const client = { raw: () => ({ fetch, close: async () => {} }), topic: async () => topic } as unknown as Client
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const warnings: { error?: string }[] = []
  const logger = { warn: (details: { error?: string }) => warnings.push(details) } as unknown as Logger
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
  await until(() => steps.filter((step) => step === 'fetch').length >= 6, 'six fetches')
  ending.abort()

  expect(steps.slice(0, 2)).toEqual(['fetch', 'fetch'])
  const pauses = steps.slice(2, 10).filter((step) => step !== 'fetch')
  expect(pauses).toHaveLength(4)
  // Twice as long each time, with some jitter.
  for (const [at, pause] of pauses.entries()) expect(pause / (100 * 2 ** at)).toBeCloseTo(1, 0)
  expect(warnings).toMatchObject([{ error: 'KAFKA_STORAGE_ERROR', topic: 't', partition: 0 }])
})
