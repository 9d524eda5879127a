/**
 * Goal: a partition that the source keeps refusing, though its leader can be found, is asked ever more slowly, and at once where it was
 * refused only once. Method: a source in memory whose leader is always known and answers each fetch with an error that passes; the mirror's
 * intake and roster ask it, and the time that a number of fetches takes is held against the pauses that must lie between them.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { Client, RawAccess } from '../../core/client/index.ts'
import { realClock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { FlowPartitions, type FlowPartitionsOptions } from '../../mirror/flow/partitions.ts'
import { OffsetMap } from '../../mirror/offset-map.ts'
import { FramePool } from '../../mirror/transfer/frame-pool.ts'
import { PartitionProgress } from '../../mirror/transfer/partition-progress.ts'
import { SourceFetcher } from '../../mirror/transfer/source-fetcher.ts'
import { until } from '../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'

test('a partition that is refused again and again is not asked without a pause', async () => {
  const asked: number[] = []
  const fetch = (async (_: number, partitions: readonly { topic: string; partition: number }[]) => {
    await new Promise((done) => setTimeout(done, 1))
    asked.push(performance.now())
    return partitions.map(({ topic, partition }) => ({ topic, partition, error: 'KAFKA_STORAGE_ERROR', records: Buffer.alloc(0) }))
  }) as unknown as RawAccess['fetch']
  const topic = { id: UUID, name: 't', internal: false, partitions: [{ index: 0, leader: 0, leaderEpoch: 3 }] }
  const client = { raw: () => ({ fetch, close: async () => {} }), topic: async () => topic } as unknown as Client
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const told: { error?: string }[] = []
  const logger = { warn: (about: { error?: string }) => told.push(about) } as unknown as Logger
  const intake: SourceFetcher = new SourceFetcher({
    client,
    clock: realClock,
    signal: ending.signal,
    maxHeldBytes: 1_000_000,
    partitionHeldBytes: 1_000_000,
    maxBytes: 1_000_000,
    partitionMaxBytes: 1_000_000,
    maxWaitMs: 10,
    isolationLevel: 0,
    frames: new FramePool(0),
    events: {
      took: () => {},
      outOfRange: () => {},
      gone: () => {},
      moved: (flow, error) => void roster.locate(flow, error),
      failed: () => {},
      trouble: () => {},
      well: () => {},
    },
  })
  const settings = { name: 'us->central' }
  const parts = { settings, system: { clock: realClock }, logger, source: client, intake, signal: ending.signal }
  const roster = new FlowPartitions(parts as unknown as FlowPartitionsOptions)
  const flow = new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, UUID, new OffsetMap(0, 0), 0)
  Object.assign(flow, { state: 'flowing', leader: 0, leaderEpoch: 3 })
  intake.add(flow)
  await until(() => asked.length >= 6, 'six fetches')
  expect(asked[1]! - asked[0]!).toBeLessThan(100)
  // 100, 200, 400 and 800 ms; timers may be a little early
  expect(asked[5]! - asked[0]!).toBeGreaterThan(1_450)
  expect(told).toMatchObject([{ error: 'KAFKA_STORAGE_ERROR', topic: 't', partition: 0 }])
})
