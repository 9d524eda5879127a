/**
 * The group room's words: what the coordinator offers to the handlers of keys 8 to 16 and 42.
 */
/** Who asks: what a member's description shows. */
export interface Caller {
  version: number
  clientId: string
  clientHost: string
  /** True once the connection is gone. */
  readonly closed: boolean
}

export interface GroupCoordinator {
  /** The partition of `__consumer_offsets` that keeps `group`: abs(hash) modulo the count. */
  partitionFor(group: string): number
  join(request: JoinRequest, caller: Caller): Promise<JoinResponse>
  sync(request: SyncRequest, caller: Caller): Promise<SyncResponse>
  heartbeat(request: HeartbeatRequest, caller: Caller): Promise<HeartbeatResponse>
  leave(request: LeaveRequest, caller: Caller): Promise<LeaveResponse>
  commit(request: CommitRequest, caller: Caller): Promise<CommitResponse>
  fetch(request: FetchRequest, caller: Caller): Promise<FetchResponse>
  describe(request: DescribeRequest, caller: Caller): Promise<DescribeResponse>
  list(request: ListRequest, caller: Caller): Promise<ListResponse>
  delete(request: DeleteRequest, caller: Caller): Promise<DeleteResponse>
  /** Forgets a deleted topic's commits. */
  topicDeleted(topic: string): Promise<void>
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

/** What the coordinator needs of the rest of the engine: the offsets topic, and names of topics. */
export interface GroupStore {
  /** The partitions of `__consumer_offsets`; the topic is made at the first call of `append`. */
  readonly partitions: number
  /** Appends one batch; resolves when it is durable (Invariant 1). */
  append(partition: number, records: readonly StoredRecord[]): Promise<void>
  /** All records of a partition, oldest first. */
  load(partition: number): AsyncIterable<StoredRecord>
  topicName(id: string): string | undefined
  topicId(name: string): string | undefined
  partitionExists(topic: string, partition: number): boolean
}

export type JoinRequest = {}
export type JoinResponse = {}
export type SyncRequest = {}
export type SyncResponse = {}
export type HeartbeatRequest = {}
export type HeartbeatResponse = {}
export type LeaveRequest = {}
export type LeaveResponse = {}
export type CommitRequest = {}
export type CommitResponse = {}
export type FetchRequest = {}
export type FetchResponse = {}
export type DescribeRequest = {}
export type DescribeResponse = {}
export type ListRequest = {}
export type ListResponse = {}
export type DeleteRequest = {}
export type DeleteResponse = {}
