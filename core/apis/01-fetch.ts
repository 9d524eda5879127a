/**
 * Fetch, key 1. v5 adds logStartOffset; v7 adds sessionId, sessionEpoch, forgottenTopicsData, errorCode; v9 adds currentLeaderEpoch; v11
 * adds rackId, preferredReadReplica; v12 is flexible, adds clusterId, lastFetchedEpoch, divergingEpoch, currentLeader, snapshotId; v13
 * adds topicId, drops topic; v15 adds replicaState, drops replicaId; v16 adds nodeEndpoints; v17 adds replicaDirectoryId; v18 adds
 * highWatermark.
 */
import type { BrokerServices } from '../broker-services.ts'
import { codeOf, type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { PartitionLog, ReadBound } from '../log/types.ts'
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
import { defineApi } from './define-api.ts'

interface AskedPartition {
  partition: number
  currentLeaderEpoch: number
  fetchOffset: number
  lastFetchedEpoch: number
  partitionMaxBytes: number
}

/** A partition of the request: with its log, or with why it has none to read from. */
interface Plan {
  asked: AskedPartition
  log: PartitionLog | null
  error: ErrorName
  divergingEpoch?: { epoch: number; endOffset: number }
}

const EMPTY = Buffer.alloc(0)
/** Bytes of one answer, whatever a client allows: what is read from the disk for it is held until it is sent (Invariant 13). */
const ANSWER_BYTES = 8 * 1024 * 1024

function plan(topic: string | undefined, asked: AskedPartition, version: number, replica: boolean, broker: BrokerServices): Plan {
  const refused = (error: ErrorName): Plan => ({ asked, log: null, error })
  if (topic === undefined) return refused(version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  const log = broker.logs.get(topic, asked.partition)
  if (!log) return refused('UNKNOWN_TOPIC_OR_PARTITION')
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch } = asked
  if (currentLeaderEpoch >= 0 && currentLeaderEpoch < log.leaderEpoch) return refused('FENCED_LEADER_EPOCH')
  if (currentLeaderEpoch > log.leaderEpoch) return refused('UNKNOWN_LEADER_EPOCH')
  // only a replica of this partition may fetch as one, and there is none
  if (replica) return refused('NOT_LEADER_FOR_PARTITION')
  // the leader's own epoch goes up to the end: it cannot have diverged
  if (lastFetchedEpoch >= 0 && lastFetchedEpoch !== log.leaderEpoch) {
    const { leaderEpoch: epoch, endOffset } = log.endOffsetForEpoch(lastFetchedEpoch)
    if (endOffset < 0 || epoch < 0) return refused('OFFSET_OUT_OF_RANGE')
    if (epoch < lastFetchedEpoch || endOffset < fetchOffset) return { asked, log, error: 'NONE', divergingEpoch: { epoch, endOffset } }
  }
  // past the high watermark nothing is served yet, but the offsets are the log's own: who comes there waits
  if (fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset) return refused('OFFSET_OUT_OF_RANGE')
  return { asked, log, error: 'NONE' }
}

/** Whether there is a reason to answer before more records come. */
function isReady(plans: readonly Plan[], minBytes: number, bound: ReadBound): boolean {
  let bytes = 0
  for (const { asked, log, divergingEpoch } of plans) {
    if (!log || divergingEpoch) return true
    const there = log.available(asked.fetchOffset, bound)
    // who catches up is not made to wait
    if (there > 0 && log.isBehindActiveSegment(asked.fetchOffset)) return true
    bytes += Math.min(there, asked.partitionMaxBytes)
  }
  return bytes >= minBytes
}

function failed(partitionIndex: number, code: number) {
  return {
    partitionIndex,
    errorCode: code,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    records: EMPTY as Buffer | Buffer[],
  }
}

interface Budget {
  bytes: number
  /** Until something was read, a batch larger than the budget is given whole (KIP-74). */
  nothingYet: boolean
}

async function read({ asked, log, error, divergingEpoch }: Plan, bound: ReadBound, budget: Budget, onSent: (release: () => void) => void) {
  const { partition: partitionIndex, fetchOffset, partitionMaxBytes } = asked
  if (!log) return failed(partitionIndex, errorCode(error))
  try {
    const marks = { highWatermark: log.highWatermark, lastStableOffset: log.lastStableOffset, logStartOffset: log.logStartOffset }
    const answer = {
      partitionIndex,
      errorCode: 0,
      ...marks,
      abortedTransactions: null as { producerId: number; firstOffset: number }[] | null,
    }
    const most = Math.min(partitionMaxBytes, budget.bytes)
    if (divergingEpoch || (most <= 0 && !budget.nothingYet)) return { ...answer, divergingEpoch, records: EMPTY }
    const reading = log.read(fetchOffset, Math.max(0, most), budget.nothingYet, bound)
    const { chunks, bytes, release } = reading instanceof Promise ? await reading : reading
    onSent(release)
    if (bytes > 0) budget.nothingYet = false
    budget.bytes -= bytes
    // Invariant 4: what was aborted is told, so that the client leaves it out
    if (bound === 'lastStableOffset')
      answer.abortedTransactions = bytes > 0 ? log.abortedTransactions(fetchOffset, marks.lastStableOffset) : []
    return { ...answer, records: chunks }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return failed(partitionIndex, codeOf(error))
  }
}

export default defineApi({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  missing: [
    'incremental fetch sessions (KIP-227): each fetch is answered in full, with session id 0',
    'fetches of replicas: there is one node',
    'preferred read replicas (KIP-392)',
  ],
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
  async handle(call) {
    const { request, version, broker, peer } = call
    // sessions are declined with id 0, so none with another id can be known
    if (request.sessionId !== 0 && request.sessionEpoch > 0)
      return { throttleTimeMs: 0, errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] }
    const replica = (version >= 15 ? request.replicaState.replicaId : request.replicaId) >= 0
    const bound: ReadBound = request.isolationLevel === 1 ? 'lastStableOffset' : 'highWatermark'
    const planned = () =>
      request.topics.map(({ topic, topicId, partitions }) => {
        const name = (version >= 13 ? broker.cluster.topicById(topicId) : broker.cluster.topic(topic))?.name
        return { topic, topicId, plans: partitions.map((asked) => plan(name, asked, version, replica, broker)) }
      })
    let topics = planned()
    const maxBytes = Math.min(request.maxBytes, broker.settings.values['fetch.max.bytes'], ANSWER_BYTES, peer.maxResponseBytes)
    // more than the answer may hold is not worth the wait
    const minBytes = Math.min(request.minBytes, maxBytes)
    const plans = topics.flatMap((topic) => topic.plans)
    if (plans.length > 0 && request.maxWaitMs > 0 && !isReady(plans, minBytes, bound)) {
      await broker.fetchPurgatory.wait({
        partitions: plans.map(({ asked, log }) => ({ log: log!, offset: asked.fetchOffset, maxBytes: asked.partitionMaxBytes })),
        minBytes,
        maxWaitMs: request.maxWaitMs,
        bound,
        onClose: (task) => peer.onClose(task),
      })
      // the world has gone on: topics may be gone, or others under their names; offsets too
      topics = planned()
    }
    const budget: Budget = { bytes: maxBytes, nothingYet: true }
    const responses = []
    for (const { topic, topicId, plans } of topics) {
      const partitions = []
      for (const one of plans) partitions.push(await read(one, bound, budget, (release) => call.onSent(release)))
      responses.push({ topic, topicId, partitions })
    }
    return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses }
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
