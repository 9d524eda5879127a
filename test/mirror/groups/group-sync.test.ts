/**
 * Goal: what groups commit at the source is replicated to the target without skipping a record, and never backwards (Invariants 3 and 10).
 * Method: two brokers of ours; groups commit at the source; checkpoints and commits on the target are read back.
 */
import { describe, expect, test } from 'vitest'
import { realClock } from '../../../core/system/clock.ts'
import { GroupSync } from '../../../mirror/groups/group-sync.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { until } from '../../until.ts'
import { createTopic, ourCluster, properties, quietSystem, write } from '../clusters.ts'
import { checkpoints, committed, mirroredPair } from './mirrored-groups.ts'

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
  test('checkpoints and commits on the target are exact, advance with the source, and never go back', async () => {
    const { us, central } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await us.client.admin.alterGroupOffsets('g', [
      { topic: 't', partition: 0, offset: 70, metadata: 'here' },
      { topic: 't', partition: 1, offset: 33 },
    ])
    await until(async () => (await committed(central, 'g'))['us.t/1'] === 33, 'the commits are synced', 20_000)
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
    await until(async () => (await committed(central, 'g'))['us.t/1'] === 60, 'the next commits are synced', 20_000)
    expect(await committed(central, 'g')).toEqual({ 'us.t/0': 30, 'us.t/1': 60 })
  })

  test('a commit ahead of the mirrored data is applied once the data has been mirrored', async () => {
    const { us, central, mirror } = await mirroredPair({ 'sync.group.offsets.enabled': 'true' })
    await mirror.pause('us->central')
    await write(us, 't', 100, { from: 200, partitions: 2 })
    await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 145 }])
    await until(async () => (await committed(central, 'g'))['us.t/0'] === 60, 'the end so far', 20_000)
    await mirror.resume('us->central')
    await until(async () => (await committed(central, 'g'))['us.t/0'] === 105, 'the exact offset', 20_000)
  })
})
