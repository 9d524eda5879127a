/**
 * Goal: when a topic of the source is recreated with fewer partitions, the mirror does not wait for the removed ones, and counts as lost
 * what it had seen there and not read (Invariant 11). Method: two of our own brokers; a paused mirror sees the records of three partitions,
 * the topic is recreated with one partition under the running mirror or while it is stopped, and gets three again.
 */
import { expect, test } from 'vitest'
import { caughtUp, content, mirrorOf, readAll, write } from '../mirror/clusters.ts'
import { recreateTopic, startedFlow } from '../mirror/started-flow.ts'
import { until } from '../until.ts'

test.each([['under a running mirror'], ['while the mirror is stopped']])('a topic recreated with fewer partitions, %s', async (when) => {
  const flow = await startedFlow({ partitions: 3, records: 30, settings: { 'refresh.topics.interval.seconds': '1' } })
  const { us, central, given } = flow
  let { mirror } = flow
  await mirror.pause('us->central')
  await write(us, 't', 12, { from: 30, partitions: 3 })
  await until(() => mirror.status('us->central').lagRecords === 12, 'the lag includes what was written', 20_000)
  if (when === 'while the mirror is stopped') await mirror.close()
  await recreateTopic(us, 't', 1)
  await write(us, 't', 5, { from: 500 })
  if (when === 'while the mirror is stopped') mirror = await mirrorOf(given)
  await mirror.resume('us->central')
  await until(() => mirror.status('us->central').lostRecords === 12, 'the unread records of the deleted topic are lost', 20_000)
  await caughtUp(mirror, 'us->central', 35)
  await until(() => mirror.status('us->central').lagMs === 0, 'no partition is waited for')

  // What is known of a removed partition survives a restart.
  await mirror.close()
  const restarted = await mirrorOf(given)
  await caughtUp(restarted, 'us->central', 35)
  expect(restarted.status('us->central')).toMatchObject({ lagMs: 0, lostRecords: 12 })

  await us.client.admin.createPartitions('t', 3)
  await until(async () => (await us.client.topic('t', { refresh: true }))?.partitions.length === 3, 'three partitions at the source')
  await write(us, 't', 9, { from: 600, partitions: 3 })
  await caughtUp(restarted, 'us->central', 44)
  for (const partition of [0, 1, 2])
    expect(content((await readAll(central, 'us.t', partition)).records).slice(10)).toEqual(
      content((await readAll(us, 't', partition)).records),
    )
  expect(restarted.status('us->central')).toMatchObject({ lostRecords: 12, repeatedRecords: 0 })
})
