/**
 * Goal: the coordinator keeps what it acknowledges, completes every request, and expires offsets and sessions. Method: the real coordinator
 * on an offsets topic in memory and a clock that the test advances; a restart is a second coordinator on the same topic.
 */
import { expect, test } from 'vitest'
import { coordinatorPartition } from '../../../core/coordinator-partition.ts'
import { errorName, KafkaError } from '../../../core/errors.ts'
import type { CommitRequest, GroupCoordinator, JoinRequest, JoinResponse } from '../../../core/groups/index.ts'
import { consumerSubscription } from '../../../core/wire/structs/consumer-protocol.ts'
import { groupMetadataKey, groupMetadataValue, offsetCommitKey, offsetCommitValue } from '../../../core/wire/structs/group-records.ts'
import { caller, openCoordinator, settle, type TestCoordinator } from './memory-store.ts'

const subscription = (...topics: string[]) => consumerSubscription.write({ topics, ownedPartitions: [] })

const joinRequest = (change: Partial<JoinRequest> = {}): JoinRequest => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription('t') }],
  reason: null,
  ...change,
})

const commitRequest = (offset: number, change: Partial<CommitRequest> = {}, topic = 't', partition = 0): CommitRequest => ({
  groupId: 'g',
  generationIdOrMemberEpoch: -1,
  memberId: '',
  groupInstanceId: null,
  retentionTimeMs: -1,
  topics: [
    {
      name: topic,
      topicId: '',
      partitions: [{ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: 3, committedMetadata: 'm' }],
    },
  ],
  ...change,
})

const errorOf = (code: number) => errorName(code)

async function committed(groups: GroupCoordinator, topic = 't', partition = 0): Promise<number> {
  const { topics } = await groups.fetch(
    { groupId: 'g', topics: [{ name: topic, partitionIndexes: [partition] }], groups: [], requireStable: false },
    caller(7),
  )
  return topics[0]!.partitions[0]!.committedOffset
}

async function commit(
  groups: GroupCoordinator,
  offset: number,
  change: Partial<CommitRequest> = {},
  topic = 't',
  partition = 0,
): Promise<string> {
  const { topics } = await groups.commit(commitRequest(offset, change, topic, partition), caller(8))
  return errorOf(topics[0]!.partitions[0]!.errorCode)
}

/** One stable member. */
async function member({ groups, clock }: TestCoordinator, change: Partial<JoinRequest> = {}): Promise<JoinResponse> {
  const joining = groups.join(joinRequest(change), caller(3))
  await clock.pass(0)
  const joined = await joining
  const { errorCode } = await groups.sync(
    {
      groupId: change.groupId ?? 'g',
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId: change.groupInstanceId ?? null,
      protocolType: null,
      protocolName: null,
      assignments: [{ memberId: joined.memberId, assignment: Buffer.from('mine') }],
    },
    caller(3),
  )
  expect(errorOf(errorCode)).toBe('NONE')
  return joined
}

const heartbeat = async (groups: GroupCoordinator, { memberId, generationId }: JoinResponse) =>
  errorOf((await groups.heartbeat({ groupId: 'g', generationId, memberId, groupInstanceId: null }, caller(3))).errorCode)

test('a group is stored in the partition that Kafka computes', () => {
  expect(coordinatorPartition('connect-cluster', 50)).toBe(13)
  expect(coordinatorPartition('', 50)).toBe(0)
  // A Java hash of Integer.MIN_VALUE has no absolute value.
  expect(coordinatorPartition('polygenelubricants', 50)).toBe(0)
})

test('records are those of Kafka 4.3: keys 1 and 2, values 3', async () => {
  const room = await openCoordinator()
  const { memberId, generationId } = await member(room)
  await commit(room.groups, 5, { memberId, generationIdOrMemberEpoch: generationId })
  const [group, offset] = room.store.recordsOf('g')
  expect([group!.key.readInt16BE(0), group!.value!.readInt16BE(0)]).toEqual([2, 3])
  expect(groupMetadataKey.read(group!.key)).toMatchObject({ group: 'g' })
  expect(groupMetadataValue.read(group!.value!)).toMatchObject({
    protocolType: 'consumer',
    generation: 1,
    protocol: 'range',
    leader: memberId,
    members: [{ memberId, clientId: 'client', clientHost: '/127.0.0.1', sessionTimeout: 10_000, rebalanceTimeout: 60_000 }],
  })
  expect([offset!.key.readInt16BE(0), offset!.value!.readInt16BE(0)]).toEqual([1, 3])
  expect(offsetCommitKey.read(offset!.key)).toMatchObject({ group: 'g', topic: 't', partition: 0 })
  expect(offsetCommitValue.read(offset!.value!)).toMatchObject({
    offset: 5,
    leaderEpoch: 3,
    metadata: 'm',
    commitTimestamp: room.clock.now(),
  })
})

