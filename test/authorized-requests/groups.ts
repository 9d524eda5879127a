/**
 * Requests of consumers and of those who look at groups.
 */
import offsetCommit from '../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import joinGroup from '../../core/apis/11-join-group.ts'
import heartbeat from '../../core/apis/12-heartbeat.ts'
import leaveGroup from '../../core/apis/13-leave-group.ts'
import syncGroup from '../../core/apis/14-sync-group.ts'
import describeGroups from '../../core/apis/15-describe-groups.ts'
import listGroups from '../../core/apis/16-list-groups.ts'
import { CLUSTER_NAME } from '../../core/security/authorizer.ts'
import { committed, errors, offsetsOf, ofTopics, topics } from './cluster.ts'
import type { AuthorizedRequest, Need } from './types.ts'

const { TOPIC, GROUP, TRANSACTION } = errors

export const groupRequests: readonly AuthorizedRequest[] = [
  {
    name: 'OffsetCommit',
    api: offsetCommit,
    versions: [2, 9],
    needs: [['Read Group', 'group-a', `${GROUP} 3`], ...ofTopics('Read Topic')],
    request: (cluster) => ({ groupId: 'group-a', memberId: '', topics: committed(cluster) }),
  },
  {
    name: 'OffsetCommit by topic id',
    api: offsetCommit,
    versions: [10, 10],
    needs: [['Read Group', 'group-a', `${GROUP} 3`], ...ofTopics('Read Topic', `${TOPIC} 1`, topics)],
    request: (cluster) => ({ groupId: 'group-a', memberId: '', topics: committed(cluster) }),
  },
  {
    name: 'OffsetCommit of a member that the group has not',
    api: offsetCommit,
    versions: [2, 9],
    needs: [['Read Group', 'group-b', `${GROUP} 3`], ...ofTopics('Read Topic')],
    request: (cluster) => ({ groupId: 'group-b', memberId: 'nobody', generationIdOrMemberEpoch: 3, topics: committed(cluster) }),
  },
  {
    name: 'OffsetFetch in v1',
    api: offsetFetch,
    versions: [1, 1],
    needs: [['Describe Group', 'group-a', `${GROUP} 6`], ...ofTopics('Describe Topic', `${TOPIC} 2`)],
    request: (cluster) => ({ groupId: 'group-a', topics: offsetsOf(cluster), groups: [] }),
  },
  {
    name: 'OffsetFetch',
    api: offsetFetch,
    versions: [2, 7],
    needs: [['Describe Group', 'group-a', `${GROUP} 1`], ...ofTopics('Describe Topic', `${TOPIC} 2`)],
    request: (cluster) => ({ groupId: 'group-a', topics: offsetsOf(cluster), groups: [] }),
  },
  {
    name: 'OffsetFetch of all topics',
    api: offsetFetch,
    versions: [2, 7],
    needs: [['Describe Group', 'group-a', `${GROUP} 1`], ...topics.map((name): Need => ['Describe Topic', name, `hides ${name}`])],
    request: () => ({ groupId: 'group-a', topics: null, groups: [] }),
  },
  {
    name: 'OffsetFetch of groups',
    api: offsetFetch,
    versions: [8, 9],
    needs: [
      ['Describe Group', 'group-a', `${GROUP} 1`],
      ['Describe Group', 'group-b', `${GROUP} 1`],
      ...topics.map((name): Need => ['Describe Topic', name, `${TOPIC} 2`]),
    ],
    request: (cluster) => ({
      groups: [
        { groupId: 'group-a', topics: offsetsOf(cluster) },
        { groupId: 'group-b', topics: null },
      ],
    }),
  },
  {
    name: 'OffsetFetch of groups by topic id',
    api: offsetFetch,
    versions: [10, 10],
    needs: [
      ['Describe Group', 'group-a', `${GROUP} 1`],
      ['Describe Group', 'group-b', `${GROUP} 1`],
      ...topics.map((name): Need => ['Describe Topic', name, `${TOPIC} 2`]),
    ],
    request: (cluster) => ({
      groups: [
        { groupId: 'group-a', topics: offsetsOf(cluster) },
        { groupId: 'group-b', topics: null },
      ],
    }),
  },
  {
    name: 'FindCoordinator of a group',
    api: findCoordinator,
    needs: [['Describe Group', 'group-a', `${GROUP} 1`]],
    request: () => ({ key: 'group-a', keyType: 0, coordinatorKeys: ['group-a', 'group-b'] }),
  },
  {
    name: 'FindCoordinator of a transactional id',
    api: findCoordinator,
    versions: [1, 6],
    needs: [['Describe TransactionalId', 'tx-a', `${TRANSACTION} 1`]],
    request: () => ({ key: 'tx-a', keyType: 1, coordinatorKeys: ['tx-a', 'tx-b'] }),
  },
  {
    name: 'FindCoordinator of a share group',
    api: findCoordinator,
    versions: [1, 6],
    needs: [['ClusterAction Cluster', CLUSTER_NAME, '']],
    request: () => ({ key: 'no key of a share group', keyType: 2, coordinatorKeys: ['no key of a share group', 'nor this'] }),
  },
  {
    name: 'JoinGroup',
    api: joinGroup,
    needs: [['Read Group', 'group-a', `${GROUP} 1`]],
    request: () => ({
      groupId: 'group-a',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: 'nobody',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    }),
  },
  {
    name: 'Heartbeat',
    api: heartbeat,
    needs: [['Read Group', 'group-a', `${GROUP} 1`]],
    request: () => ({ groupId: 'group-a', generationId: 1, memberId: 'nobody' }),
  },
  {
    name: 'LeaveGroup',
    api: leaveGroup,
    needs: [['Read Group', 'group-a', `${GROUP} 1`]],
    request: () => ({ groupId: 'group-a', memberId: 'nobody', members: [{ memberId: 'nobody', groupInstanceId: null }] }),
  },
  {
    name: 'SyncGroup',
    api: syncGroup,
    needs: [['Read Group', 'group-a', `${GROUP} 1`]],
    request: () => ({
      ...{ groupId: 'group-a', generationId: 1, memberId: 'nobody' },
      ...{ protocolType: 'consumer', protocolName: 'range', assignments: [] },
    }),
  },
  {
    name: 'SyncGroup without a protocol',
    isRefusedAnyway: true,
    api: syncGroup,
    versions: [5, 5],
    needs: [['Read Group', 'group-a', 'INCONSISTENT_GROUP_PROTOCOL 1']],
    request: () => ({ groupId: 'group-a', generationId: 1, memberId: 'nobody', protocolType: null, protocolName: null, assignments: [] }),
  },
  {
    name: 'DescribeGroups',
    api: describeGroups,
    needs: ['group-a', 'group-b', 'group-missing'].map((group): Need => ['Describe Group', group, `${GROUP} 1`]),
    request: () => ({ groups: ['group-a', 'group-b', 'group-missing'], includeAuthorizedOperations: true }),
  },
  {
    name: 'ListGroups',
    api: listGroups,
    without: 'Describe Cluster kafka-cluster',
    needs: ['group-a', 'group-b'].map((group): Need => ['Describe Group', group, `hides ${group}`]),
    request: () => ({ statesFilter: [], typesFilter: [] }),
  },
  {
    name: 'ListGroups by a right on the cluster',
    api: listGroups,
    needs: [
      ['Describe Cluster', CLUSTER_NAME, ''],
      ['Describe Group', 'group-a', ''],
    ],
    request: () => ({ statesFilter: ['Empty'], typesFilter: [] }),
  },
]
