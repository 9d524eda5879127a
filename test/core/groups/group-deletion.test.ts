/**
 * Goal: OffsetDelete deletes the offsets that it may delete, for good, and no others. Method: the real coordinator on an offsets topic in
 * memory; a restart is a second coordinator on the same topic.
 */
import { expect, test } from 'vitest'
import { errorName, KafkaError } from '../../../core/errors.ts'
import type { GroupCoordinator } from '../../../core/groups/index.ts'
import { consumerSubscription } from '../../../core/wire/structs/consumer-protocol.ts'
import { caller, openCoordinator, type TestCoordinator } from './memory-store.ts'

const groupId = 'g'

async function commit(groups: GroupCoordinator, topic: string, partition: number, member = { memberId: '', generationId: -1 }) {
  const partitions = [{ partitionIndex: partition, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: '' }]
  const { memberId, generationId: generationIdOrMemberEpoch } = member
  const topics = [{ name: topic, topicId: '', partitions }]
  const request = { groupId, generationIdOrMemberEpoch, memberId, groupInstanceId: null, retentionTimeMs: -1, topics }
  const response = await groups.commit(request, caller(8))
  expect(response.topics[0]!.partitions[0]!.errorCode).toBe(0)
}

async function committed(groups: GroupCoordinator): Promise<string[]> {
  const { topics } = await groups.fetch({ groupId, topics: null, groups: [], requireStable: false }, caller(7))
  return topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}-${partitionIndex}`)).sort()
}

/** The error of the group, or the errors of the topics. */
async function remove(groups: GroupCoordinator, asked: Record<string, number[]>, group = groupId): Promise<string[]> {
  const topics = Object.entries(asked).map(([name, indexes]) => ({
    name,
    partitions: indexes.map((partitionIndex) => ({ partitionIndex })),
  }))
  const { errorCode, topics: outcomes } = await groups.deleteOffsets({ groupId: group, topics }, caller(0))
  return errorCode === 0 ? outcomes.map(({ errorCode: code }) => errorName(code)) : [errorName(errorCode)]
}

/** A stable group of one member. */
async function member({ groups, clock }: TestCoordinator, metadata: Buffer, protocolType = 'consumer') {
  const joining = groups.join(
    {
      ...{ groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, memberId: '', groupInstanceId: null, protocolType, reason: null },
      protocols: [{ name: 'range', metadata }],
    },
    caller(3),
  )
  await clock.pass(0)
  const { memberId, generationId } = await joining
  const assignments = [{ memberId, assignment: Buffer.from('mine') }]
  const request = { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null, assignments }
  expect((await groups.sync(request, caller(3))).errorCode).toBe(0)
  return { memberId, generationId }
}

test('of a group without members: those that are named, and they stay deleted', async () => {
  const { groups, store } = await openCoordinator()
  for (const [topic, partition] of [['t', 0], ['t', 1], ['u', 0]] as const) await commit(groups, topic, partition) // biome-ignore format: one line
  expect(await remove(groups, { t: [1, 1, 3], v: [0] })).toEqual(['NONE', 'NONE'])
  expect(await committed(groups)).toEqual(['t-0', 'u-0'])
  expect(await committed((await openCoordinator(store)).groups)).toEqual(['t-0', 'u-0'])
})

test('of topics that a member is subscribed to: none', async () => {
  const room = await openCoordinator()
  const { groups } = room
  const joined = await member(room, consumerSubscription.write({ topics: ['t'], ownedPartitions: [] }))
  for (const topic of ['t', 'u']) await commit(groups, topic, 0, joined)
  expect(await remove(groups, { t: [0], u: [0] })).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE'])
  expect(await committed(groups)).toEqual(['t-0'])
})

test('of members whose subscription cannot be read: none, since it may be of any topic', async () => {
  const room = await openCoordinator()
  const joined = await member(room, Buffer.from([0]))
  await commit(room.groups, 't', 0, joined)
  expect(await remove(room.groups, { t: [0] })).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC'])
  expect(await committed(room.groups)).toEqual(['t-0'])
})

test('of a group with members of another protocol: none', async () => {
  const room = await openCoordinator()
  const joined = await member(room, Buffer.alloc(0), 'connect')
  await commit(room.groups, 't', 0, joined)
  expect(await remove(room.groups, { t: [0] })).toEqual(['NON_EMPTY_GROUP'])
  await room.clock.pass(10_001)
  expect(await remove(room.groups, { t: [0] })).toEqual(['NONE'])
  expect(await committed(room.groups)).toEqual([])
})

test('of what is no group', async () => {
  const { groups, store } = await openCoordinator()
  expect(await remove(groups, { t: [0] })).toEqual(['GROUP_ID_NOT_FOUND'])
  expect(await remove(groups, { t: [0] }, '')).toEqual(['INVALID_GROUP_ID'])
  await commit(groups, 't', 0)
  store.failure = new KafkaError('NOT_ENOUGH_REPLICAS')
  expect(await remove(groups, { t: [0] })).toEqual(['COORDINATOR_NOT_AVAILABLE'])
  store.failure = null
  expect(await committed(groups)).toEqual(['t-0'])
})
