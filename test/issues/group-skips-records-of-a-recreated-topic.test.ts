/**
 * Goal: an offset that a group committed before its topic was recreated does not move the group past records of the new topic, neither by a
 * failover nor by a group sync (Invariant 10). Method: two of our own brokers; a group commits, the topic is deleted and created again at
 * the source (which drops the commits); the group is translated while the source is up, after it was killed, and after a restart of the
 * mirror.
 */
import { expect, test } from 'vitest'
import { mirrorOf, write } from '../mirror/clusters.ts'
import { partitionOf, recreateTopic, startedFlow } from '../mirror/started-flow.ts'
import { until } from '../until.ts'

test('a group keeps its offset on the target when its topic is recreated at the source', async () => {
  const { us, central, given, mirror } = await startedFlow({
    records: 100,
    settings: {
      'emit.checkpoints.interval.seconds': '1',
      'sync.group.offsets.interval.seconds': '1',
      'sync.group.offsets.enabled': 'true',
    },
  })
  const synced = async (group: string) => (await central.client.admin.groupOffsets(group))[0]?.offset
  await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 80 }])
  await until(async () => (await synced('g')) === 80, 'the commit is synced', 20_000)

  await recreateTopic(us, 't')
  await write(us, 't', 50, { from: 500 })
  await until(() => partitionOf(mirror)?.targetEndOffset === 150, 'the new topic is mirrored', 30_000)

  const report = await mirror.failover('us->central', { groups: ['g'], dryRun: true })
  expect(report.sourceReachable).toBe(true)
  expect(report.groups[0]!.partitions[0]!.targetOffset).toBe(80)
  // A later commit of another group is synced: a sync that could have moved the first group has ended.
  await us.client.admin.alterGroupOffsets('next', [{ topic: 't', partition: 0, offset: 5 }])
  await until(async () => (await synced('next')) === 105, 'the group of the new topic has its exact offset', 20_000)
  expect(await synced('g')).toBe(80)

  await us.broker.kill()
  const translated = async (service: typeof mirror) => {
    const { groups } = await service.failover('us->central', { groups: ['g', 'next'], dryRun: true })
    return groups.map(({ partitions }) => partitions[0]!.targetOffset)
  }
  expect(await translated(mirror)).toEqual([80, 105])
  await mirror.close()
  expect(await translated(await mirrorOf(given))).toEqual([80, 105])
})
