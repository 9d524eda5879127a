/**
 * Goal: every group request gets the response that Apache Kafka gives, in every version. Method: the same bytes go to a Kafka broker and to
 * ours; the responses are compared field by field, ids and addresses replaced by their order of appearance.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import joinGroup from '../../core/apis/11-join-group.ts'
import heartbeat from '../../core/apis/12-heartbeat.ts'
import leaveGroup from '../../core/apis/13-leave-group.ts'
import syncGroup from '../../core/apis/14-sync-group.ts'
import describeGroups from '../../core/apis/15-describe-groups.ts'
import listGroups from '../../core/apis/16-list-groups.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import deleteGroups from '../../core/apis/42-delete-groups.ts'
import offsetDelete from '../../core/apis/47-offset-delete.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { startTestBroker } from '../running-broker.ts'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'

let kafka: { port: number; stop(): Promise<void> }
let ours: { port: number; stop(): Promise<void> }

beforeAll(async () => {
  kafka = await startApacheKafka({ 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 3 })
  ours = await startTestBroker()
}, 120_000)

afterAll(async () => {
  await Promise.all([kafka?.stop(), ours?.stop()])
})

// biome-ignore lint/suspicious/noExplicitAny: responses of any API go into one list
type Ask = (api: AnyApi, version: number, request: object) => Promise<any>
type Play = (ask: Ask, open: () => Promise<Ask>) => Promise<unknown>

/** Replaces what always differs: generated ids, addresses, and the text of an error. */
function plain(value: unknown, names: Map<string, string>): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  if (typeof value === 'string')
    return value.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      if (!names.has(id)) names.set(id, `#${names.size + 1}`)
      return names.get(id)!
    })
  if (Array.isArray(value)) {
    // Kafka responds in the order of the partitions of its offsets topic, and a map's topics in any order.
    const keyed = value.filter((item) => typeof (item?.groupId ?? item?.name ?? item?.partitionIndex) !== 'undefined')
    const sortable = keyed.length === value.length
    const keyOf = (item: { groupId?: string; name?: string; topicId?: string; partitionIndex?: number }) =>
      item.groupId ?? (item.name || item.topicId) ?? item.partitionIndex!
    return (sortable ? [...value].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) : value).map((item) => plain(item, names))
  }
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        if ((key === 'port' && item !== -1) || (key === 'host' && item !== '')) return [key, key]
        if (key === 'errorMessage' && (value as { errorCode: number }).errorCode !== 0) return [key, Boolean(item)]
        return [key, plain(item, names)]
      }),
    )
  return value
}

async function played(port: number, play: Play): Promise<unknown> {
  const clients: RawClient[] = []
  const open = async (): Promise<Ask> => {
    const client = await rawClient(port)
    clients.push(client)
    return async (api, version, request) => {
      try {
        return await client.send(api, version, request as never)
      } catch (error) {
        return `${(error as Error).message}`
      }
    }
  }
  try {
    return plain(await play(await open(), open), new Map())
  } finally {
    for (const client of clients) client.close()
  }
}

const same = async (play: Play): Promise<void> => {
  const theirs = await played(kafka.port, play)
  expect(await played(ours.port, play)).toEqual(theirs)
}

const versionsOf = ({ versions: [first, last] }: AnyApi): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

const joinRequest = (groupId: string, change: object = {}) => ({
  groupId,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 20_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from([0, 1, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 0, 0, 0, 0, 0]) }],
  reason: 'a test',
  ...change,
})

