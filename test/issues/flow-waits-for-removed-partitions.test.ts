/**
 * Goal: a topic of the source that is created anew with fewer partitions than it had is not waited for where it has none now, and what was
 * seen there and not read is counted as lost (Invariant 11). Method: two of our own brokers; a paused mirror sees what waits in three
 * partitions, the topic becomes one of one partition under the running mirror or while it is away, and grows again.
 */
import { expect, test } from 'vitest'
import { type Cluster, caughtUp, content, createTopic, mirrorOf, ourCluster, properties, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

async function createAnew(us: Cluster, partitions: number): Promise<void> {
  await us.client.admin.deleteTopics(['t'])
  await until(async () => (await us.client.topic('t', { refresh: true })) === undefined, 'the topic is gone')
  await createTopic(us, 't', partitions)
  await write(us, 't', 5, { from: 500, partitions })
}

test.each([['under a running mirror'], ['while the mirror is away']])('a topic with fewer partitions, %s', async (when) => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 3)
  await write(us, 't', 30, { partitions: 3 })
  const more = { 'us->central.topics': 't', 'emit.heartbeats.enabled': 'false', 'refresh.topics.interval.seconds': '1' }
  const given = properties(us, central, more)
  let mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 30)
  await mirror.pause('us->central')
  await write(us, 't', 12, { from: 30, partitions: 3 })
  await until(() => mirror.status('us->central').lagRecords === 12, 'the lag shows', 20_000)
  if (when === 'under a running mirror') await createAnew(us, 1)
  else {
    await mirror.close()
    await createAnew(us, 1)
    mirror = await mirrorOf(given)
  }
  await mirror.resume('us->central')
  await until(() => mirror.status('us->central').lostRecords === 12, 'what was not read of the earlier topic is lost', 20_000)
  await caughtUp(mirror, 'us->central', 35)
  await until(() => mirror.status('us->central').lagMs === 0, 'nothing is waited for')

  // what is known of a partition that is not there outlives the mirror
  await mirror.close()
  const again = await mirrorOf(given)
  await caughtUp(again, 'us->central', 35)
  expect(again.status('us->central')).toMatchObject({ lagMs: 0, lostRecords: 12 })

  await us.client.admin.createPartitions('t', 3)
  await until(async () => (await us.client.topic('t', { refresh: true }))?.partitions.length === 3, 'three partitions at the source')
  await write(us, 't', 9, { from: 600, partitions: 3 })
  await caughtUp(again, 'us->central', 44)
  for (const partition of [0, 1, 2])
    expect(content((await readAll(central, 'us.t', partition)).records).slice(10)).toEqual(
      content((await readAll(us, 't', partition)).records),
    )
  expect(again.status('us->central')).toMatchObject({ lostRecords: 12, repeatedRecords: 0 })
})
