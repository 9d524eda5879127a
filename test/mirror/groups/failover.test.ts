/**
 * Goal: a group fails over to the target without skipping a record, whether the source is up or down, and never goes back (Invariants 3 and
 * 10). Method: two brokers of ours; the reports and the commits on the target are compared with what the group has committed at the source.
 * The source is killed with -9 in one test, and the mirror is started again without it.
 */
import { describe, expect, test } from 'vitest'
import { until } from '../../until.ts'
import { caughtUp, mirrorOf, write } from '../clusters.ts'
import { checkpoints, committed, mirroredPair } from './mirrored-groups.ts'

describe('a failover', () => {
  test('a dry run reports, a failover commits, and a group with members on the target is refused', async () => {
    const { us, central, mirror } = await mirroredPair({})
    await us.client.admin.alterGroupOffsets('g', [
      { topic: 't', partition: 0, offset: 70 },
      { topic: 't', partition: 1, offset: 100 },
    ])
    const dry = await mirror.failover('us->central', { groups: ['g', 'nobody'], dryRun: true })
    expect(dry).toMatchObject({ mirror: 'us->central', dryRun: true, sourceReachable: true })
    expect(dry.groups[0]!.partitions.sort((a, b) => a.partition - b.partition)).toEqual([
      { topic: 't', targetTopic: 'us.t', partition: 0, sourceOffset: 70, targetOffset: 30, rereads: 0, missing: 0 },
      { topic: 't', targetTopic: 'us.t', partition: 1, sourceOffset: 100, targetOffset: 100, rereads: 0, missing: 0 },
    ])
    expect(dry.groups[1]).toMatchObject({ group: 'nobody', applied: false, partitions: [], reason: expect.stringContaining('nobody') })
    expect(await committed(central, 'g')).toEqual({})
    expect((await mirror.failover('us->central', { groups: ['g'], dryRun: false })).groups[0]).toMatchObject({ applied: true })
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30, 'us.t/1': 100 })

    const consumer = central.client.consumer({ groupId: 'g', heartbeatIntervalMs: 300 })
    consumer.subscribe(['us.t'])
    await until(async () => {
      await consumer.poll(100)
      return consumer.assignment.length === 2
    }, 'a member on the target')
    const refused = await mirror.failover('us->central', { groups: ['g'], dryRun: false })
    expect(refused.groups[0]).toMatchObject({ applied: false, reason: expect.stringContaining('has members at the target') })
    await consumer.close()
  })

  test('works while the source is down, also after a restart of the mirror', async () => {
    const { us, central, mirror, given } = await mirroredPair({})
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 70 }])
    await until(async () => (await checkpoints(central)).get('g/us.t/0')?.downstreamOffset === 30, 'the checkpoint is written', 20_000)
    await us.broker.kill()
    const first = await mirror.failover('us->central', { groups: ['g'], dryRun: true })
    expect(first).toMatchObject({ sourceReachable: false, groups: [{ group: 'g', partitions: [{ targetOffset: 30, missing: null }] }] })
    await mirror.close()
    const again = await mirrorOf(given)
    const report = await again.failover('us->central', { groups: 'all', dryRun: false })
    expect(report).toMatchObject({
      sourceReachable: false,
      groups: [{ group: 'g', applied: true, partitions: [{ sourceOffset: 70, targetOffset: 30 }] }],
    })
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30 })
    const status = again.status('us->central')
    expect(status.state).toBe('FAILED_OVER')
    expect(status.partitions.map((each) => [each.topic, each.partition, each.sourceOffset, each.lagMs])).toEqual(
      expect.arrayContaining([
        ['t', 0, 100, null],
        ['t', 1, 100, null],
      ]),
    )
  })

  test('after a failover of all groups, neither groups nor records are mirrored, also after a restart, until a resume', async () => {
    const { us, central, mirror, given } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 70 }])
    expect(await mirror.failover('us->central', { groups: 'all', dryRun: false })).toMatchObject({ groups: [{ applied: true }] })
    expect(mirror.status('us->central').state).toBe('FAILED_OVER')
    // A consumer still commits at the source: its second checkpoint shows that there was time for a sync.
    for (const offset of [80, 90]) {
      await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset }])
      await until(async () => (await checkpoints(central)).get('g/us.t/0')?.upstreamOffset === offset, 'the checkpoint', 20_000)
    }
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30 })
    await mirror.close()

    await write(us, 't', 20, { from: 200, partitions: 2 })
    const again = await mirrorOf(given)
    await until(() => again.status('us->central').state === 'FAILED_OVER', 'the state is restored')
    await until(() => again.status('us->central').lagRecords >= 20, 'the lag is known', 20_000)
    expect(
      again
        .status('us->central')
        .partitions.filter((each) => each.topic === 't')
        .map((each) => each.targetEndOffset),
    ).toEqual([60, 100])
    await again.resume('us->central')
    await caughtUp(again, 'us->central', 180)
    await again.close()
    const third = await mirrorOf(given)
    await caughtUp(third, 'us->central', 180)
    expect(third.status('us->central').state).toBe('RUNNING')
  })
})
