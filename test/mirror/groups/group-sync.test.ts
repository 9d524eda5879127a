/**
 * Goal: a consumer group moves to the target without skipping a record, with the source there or gone, and never backwards (Invariants 3
 * and 10). Method: two of our own brokers; groups commit at the source; checkpoints, commits on the target and failover reports are read
 * back. The source is killed with -9 for the last part, and the mirror is started again without it.
 */
import { describe, expect, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { GroupSync } from '../../../mirror/groups/group-sync.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { type Checkpoint, decodeCheckpoint } from '../../../mirror/store/mm2-records.ts'
import { scanRecords } from '../../../mirror/store/topic-scan.ts'
import { until } from '../../until.ts'
import { type Cluster, caughtUp, createTopic, mirrorOf, ourCluster, properties, quietSystem, write } from '../clusters.ts'

const quick = { 'emit.checkpoints.interval.seconds': '1', 'sync.group.offsets.interval.seconds': '1' }

async function checkpoints(central: Cluster): Promise<Map<string, Checkpoint>> {
  const found = new Map<string, Checkpoint>()
  const scan = { client: central.client, clock: realClock, random: realRandom, signal: new AbortController().signal }
  await scanRecords(scan, 'us.checkpoints.internal', 0, ({ key, value }) => {
    const checkpoint = decodeCheckpoint(key!, value!)
    found.set(`${checkpoint.group}/${checkpoint.topic}/${checkpoint.partition}`, checkpoint)
  })
  return found
}

const committed = async (cluster: Cluster, group: string): Promise<Record<string, number>> =>
  Object.fromEntries((await cluster.client.admin.groupOffsets(group)).map((each) => [`${each.topic}/${each.partition}`, each.offset]))

/** A topic whose mirror is offset by 40: the first 40 records were gone before the mirror began. */
async function mirroredPair(more: Record<string, string>) {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 2)
  await write(us, 't', 200, { partitions: 2 })
  await us.client.admin.deleteRecords([{ topic: 't', partition: 0, offset: 40 }])
  const given = properties(us, central, { 'us->central.topics': 't', ...quick, ...more })
  const mirror = await mirrorOf(given)
  await caughtUp(mirror, 'us->central', 160)
  return { us, central, mirror, given }
}

describe('the list of groups', () => {
  /** A GroupSync on a broker with the group `first`, and a clock that the test moves. */
  async function groupsOf(more: Record<string, string>) {
    const us = await ourCluster()
    await createTopic(us, 't')
    const commit = (group: string, offset: number) => us.client.admin.alterGroupOffsets(group, [{ topic: 't', partition: 0, offset }])
    await commit('first', 1)
    let skewMs = 0
    const [settings] = parseMirrorSettings(properties(us, us, more)).flows
    const groups = new GroupSync({
      settings: settings!,
      source: us.client,
      target: us.client,
      system: { ...quietSystem(), clock: { ...realClock, monotonic: () => realClock.monotonic() + skewMs } },
      signal: new AbortController().signal,
      mapped: () => undefined,
      sourceTopic: () => null,
    })
    const pass = (seconds: number) => {
      skewMs += seconds * 1000
    }
    const committedBy = (group: string) => groups.sourceCommits.get(group)?.get('t-0')?.offset
    return { groups, commit, pass, committedBy }
  }

  test('has a new group at the next poll where the user has set no interval', async () => {
    const { groups, commit, committedBy } = await groupsOf({})
    await groups.pollCommits()
    await commit('second', 5)
    await groups.pollCommits()
    expect(committedBy('second')).toBe(5)
  })

  test('has a new group after refresh.groups.interval.seconds, while the commits of known groups are polled', async () => {
    const { groups, commit, pass, committedBy } = await groupsOf({ 'refresh.groups.interval.seconds': '600' })
    await groups.pollCommits()
    await commit('second', 5)
    await commit('first', 2)
    pass(590)
    await groups.pollCommits()
    expect([committedBy('first'), committedBy('second')]).toEqual([2, undefined])
    pass(11)
    await groups.pollCommits()
    expect(committedBy('second')).toBe(5)
  })

  test('stays as it was first where refresh.groups.enabled is false; a failover lists the groups again', async () => {
    const { groups, commit, pass, committedBy } = await groupsOf({ 'refresh.groups.enabled': 'false' })
    await groups.pollCommits()
    await commit('second', 5)
    await commit('first', 2)
    pass(100_000)
    await groups.pollCommits()
    expect([committedBy('first'), committedBy('second')]).toEqual([2, undefined])
    await groups.pollCommits({ refreshGroups: true })
    expect(committedBy('second')).toBe(5)
  })
})

describe('groups', () => {
  test('checkpoints and commits on the target are exact, follow, and never go back', async () => {
    const { us, central } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await us.client.admin.alterGroupOffsets('g', [
      { topic: 't', partition: 0, offset: 70, metadata: 'here' },
      { topic: 't', partition: 1, offset: 33 },
    ])
    await until(async () => (await committed(central, 'g'))['us.t/1'] === 33, 'the commits are carried over', 20_000)
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30, 'us.t/1': 33 })
    expect((await checkpoints(central)).get('g/us.t/0')).toEqual({
      group: 'g',
      topic: 'us.t',
      partition: 0,
      upstreamOffset: 70,
      downstreamOffset: 30,
      metadata: 'here',
    })
    await us.client.admin.alterGroupOffsets('g', [
      { topic: 't', partition: 0, offset: 50 },
      { topic: 't', partition: 1, offset: 60 },
    ])
    await until(async () => (await committed(central, 'g'))['us.t/1'] === 60, 'the next commits are carried over', 20_000)
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30, 'us.t/1': 60 })
  })

  test('a commit ahead of what is mirrored is held, and applied when the records have landed', async () => {
    const { us, central, mirror } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await mirror.pause('us->central')
    await write(us, 't', 100, { from: 200, partitions: 2 })
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 145 }])
    await until(async () => (await committed(central, 'g'))['us.t/0'] === 60, 'the end so far', 20_000)
    await mirror.resume('us->central')
    await until(async () => (await committed(central, 'g'))['us.t/0'] === 105, 'the exact place', 20_000)
  })

  test('failover: a dry run tells, the real one commits, and one with members refuses', async () => {
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

  test('failover with the source gone, and after a restart of the mirror without it', async () => {
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

  test('after a failover of all, the old source moves neither groups nor records, also after a restart, until a resume', async () => {
    const { us, central, mirror, given } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 70 }])
    expect(await mirror.failover('us->central', { groups: 'all', dryRun: false })).toMatchObject({ groups: [{ applied: true }] })
    expect(mirror.status('us->central').state).toBe('FAILED_OVER')
    // a straggler goes on at the old source: the checkpoint that follows the next one shows that a sync had its time
    for (const offset of [80, 90]) {
      await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset }])
      await until(async () => (await checkpoints(central)).get('g/us.t/0')?.upstreamOffset === offset, 'the checkpoint', 20_000)
    }
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30 })
    await mirror.close()

    await write(us, 't', 20, { from: 200, partitions: 2 })
    const again = await mirrorOf(given)
    await until(() => again.status('us->central').state === 'FAILED_OVER', 'it knows what it is')
    await until(() => again.status('us->central').lagRecords >= 20, 'it sees what waits at the source', 20_000)
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