async function ready(ask: Ask): Promise<string> {
  await ask(createTopics, 7, {
    topics: [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  for (const keyType of [0, 1])
    await until(async () => (await ask(findCoordinator, 3, { key: 'g', keyType, coordinatorKeys: [] })).errorCode === 0, 'a coordinator')
  await until(
    async () => (await ask(heartbeat, 3, { groupId: 'nobody', generationId: 1, memberId: 'x', groupInstanceId: null })).errorCode === 25,
    'the coordinator has loaded',
  )
  const { topics } = await ask(metadata, 12, { topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', name: 't' }], allowAutoTopicCreation: false })
  return topics[0].topicId
}

/** Joins, again where MEMBER_ID_REQUIRED is the response, and syncs. */
async function member(ask: Ask, version: number, groupId: string, change: object = {}) {
  const first = await ask(joinGroup, version, joinRequest(groupId, change))
  const joined =
    first.errorCode === 79 ? await ask(joinGroup, version, joinRequest(groupId, { ...change, memberId: first.memberId })) : first
  const synced = await ask(syncGroup, Math.min(version, 5), {
    groupId,
    generationId: joined.generationId,
    memberId: joined.memberId,
    groupInstanceId: (change as { groupInstanceId?: string }).groupInstanceId ?? null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: joined.memberId, assignment: Buffer.from('mine') }],
  })
  return { first, joined, synced }
}

test.each(versionsOf(findCoordinator))('FindCoordinator v%i', (version) =>
  same(async (ask) => {
    await ready(ask)
    const responses = []
    for (const keyType of version === 0 ? [0] : [0, 1, 7]) {
      responses.push(await ask(findCoordinator, version, { key: 'g', keyType, coordinatorKeys: version >= 4 ? ['g', 'h'] : [] }))
    }
    return responses
  }),
)

test.each(versionsOf(joinGroup))('a member joins, heartbeats and leaves, JoinGroup v%i', (version) =>
  same(async (ask) => {
    await ready(ask)
    const group = `joins-${version}`
    const { first, joined, synced } = await member(ask, version, group)
    const alive = { groupId: group, generationId: joined.generationId, memberId: joined.memberId, groupInstanceId: null }
    const beats = []
    for (const beat of versionsOf(heartbeat)) beats.push(await ask(heartbeat, beat, alive))
    beats.push(await ask(heartbeat, 4, { ...alive, generationId: 99 }))
    beats.push(await ask(heartbeat, 4, { ...alive, memberId: 'x' }))
    beats.push(await ask(heartbeat, 4, { ...alive, groupId: '' }))
    const again = await ask(syncGroup, 5, { ...alive, protocolType: 'consumer', protocolName: 'sticky', assignments: [] })
    const described = []
    for (const each of versionsOf(describeGroups))
      described.push(await ask(describeGroups, each, { groups: [group, 'nobody'], includeAuthorizedOperations: true }))
    const left = await ask(leaveGroup, version % 6, {
      groupId: group,
      memberId: joined.memberId,
      members: [
        { memberId: joined.memberId, groupInstanceId: null, reason: null },
        { memberId: 'x', groupInstanceId: null, reason: null },
      ],
    })
    const after = await ask(describeGroups, 6, { groups: [group], includeAuthorizedOperations: false })
    const deleted = await ask(deleteGroups, version % 3, { groupsNames: [group, 'nobody'] })
    return { first, joined, synced, beats, again, described, left, after, deleted }
  }),
)

test.each(versionsOf(joinGroup))('errors of JoinGroup v%i', (version) =>
  same(async (ask) => {
    await ready(ask)
    const responses = []
    for (const change of [
      { groupId: '' },
      { sessionTimeoutMs: 1 },
      { sessionTimeoutMs: 10_000_000 },
      { memberId: 'made-up' },
      { protocols: [] },
      { protocolType: '' },
    ])
      responses.push(await ask(joinGroup, version, joinRequest('refused', change)))
    return responses
  }),
)

test('another type, another protocol, an unknown member, while a group is stable', () =>
  same(async (ask) => {
    await ready(ask)
    const { joined } = await member(ask, 9, 'stable')
    const responses = []
    for (const change of [
      { protocolType: 'connect' },
      { protocols: [{ name: 'x', metadata: Buffer.alloc(0) }] },
      { memberId: 'x' },
      { groupInstanceId: 'nobody', memberId: joined.memberId },
    ])
      responses.push(await ask(joinGroup, 9, joinRequest('stable', change)))
    responses.push(await ask(deleteGroups, 2, { groupsNames: ['stable'] }))
    await ask(leaveGroup, 5, {
      groupId: 'stable',
      memberId: '',
      members: [{ memberId: joined.memberId, groupInstanceId: null, reason: null }],
    })
    return responses
  }))

test('a static member rejoins, is fenced, is removed by an administrator', () =>
  same(async (ask, open) => {
    await ready(ask)
    const change = { groupInstanceId: 'i1' }
    const { joined } = await member(ask, 9, 'static', change)
    const other = await open()
    const back = await ask(joinGroup, 9, joinRequest('static', change))
    const alive = { groupId: 'static', generationId: back.generationId, memberId: joined.memberId, groupInstanceId: 'i1' }
    const fenced = await other(heartbeat, 4, alive)
    const commit = await other(offsetCommit, 9, {
      groupId: 'static',
      generationIdOrMemberEpoch: back.generationId,
      memberId: joined.memberId,
      groupInstanceId: 'i1',
      topics: [
        {
          name: 't',
          topicId: '',
          partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }],
        },
      ],
    })
    const synced = await ask(syncGroup, 5, { ...alive, memberId: back.memberId, protocolType: null, protocolName: null, assignments: [] })
    const named = await ask(syncGroup, 5, {
      ...alive,
      memberId: back.memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    })
    const older = await ask(joinGroup, 5, joinRequest('static', change))
    const left = await ask(leaveGroup, 5, {
      groupId: 'static',
      memberId: '',
      members: [
        { memberId: 'x', groupInstanceId: 'i1', reason: null },
        { memberId: '', groupInstanceId: 'i2', reason: null },
        { memberId: '', groupInstanceId: 'i1', reason: null },
      ],
    })
    return { back, fenced, commit, synced, named, older, left }
  }))

test.each(versionsOf(offsetCommit))('OffsetCommit v%i, and OffsetFetch in every version', (version) =>
  same(async (ask) => {
    const topicId = await ready(ask)
    const group = `commits-${version}`
    const partitions = [
      { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: 0, committedMetadata: null },
      { partitionIndex: 1, committedOffset: 8, committedLeaderEpoch: -1, committedMetadata: 'x'.repeat(5000) },
      { partitionIndex: 2, committedOffset: 9, committedLeaderEpoch: -1, committedMetadata: '' },
    ]
    const commit = (change: object) => ({
      groupId: group,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        { name: 't', topicId, partitions },
        { name: 'nowhere', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions },
      ],
      ...change,
    })
    const responses = []
    for (const change of [
      { generationIdOrMemberEpoch: 5, memberId: 'x' },
      { memberId: 'x' },
      {},
      { generationIdOrMemberEpoch: 5, memberId: 'x' },
    ])
      responses.push(await ask(offsetCommit, version, commit(change)))
    for (const each of versionsOf(offsetFetch)) {
      const topics = [
        { name: 't', topicId, partitionIndexes: [0, 1, 9] },
        { name: 'nowhere', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionIndexes: [0] },
      ]
      const groups = [group, 'nobody'].flatMap((groupId) =>
        [topics, null].map((requested) => ({ groupId, memberId: null, memberEpoch: -1, topics: requested })),
      )
      if (each >= 8)
        for (const group of groups)
          responses.push(await ask(offsetFetch, each, { groupId: '', topics: [], groups: [group], requireStable: true }))
      else
        for (const groupId of [group, 'nobody'])
          for (const requested of each >= 2 ? [topics, null] : [topics])
            responses.push(await ask(offsetFetch, each, { groupId, topics: requested, groups: [], requireStable: true }))
    }
    // Topic ids differ between the brokers.
    return JSON.parse(JSON.stringify(responses).replaceAll(topicId, 'topic id'))
  }),
)

