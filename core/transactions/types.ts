/**
 * The interface of the transaction coordinator for the handlers of APIs 0, 22, 24 to 28, 65 and 66, and what it needs from the broker.
 * Requests and responses have the fields of the messages in their newest version: a handler passes them through.
 */
import type { ErrorName } from '../errors.ts'
import type { StoredRecord } from '../groups/types.ts'

export interface PartitionOfTopic {
  readonly topic: string
  readonly partition: number
}

/** Errors are codes in the responses; a method throws only for a bug. */
export interface TransactionCoordinator {
  readonly counters: TransactionCounters
  /** The partition of `__transaction_state` that stores `transactionalId`. */
  partitionFor(transactionalId: string): number
  /** Creates `__transaction_state` if it does not exist, as FindCoordinator does. Throws KafkaError. */
  prepare(): Promise<void>
  initProducerId(request: InitProducerIdRequest): Promise<InitProducerIdResponse>
  /** AddPartitionsToTxn up to v3: one error for the transaction, or one for each partition. */
  addPartitions(request: AddPartitionsRequest): Promise<AddPartitionsResponse>
  /** The partition of `__consumer_offsets` that stores `groupId` joins the transaction. */
  addOffsets(request: TransactionIdentity & { groupId: string }): Promise<ErrorName>
  /** Resolves when the decision is durable; markers follow. `version` is EndTxn's: from 5 on each transaction has an epoch of its own. */
  endTransaction(request: TransactionIdentity & { committed: boolean }, version: number): Promise<EndTransactionResponse>
  /**
   * KIP-890: whether `partitions` are in the ongoing transaction of the producer; with `add` they join it. A partition that is missing in
   * the result has no error. The first append of a transaction to a partition asks.
   */
  verifyPartitions(
    identity: TransactionIdentity,
    partitions: readonly PartitionOfTopic[],
    add: boolean,
  ): Promise<ReadonlyMap<string, ErrorName>>
  list(request: ListTransactionsRequest): Promise<ListTransactionsResponse>
  describe(transactionalIds: readonly string[]): Promise<DescribedTransaction[]>
  /** Ends timers and retries, and waits for records that are being written. Markers that are not written yet follow at the next start. */
  close(): Promise<void>
}

/** For metrics. */
export interface TransactionCounters {
  readonly transactionalIds: number
  readonly ongoing: number
  /** Markers of decided transactions that are not written yet. */
  readonly pendingMarkers: number
  /** Transactions that were aborted because of their timeout, since the start. */
  readonly timedOut: number
}

export interface TransactionSettings {
  readonly maxTimeoutMs: number
  readonly idExpirationMs: number
  readonly abortIntervalMs: number
  readonly removeExpiredIntervalMs: number
  readonly twoPhaseCommit: boolean
  /** How long a partition that joins waits for the end of the producer's transaction before, until it is CONCURRENT_TRANSACTIONS. */
  readonly addPartitionsMaxWaitMs: number
}

/** What the coordinator needs from the rest of the broker. Its methods throw KafkaError. */
export interface TransactionStore {
  /** Whether `__transaction_state` exists: until then nobody coordinates a transactional id. */
  readonly exists: boolean
  /** The partition count of `__transaction_state`, also before it is created. */
  readonly partitions: number
  /** The finalized transaction.version. */
  readonly transactionVersion: number
  prepare(): Promise<void>
  /** Calls `listener` when `__transaction_state` is deleted. */
  onDeleted(listener: () => void): void
  /** Appends one batch, after the batches of earlier calls. Resolves when it is durable (Invariant 1). */
  append(partition: number, records: readonly StoredRecord[]): Promise<void>
  /** All records of a partition, oldest first. */
  load(partition: number): AsyncIterable<StoredRecord>
  coordinatorEpoch(partition: number): number
  /** False where the log of the partition has failed or is gone: appends fail until the next start. After a full disk it is true. */
  isWritable(partition: number): boolean
  partitionExists(topic: string, partition: number): boolean
  /** The partition of `__consumer_offsets` that stores `groupId`. */
  offsetsPartition(groupId: string): PartitionOfTopic
  nextProducerId(): Promise<number>
}

export interface TransactionIdentity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

export interface InitProducerIdRequest {
  transactionalId: string
  transactionTimeoutMs: number
  /** -1 and -1 for a new producer; else those that it has (KIP-360). */
  producerId: number
  producerEpoch: number
  /** KIP-939: the transactions of the producer have no timeout. */
  enable2Pc: boolean
  keepPreparedTxn: boolean
}

export interface InitProducerIdResponse {
  error: ErrorName
  producerId: number
  producerEpoch: number
}

export interface AddPartitionsRequest extends TransactionIdentity {
  readonly partitions: readonly PartitionOfTopic[]
}

export type AddPartitionsResponse = { error: ErrorName; partitions: ReadonlyMap<string, ErrorName> }

export interface EndTransactionResponse {
  error: ErrorName
  /** Of the next transaction; those of the request before v5. */
  producerId: number
  producerEpoch: number
}

export interface ListTransactionsRequest {
  stateFilters: readonly string[]
  producerIdFilters: readonly number[]
  /** -1 for no filter. */
  durationFilterMs: number
  transactionalIdPattern: string | null
}

export interface ListTransactionsResponse {
  error: ErrorName
  unknownStateFilters: string[]
  transactions: { transactionalId: string; producerId: number; state: string }[]
}

export interface DescribedTransaction {
  error: ErrorName
  transactionalId: string
  state: string
  transactionTimeoutMs: number
  /** -1 without a transaction. */
  transactionStartTimeMs: number
  producerId: number
  producerEpoch: number
  topics: { topic: string; partitions: number[] }[]
}

/** The end of a transaction in one partition. */
export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  /** The leader epoch of the partition of `__transaction_state`: an older coordinator is fenced. */
  readonly coordinatorEpoch: number
  /** Kafka's transaction.version: from 2 on the epoch of a marker must be above that of the transaction (KIP-1228). */
  readonly transactionVersion: number
}

/** Writes markers: into the log, and for a partition of `__consumer_offsets` to the group coordinator as well. */
export interface MarkerWriter {
  /** Resolves when the marker is durable and applied. A partition that does not exist any more is NONE after its deletion is certain. */
  writeMarker(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName>
}

/** What WriteTxnMarkers needs besides. */
export interface MarkerAppender extends MarkerWriter {
  /** `writeMarker`, with UNKNOWN_TOPIC_OR_PARTITION for a partition that does not exist. */
  appendMarker(marker: TransactionMarker, partition: PartitionOfTopic): Promise<ErrorName>
}
