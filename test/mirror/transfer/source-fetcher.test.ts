/**
 * Goal: no partition and no broker of the source is left unread because others have much to bring, whatever the bounds are set to. Method:
 * a source in memory that fills an answer in the order of the question up to the bytes that are asked for, as brokers do; the target takes
 * everything at once.
 */
import { expect, test } from 'vitest'
import type { Client, RawAccess } from '../../../core/client/index.ts'
import { realClock } from '../../../core/system/clock.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { FramePool } from '../../../mirror/transfer/frame-pool.ts'
import { PartitionProgress } from '../../../mirror/transfer/partition-progress.ts'
import { SourceFetcher } from '../../../mirror/transfer/source-fetcher.ts'
import { until } from '../../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const VALUE = Buffer.alloc(900, 'x')
/** More than any test takes. */
const ENDLESS = 1_000_000

/** Ends of partitions; each batch holds one record. */
function memorySource(ends: readonly number[], polls: { limit: number }): Client {
  const fetch: RawAccess['fetch'] = async (_, partitions, { maxBytes, partitionMaxBytes }) => {
    await new Promise((done) => setImmediate(done))
    if (polls.limit-- <= 0) await new Promise(() => {})
    let room = maxBytes
    return partitions.map(({ topic, partition, offset }) => {
      const batches: Buffer[] = []
      let own = Math.min(room, partitionMaxBytes)
      for (let at = offset; at < ends[partition]! && own > 0; at++) {
        const bytes = encodeBatch([{ key: null, value: VALUE, timestamp: 1_700_000_000_000 }], { baseOffset: at })
        if (bytes.length > own) break
        own -= bytes.length
        room -= bytes.length
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

function reading(leaders: readonly number[], ends: readonly number[], bounds: { held: number; bytes: number; polls: number }) {
  const polls = { limit: bounds.polls }
  const ending = new AbortController()
  const fail = (error: Error) => {
    throw error
  }
  const intake = new SourceFetcher({
    client: memorySource(ends, polls),
    clock: realClock,
    signal: ending.signal,
    maxHeldBytes: bounds.held,
    partitionHeldBytes: bounds.held,
    maxBytes: bounds.bytes,
    partitionMaxBytes: bounds.bytes,
    maxWaitMs: 10,
    isolationLevel: 0,
    frames: new FramePool(0),
    events: {
      took(flow, bytes) {
        for (let parcel = flow.next(1, 0); parcel; parcel = flow.next(1, 0)) flow.acknowledge(parcel, flow.map.nextDownstreamOffset)
        intake.release(bytes)
      },
      outOfRange: () => {},
      gone: () => {},
      moved: () => {},
      failed: fail,
      trouble: fail,
      well: () => {},
    },
  })
  const flows = ends.map((_, partition) => {
    const flow = new PartitionProgress({ topic: 't', partition, targetTopic: 'us.t' }, UUID, new OffsetMap(0, 0), 0)
    flow.state = 'flowing'
    flow.leader = leaders[partition]!
    return flow
  })
  for (const flow of flows) intake.add(flow)
  return { flows, stop: () => ending.abort() }
}

test('partitions that always fill an answer do not keep the others of their broker waiting', async () => {
  const { flows, stop } = reading([0, 0, 0], [ENDLESS, ENDLESS, 3], { held: 1_000_000, bytes: 10_000, polls: 20 })
  await until(() => flows[2]!.map.nextUpstreamOffset === 3, 'the small one is read too')
  for (const busy of flows.slice(0, 2)) expect(busy.map.nextUpstreamOffset).toBeGreaterThan(0)
  stop()
})

test('bounds that are smaller than a request still let one go, and every broker has its turn', async () => {
  const { flows, stop } = reading([0, 1, 2], [ENDLESS, ENDLESS, 3], { held: 50_000, bytes: 1_000_000, polls: 60 })
  await until(() => flows.every((flow) => flow.map.nextUpstreamOffset >= 3), 'all are read')
  stop()
})
