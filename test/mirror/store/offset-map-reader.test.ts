/**
 * Goal: a reader that follows the offset map of a flow has its newest state, whatever was written between two reads. Method: records of a
 * map are written to a broker of ours, and read in steps.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { ZERO_UUID } from '../../../core/wire/types.ts'
import { OffsetMap, PAGE_RANGES } from '../../../mirror/offset-map.ts'
import { OffsetMapReader } from '../../../mirror/store/offset-map-reader.ts'
import { encodeMapPage, encodePartitionHead, MAP_PARTITION, pageKey } from '../../../mirror/store/offset-map-records.ts'
import { createTopic, ourCluster } from '../clusters.ts'

const TOPIC = 'mm2-offset-map.us.internal'

async function readerOf() {
  const cluster = await ourCluster()
  const producer = cluster.client.producer({ lingerMs: 0 })
  onTestFinished(() => producer.close())
  const { signal } = new AbortController()
  const reader = new OffsetMapReader({ target: cluster.client, topic: TOPIC, clock: realClock, random: realRandom, signal })
  const write = async (...records: { key: Buffer; value: Buffer | null }[]) => {
    await producer.send(records.map((record) => ({ topic: TOPIC, partition: MAP_PARTITION, ...record })))
  }
  return { cluster, reader, write }
}

const headOf = (map: OffsetMap) =>
  encodePartitionHead({
    topic: 't',
    partition: 0,
    topicId: ZERO_UUID,
    leaderEpoch: 0,
    nextUpstreamOffset: map.nextUpstreamOffset,
    nextDownstreamOffset: map.nextDownstreamOffset,
    origin: map.origin,
    sourceEnd: map.nextUpstreamOffset,
    lostRecords: 0,
    repeatedRecords: 0,
    producerEpoch: 0,
    sequence: 0,
    firstPage: map.firstPage,
    openPage: map.openPage,
    ranges: map.page(map.openPage),
  })

function appendRanges(map: OffsetMap, count: number): void {
  for (let i = 0; i < count; i++) map.append(map.nextUpstreamOffset + 1, map.nextDownstreamOffset, 1)
}

describe('the reader of an offset map', () => {
  test('says where the topic does not exist', async () => {
    const { reader } = await readerOf()
    expect(await reader.read()).toBe(false)
    expect(reader.partitions.size).toBe(0)
  })

  test('has a map whose pages were written before the read and whose head after it', async () => {
    const { cluster, reader, write } = await readerOf()
    await createTopic(cluster, TOPIC, 2)
    const map = new OffsetMap(0, 0)
    appendRanges(map, 10)
    await write(headOf(map))
    expect(await reader.read()).toBe(true)
    expect(reader.partitions.get('t-0')!.map.nextUpstreamOffset).toBe(20)
    appendRanges(map, PAGE_RANGES)
    await write(encodeMapPage({ topic: 't', partition: 0, page: 0, ranges: map.page(0) }))
    await reader.read()
    expect(reader.partitions.get('t-0')!.map.nextUpstreamOffset).toBe(20)
    await write(headOf(map))
    await reader.read()
    const restored = reader.partitions.get('t-0')!.map
    for (let offset = 0; offset <= map.nextUpstreamOffset; offset++)
      expect(restored.translateDownstream(offset)).toEqual(map.translateDownstream(offset))
  })

  test('forgets a deleted page, and a deleted partition', async () => {
    const { cluster, reader, write } = await readerOf()
    await createTopic(cluster, TOPIC, 2)
    const map = new OffsetMap(0, 0)
    appendRanges(map, PAGE_RANGES + 1)
    const head = headOf(map)
    await write(encodeMapPage({ topic: 't', partition: 0, page: 0, ranges: map.page(0) }), head)
    await reader.read()
    expect(reader.partitions.get('t-0')!.map.firstPage).toBe(0)
    await write({ key: pageKey('t', 0, 0), value: null }, head)
    await reader.read()
    expect(reader.partitions.get('t-0')!.map.firstPage).toBe(1)
    await write({ key: head.key, value: null })
    await reader.read()
    expect(reader.partitions.size).toBe(0)
  })
})