test.each(versionsOf(listGroups))('ListGroups v%i', (version) =>
  same(async (ask) => {
    await ready(ask)
    const { joined } = await member(ask, 9, `listed-${version}`)
    const responses = []
    for (const filter of [
      {},
      { statesFilter: ['stable'] },
      { statesFilter: ['Nonsense'] },
      { typesFilter: ['CLASSIC'] },
      { typesFilter: ['consumer'] },
      { typesFilter: ['nonsense'] },
    ]) {
      const { groups, ...rest } = await ask(listGroups, version, { statesFilter: [], typesFilter: [], ...filter })
      responses.push({ ...rest, groups: groups.filter(({ groupId }: { groupId: string }) => groupId === `listed-${version}`) })
    }
    await ask(leaveGroup, 5, {
      groupId: `listed-${version}`,
      memberId: '',
      members: [{ memberId: joined.memberId, groupInstanceId: null, reason: null }],
    })
    return responses
  }),
)

test('OffsetDelete of groups with and without members', () =>
  same(async (ask, open) => {
    await ready(ask)
    const newTopic = { name: 'u', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    await ask(createTopics, 7, { topics: [newTopic], timeoutMs: 10_000, validateOnly: false })
    const committed = (index: number) => ({ partitionIndex: index, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: '' })
    const commit = (groupId: string, memberId = '', generationIdOrMemberEpoch = -1) =>
      ask(offsetCommit, 8, {
        ...{ groupId, generationIdOrMemberEpoch, memberId, groupInstanceId: null },
        topics: ['t', 'u'].map((name) => ({ name, partitions: [committed(0), committed(1)] })),
      })
    const remove = async (groupId: string) => {
      const partitions = [0, 1, 9, -1].map((partitionIndex) => ({ partitionIndex }))
      const topics = [
        { name: 't', partitions: partitions.slice(1) },
        { name: 'u', partitions: partitions.slice(0, 1) },
        { name: 'nowhere', partitions },
      ]
      const deleted = await ask(offsetDelete, 0, { groupId, topics })
      const none = await ask(offsetDelete, 0, { groupId, topics: [] })
      const fetched = await ask(offsetFetch, 7, { groupId, topics: null, groups: [], requireStable: false })
      const { groups } = await ask(describeGroups, 5, { groups: [groupId], includeAuthorizedOperations: false })
      return { deleted, none, fetched, state: groups[0].groupState }
    }
    const responses = [await remove(''), await remove('no-group')]
    await commit('no-members')
    responses.push(await remove('no-members'), await remove('no-members'))
    const metadataOf = { readable: joinRequest('').protocols[0]!.metadata, unreadable: Buffer.alloc(0), short: Buffer.from([0, 1, 0, 0]) }
    for (const [kind, bytes] of Object.entries(metadataOf))
      for (const protocolType of ['consumer', 'connect']) {
        const client = await open()
        const groupId = `${kind}-${protocolType}`
        const change = { protocolType, protocols: [{ name: 'range', metadata: bytes }] }
        const joined = await client(joinGroup, 3, joinRequest(groupId, change))
        const { memberId, generationId } = joined
        responses.push(await remove(groupId))
        const alive = { groupId, generationId, memberId, groupInstanceId: null }
        await client(syncGroup, 3, { ...alive, assignments: [{ memberId, assignment: Buffer.from('mine') }] })
        responses.push(await commit(groupId, memberId, generationId), await remove(groupId))
        await client(leaveGroup, 2, { groupId, memberId, members: [] })
        responses.push(await remove(groupId))
      }
    return responses
  }))
