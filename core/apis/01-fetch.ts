/**
 * Fetch, key 1. v5 adds logStartOffset; v7 adds sessionId, sessionEpoch, forgottenTopicsData, errorCode; v9 adds currentLeaderEpoch; v11
 * adds rackId, preferredReadReplica; v12 is flexible, adds clusterId, lastFetchedEpoch, divergingEpoch, currentLeader, snapshotId; v13
 * adds topicId, drops topic; v15 adds replicaState, drops replicaId; v16 adds nodeEndpoints; v17 adds replicaDirectoryId; v18 adds
 * highWatermark.
 */
import type { BrokerServices } from '../broker-services.ts'
import { codeOf, type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { PartitionLog, ReadBound } from '../log/types.ts'
import { at, batchSize, readInt64 } from '../wire/batch-header.ts'
import {
  comparedInt64,
  int8,
  int16,
  int32,
  int64,
  list,
  nullable,
  optional,
  records,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
} from '../wire/types.ts'
import { advertisedEndpoint } from './advertised-endpoint.ts'
import { defineApi } from './define-api.ts'
import { leaderEpochError } from './leader-epoch.ts'
import type { RequestContext } from './request-context.ts'

interface RequestedPartition {
  partition: number
  currentLeaderEpoch: number
  fetchOffset: number
  lastFetchedEpoch: number
  partitionMaxBytes: number
}

/** A partition of the request: with its log, or with the error why it cannot be read. */
interface PartitionFetch {
  requested: RequestedPartition
  log: PartitionLog | null
  error: ErrorName
  divergingEpoch?: { epoch: number; endOffset: number }
  /** The leader, for a client that asks as if it were another one (KIP-951). */
  currentLeader?: { leaderId: number; leaderEpoch: number }
}

const EMPTY = Buffer.alloc(0)
/** Bytes of one response, whatever a client allows: what is read from the disk is buffered until it is sent (Invariant 13). */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024

interface FetchedTopic {
  readonly topic: string
  readonly topicId: string
  readonly partitions: readonly RequestedPartition[]
}

type Context = Pick<RequestContext<{ topics: readonly FetchedTopic[] }>, 'request' | 'version' | 'broker' | 'access'>

type RefusedTopics = ReadonlyMap<FetchedTopic, ErrorName>

/** The topics of the request that are not read, whatever happens until the response; null for none. */
function refusedTopics({ request, version, broker, access }: Context, replica: boolean): RefusedTopics | null {
  if (replica && !access.allows('ClusterAction Cluster'))
    return new Map(request.topics.map((requested) => [requested, 'TOPIC_AUTHORIZATION_FAILED']))
  let refused: Map<FetchedTopic, ErrorName> | null = null
  for (const requested of request.topics) {
    const name = version >= 13 ? broker.cluster.topicById(requested.topicId)?.name : requested.topic
    if (name !== undefined && (replica || access.allows('Read Topic', name, { references: requested.partitions.length }))) continue
    refused ??= new Map()
    refused.set(requested, name === undefined ? 'UNKNOWN_TOPIC_ID' : 'TOPIC_AUTHORIZATION_FAILED')
  }
  return refused
}

function prepare(
  topic: string | undefined,
  requested: RequestedPartition,
  version: number,
  replica: boolean,
  broker: BrokerServices,
): PartitionFetch {
  const failedWith = (error: ErrorName): PartitionFetch => ({ requested, log: null, error })
  if (topic === undefined) return failedWith(version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  const log = broker.logs.get(topic, requested.partition)
  if (!log) return failedWith('UNKNOWN_TOPIC_OR_PARTITION')
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch } = requested
  const fenced = leaderEpochError(log, currentLeaderEpoch)
  // The partition has no other replica: nobody may fetch as one.
  const error = fenced ?? (replica ? 'NOT_LEADER_FOR_PARTITION' : null)
  if (error) {
    const currentLeader = { leaderId: broker.settings.nodeId, leaderEpoch: log.leaderEpoch }
    return version < 16 || error === 'UNKNOWN_LEADER_EPOCH' ? failedWith(error) : { ...failedWith(error), currentLeader }
  }
  // The leader's own epoch reaches to the end of the log: it cannot have diverged.
  if (lastFetchedEpoch >= 0 && lastFetchedEpoch !== log.leaderEpoch) {
    const { leaderEpoch: epoch, endOffset } = log.endOffsetForEpoch(lastFetchedEpoch)
    if (endOffset < 0 || epoch < 0) return failedWith('OFFSET_OUT_OF_RANGE')
    if (epoch < lastFetchedEpoch || endOffset < fetchOffset) return { requested, log, error: 'NONE', divergingEpoch: { epoch, endOffset } }
  }
  // Past the high watermark nothing is served yet, but the offset is valid: the fetch waits.
  if (fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset) return failedWith('OFFSET_OUT_OF_RANGE')
  return { requested, log, error: 'NONE' }
}

/** The errors of a partition for which the others still wait, as in Kafka. */
const notWaitedFor: ReadonlySet<ErrorName> = new Set(['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED'])

/** Whether the response is sent without waiting for more records. */
function isReady(fetches: readonly PartitionFetch[], minBytes: number, bound: ReadBound): boolean {
  let bytes = 0
  for (const { requested, log, divergingEpoch } of fetches) {
    if (!log || divergingEpoch) return true
    const available = log.available(requested.fetchOffset, bound)
    // A consumer that catches up does not wait.
    if (available > 0 && log.isBehindActiveSegment(requested.fetchOffset)) return true
    bytes += Math.min(available, requested.partitionMaxBytes)
  }
  return bytes >= minBytes
}

/** Kafka has an empty list of aborted transactions where it did not try to read, and none where it could not. */
function failed(partitionIndex: number, code: number, wasRead = false) {
  return {
    partitionIndex,
    errorCode: code,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: wasRead ? null : [],
    records: EMPTY as Buffer | Buffer[],
  }
}

/** The offset after the last batch. A chunk has whole batches. */
function endOffsetOf(chunks: readonly Buffer[]): number {
  const chunk = chunks[chunks.length - 1]!
  let last = 0
  for (let next = batchSize(chunk); next < chunk.length; next += batchSize(chunk, next)) last = next
  return readInt64(chunk, last) + chunk.readInt32BE(last + at.lastOffsetDelta) + 1
}

interface Budget {
  bytes: number
  /** No batch is read yet: the first one is returned whole, even if it is larger than the budget (KIP-74). */
  isEmpty: boolean
}

async function read(
  { requested, log, error, divergingEpoch, currentLeader }: PartitionFetch,
  bound: ReadBound,
  budget: Budget,
  onSent: (release: () => void) => void,
) {
  const { partition: partitionIndex, fetchOffset, partitionMaxBytes } = requested
  if (!log) return { ...failed(partitionIndex, errorCode(error), !notWaitedFor.has(error)), currentLeader }
  try {
    const watermarks = { highWatermark: log.highWatermark, lastStableOffset: log.lastStableOffset, logStartOffset: log.logStartOffset }
    const response = {
      partitionIndex,
      errorCode: 0,
      ...watermarks,
      abortedTransactions: null as { producerId: number; firstOffset: number }[] | null,
    }
    const maxBytes = Math.min(partitionMaxBytes, budget.bytes)
    if (divergingEpoch || (maxBytes <= 0 && !budget.isEmpty)) return { ...response, divergingEpoch, records: EMPTY }
    const reading = log.read(fetchOffset, Math.max(0, maxBytes), budget.isEmpty, bound)
    const { chunks, bytes, release } = reading instanceof Promise ? await reading : reading
    onSent(release)
    if (bytes > 0) budget.isEmpty = false
    budget.bytes -= bytes
    // Invariant 4: the client skips the records of the aborted transactions.
    if (bound === 'lastStableOffset')
      response.abortedTransactions = bytes > 0 ? log.abortedTransactions(fetchOffset, endOffsetOf(chunks)) : []
    return { ...response, records: chunks }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return failed(partitionIndex, codeOf(error), true)
  }
}

export default defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  authorization: ['ClusterAction Cluster', 'Read Topic'],
  missing: [
    'incremental fetch sessions (KIP-227): each fetch gets a full response, with session id 0',
    'fetches of replicas: there is one node',
    'preferred read replicas (KIP-392)',
  ],
  byteRate: 'consumer',
  throttledResponse: () => ({ throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: [] }),
  request: {
    clusterId: tagged(0, 12, nullable(string)),
    replicaId: until(14, int32, -1),
    replicaState: tagged(
      1,
      15,
      struct({
        replicaId: optional(int32, -1),
        replicaEpoch: optional(int64, -1),
      }),
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: optional(int32, 2147483647),
    isolationLevel: int8,
    sessionId: since(7, int32),
    sessionEpoch: since(7, int32, -1),
    topics: list(
      struct({
        topic: until(12, string),
        topicId: since(13, uuid),
        partitions: list(
          struct({
            partition: int32,
            currentLeaderEpoch: since(9, int32, -1),
            fetchOffset: comparedInt64,
            lastFetchedEpoch: since(12, int32, -1),
            logStartOffset: since(5, comparedInt64, -1),
            partitionMaxBytes: int32,
            replicaDirectoryId: tagged(0, 17, uuid),
            highWatermark: tagged(1, 18, int64, Number.MAX_SAFE_INTEGER),
          }),
        ),
      }),
    ),
    forgottenTopicsData: since(
      7,
      list(
        struct({
          topic: until(12, string),
          topicId: since(13, uuid),
          partitions: list(int32),
        }),
      ),
    ),
    rackId: since(11, string),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: since(7, int16),
    sessionId: since(7, int32),
    responses: list(
      struct({
        topic: until(12, string),
        topicId: since(13, uuid),
        partitions: list(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: optional(int64, -1),
            logStartOffset: since(5, int64, -1),
            divergingEpoch: tagged(
              0,
              12,
              struct({
                epoch: optional(int32, -1),
                endOffset: optional(int64, -1),
              }),
            ),
            currentLeader: tagged(
              1,
              12,
              struct({
                leaderId: optional(int32, -1),
                leaderEpoch: optional(int32, -1),
              }),
            ),
            snapshotId: tagged(
              2,
              12,
              struct({
                endOffset: optional(int64, -1),
                epoch: optional(int32, -1),
              }),
            ),
            abortedTransactions: nullable(
              list(
                struct({
                  producerId: int64,
                  firstOffset: int64,
                }),
              ),
            ),
            preferredReadReplica: since(11, int32, -1),
            records: nullable(records),
          }),
        ),
      }),
    ),
    nodeEndpoints: tagged(
      0,
      16,
      list(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: optional(nullable(string)),
        }),
      ),
    ),
  },
  async handle(context) {
    const { request, version, broker, peer } = context
    // Every response has session id 0, so no other session exists.
    if (request.sessionId !== 0 && request.sessionEpoch > 0)
      return { throttleTimeMs: 0, errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] }
    const replica = (version >= 15 ? request.replicaState.replicaId : request.replicaId) >= 0
    const bound: ReadBound = request.isolationLevel === 1 ? 'lastStableOffset' : 'highWatermark'
    // Once, on arrival: a fetch that waits is not asked about again.
    const refused = refusedTopics(context, replica)
    const prepareTopics = () =>
      request.topics.map((requestedTopic) => {
        const { topic, topicId, partitions } = requestedTopic
        const refusal = refused?.get(requestedTopic)
        if (refusal)
          return { topic, topicId, fetches: partitions.map((requested): PartitionFetch => ({ requested, log: null, error: refusal })) }
        const name = (version >= 13 ? broker.cluster.topicById(topicId) : broker.cluster.topic(topic))?.name
        return { topic, topicId, fetches: partitions.map((requested) => prepare(name, requested, version, replica, broker)) }
      })
    let topics = prepareTopics()
    const maxBytes = Math.min(
      request.maxBytes,
      broker.settings.values['fetch.max.bytes'],
      MAX_RESPONSE_BYTES,
      peer.maxResponseBytes,
      broker.quotas.maxFetchBytes(context),
    )
    // The response cannot have more than maxBytes: waiting for more is useless.
    const minBytes = Math.min(request.minBytes, maxBytes)
    const waiting: PartitionFetch[] = []
    for (const { fetches } of topics) for (const each of fetches) if (!notWaitedFor.has(each.error)) waiting.push(each)
    if (waiting.length > 0 && request.maxWaitMs > 0 && !isReady(waiting, minBytes, bound)) {
      await broker.fetchPurgatory.wait({
        partitions: waiting.map(({ requested, log }) => ({
          log: log!,
          offset: requested.fetchOffset,
          maxBytes: requested.partitionMaxBytes,
        })),
        minBytes,
        maxWaitMs: request.maxWaitMs,
        bound,
        onClose: (task) => peer.onClose(task),
      })
      // During the wait topics may be deleted or created again, and offsets may move.
      topics = prepareTopics()
    }
    const budget: Budget = { bytes: maxBytes, isEmpty: true }
    const responses = []
    for (const { topic, topicId, fetches } of topics) {
      const partitions = []
      for (const partitionFetch of fetches) partitions.push(await read(partitionFetch, bound, budget, (release) => context.onSent(release)))
      responses.push({ topic, topicId, partitions })
    }
    const namesLeader = !replica && topics.some(({ fetches }) => fetches.some(({ currentLeader }) => currentLeader))
    const nodeEndpoints = namesLeader
      ? [{ nodeId: broker.settings.nodeId, ...advertisedEndpoint(broker, peer), rack: broker.settings.values['broker.rack'] }]
      : []
    return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses, nodeEndpoints }
  },
  errorResponse: (errorCode, request) => ({
    throttleTimeMs: 0,
    errorCode,
    sessionId: 0,
    responses: request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => failed(partition, errorCode)),
    })),
  }),
})
