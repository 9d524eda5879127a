/**
 * Goal: what a group had committed in an earlier life of a topic says nothing about its later one: no failover and no sync carries the group
 * past records of the new life, which it has not read (Invariant 10). Method: two of our own brokers; a group commits, the topic is deleted
 * and created anew at the source (which forgets the commits); the group is translated with the source there, gone, and after a restart.
 */
import { expect, test } from 'vitest'
import { caughtUp, createTopic, mirrorOf, ourCluster, properties, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

test('a group is not carried into the new life of a topic by its old commit', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't')
  await write(us, 't', 100)
  const given = properties(us, central, {
    'us->central.topics': 't',
    'emit.checkpoints.interval.seconds': '1',
    'sync.group.offsets.interval.seconds': '1',
    'sync.group.offsets.enabled': 'true',
  })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 100)
  await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 80 }])
  const there = async () => (await central.client.admin.groupOffsets('g'))[0]?.offset
  await until(async () => (await there()) === 80, 'the commit is carried over', 20_000)

  await us.client.admin.deleteTopics(['t'])
  await until(async () => (await us.client.topic('t', { refresh: true })) === undefined, 'the topic is gone')
  await createTopic(us, 't')
  await write(us, 't', 50, { from: 500 })
  await until(
    () => mirror.status('us->central').partitions.find((each) => each.topic === 't')?.targetEndOffset === 150,
    'the new life arrives',
    30_000,
  )

  const report = await mirror.failover('us->central', { groups: ['g'], dryRun: true })
  expect(report.sourceReachable).toBe(true)
  expect(report.groups[0]!.partitions[0]!.targetOffset).toBe(80)
  // the next sync that follows is one that could have moved the group
  await us.client.admin.alterGroupOffsets('next', [{ topic: 't', partition: 0, offset: 5 }])
  await until(
    async () => (await central.client.admin.groupOffsets('next'))[0]?.offset === 105,
    'the group of the new life is exact',
    20_000,
  )
  expect(await there()).toBe(80)

  await us.broker.kill()
  const alone = await mirror.failover('us->central', { groups: ['g', 'next'], dryRun: true })
  expect(alone.groups.map(({ partitions }) => partitions[0]!.targetOffset)).toEqual([80, 105])
  await mirror.close()
  const again = await mirrorOf(given)
  const after = await again.failover('us->central', { groups: ['g', 'next'], dryRun: true })
  expect(after.groups.map(({ partitions }) => partitions[0]!.targetOffset)).toEqual([80, 105])
})
