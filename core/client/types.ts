/**
 * The interface of the Kafka client, which connect and mirror use for any cluster, Tributary's or Apache's. Settings have Kafka's names, in
 * camel case, and Kafka's defaults. Errors are `KafkaError`; times are in ms, timestamps in ms since the epoch.
 */
import type { ErrorName, KafkaError } from '../errors.ts'
import type { Acl } from '../security/acl/acl.ts'
import type { AclFilter } from '../security/acl/acl-filter.ts'
import type { ClientSecurity } from '../security/client-security.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Api, RequestOf, ResponseOf } from '../wire/api.ts'
import type { CodecName } from '../wire/batch-header.ts'
import type { DecodedRecord, RecordHeader, WritableBytes } from '../wire/record-batch.ts'

export type { Acl } from '../security/acl/acl.ts'
export type { AclFilter } from '../security/acl/acl-filter.ts'
export type { TopicPartition } from '../topic-partition.ts'
export type { RecordHeader, WritableBytes } from '../wire/record-batch.ts'

export interface ClientSettings {
  /** host:port, comma-separated or a list. */
  bootstrapServers: string | readonly string[]
  clientId: string
  requestTimeoutMs?: number
  metadataMaxAgeMs?: number
  connectionsMaxIdleMs?: number
  reconnectBackoffMs?: number
  reconnectBackoffMaxMs?: number
  retryBackoffMs?: number
  retryBackoffMaxMs?: number
  clientRack?: string
  /** Security.protocol, ssl.* and sasl.*; PLAINTEXT where it is not given. The client closes it. */
  security?: ClientSecurity
}

/**
 * Where a request goes: a broker id, a partition's leader, the coordinator of a group or of a transactional id, any broker, the controller.
 */
export type Target = { node: number } | { leader: TopicPartition } | { group: string } | { transaction: string } | 'any' | 'controller'

export interface TopicMetadata {
  name: string
  /** Base64url, 22 characters; zeros where the cluster has no topic ids. */
  id: string
  internal: boolean
  /** `leader` is a broker id, -1 where there is none now. */
  partitions: { index: number; leader: number; leaderEpoch: number }[]
}

export interface Client {
  readonly clusterId: Promise<string | null>
  /**
   * One request in the highest version that client and broker support. Finds the target, and retries connection errors with back-off. The
   * caller handles the error codes in the response.
   * @throws KafkaError REQUEST_TIMED_OUT after `timeoutMs`, UNSUPPORTED_VERSION, or the error of finding the target; AuthenticationError,
   * which no retry solves, where a broker does not accept this client, or cannot be trusted.
   */
  send<A extends Api>(target: Target, api: A, request: RequestOf<A>, options?: SendOptions): Promise<ResponseOf<A>>
  /**
   * A topic's metadata, requested where it is unknown or older than metadata.max.age.ms; undefined where the topic does not exist.
   * @throws KafkaError where no broker responds in request.timeout.ms, or the name is invalid.
   */
  topic(name: string, options?: { refresh?: boolean; allowCreation?: boolean }): Promise<TopicMetadata | undefined>
  /** All topics of the cluster, as of now. */
  topics(): Promise<TopicMetadata[]>
  producer(settings: TransactionalProducerSettings): TransactionalProducer
  producer(settings?: ProducerSettings): Producer
  consumer(settings?: ConsumerSettings): Consumer
  group(settings: GroupMemberSettings): GroupMember
  readonly admin: Admin
  /** Record batches as they are on the wire, on two connections to each node. */
  raw(options?: RawOptions): RawAccess
  /** Closes the client and everything that it has created, within a bounded time. */
  close(): Promise<void>
}

export interface SendOptions {
  /** Of all attempts together; request.timeout.ms where it is not given. */
  timeoutMs?: number
  signal?: AbortSignal
  /** The highest version to use, where the caller needs an older response. */
  maxVersion?: number
}

