/**
 * Goal: with `__consumer_offsets` all groups and their offsets are deleted, as in Apache Kafka, and not only at the next start: until then
 * a group had offsets that no log had. Method: offsets and a waiting member before the deletion; the topic comes back with other
 * partitions.
 */
import { expect, test } from 'vitest'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import joinGroup from '../../core/apis/11-join-group.ts'
import listGroups from '../../core/apis/16-list-groups.ts'
import deleteTopics from '../../core/apis/20-delete-topics.ts'
import { errorCode } from '../../core/errors.ts'
import { brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

test('groups survive the deletion of the offsets topic', async () => {
  const server = await brokerInProcess({ 'group.initial.rebalance.delay.ms': '3000' })
  const client = await server.client()
  await server.broker.cluster.createTopic({ name: 't', partitions: 1, replicationFactor: 1 })
  const commit = async (groupId: string) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }] }]
    const response = await client.send(offsetCommit, 7, { groupId, memberId: '', topics })
    expect(response.topics[0]!.partitions[0]!.errorCode).toBe(0)
  }
  const committed = async (groupId: string) => {
    const { topics } = await client.send(offsetFetch, 5, { groupId, topics: [{ name: 't', partitionIndexes: [0] }] })
    return topics[0]!.partitions[0]!.committedOffset
  }
  const groups = async () =>
    (await client.send(listGroups, 4, { statesFilter: [] })).groups.map(({ groupId }: { groupId: string }) => groupId).sort()
  await commit('before')
  const member = await server.client()
  const join = { groupId: 'joining', sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, memberId: '', protocolType: 'consumer' }
  const joining = member.send(joinGroup, 3, { ...join, protocols: [{ name: 'range', metadata: Buffer.from('m') }] })
  await until(async () => (await groups()).length === 2, 'the member waits')
  await client.send(deleteTopics, 5, { topicNames: ['__consumer_offsets'], timeoutMs: 5_000 })
  expect((await joining).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'))
  expect(await groups()).toEqual([])
  await server.broker.cluster.createTopic({
    name: '__consumer_offsets',
    partitions: 7,
    replicationFactor: 1,
    configs: { 'cleanup.policy': 'compact' },
  })
  expect(await committed('before')).toBe(-1)
  await commit('after')
  await server.restart()
  const again = await server.client()
  const { topics } = await again.send(offsetFetch, 5, { groupId: 'after', topics: [{ name: 't', partitionIndexes: [0] }] })
  expect(topics[0]!.partitions[0]!.committedOffset).toBe(5)
  await server.stop()
})
