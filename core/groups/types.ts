/**
 * The interface of the group coordinator for the handlers of APIs 8 to 16, 42 and 47, and what it needs from the broker. Requests and
 * responses have the fields of the messages in their newest version: a handler passes them through.
 */
import type { MarkerOfProducer, Verification } from '../log/types.ts'

/** The sender of a request. */
export interface Caller {
  readonly version: number
  readonly clientId: string | null
  readonly peer: {
    readonly host: string
    readonly closed: boolean
    /** Runs `task` when the connection closes, or at once if it is closed. Returns a function that unsubscribes it. */
    onClose(task: () => void): () => void
  }
}

/** Errors are codes in the responses; a method throws only for a bug. */
export interface GroupCoordinator {
  /** The partition of `__consumer_offsets` that stores `group`. */
  partitionFor(group: string): number
  /** Creates the offsets topic if it does not exist, as FindCoordinator does. Throws KafkaError. */
  prepare(): Promise<void>
  join(request: JoinRequest, caller: Caller): Promise<JoinResponse>
  sync(request: SyncRequest, caller: Caller): Promise<SyncResponse>
  heartbeat(request: HeartbeatRequest, caller: Caller): Promise<HeartbeatResponse>
  leave(request: LeaveRequest, caller: Caller): Promise<LeaveResponse>
  commit(request: CommitRequest, caller: Caller): Promise<CommitResponse>
  /** Commits that become visible when the transaction of the producer is committed. */
  commitTransactional(request: TransactionalCommitRequest, verify: VerifyAppend): Promise<TransactionalCommitResponse>
  /** Writes a marker to a partition of `__consumer_offsets`, and ends the commits of its transaction. Throws KafkaError. */
  endTransaction(partition: number, marker: MarkerOfProducer): Promise<void>
  fetch(request: FetchRequest, caller: Caller): Promise<FetchResponse>
  describe(request: DescribeRequest, caller: Caller): Promise<DescribeResponse>
  list(request: ListRequest, caller: Caller): Promise<ListResponse>
  delete(request: DeleteRequest, caller: Caller): Promise<DeleteResponse>
  deleteOffsets(request: DeleteOffsetsRequest, caller: Caller): Promise<DeleteOffsetsResponse>
  /** Deletes the committed offsets of a deleted topic. */
  topicDeleted(topic: string): Promise<void>
  /** Completes waiting requests with COORDINATOR_NOT_AVAILABLE and stops all timers. */
  close(): Promise<void>
}

export interface GroupSettings {
  groupMinSessionTimeoutMs: number
  groupMaxSessionTimeoutMs: number
  groupInitialRebalanceDelayMs: number
  groupMaxSize: number
  offsetMetadataMaxBytes: number
  offsetsRetentionMs: number
  offsetsRetentionCheckIntervalMs: number
}

export interface StoredRecord {
  key: Buffer
  value: Buffer | null
  timestamp: number
}

/** A record of the offsets topic, at start. */
export interface LoadedRecord extends StoredRecord {
  /** Of the transaction that it belongs to, null for none. */
  readonly producerId: number | null
}

/** The end of a transaction in a partition of the offsets topic, at start. */
export interface LoadedMarker {
  readonly endOfProducer: number
  readonly committed: boolean
}

/** The transaction of an append. */
export interface AppendTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly verification: Verification
}

/** Lets an append of the transaction to a partition of the offsets topic pass. Rejects with KafkaError. */
export type VerifyAppend = (partition: number) => Promise<Verification>

/** What the coordinator needs from the rest of the broker: the offsets topic, and the names of topics. */
export interface GroupStore {
  /** The partition count of `__consumer_offsets`, also before it is created. */
  readonly partitions: number
  /** Creates the offsets topic if it does not exist. Throws KafkaError. */
  prepare(): Promise<void>
  /**
   * Appends one batch, after the batches of earlier calls. Resolves when it is durable (Invariant 1). Creates the topic if it does not
   * exist. Rejects with KafkaError.
   */
  append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void>
  /** Appends the end of a transaction, likewise. */
  appendMarker(partition: number, marker: MarkerOfProducer): Promise<void>
  /** Calls `listener` when the offsets topic is deleted. */
  onDeleted(listener: () => void): void
  /** All records of a partition, oldest first; none while the topic does not exist. */
  load(partition: number): AsyncIterable<LoadedRecord | LoadedMarker>
  topicName(id: string): string | undefined
  topicId(name: string): string | undefined
  partitionExists(topic: string, partition: number): boolean
}