test('a restart loses no member and no offset; a member without heartbeats after it is removed', async () => {
  const room = await openCoordinator()
  const joined = await member(room)
  await commit(room.groups, 5, { memberId: joined.memberId, generationIdOrMemberEpoch: 1 })
  const again = await openCoordinator(room.store, room.clock)
  expect(await heartbeat(again.groups, joined)).toBe('NONE')
  expect(await committed(again.groups)).toBe(5)
  const sync = await again.groups.sync(
    {
      groupId: 'g',
      generationId: 1,
      memberId: joined.memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    },
    caller(5),
  )
  expect(sync.assignment.toString()).toBe('mine')
  await again.clock.pass(9_000)
  expect(await heartbeat(again.groups, joined)).toBe('NONE')
  await again.clock.pass(10_001)
  expect(await heartbeat(again.groups, joined)).toBe('UNKNOWN_MEMBER_ID')
  const third = await openCoordinator(room.store, room.clock)
  const { groups } = await third.groups.describe({ groups: ['g'] }, caller(5))
  expect(groups[0]).toMatchObject({ groupState: 'Empty', protocolType: 'consumer', members: [] })
})

test('an offset is acknowledged and visible once it is durable; the later write wins', async () => {
  const room = await openCoordinator()
  await commit(room.groups, 1)
  room.store.pauseAppends()
  const answers: string[] = []
  void commit(room.groups, 2).then((error) => answers.push(error))
  await settle()
  expect(answers).toEqual([])
  expect(await committed(room.groups)).toBe(1)
  const first = room.store.pendingAppends!
  room.store.pauseAppends()
  void commit(room.groups, 3).then((error) => answers.push(error))
  await settle()
  // The later write completes first.
  room.store.completeAppends()
  await settle()
  for (const resolve of first) resolve()
  await settle()
  expect(answers).toEqual(['NONE', 'NONE'])
  expect(await committed(room.groups)).toBe(3)
})

test('a commit that cannot be written is not acknowledged, and creates no group', async () => {
  const room = await openCoordinator()
  room.store.failure = new KafkaError('KAFKA_STORAGE_ERROR')
  expect(await commit(room.groups, 1)).toBe('NOT_COORDINATOR')
  expect(await committed(room.groups)).toBe(-1)
  expect((await room.groups.list({ statesFilter: [], typesFilter: [] }, caller(5))).groups).toEqual([])
})

test('the partitions of a commit are validated one by one', async () => {
  const { groups, store } = await openCoordinator()
  expect(await commit(groups, 1, {}, 'nowhere')).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await commit(groups, 1, {}, 't', 4)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await commit(groups, 1, { generationIdOrMemberEpoch: 3, memberId: 'x' })).toBe('ILLEGAL_GENERATION')
  const unknown = await groups.commit(commitRequest(1, { generationIdOrMemberEpoch: 3, memberId: 'x' }), caller(9))
  expect(errorOf(unknown.topics[0]!.partitions[0]!.errorCode)).toBe('GROUP_ID_NOT_FOUND')
  const mixed = commitRequest(1)
  const { topics } = await groups.commit(
    {
      ...mixed,
      topics: [
        {
          name: '',
          topicId: store.topicId('t')!,
          partitions: [
            { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: null },
            { partitionIndex: 1, committedOffset: 8, committedLeaderEpoch: -1, committedMetadata: 'x'.repeat(4097) },
          ],
        },
        {
          name: '',
          topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
          partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }],
        },
      ],
    },
    caller(10),
  )
  expect(topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorOf(errorCode)))).toEqual([
    ['NONE', 'OFFSET_METADATA_TOO_LARGE'],
    ['UNKNOWN_TOPIC_ID'],
  ])
  expect(await committed(groups)).toBe(7)
})