export interface ProducerRecord {
  topic: string
  /** Where it is not given: murmur2 of the key, or the sticky partition for records without a key. */
  partition?: number | undefined
  key: Buffer | null
  value: Buffer | WritableBytes | null
  /** Those that are frozen, and the same for many records, are encoded once. */
  headers?: readonly RecordHeader[] | undefined
  /** The current time where it is not given. */
  timestamp?: number | undefined
}

export interface ProducerSettings {
  acks?: 'all' | 1 | 0
  enableIdempotence?: boolean
  compressionType?: CodecName
  batchSize?: number
  lingerMs?: number
  bufferMemory?: number
  /** max.in.flight.requests.per.connection */
  maxInFlight?: number
  maxRequestSize?: number
  /** True by default, as in Kafka's producer: a broker with auto.create.topics.enable creates a topic that is missing. */
  allowAutoCreateTopics?: boolean
  deliveryTimeoutMs?: number
  requestTimeoutMs?: number
}

export interface TransactionalProducerSettings extends ProducerSettings {
  /** Of this producer alone: initTransactions() fences any other one that has it. */
  transactionalId: string
  /** transaction.timeout.ms: the coordinator aborts a transaction that takes longer, and fences its producer. */
  transactionTimeoutMs?: number
  /** max.block.ms: how long a call waits for the coordinator. */
  maxBlockMs?: number
}

/** Where a record was stored. */
export interface RecordMetadata {
  topic: string
  partition: number
  /** -1 with acks=0. */
  offset: number
  timestamp: number
}

export interface ProduceOptions {
  /**
   * Called when the producer refuses a record that no broker would take, such as one that is too large. With it the records after that one
   * are not sent, and fail for the same reason; without it they are sent.
   */
  onRefused?(error: Error): void
}

export interface Producer {
  /**
   * Appends the records in order, and resolves when all of them are acknowledged; rejects with a `SendFailure` when each of them is
   * acknowledged or has failed. While `bufferMemory` is full it waits before it appends.
   */
  send(records: readonly ProducerRecord[], options?: ProduceOptions): Promise<SendResult>
  /** Sends without linger, and resolves when every earlier call of send() is settled. */
  flush(): Promise<void>
  /** Of records that are not acknowledged. */
  readonly pendingBytes: number
  /** Flushes for a bounded time; records that are not delivered then fail. */
  close(): Promise<void>
}

/** The consumer whose offsets become part of a transaction; `groupMetadata()` of the consumer gives it. */
export interface ConsumerGroupMetadata {
  groupId: string
  /** -1 and an empty member id for a consumer that is not in the group: the coordinator then checks nothing. */
  generationId: number
  memberId: string
  groupInstanceId?: string | null | undefined
}

/**
 * A producer whose records and offsets are committed together or not at all, over restarts (KIP-98). Its calls are awaited one after
 * another, except those of send(). An error of the transaction is a `TransactionError`: after `isAbortable(error)` abort and begin again,
 * after `isFatal(error)` (`isFenced(error)`: another producer has taken over) close the producer. A call that rejects with
 * REQUEST_TIMED_OUT took longer than max.block.ms and goes on: the same call, repeated, gets its result.
 */
export interface TransactionalProducer extends Producer {
  /** Once, before all others: ends what an earlier producer with the transactional id has left, and fences it. */
  initTransactions(): Promise<void>
  beginTransaction(): void
  /** Commits the offsets of a group with the transaction; each is that of the next record to read. */
  sendOffsets(offsets: readonly CommitOffset[], group: ConsumerGroupMetadata): Promise<void>
  /** Flushes, and commits if every record of the transaction is stored; otherwise it rejects, and the transaction has to be aborted. */
  commitTransaction(): Promise<void>
  /** Records that were not sent yet fail. */
  abortTransaction(): Promise<void>
  /** Aborts the transaction if there is one, within a bounded time. */
  close(): Promise<void>
}

/** What send() rejects with: the error of the first failed record, and the result of each record. */
export type SendFailure = KafkaError & { readonly result: SendResult }

