/**
 * Goal: a flow that continues where a killed MirrorMaker 2 stopped neither repeats nor skips records. MirrorMaker 2 leaves a committed
 * position up to a minute old and a newer offset sync; a sync that contradicts the target is ignored. Method: two of our own brokers, with
 * a mirrored topic and the records of MirrorMaker 2 written by the test.
 */
import { expect, test } from 'vitest'
import { encodeOffsetSync, encodePosition, SOURCE_CONNECTOR_NAME } from '../../mirror/store/mm2-records.ts'
import { caughtUp, content, createTopic, mirrorOf, properties, readAll, write } from '../mirror/clusters.ts'
import { clustersWithTopic } from '../mirror/started-flow.ts'

/** 100 records at the source; on the target 90 of them behind one other record, so that the offsets differ. */
async function killedMirrorMaker(position: number, sync: { upstreamOffset: number; downstreamOffset: number }) {
  const { us, central } = await clustersWithTopic({ records: 100 })
  await createTopic(central, 'us.t')
  await createTopic(us, 'mm2-offset-syncs.central.internal')
  await createTopic(central, 'mm2-offsets.us.internal')
  await write(central, 'us.t', 1, { from: 7_777 })
  await write(central, 'us.t', 90)
  const committed = { connector: SOURCE_CONNECTOR_NAME, cluster: 'us', topic: 't', partition: 0, offset: position - 1 }
  for (const { client, ...record } of [
    { client: us.client, topic: 'mm2-offset-syncs.central.internal', ...encodeOffsetSync({ topic: 't', partition: 0, ...sync }) },
    { client: central.client, topic: 'mm2-offsets.us.internal', ...encodePosition(committed) },
  ]) {
    const producer = client.producer()
    const sent = await producer.send([{ partition: 0, ...record }])
    await producer.close()
    if (sent.failures) throw sent.failures.values().next().value
  }
  return { us, central, given: properties(us, central, { 'us->central.topics': 't' }) }
}

test('what MirrorMaker 2 wrote after its last committed position is not written again', async () => {
  const { us, central, given } = await killedMirrorMaker(20, { upstreamOffset: 60, downstreamOffset: 61 })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 101)
  expect(content((await readAll(central, 'us.t')).records).slice(1)).toEqual(content((await readAll(us, 't')).records))
})

test('an offset sync that contradicts the target is ignored: the flow resumes from the position', async () => {
  const { us, central, given } = await killedMirrorMaker(20, { upstreamOffset: 95, downstreamOffset: 61 })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 91 + 80)
  const source = content((await readAll(us, 't')).records)
  expect(content((await readAll(central, 'us.t')).records).slice(91)).toEqual(source.slice(20))
})