test('offsets are fetched by name, by id, of all topics, and of several groups at once', async () => {
  const { groups, store } = await openCoordinator()
  await commit(groups, 1)
  await commit(groups, 2, {}, 'u')
  const all = await groups.fetch({ groupId: 'g', topics: null, groups: [], requireStable: true }, caller(7))
  expect(all).toMatchObject({
    errorCode: 0,
    topics: [
      { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: 3, metadata: 'm', errorCode: 0 }] },
      { name: 'u', partitions: [{ partitionIndex: 0, committedOffset: 2 }] },
    ],
  })
  const asked = { memberId: null, memberEpoch: -1 }
  const batch = await groups.fetch(
    {
      groupId: '',
      topics: [],
      requireStable: false,
      groups: [
        {
          ...asked,
          groupId: 'g',
          topics: [
            { name: '', topicId: store.topicId('u')!, partitionIndexes: [0] },
            { name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionIndexes: [0] },
          ],
        },
        { ...asked, groupId: 'nobody', topics: [{ name: '', topicId: store.topicId('t')!, partitionIndexes: [0] }] },
        { ...asked, groupId: 'g', topics: null },
      ],
    },
    caller(10),
  )
  expect(batch.groups[0]!.topics.map(({ partitions }) => [partitions[0]!.committedOffset, errorOf(partitions[0]!.errorCode)])).toEqual([
    [2, 'NONE'],
    [-1, 'UNKNOWN_TOPIC_ID'],
  ])
  expect(batch.groups[1]).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ committedOffset: -1, metadata: '', errorCode: 0 }] }] })
  expect(batch.groups[2]!.topics.map(({ topicId }) => topicId)).toEqual([store.topicId('t'), store.topicId('u')])
})

test('offsets and their group are deleted when the retention after the last member ends', async () => {
  const room = await openCoordinator()
  const { groups, clock, store } = room
  const day = 86_400_000
  const { memberId, generationId } = await member(room)
  await commit(groups, 5, { memberId, generationIdOrMemberEpoch: generationId })
  await clock.pass(6 * day)
  expect(await committed(groups)).toBe(5)
  await clock.pass(day)
  expect(await committed(groups), 'a group whose member went silent six days ago').toBe(5)
  await clock.pass(day)
  expect(await committed(groups)).toBe(-1)
  expect((await groups.describe({ groups: ['g'] }, caller(6))).groups[0]).toMatchObject({
    groupState: 'Dead',
    errorMessage: 'Group g not found.',
  })
  const again = await openCoordinator(store, clock)
  expect((await again.groups.list({ statesFilter: [], typesFilter: [] }, caller(5))).groups).toEqual([])
})

test('offsets of an active group expire for topics without a subscription only', async () => {
  const room = await openCoordinator()
  const { groups, clock } = room
  await commit(groups, 1, {}, 'u')
  const joined = await member(room, { sessionTimeoutMs: 1_800_000 })
  await commit(groups, 2, { memberId: joined.memberId, generationIdOrMemberEpoch: joined.generationId })
  for (let half = 0; half < 8 * 48; half++) {
    await heartbeat(groups, joined)
    await clock.pass(1_800_000 - 1000)
  }
  expect(await committed(groups)).toBe(2)
  expect(await committed(groups, 'u')).toBe(-1)
})

test('an offset with its own retention expires when that ends', async () => {
  const { groups, clock } = await openCoordinator()
  await groups.commit(commitRequest(1, { retentionTimeMs: 3_600_000 }), caller(4))
  await clock.pass(3_000_000)
  expect(await committed(groups)).toBe(1)
  await clock.pass(1_200_000)
  expect(await committed(groups)).toBe(-1)
})

test('a deletion removes an empty group and all of its offsets, also those being written', async () => {
  const room = await openCoordinator()
  const { groups, store } = room
  await member(room)
  const remove = async (...groupsNames: string[]) =>
    (await groups.delete({ groupsNames }, caller(2))).results.map(({ errorCode }) => errorOf(errorCode))
  expect(await remove('g', 'nobody')).toEqual(['NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND'])
  await room.clock.pass(10_001)
  await commit(groups, 1)
  store.pauseAppends()
  const late = commit(groups, 2, {}, 'u')
  await settle()
  const removal = remove('g')
  await settle()
  store.completeAppends()
  expect(await late).toBe('NONE')
  expect(await removal).toEqual(['NONE'])
  expect(await committed(groups)).toBe(-1)
  const again = await openCoordinator(store)
  expect(await committed(again.groups, 'u')).toBe(-1)
  expect((await again.groups.list({ statesFilter: [], typesFilter: [] }, caller(5))).groups).toEqual([])
})

test("a deleted topic's offsets are deleted, also one that was being written", async () => {
  const { groups, store } = await openCoordinator()
  await commit(groups, 1)
  await commit(groups, 2, {}, 'u')
  store.pauseAppends()
  const late = commit(groups, 3, {}, 't', 1)
  await settle()
  store.topics.delete('t')
  const forgetting = groups.topicDeleted('t')
  await settle()
  store.completeAppends()
  await Promise.all([late, forgetting])
  store.topics.set('t', { id: 'YW5vdGhlciB0AAAAAAAAAA', partitions: 4 })
  for (const room of [groups, (await openCoordinator(store)).groups])
    expect([await committed(room), await committed(room, 't', 1), await committed(room, 'u')]).toEqual([-1, -1, 2])
})

