/**
 * A fake broker that coordinates group `g` of one member and leads `t-0`: the test decides when JoinGroup and SyncGroup are answered and
 * what heartbeats and commits get. It keeps generations as a coordinator does and refuses commits of any other one.
 */
import fetchApi from '../../../core/apis/01-fetch.ts'
import offsetCommit from '../../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../../core/apis/10-find-coordinator.ts'
import joinGroup from '../../../core/apis/11-join-group.ts'
import heartbeat from '../../../core/apis/12-heartbeat.ts'
import leaveGroup from '../../../core/apis/13-leave-group.ts'
import syncGroup from '../../../core/apis/14-sync-group.ts'
import { type ErrorName, errorCode } from '../../../core/errors.ts'
import { consumerAssignment, consumerSubscription } from '../../../core/wire/structs/consumer-protocol.ts'
import { type FakeBroker, fakeBroker } from './fake-broker.ts'

export interface FakeGroup {
  readonly broker: FakeBroker
  /** Rises with each JoinGroup. */
  generation: number
  /** Heartbeats get REBALANCE_IN_PROGRESS until the next JoinGroup. */
  rebalancing: boolean
  /** SyncGroups that wait for an answer: commits get REBALANCE_IN_PROGRESS meanwhile. */
  syncing: number
  /** JoinGroup and SyncGroup are answered when these resolve. */
  beforeJoined: Promise<void>
  beforeSynced: Promise<void>
  /** The topics of each JoinGroup's subscription. */
  readonly subscriptions: (readonly string[])[]
  /** What each OffsetCommit got. */
  readonly commits: { offset: number; generation: number; error: ErrorName }[]
}

/** Resolved by the test. */
export function gate(): { promise: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, open: resolve }
}

export async function fakeGroup(assignor: string): Promise<FakeGroup> {
  const broker = await fakeBroker({ t: 1 })
  const group: FakeGroup = {
    broker,
    generation: 0,
    rebalancing: false,
    syncing: 0,
    beforeJoined: Promise.resolve(),
    beforeSynced: Promise.resolve(),
    subscriptions: [],
    commits: [],
  }
  const ok = { throttleTimeMs: 0, errorCode: 0 }
  const protocol = { protocolType: 'consumer', protocolName: assignor }
  broker.on(findCoordinator, () => ({
    throttleTimeMs: 0,
    coordinators: [{ key: 'g', nodeId: 1, host: '127.0.0.1', port: broker.port, errorCode: 0, errorMessage: null }],
  }))
  broker.on(joinGroup, async (request: { protocols: { metadata: Buffer }[] }) => {
    group.generation++
    group.subscriptions.push(consumerSubscription.read(request.protocols[0]!.metadata).topics)
    const generationId = group.generation
    await group.beforeJoined
    group.rebalancing = false
    return { ...ok, ...protocol, skipAssignment: false, generationId, leader: 'other', memberId: 'm', members: [] }
  })
  const assignment = consumerAssignment.write({ assignedPartitions: [{ topic: 't', partitions: [0] }], userData: null }, 3)
  broker.on(syncGroup, async () => {
    group.syncing++
    await group.beforeSynced
    group.syncing--
    return { ...ok, ...protocol, assignment }
  })
  broker.on(heartbeat, () => ({ ...ok, errorCode: errorCode(group.rebalancing ? 'REBALANCE_IN_PROGRESS' : 'NONE') }))
  broker.on(offsetFetch, () => {
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }]
    return { throttleTimeMs: 0, groups: [{ groupId: 'g', errorCode: 0, topics: [{ name: 't', partitions }] }] }
  })
  broker.on(fetchApi, () => 'silence')
  broker.on(leaveGroup, () => ({ ...ok, members: [] }))
  interface Commit {
    generationIdOrMemberEpoch: number
    topics: { partitions: { committedOffset: number }[] }[]
  }
  broker.on(offsetCommit, ({ generationIdOrMemberEpoch: generation, topics }: Commit) => {
    const error = generation !== group.generation ? 'ILLEGAL_GENERATION' : group.syncing > 0 ? 'REBALANCE_IN_PROGRESS' : 'NONE'
    group.commits.push({ offset: topics[0]!.partitions[0]!.committedOffset, generation, error })
    return { throttleTimeMs: 0, topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: errorCode(error) }] }] }
  })
  return group
}