export interface JoinRequest {
  groupId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string
  protocols: readonly { name: string; metadata: Buffer }[]
  reason: string | null
}

export interface JoinResponse {
  errorCode: number
  generationId: number
  protocolType: string | null
  protocolName: string | null
  leader: string
  skipAssignment: boolean
  memberId: string
  members: { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncRequest {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string | null
  protocolName: string | null
  assignments: readonly { memberId: string; assignment: Buffer }[]
}

export interface SyncResponse {
  errorCode: number
  protocolType: string | null
  protocolName: string | null
  assignment: Buffer
}

export interface HeartbeatRequest {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

export interface HeartbeatResponse {
  errorCode: number
}

export interface LeaveRequest {
  groupId: string
  /** Up to v2, where `members` is empty. */
  memberId: string
  members: readonly { memberId: string; groupInstanceId: string | null; reason: string | null }[]
}

export interface LeaveResponse {
  errorCode: number
  members: { memberId: string; groupInstanceId: string | null; errorCode: number }[]
}

export interface CommitRequest {
  groupId: string
  generationIdOrMemberEpoch: number
  memberId: string
  groupInstanceId: string | null
  retentionTimeMs: number
  topics: readonly {
    name: string
    topicId: string
    partitions: readonly {
      partitionIndex: number
      committedOffset: number
      committedLeaderEpoch: number
      committedMetadata: string | null
    }[]
  }[]
}

export interface CommitResponse {
  topics: { name: string; topicId: string; partitions: { partitionIndex: number; errorCode: number }[] }[]
}

export interface TransactionalCommitRequest {
  transactionalId: string
  groupId: string
  producerId: number
  producerEpoch: number
  generationId: number
  memberId: string
  groupInstanceId: string | null
  topics: readonly {
    name: string
    partitions: readonly {
      partitionIndex: number
      committedOffset: number
      committedLeaderEpoch: number
      committedMetadata: string | null
    }[]
  }[]
}

export interface TransactionalCommitResponse {
  throttleTimeMs: number
  topics: { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[]
}

export interface FetchRequest {
  /** Up to v7. */
  groupId: string
  topics: readonly { name: string; partitionIndexes: readonly number[] }[] | null
  /** From v8 on. */
  groups: readonly {
    groupId: string
    memberId: string | null
    memberEpoch: number
    topics: readonly { name: string; topicId: string; partitionIndexes: readonly number[] }[] | null
  }[]
  requireStable: boolean
}

export interface FetchedPartition {
  partitionIndex: number
  committedOffset: number
  committedLeaderEpoch: number
  metadata: string | null
  errorCode: number
}

export interface FetchResponse {
  topics: { name: string; partitions: FetchedPartition[] }[]
  errorCode: number
  groups: { groupId: string; topics: { name: string; topicId: string; partitions: FetchedPartition[] }[]; errorCode: number }[]
}

export interface DescribeRequest {
  groups: readonly string[]
}

export interface DescribedMember {
  memberId: string
  groupInstanceId: string | null
  clientId: string
  clientHost: string
  memberMetadata: Buffer
  memberAssignment: Buffer
}

export interface DescribeResponse {
  groups: {
    errorCode: number
    errorMessage: string | null
    groupId: string
    groupState: string
    protocolType: string
    protocolData: string
    members: DescribedMember[]
  }[]
}

export interface ListRequest {
  statesFilter: readonly string[]
  typesFilter: readonly string[]
}

export interface ListResponse {
  errorCode: number
  groups: { groupId: string; protocolType: string; groupState: string; groupType: string }[]
}

export interface DeleteRequest {
  groupsNames: readonly string[]
}

export interface DeleteResponse {
  throttleTimeMs: number
  results: { groupId: string; errorCode: number }[]
}

/** Partitions that exist. */
export interface DeleteOffsetsRequest {
  groupId: string
  topics: readonly { name: string; partitions: readonly { partitionIndex: number }[] }[]
}

export interface DeleteOffsetsResponse {
  /** Of the group. */
  errorCode: number
  /** All partitions of a topic have the same outcome. */
  topics: { name: string; errorCode: number }[]
}
