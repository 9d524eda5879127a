/**
 * Goal: the progress that a MirrorMaker 2 of the same clusters has left is found, and only that. Method: its records are written to a
 * broker of ours in its formats (test/mirror/store/mm2-records.test.ts compares these with MirrorMaker 2's bytes), and read.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { readMm2Progress } from '../../../mirror/resume/mm2-takeover.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { encodeOffsetSync, encodePosition, SOURCE_CONNECTOR_NAME } from '../../../mirror/store/mm2-records.ts'
import { createTopic, ourCluster, properties } from '../clusters.ts'

const POSITIONS = 'mm2-offsets.us.internal'

async function progressOf(more: Record<string, string> = {}) {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  const [settings] = parseMirrorSettings(properties(us, central, more)).flows
  const scan = { clock: realClock, random: realRandom, signal: new AbortController().signal }
  const write = async (cluster: typeof us, topic: string, partition: number, record: { key: Buffer; value: Buffer | null }) => {
    const producer = cluster.client.producer({ lingerMs: 0 })
    onTestFinished(() => producer.close())
    await producer.send([{ topic, partition, ...record }])
  }
  const position = (cluster: string, partition: number, offset: number | null) =>
    encodePosition({ connector: SOURCE_CONNECTOR_NAME, cluster, topic: 't', partition, offset })
  const read = (positionsTopic: string | null = POSITIONS) => readMm2Progress(settings!, positionsTopic, us.client, central.client, scan)
  return { us, central, write, position, read }
}

const sync = (partition: number, upstreamOffset: number, downstreamOffset: number) =>
  encodeOffsetSync({ topic: 't', partition, upstreamOffset, downstreamOffset })

describe('the progress of a MirrorMaker 2', () => {
  test('is empty where it never ran', async () => {
    const { read } = await progressOf()
    expect((await read()).size).toBe(0)
  })

  test('is the last position of each partition in any partition of its topic, and the last offset sync', async () => {
    const { us, central, write, position, read } = await progressOf()
    await createTopic(central, POSITIONS, 3)
    await createTopic(us, 'mm2-offset-syncs.central.internal')
    await write(central, POSITIONS, 2, position('us', 0, 30))
    await write(central, POSITIONS, 2, position('us', 0, 41))
    await write(central, POSITIONS, 0, position('us', 1, 8))
    await write(central, POSITIONS, 1, position('eu', 2, 99))
    await write(us, 'mm2-offset-syncs.central.internal', 0, sync(0, 35, 36))
    await write(us, 'mm2-offset-syncs.central.internal', 0, sync(0, 40, 43))
    await write(us, 'mm2-offset-syncs.central.internal', 0, sync(3, 1, 2))
    expect(Object.fromEntries(await read())).toEqual({
      't-0': { position: 42, sync: { upstreamOffset: 40, downstreamOffset: 43 } },
      't-1': { position: 9, sync: null },
      't-3': { position: null, sync: { upstreamOffset: 1, downstreamOffset: 2 } },
    })
  })

  test('has no position where it was deleted, and none where another store has the positions', async () => {
    const { central, write, position, read } = await progressOf()
    await createTopic(central, POSITIONS)
    await write(central, POSITIONS, 0, position('us', 0, 30))
    await write(central, POSITIONS, 0, position('us', 0, null))
    expect((await read()).get('t-0')).toEqual({ position: null, sync: null })
    expect((await read(null)).size).toBe(0)
  })

  test('has the offset syncs of the target where offset-syncs.topic.location says so', async () => {
    const { us, central, write, read } = await progressOf({ 'offset-syncs.topic.location': 'target' })
    await createTopic(us, 'mm2-offset-syncs.central.internal')
    await createTopic(central, 'mm2-offset-syncs.us.internal')
    await write(us, 'mm2-offset-syncs.central.internal', 0, sync(0, 1, 1))
    await write(central, 'mm2-offset-syncs.us.internal', 0, sync(0, 5, 6))
    expect((await read()).get('t-0')!.sync).toEqual({ upstreamOffset: 5, downstreamOffset: 6 })
  })
})
