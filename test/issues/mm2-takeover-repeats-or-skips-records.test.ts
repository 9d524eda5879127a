/**
 * Goal: a MirrorMaker 2 that was killed leaves a position up to a minute old and an offset sync that is newer: what it wrote since is neither
 * written again nor skipped; a sync that does not fit what the target holds is not believed. Method: two of our own brokers, with a mirrored
 * topic and the records that MirrorMaker 2 leaves, written by hand.
 */
import { expect, test } from 'vitest'
import { encodeOffsetSync, encodePosition, SOURCE_CONNECTOR_NAME } from '../../mirror/store/mm2-records.ts'
import { caughtUp, content, createTopic, mirrorOf, ourCluster, properties, readAll, write } from '../mirror/clusters.ts'

/** 100 records at the source, 90 of them (with one in front of them, so that offsets differ) on the target. */
async function killed(position: number, sync: { up: number; down: number }) {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't')
  await createTopic(central, 'us.t')
  await createTopic(us, 'mm2-offset-syncs.central.internal')
  await createTopic(central, 'mm2-offsets.us.internal')
  await write(us, 't', 100)
  await write(central, 'us.t', 1, { from: 7_777 })
  await write(central, 'us.t', 90)
  const place = { connector: SOURCE_CONNECTOR_NAME, cluster: 'us', topic: 't', partition: 0 }
  const left = [
    {
      client: us.client,
      topic: 'mm2-offset-syncs.central.internal',
      ...encodeOffsetSync({ topic: 't', partition: 0, upstreamOffset: sync.up, downstreamOffset: sync.down }),
    },
    { client: central.client, topic: 'mm2-offsets.us.internal', ...encodePosition({ ...place, offset: position - 1 }) },
  ]
  for (const { client, ...record } of left) {
    const producer = client.producer()
    const sent = await producer.send([{ partition: 0, ...record }])
    await producer.close()
    if (sent.failures) throw sent.failures.values().next().value
  }
  return { us, central, given: properties(us, central, { 'us->central.topics': 't' }) }
}

test('what was written after the last position is not written again', async () => {
  const { us, central, given } = await killed(20, { up: 60, down: 61 })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 101)
  expect(content((await readAll(central, 'us.t')).records).slice(1)).toEqual(content((await readAll(us, 't')).records))
})

test('a sync that does not fit is not believed: the flow goes on from the position', async () => {
  const { us, central, given } = await killed(20, { up: 95, down: 61 })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 91 + 80)
  const source = content((await readAll(us, 't')).records)
  expect(content((await readAll(central, 'us.t')).records).slice(91)).toEqual(source.slice(20))
})
