/**
 * Goal: a default replication factor fits a small cluster, and one that the user has set is never changed. Method: a cluster in memory, and
 * a broker of ours.
 */
import { expect, test } from 'vitest'
import type { Client } from '../../../core/client/index.ts'
import { realClock } from '../../../core/system/clock.ts'
import { parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'
import { ensureInternalTopic, replicationFactorFor } from '../../../mirror/store/internal-topics.ts'
import { ourCluster, properties } from '../clusters.ts'

const FACTOR = 'offset.storage.replication.factor'
const cluster = { address: 'localhost:9092', client: {} as Client }
const settingsOf = (more: Record<string, string> = {}) => parseMirrorSettings(properties(cluster, cluster, more)).flows[0]!

test.each([
  { set: undefined, brokers: 1, expected: 1 },
  { set: undefined, brokers: 2, expected: 2 },
  { set: undefined, brokers: 5, expected: 3 },
  { set: '3', brokers: 1, expected: 3 },
  { set: '-1', brokers: 1, expected: -1 },
])('replication factor $expected where $set is set and the cluster has $brokers brokers', async ({ set, brokers, expected }) => {
  const client = { admin: { describeCluster: async () => ({ brokers: Array.from({ length: brokers }) }) } } as unknown as Client
  const settings = settingsOf(set === undefined ? {} : { [FACTOR]: set })
  expect(await replicationFactorFor(client, settings, FACTOR)).toBe(expected)
})

test('an internal topic is compacted; too few brokers are an error that names the setting', async () => {
  const { client } = await ourCluster()
  const { signal } = new AbortController()
  const ensure = (name: string, more: Record<string, string> = {}) =>
    ensureInternalTopic(client, realClock, settingsOf(more), { name, partitions: 2, replicationSetting: FACTOR }, signal)
  await ensure('a.internal')
  await ensure('a.internal')
  expect((await client.topic('a.internal'))!.partitions).toHaveLength(2)
  const configs = (await client.admin.describeTopicConfigs(['a.internal'])).get('a.internal')
  expect(configs!.find(({ name }) => name === 'cleanup.policy')!.value).toBe('compact')
  await expect(ensure('b.internal', { [FACTOR]: '3' })).rejects.toThrow(/b\.internal.*offset\.storage\.replication\.factor/)
})