export interface SendResult {
  readonly count: number
  /** Where record `index` of the call was stored. */
  at(index: number): RecordMetadata
  /** By the index of the record; null where none has failed. */
  readonly failures: ReadonlyMap<number, Error> | null
}

export type ConsumedRecord = DecodedRecord

/** Decoded records of one partition, in order. */
export interface ConsumedBatch extends TopicPartition {
  records: ConsumedRecord[]
  /** The offset to continue from: also after records that were filtered out or compacted. */
  nextOffset: number
  /** With read_committed the last stable offset. */
  highWatermark: number
}

export interface ConsumerSettings {
  groupId?: string
  groupInstanceId?: string
  autoOffsetReset?: 'earliest' | 'latest' | 'none'
  isolationLevel?: 'read_uncommitted' | 'read_committed'
  fetchMinBytes?: number
  fetchMaxWaitMs?: number
  fetchMaxBytes?: number
  maxPartitionFetchBytes?: number
  maxPollRecords?: number
  sessionTimeoutMs?: number
  heartbeatIntervalMs?: number
  /** max.poll.interval.ms: also how long a rebalance waits for this consumer. */
  rebalanceTimeoutMs?: number
  allowAutoCreateTopics?: boolean
  /**
   * `cooperative-sticky`, `range`, `roundrobin`, `sticky`, in the order of preference. Partitions are kept through a rebalance only where
   * all of them are cooperative.
   */
  partitionAssignors?: readonly string[]
}

/** Called within poll(), and `revoked` also within close(). poll() or close() rejects with an error that it throws. */
export interface RebalanceListener {
  /** Before other members may get the partitions: flush and commit here. */
  revoked?(partitions: readonly TopicPartition[]): Promise<void> | void
  assigned?(partitions: readonly TopicPartition[]): Promise<void> | void
  /** Other members may own the partitions already: nothing can be committed. `revoked` is called where this is not given. */
  lost?(partitions: readonly TopicPartition[]): Promise<void> | void
}

export interface CommitOffset extends TopicPartition {
  offset: number
  metadata?: string
  leaderEpoch?: number
}

/** A RegExp, or another kind of pattern. */
export interface TopicPattern {
  test(topic: string): boolean
}

export interface Consumer {
  /** Joins the group. A pattern subscribes to new topics as well, but to no internal ones. */
  subscribe(topics: readonly string[] | TopicPattern, listener?: RebalanceListener): void
  /** Reads these partitions, without a group. Replaces the partitions of an earlier call. */
  assign(partitions: readonly (TopicPartition & { offset: number | 'earliest' | 'latest' })[]): void
  readonly assignment: readonly TopicPartition[]
  /**
   * Records that are buffered, or the next ones within `timeoutMs`; at most maxPollRecords. Rebalances happen in here.
   * @throws KafkaError that only the user can solve (no offset and no reset policy, a corrupt batch, no authorization); the next call
   * continues. Throws at every call when the group has removed this consumer for good.
   */
  poll(timeoutMs: number, signal?: AbortSignal): Promise<ConsumedBatch[]>
  seek(partition: TopicPartition, offset: number): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** The next offset that poll() returns; undefined until it is known. */
  position(partition: TopicPartition): number | undefined
  /**
   * Commits in the order of the calls: one that is retried must not overwrite a later one. Invariant 3.
   * @throws KafkaError UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION where the partitions may have other owners, REBALANCE_IN_PROGRESS.
   */
  commit(offsets: readonly CommitOffset[]): Promise<void>
  /** Committed offsets by `partitionKey`; partitions without a commit are left out. */
  committed(partitions: readonly TopicPartition[]): Promise<Map<string, number>>
  /** For sendOffsets() of a transactional producer: who this consumer is in its group now. */
  groupMetadata(): ConsumerGroupMetadata
  /** Revokes all partitions and leaves the group. */
  close(): Promise<void>
}

