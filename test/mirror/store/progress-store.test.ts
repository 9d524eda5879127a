/**
 * Goal: a flow that starts again has the progress that the last one stored, in the map of its own and in MirrorMaker 2's formats; a write
 * that fails stores nothing. Method: a store on a broker of ours writes the progress of partitions, and another store reads it.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { OffsetMap, PAGE_RANGES } from '../../../mirror/offset-map.ts'
import { readMm2Progress } from '../../../mirror/resume/mm2-takeover.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { MAP_PARTITION } from '../../../mirror/store/offset-map-records.ts'
import { ProgressStore } from '../../../mirror/store/progress-store.ts'
import { PartitionProgress } from '../../../mirror/transfer/partition-progress.ts'
import { ourCluster, properties, quietSystem } from '../clusters.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const MAP_TOPIC = 'mm2-offset-map.us.internal'

async function storesOf(more: Record<string, string> = {}) {
  const cluster = await ourCluster()
  const [settings] = parseMirrorSettings(properties(cluster, cluster, more)).flows
  const { signal } = new AbortController()
  const { client } = cluster
  const open = async () => {
    let overwritten = 0
    const store = new ProgressStore({
      settings: settings!,
      source: client,
      target: client,
      system: quietSystem(),
      signal,
      onFenced: () => {},
      onOverwritten: () => {
        overwritten++
      },
    })
    onTestFinished(() => store.close())
    await store.open('a')
    await store.ownership.release()
    return { store, overwritten: () => overwritten }
  }
  const system = quietSystem()
  const mm2Progress = async (positionsTopic: string) =>
    readMm2Progress(settings!, positionsTopic, client, client, { clock: system.clock, random: system.random, signal })
  return { open, client, mm2Progress }
}

/** A partition with so many ranges of one record, each after a gap of one offset at the source. */
function partitionWith(ranges: number): PartitionProgress {
  const map = new OffsetMap(0, 100)
  for (let i = 0; i < ranges; i++) map.append(map.nextUpstreamOffset + 1, map.nextDownstreamOffset, 1)
  const initial = {
    topicId: UUID,
    map,
    sourceEndOffset: 5_000,
    targetEndOffset: 100,
    lostRecords: 3,
    repeatedRecords: 4,
    batchLeaderEpoch: 7,
  }
  return new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, initial, 0)
}

describe('the stored progress of a flow', () => {
  test('is read by the next one: the whole map, in pages, and the counters', async () => {
    const { open } = await storesOf()
    const partition = partitionWith(2 * PAGE_RANGES + 5)
    const { store } = await open()
    await store.writeMap([partition])
    await store.close()
    const { map, head } = (await open()).store.stored('t', 0)!
    for (let offset = 0; offset <= partition.map.nextUpstreamOffset; offset++)
      expect(map.translateDownstream(offset)).toEqual(partition.map.translateDownstream(offset))
    expect(head).toMatchObject({ topicId: UUID, leaderEpoch: 7, lostRecords: 3, repeatedRecords: 4, firstPage: 0, openPage: 2 })
  })

  test('is not written where nothing has changed', async () => {
    const { open, client } = await storesOf()
    const { store } = await open()
    const partition = partitionWith(1)
    await store.writeMap([partition])
    const end = async () => (await client.admin.listOffsets([{ topic: MAP_TOPIC, partition: MAP_PARTITION, spec: 'latest' }]))[0]!.offset
    const before = await end()
    await store.writeMap([partition])
    expect(await end()).toBe(before)
  })

  test('records of an older mirror among those of this one are reported: they may be newer in the topic', async () => {
    const { open, client } = await storesOf()
    const { store, overwritten } = await open()
    await store.writeMap([partitionWith(1)])
    expect(overwritten()).toBe(0)
    const producer = client.producer({ lingerMs: 0 })
    onTestFinished(() => producer.close())
    await producer.send([{ topic: MAP_TOPIC, partition: MAP_PARTITION, key: Buffer.from([1, 0, 1, 0x74, 0, 0, 0, 0]), value: null }])
    await store.writeMap([partitionWith(2)])
    expect(overwritten()).toBe(1)
    await store.writeMap([partitionWith(3)])
    expect(overwritten()).toBe(1)
  })

  test('a write that fails rejects, and counts as not stored', async () => {
    const { open } = await storesOf()
    const { store } = await open()
    await store.close()
    await expect(store.writeMap([partitionWith(1)])).rejects.toThrow('the producer is closed')
    expect(store.stored('t', 0)).toBeUndefined()
  })

  test('positions and offset syncs are those that MirrorMaker 2 reads, the syncs at each offset.lag.max or where all are due', async () => {
    const { open, mm2Progress } = await storesOf({ 'offset.lag.max': '10' })
    const { store } = await open()
    const partition = partitionWith(1)
    const progress = async () => (await mm2Progress('mm2-offsets.us.internal')).get('t-0')
    await store.writePositions([partition])
    await store.writeSyncs([partition], false)
    expect(await progress()).toEqual({ position: 2, sync: { upstreamOffset: 1, downstreamOffset: 100 } })
    partition.map.append(2, 101, 5)
    await store.writePositions([partition])
    await store.writeSyncs([partition], false)
    expect(await progress()).toEqual({ position: 7, sync: { upstreamOffset: 1, downstreamOffset: 100 } })
    await store.writeSyncs([partition], true)
    expect(await progress()).toEqual({ position: 7, sync: { upstreamOffset: 6, downstreamOffset: 105 } })
    partition.map.append(7, 106, 10)
    await store.writeSyncs([partition], false)
    expect((await progress())!.sync).toEqual({ upstreamOffset: 16, downstreamOffset: 115 })
  })
})