test('groups are listed by state and type, and described with their members', async () => {
  const room = await openCoordinator()
  const { groups } = room
  const { memberId } = await member(room)
  await groups.commit(commitRequest(1, { groupId: 'offsets-only' }), caller(8))
  const list = async (statesFilter: string[], typesFilter: string[] = []) =>
    (await groups.list({ statesFilter, typesFilter }, caller(5))).groups.map(({ groupId }) => groupId).sort()
  expect(await list([])).toEqual(['g', 'offsets-only'])
  expect(await list(['stable'])).toEqual(['g'])
  expect(await list(['Empty'], ['Classic'])).toEqual(['offsets-only'])
  expect(await list([], ['consumer'])).toEqual([])
  const { groups: described } = await groups.describe({ groups: ['g', 'offsets-only', 'nobody'] }, caller(5))
  expect(described[0]).toMatchObject({
    errorCode: 0,
    groupState: 'Stable',
    protocolType: 'consumer',
    protocolData: 'range',
    members: [
      { memberId, clientId: 'client', clientHost: '/127.0.0.1', memberMetadata: subscription('t'), memberAssignment: Buffer.from('mine') },
    ],
  })
  expect(described[1]).toMatchObject({ groupState: 'Empty', protocolType: '', members: [] })
  expect(described[2]).toMatchObject({ errorCode: 0, groupState: 'Dead' })
})

test('invalid requests: no group id, a session timeout out of bounds, metadata beyond the limit', async () => {
  const { groups } = await openCoordinator()
  const join = async (change: Partial<JoinRequest>, version = 9) => (await groups.join(joinRequest(change), caller(version))).errorCode
  expect(errorOf(await join({ groupId: '' }))).toBe('INVALID_GROUP_ID')
  expect(errorOf(await join({ sessionTimeoutMs: 5999 }))).toBe('INVALID_SESSION_TIMEOUT')
  expect(errorOf(await join({ sessionTimeoutMs: 1_800_001 }))).toBe('INVALID_SESSION_TIMEOUT')
  expect(errorOf(await join({ memberId: 'made-up' }))).toBe('UNKNOWN_MEMBER_ID')
  expect(errorOf(await join({ protocols: [{ name: 'range', metadata: Buffer.alloc(5 << 20) }] }))).toBe('INVALID_REQUEST')
  expect((await groups.join(joinRequest({ groupId: '' }), caller(6))).protocolName).toBe('')
  expect((await groups.join(joinRequest({ groupId: '' }), caller(7))).protocolName).toBe(null)
  expect((await groups.leave({ groupId: 'nobody', memberId: 'x', members: [] }, caller(1))).errorCode).toBe(25)
  expect(
    (await groups.leave({ groupId: 'nobody', memberId: '', members: [{ memberId: 'x', groupInstanceId: null, reason: null }] }, caller(5)))
      .members[0]!.errorCode,
  ).toBe(25)
})

test('a JoinGroup whose connection closes does not delay the rebalance', async () => {
  const room = await openCoordinator()
  const joined = await member(room)
  const lost = caller(3)
  const waiting = room.groups.join(joinRequest({ memberId: '' }), lost)
  await settle()
  expect(await heartbeat(room.groups, joined)).toBe('REBALANCE_IN_PROGRESS')
  lost.disconnect()
  expect(errorOf((await waiting).errorCode)).toBe('UNKNOWN_MEMBER_ID')
  const again = await room.groups.join(joinRequest({ memberId: joined.memberId }), caller(3))
  expect(again).toMatchObject({ generationId: 2, members: [{ memberId: joined.memberId }] })
})

test('closing completes all waiting requests', async () => {
  const room = await openCoordinator()
  await member(room)
  const waiting = room.groups.join(joinRequest(), caller(3))
  await settle()
  await room.groups.close()
  expect(errorOf((await waiting).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(errorOf((await room.groups.join(joinRequest(), caller(3))).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(await commit(room.groups, 1)).toBe('COORDINATOR_NOT_AVAILABLE')
})

test('a step of the wall clock expires no session', async () => {
  const room = await openCoordinator()
  const joined = await member(room)
  room.clock.wall += 86_400_000
  await room.clock.pass(5000)
  expect(await heartbeat(room.groups, joined)).toBe('NONE')
})
