/**
 * The client room's words: what connect, mirror and (later) replication use to reach any Kafka cluster, ours or Apache's.
 */
import type { ErrorName, KafkaError } from '../errors.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Api, RequestOf, ResponseOf } from '../wire/api.ts'
import type { CodecName } from '../wire/batch-header.ts'
import type { DecodedRecord, RecordHeader } from '../wire/record-batch.ts'

export type { TopicPartition } from '../topic-partition.ts'
export type { RecordHeader } from '../wire/record-batch.ts'

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
}

/** Where a request goes. */
export type Target = { node: number } | { leader: { topic: string; partition: number } } | { group: string } | 'any' | 'controller'

export interface TopicMetadata {
  name: string
  id: string
  internal: boolean
  partitions: { index: number; leader: number; leaderEpoch: number; replicas: number[]; isr: number[] }[]
}

export interface Client {
  readonly clusterId: Promise<string | null>
  /**
   * One request in the highest version both sides know. It finds the target, and tries again with backoff what may be tried again at the
   * connection's level (not what a response's own error codes say). Throws KafkaError; REQUEST_TIMED_OUT after `timeoutMs`.
   */
  send<A extends Api>(target: Target, api: A, request: RequestOf<A>, options?: SendOptions): Promise<ResponseOf<A>>
  /** Known metadata of a topic; asks the cluster when unknown or older than metadata.max.age. Undefined where the topic is not there. */
  topic(name: string, options?: { refresh?: boolean; allowCreation?: boolean }): Promise<TopicMetadata | undefined>
  /** All topics of the cluster. */
  topics(): Promise<TopicMetadata[]>
  producer(settings?: ProducerSettings): Producer
  consumer(settings?: ConsumerSettings): Consumer
  group(settings: GroupMemberSettings): GroupMember
  readonly admin: Admin
  /** One connection to a partition's leader for raw batches. */
  raw(options?: RawOptions): RawAccess
  close(): Promise<void>
}

export interface SendOptions {
  timeoutMs?: number
  signal?: AbortSignal
  /** Caps the version, where a caller needs an older answer. */
  maxVersion?: number
}

export type CompressionName = CodecName

export interface ProducerRecord {
  topic: string
  /** Chosen by murmur2 of the key, or sticky without a key, where it is not given. */
  partition?: number | undefined
  key: Buffer | null
  value: Buffer | null
  headers?: readonly RecordHeader[] | undefined
  /** ms since the epoch; now where it is not given. */
  timestamp?: number | undefined
}

export interface ProducerSettings {
  acks?: 'all' | 1 | 0
  enableIdempotence?: boolean
  compressionType?: CompressionName
  batchSize?: number
  lingerMs?: number
  bufferMemory?: number
  maxInFlight?: number
  maxRequestSize?: number
  deliveryTimeoutMs?: number
  requestTimeoutMs?: number
}

export interface Sent {
  topic: string
  partition: number
  offset: number
  timestamp: number
}

export interface Producer {
  /**
   * Takes the records, in order, and resolves when all of them are acknowledged; rejects with a `SendFailure` once all are decided. It
   * waits before taking while more than `bufferMemory` is under way. The result at i tells where record i went.
   */
  send(records: readonly ProducerRecord[]): Promise<SendResult>
  /** Resolves when everything taken before is decided. */
  flush(): Promise<void>
  /** Bytes under way. */
  readonly pendingBytes: number
  close(): Promise<void>
}

/** What a failed send() rejects with: the first failure, and what became of each record. */
export type SendFailure = KafkaError & { readonly result: SendResult }

export interface SendResult {
  readonly count: number
  at(index: number): Sent
  /** Null where all went well; else an entry for each failed record. */
  readonly failures: ReadonlyMap<number, Error> | null
}

export type ConsumedRecord = DecodedRecord

/** What one fetch gave of one partition, decoded. */
export interface ConsumedBatch extends TopicPartition {
  records: ConsumedRecord[]
  /** The offset to go on from, also past records that were filtered or compacted away. */
  nextOffset: number
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
  rebalanceTimeoutMs?: number
  /** Whether asking for a topic that is not there may create it, where the broker does so. True as in Kafka. */
  allowAutoCreateTopics?: boolean
  /**
   * `cooperative-sticky`, `range`, `roundrobin`, `sticky`; in the order of preference. Partitions are kept through a rebalance only where all of
   * them are cooperative.
   */
  partitionAssignors?: readonly string[]
}

export interface RebalanceListener {
  /** Before partitions go: the place to flush and commit. */
  revoked?(partitions: readonly TopicPartition[]): Promise<void> | void
  assigned?(partitions: readonly TopicPartition[]): Promise<void> | void
  /** The partitions are gone already (session lost): nothing can be committed. */
  lost?(partitions: readonly TopicPartition[]): Promise<void> | void
}

export interface CommitOffset extends TopicPartition {
  offset: number
  metadata?: string
  leaderEpoch?: number
}

export interface Consumer {
  /** Joins the group. A RegExp follows new topics. */
  subscribe(topics: readonly string[] | RegExp, listener?: RebalanceListener): void
  /** Without a group: reads these from the given offsets. */
  assign(partitions: readonly (TopicPartition & { offset: number | 'earliest' | 'latest' })[]): void
  readonly assignment: readonly TopicPartition[]
  /** Records that are there, or what comes within `timeoutMs`; at most maxPollRecords. Rebalances happen in here. */
  poll(timeoutMs: number, signal?: AbortSignal): Promise<ConsumedBatch[]>
  seek(partition: TopicPartition, offset: number): void
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  position(partition: TopicPartition): number | undefined
  commit(offsets: readonly CommitOffset[]): Promise<void>
  committed(partitions: readonly TopicPartition[]): Promise<Map<string, number>>
  close(): Promise<void>
}