/** A member of a classic group of any protocol type: the consumer and the connect worker are built on it. */
export interface GroupMemberSettings {
  groupId: string
  groupInstanceId?: string
  protocolType: string
  sessionTimeoutMs: number
  heartbeatIntervalMs: number
  rebalanceTimeoutMs: number
  /** For each JoinGroup, in the order of preference. */
  protocols(): readonly { name: string; metadata: Buffer }[]
  /** Called on the leader: the assignment of each member, by member id. */
  assign(
    protocol: string,
    members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[],
  ): Promise<Map<string, Buffer>> | Map<string, Buffer>
  /** Before JoinGroup is sent again: revoke here. */
  beforeRejoin(reason: string): Promise<void>
  onAssigned(assignment: Buffer, generation: number, memberId: string, leader: boolean, protocol: string): Promise<void>
  /** The coordinator has removed the member: other members may own its assignment. */
  onLost(error: Error): Promise<void>
}

export interface GroupMember {
  /** Empty while it is not in the group. */
  readonly memberId: string
  /** -1 while it is not in the group. */
  readonly generation: number
  /** Why the member has ended by itself: a fenced instance, a protocol that the group does not share, a callback that threw. */
  readonly failure: Error | undefined
  start(): void
  /** Joins again as soon as the owner's callback has ended. */
  rejoin(reason: string): void
  close(): Promise<void>
}

/** Record batches of one partition as they are on the wire. */
export interface RawFetchResult extends TopicPartition {
  error: string | null
  highWatermark: number
  lastStableOffset: number
  logStartOffset: number
  abortedTransactions: { producerId: number; firstOffset: number }[]
  /** Whole batches only: the broker may cut off the last one. */
  records: Buffer
}

export interface RawOptions {
  /** Allocates the memory of Fetch responses, exactly `sizeBytes`: for a caller that reuses it. */
  allocate?(sizeBytes: number): Buffer
}

export type RawFetchPartition = TopicPartition & { topicId: string; offset: number; leaderEpoch: number }

export interface RawFetchOptions {
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  partitionMaxBytes: number
  /** 1 is read_committed. */
  isolationLevel: 0 | 1
  signal?: AbortSignal | undefined
}

/** `records` is one batch with base offset 0: brokers accept no other (the base offset lies outside the CRC). */
export type RawProducePartition = TopicPartition & { topicId: string; records: Buffer | readonly Buffer[] }

export interface RawAccess {
  /** One Fetch request for partitions that one node leads; rejects with an error of the whole request. */
  fetch(node: number, partitions: readonly RawFetchPartition[], options: RawFetchOptions): Promise<RawFetchResult[]>
  /** One Produce request with acks=all to the leader of the partitions, in the order of the calls. `timeoutMs`: for the replicas. */
  produce(
    node: number,
    partitions: readonly RawProducePartition[],
    options?: { timeoutMs?: number },
  ): Promise<(TopicPartition & { error: string | null; baseOffset: number })[]>
  initProducerId(): Promise<{ producerId: number; producerEpoch: number }>
  close(): Promise<void>
}

export interface TopicConfig {
  name: string
  value: string | null
  isDefault: boolean
  readOnly: boolean
  isSensitive: boolean
  /** ConfigSource of DescribeConfigs: 1 is set for the topic itself. */
  source: number
}

/**
 * Which offset of a partition, as Kafka's class of this name: where the log starts, where it ends, the record with the highest timestamp
 * (KIP-734), or the first record with this timestamp (ms since the epoch) or a later one.
 */
export type OffsetSpec = 'earliest' | 'latest' | 'max-timestamp' | { timestamp: number }

/** -1 in each field that the leader does not know, as for a timestamp after the last record. */
export interface ListedOffset extends TopicPartition {
  offset: number
  /** Of the record, ms since the epoch; -1 for `earliest` and `latest`. */
  timestamp: number
  leaderEpoch: number
  /** UNKNOWN_TOPIC_OR_PARTITION where the partition does not exist; a retriable error after the timeout. */
  error: ErrorName | null
}

