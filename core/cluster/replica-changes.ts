/**
 * What the controller decides about the replicas of partitions on request: elections, and reassignments to this node or back from one that
 * never completed. Pure: each decision is a change of the partition, or Kafka's error.
 */
import { KafkaError } from '../errors.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { MIGRATING, UNASSIGNED } from './image/directory-ids.ts'
import type { PartitionState } from './image/partition-state.ts'
import { checkReplicas } from './topic-validation.ts'
import type { Reassignment } from './types.ts'

/** Kafka's ElectionType. */
export const electionTypes = { preferred: 0, unclean: 1 } as const
const NO_LEADER = -1

export type ReplicaChange = Partial<Omit<Extract<NewMetadataRecord, { type: 'PartitionChangeRecord' }>, 'type' | 'topicId' | 'partitionId'>>

export interface ReplicaRules {
  readonly nodeId: number
  /** False where the number of replicas must stay as it is. */
  readonly allowReplicationFactorChange: boolean
  readonly uncleanLeaderElection: boolean
}

export const isReassigning = ({ addingReplicas, removingReplicas }: PartitionState): boolean =>
  addingReplicas.length > 0 || removingReplicas.length > 0

const ELECTION_NOT_NEEDED = 'Leader election not needed for topic partition.'

/** Why `state` does not get another leader: with one node there is never another. */
export function electionError({ leader, replicas }: PartitionState, electionType: number): KafkaError {
  if (electionType === electionTypes.preferred ? leader === replicas[0] : leader !== NO_LEADER)
    return new KafkaError('ELECTION_NOT_NEEDED', ELECTION_NOT_NEEDED)
  if (electionType === electionTypes.preferred)
    return new KafkaError('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred leader was not available.')
  return new KafkaError('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'Eligible topic partition leaders are not available.')
}

/** Null where `state` is as the reassignment wants it. */
export function reassign(state: PartitionState, { topic, partition, replicas }: Reassignment, rules: ReplicaRules): ReplicaChange | null {
  if (replicas === null) return cancelled(state, `${topic}:${partition}`, rules)
  const { nodeId } = rules
  checkReplicas(replicas, nodeId)
  if (!rules.allowReplicationFactorChange) {
    const before = state.replicas.filter((replica) => !state.removingReplicas.includes(replica)).length
    if (before !== replicas.length)
      throw new KafkaError('INVALID_REPLICATION_FACTOR', `The replication factor is changed from ${before} to ${replicas.length}`)
  }
  const removing = state.replicas.filter((replica) => !replicas.includes(replica)).sort((a, b) => a - b)
  const adding = replicas.filter((replica) => !state.replicas.includes(replica))
  if (removing.length === 0 && adding.length === 0) return null
  // The replicas that stay are in sync: there is nothing to wait for.
  if (replicas.every((replica) => state.isr.includes(replica))) return placed(state, replicas, replicas, nodeId)
  const next = [...replicas, ...removing]
  return {
    replicas: next,
    ...directoryChange(state, next),
    ...(removing.length > 0 ? { removingReplicas: removing } : {}),
    ...(adding.length > 0 ? { addingReplicas: adding } : {}),
  }
}

function cancelled(state: PartitionState, name: string, { nodeId, uncleanLeaderElection }: ReplicaRules): ReplicaChange {
  if (!isReassigning(state)) throw new KafkaError('NO_REASSIGNMENT_IN_PROGRESS')
  const replicas = state.replicas.filter((replica) => !state.addingReplicas.includes(replica))
  const isr = state.isr.filter((replica) => !state.addingReplicas.includes(replica))
  if (replicas.length === 0)
    throw new KafkaError('INVALID_REPLICA_ASSIGNMENT', 'Invalid replica assignment: addingReplicas contains all replicas.')
  if (isr.length === 0 && !uncleanLeaderElection)
    throw new KafkaError(
      'INVALID_REPLICA_ASSIGNMENT',
      `Unable to revert partition assignment for ${name} because it would require an unclean leader election.`,
    )
  return placed(state, replicas, isr.length > 0 ? isr : [replicas[0]!], nodeId)
}

/** The assignment is complete. The leader gets a new epoch, which tells the replicas that left; one that left itself leads no more. */
function placed(state: PartitionState, replicas: readonly number[], isr: readonly number[], nodeId: number): ReplicaChange {
  const mayLead = isr.includes(state.leader) ? state.leader : NO_LEADER
  return {
    replicas,
    isr,
    ...directoryChange(state, replicas),
    ...(state.removingReplicas.length > 0 ? { removingReplicas: [] } : {}),
    ...(state.addingReplicas.length > 0 ? { addingReplicas: [] } : {}),
    leader: mayLead === nodeId ? nodeId : NO_LEADER,
  }
}

/** Directories stay with their replicas, where any is assigned. */
function directoryChange(state: PartitionState, replicas: readonly number[]): Pick<ReplicaChange, 'directories'> {
  if (state.directories.every((directory) => directory === MIGRATING)) return {}
  return { directories: replicas.map((replica) => state.directories[state.replicas.indexOf(replica)] ?? UNASSIGNED) }
}