/** A member of a group of any protocol type: the consumer and the connect worker are built on it. */
export interface GroupMemberSettings {
  groupId: string
  groupInstanceId?: string
  protocolType: string
  sessionTimeoutMs: number
  heartbeatIntervalMs: number
  rebalanceTimeoutMs: number
  /** Asked at each join. In the order of preference. */
  protocols(): readonly { name: string; metadata: Buffer }[]
  /** Asked of the leader: who gets what. */
  assign(
    protocol: string,
    members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[],
  ): Promise<Map<string, Buffer>> | Map<string, Buffer>
  /** Before a rejoin: let go of what must be let go. */
  beforeRejoin(reason: string): Promise<void>
  onAssigned(assignment: Buffer, generation: number, memberId: string, leader: boolean, protocol: string): Promise<void>
  /** The member was thrown out: everything it held is no longer its. */
  onLost(error: Error): Promise<void>
}

export interface GroupMember {
  readonly memberId: string
  readonly generation: number
  /** Why the member has ended by itself: a fenced instance, a protocol that the group does not share. It does not join again. */
  readonly failure: Error | undefined
  start(): void
  /** Rejoins at the next chance. */
  rejoin(reason: string): void
  commit(offsets: readonly CommitOffset[]): Promise<void>
  close(): Promise<void>
}

/** Batches as they are on the wire: nothing is decompressed or decoded. */
export interface RawFetchResult extends TopicPartition {
  error: string | null
  highWatermark: number
  lastStableOffset: number
  logStartOffset: number
  abortedTransactions: { producerId: number; firstOffset: number }[]
  /** Whole batches only; a torn last one is cut off. */
  records: Buffer
}

export interface RawOptions {
  /** Gives the memory for answers to fetches, exactly as long as asked: for a caller that uses it again once the batches have gone on. */
  allocate?(sizeBytes: number): Buffer
}

export interface RawAccess {
  /** One long poll over partitions that one node leads. */
  fetch(
    node: number,
    partitions: readonly (TopicPartition & { topicId: string; offset: number; leaderEpoch: number })[],
    options: {
      maxWaitMs: number
      minBytes: number
      maxBytes: number
      partitionMaxBytes: number
      isolationLevel: 0 | 1
      signal?: AbortSignal
    },
  ): Promise<RawFetchResult[]>
  /**
   * Whole batches to one partition's leader each, acks=all. In the order of calls for one partition. Resolves with the base offset of each.
   * Brokers take exactly one batch of a partition in a request, and its base offset must be 0 (it lies outside the CRC).
   */
  produce(
    node: number,
    partitions: readonly (TopicPartition & { topicId: string; records: Buffer | readonly Buffer[] })[],
    options?: { timeoutMs?: number; acks?: -1 | 0 | 1 },
  ): Promise<(TopicPartition & { error: string | null; baseOffset: number; logAppendTimeMs: number; logStartOffset: number })[]>
  initProducerId(): Promise<{ producerId: number; producerEpoch: number }>
  close(): Promise<void>
}

export interface TopicConfig {
  name: string
  value: string | null
  isDefault: boolean
  readOnly: boolean
  isSensitive: boolean
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
  /** UNKNOWN_TOPIC_OR_PARTITION where the partition does not exist; a retriable error where the time was not enough. */
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
  createTopics(topics: readonly NewTopic[]): Promise<Map<string, Error | null>>
  deleteTopics(names: readonly string[]): Promise<Map<string, Error | null>>
  createPartitions(name: string, count: number): Promise<void>
  describeTopicConfigs(names: readonly string[]): Promise<Map<string, TopicConfig[]>>
  /** operation: 0 set, 1 delete. */
  alterTopicConfigs(changes: ReadonlyMap<string, readonly { name: string; operation: 0 | 1; value: string | null }[]>): Promise<void>
  /**
   * One offset of each partition (ListOffsets), in the order of `partitions`, which names each partition once. `isolationLevel` 1 is
   * read_committed: `latest` is then the last stable offset. Retries retriable errors for request.timeout.ms.
   */
  listOffsets(partitions: readonly (TopicPartition & { spec: OffsetSpec })[], isolationLevel?: 0 | 1): Promise<ListedOffset[]>
  /**
   * Where the records of a leader epoch end in each partition's log (OffsetForLeaderEpoch, KIP-320), in the order of `partitions`, which
   * names each partition once. A consumer that has read further has read records that were truncated. Retries retriable errors for
   * request.timeout.ms.
   */
  offsetsForLeaderEpochs(partitions: readonly (TopicPartition & { leaderEpoch: number })[]): Promise<EpochEndOffset[]>
  listGroups(): Promise<{ groupId: string; protocolType: string; state: string }[]>
  describeGroups(
    ids: readonly string[],
  ): Promise<
    { groupId: string; state: string; protocolType: string; members: { memberId: string; clientId: string; assignment: Buffer }[] }[]
  >
  groupOffsets(groupId: string): Promise<(CommitOffset & { leaderEpoch: number })[]>
  /** As kafka-consumer-groups --reset-offsets does: the group must be empty. */
  alterGroupOffsets(groupId: string, offsets: readonly CommitOffset[]): Promise<void>
  deleteGroups(ids: readonly string[]): Promise<Map<string, Error | null>>
  deleteRecords(partitions: readonly (TopicPartition & { offset: number })[]): Promise<void>
  describeCluster(): Promise<{
    clusterId: string
    controllerId: number
    brokers: { id: number; host: string; port: number; rack: string | null }[]
  }>
}