export interface EpochEndOffset extends TopicPartition {
  /** The requested epoch, or the largest one below it that the log has; -1 where it has none. */
  leaderEpoch: number
  /** The offset after the last record of `leaderEpoch`; -1 where the log has no such epoch. */
  endOffset: number
  /** UNSUPPORTED_VERSION where the leader is older than Kafka 2.1. */
  error: ErrorName | null
}

/** A topic to create: -1 partitions or replicas take the default of the cluster. */
export interface NewTopic {
  name: string
  partitions: number
  replicationFactor: number
  configs?: Readonly<Record<string, string>>
}

export interface Admin {
  /** By name: null, or why the topic was not created. */
  createTopics(topics: readonly NewTopic[]): Promise<Map<string, Error | null>>
  /** By name: null, or why the topic was not deleted. */
  deleteTopics(names: readonly string[]): Promise<Map<string, Error | null>>
  /** `count` is the new total. */
  createPartitions(name: string, count: number): Promise<void>
  /** By name. Throws where one of the topics does not exist. */
  describeTopicConfigs(names: readonly string[]): Promise<Map<string, TopicConfig[]>>
  /** By topic name. `operation` of IncrementalAlterConfigs: 0 sets, 1 deletes. */
  alterTopicConfigs(changes: ReadonlyMap<string, readonly { name: string; operation: 0 | 1; value: string | null }[]>): Promise<void>
  /**
   * One offset of each partition (ListOffsets), in the order of `partitions`, which has each partition once. `isolationLevel` 1 is
   * read_committed: `latest` is then the last stable offset. Retries retriable errors for request.timeout.ms.
   */
  listOffsets(partitions: readonly (TopicPartition & { spec: OffsetSpec })[], isolationLevel?: 0 | 1): Promise<ListedOffset[]>
  /**
   * Where the records of a leader epoch end in each partition's log (OffsetForLeaderEpoch, KIP-320), in the order of `partitions`, which
   * has each partition once. A consumer that has read further has read records that were truncated. Retries retriable errors for
   * request.timeout.ms.
   */
  offsetsForLeaderEpochs(partitions: readonly (TopicPartition & { leaderEpoch: number })[]): Promise<EpochEndOffset[]>
  /** The groups of all brokers. */
  listGroups(): Promise<{ groupId: string; protocolType: string; state: string }[]>
  /** In the order of `ids`; a group that does not exist has state `Dead`. */
  describeGroups(
    ids: readonly string[],
  ): Promise<
    { groupId: string; state: string; protocolType: string; members: { memberId: string; clientId: string; assignment: Buffer }[] }[]
  >
  /** All committed offsets of a group; none where the group does not exist. */
  groupOffsets(groupId: string): Promise<(CommitOffset & { leaderEpoch: number })[]>
  /** As kafka-consumer-groups --reset-offsets does: the group must be empty. */
  alterGroupOffsets(groupId: string, offsets: readonly CommitOffset[]): Promise<void>
  /** By group id: null, or why the group was not deleted. */
  deleteGroups(ids: readonly string[]): Promise<Map<string, Error | null>>
  /** Fences the producers of the transactional ids and aborts their transactions. By transactional id: null, or why it was not done. */
  fenceProducers(transactionalIds: readonly string[]): Promise<Map<string, Error | null>>
  /** Moves the start of each log up to `offset`. Throws the first partition's error that retries did not solve. */
  deleteRecords(partitions: readonly (TopicPartition & { offset: number })[]): Promise<void>
  /** The access control list entries that match. Throws SECURITY_DISABLED where the cluster has no authorizer. */
  describeAcls(filter: AclFilter): Promise<Acl[]>
  /** In the order of `acls`: null, or why the entry was not created. One that exists already is left as it is. */
  createAcls(acls: readonly Acl[]): Promise<(KafkaError | null)[]>
  describeCluster(): Promise<{
    clusterId: string
    controllerId: number
    brokers: { id: number; host: string; port: number; rack: string | null }[]
  }>
}
