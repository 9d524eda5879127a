/**
 * Goal: a node that is the only one answers elections and reassignments as Kafka's controller does, and can take over the partitions of a
 * reassignment that never completed. Method: the pure decisions, then the requests to a broker, with the answers that Apache Kafka gives.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import createTopics from '../../../core/apis/19-create-topics.ts'
import electLeaders from '../../../core/apis/43-elect-leaders.ts'
import alterReassignments from '../../../core/apis/45-alter-partition-reassignments.ts'
import listReassignments from '../../../core/apis/46-list-partition-reassignments.ts'
import type { PartitionState } from '../../../core/cluster/image/partition-state.ts'
import { electionError, isReassigning, reassign } from '../../../core/cluster/replica-changes.ts'
import type { Reassignment } from '../../../core/cluster/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import type { RawClient } from '../../raw-client.ts'

const state = (over: Partial<PartitionState> = {}): PartitionState => ({
  replicas: [1],
  isr: [1],
  removingReplicas: [],
  addingReplicas: [],
  leader: 1,
  leaderRecoveryState: 0,
  leaderEpoch: 4,
  partitionEpoch: 7,
  directories: ['d1'],
  eligibleLeaderReplicas: [],
  lastKnownElr: [],
  ...over,
})
const rules = { nodeId: 1, allowReplicationFactorChange: true, uncleanLeaderElection: false }
const to = (replicas: Reassignment['replicas']): Reassignment => ({ topic: 't', partition: 0, replicas })

describe('decisions', () => {
  test('a replica that left the cluster leaves the partition', () => {
    const left = state({ replicas: [2, 1], directories: ['d2', 'd1'] })
    expect(reassign(left, to([1]), rules)).toEqual({ replicas: [1], isr: [1], directories: ['d1'], leader: 1 })
  })

  test('a reassignment to this node, which is not in sync, begins and is listed', () => {
    const elsewhere = state({ replicas: [2], isr: [2], leader: -1, directories: ['d2'] })
    const change = reassign(elsewhere, to([1]), rules)
    expect(change).toEqual({ replicas: [1, 2], directories: ['AAAAAAAAAAAAAAAAAAAAAQ', 'd2'], removingReplicas: [2], addingReplicas: [1] })
    expect(isReassigning(state({ addingReplicas: [1] }))).toBe(true)
  })

  test('a reassignment to a node that is gone is cancelled', () => {
    const adding = state({ replicas: [1, 2], addingReplicas: [2], directories: ['d1', 'd2'] })
    expect(reassign(adding, to(null), rules)).toEqual({ replicas: [1], isr: [1], directories: ['d1'], addingReplicas: [], leader: 1 })
  })

  test('a cancellation that would lose records needs unclean.leader.election.enable', () => {
    const moved = state({ replicas: [1, 2], isr: [2], leader: 2, addingReplicas: [2], removingReplicas: [1], directories: ['d1', 'd2'] })
    expect(() => reassign(moved, to(null), rules)).toThrow('for t:0 because it would require an unclean leader election.')
    expect(reassign(moved, to(null), { ...rules, uncleanLeaderElection: true })).toMatchObject({ replicas: [1], isr: [1] })
  })

  test('the number of replicas may be fixed', () => {
    const fixed = { ...rules, allowReplicationFactorChange: false }
    expect(reassign(state(), to([1]), fixed)).toBeNull()
    expect(() => reassign(state({ replicas: [1, 2] }), to([1]), fixed)).toThrow('The replication factor is changed from 2 to 1')
  })

  test('elections', () => {
    expect(electionError(state(), 0).error).toBe('ELECTION_NOT_NEEDED')
    expect(electionError(state(), 1).error).toBe('ELECTION_NOT_NEEDED')
    expect(electionError(state({ leader: -1 }), 0).error).toBe('PREFERRED_LEADER_NOT_AVAILABLE')
    expect(electionError(state({ leader: -1 }), 1).error).toBe('ELIGIBLE_LEADERS_NOT_AVAILABLE')
  })
})

describe('requests', () => {
  let ours: BrokerInProcess
  let client: RawClient
  beforeAll(async () => {
    ours = await brokerInProcess({ 'node.id': '1' })
    client = await ours.client()
    const topic = { name: 'e', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    await client.send(createTopics, 7, { topics: [topic], validateOnly: false })
  })
  afterAll(() => ours?.stop())

  test('ElectLeaders', async () => {
    const asked = [
      { topic: 'e', partitions: [0, 7] },
      { topic: 'no', partitions: [0] },
    ]
    const { replicaElectionResults } = await client.send(electLeaders, 2, { electionType: 0, topicPartitions: asked })
    expect(replicaElectionResults.flatMap(({ partitionResult }) => partitionResult)).toEqual([
      { partitionId: 0, errorCode: 84, errorMessage: 'Leader election not needed for topic partition.' },
      { partitionId: 7, errorCode: 3, errorMessage: 'No such partition as e-7' },
      { partitionId: 0, errorCode: 3, errorMessage: 'No such topic as no' },
    ])
    const all = await client.send(electLeaders, 2, { electionType: 1, topicPartitions: null })
    expect(all.replicaElectionResults).toEqual([{ topic: 'e', partitionResult: [] }])
    expect(await client.send(electLeaders, 2, { electionType: 7, topicPartitions: null })).toMatchObject({ errorCode: 42 })
  })

  test('AlterPartitionReassignments and ListPartitionReassignments', async () => {
    const outcome = async (name: string, partitionIndex: number, replicas: number[] | null) => {
      const request = { allowReplicationFactorChange: true, topics: [{ name, partitions: [{ partitionIndex, replicas }] }] }
      const { responses } = await client.send(alterReassignments, 1, request)
      return [responses[0]!.partitions[0]!.errorCode, responses[0]!.partitions[0]!.errorMessage]
    }
    expect(await outcome('e', 0, [1])).toEqual([0, null])
    expect(await outcome('e', 0, null)).toEqual([85, null])
    expect(await outcome('e', 9, [1])).toEqual([3, 'Unable to find partition e:9.'])
    expect(await outcome('no', 0, [1])).toEqual([3, 'Unable to find a topic named no.'])
    const assignment = 'The manual partition assignment includes'
    expect(await outcome('e', 0, [])).toEqual([39, `${assignment} an empty replica list.`])
    expect(await outcome('e', 0, [1, 1])).toEqual([39, `${assignment} the broker 1 more than once.`])
    expect(await outcome('e', 0, [2, 2])).toEqual([39, `${assignment} broker 2, but no such broker is registered.`])
    expect((await client.send(listReassignments, 0, { topics: null })).topics).toEqual([])
  })
})
