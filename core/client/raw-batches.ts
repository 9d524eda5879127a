/**
 * Record batches as they are on the wire, to and from partition leaders: nothing is decompressed, decoded or copied. Fetch and Produce each
 * have a connection to a node of their own, so that a long poll delays no write. Nothing is retried: the callers decide how to continue.
 */
import produceApi from '../apis/00-produce.ts'
import fetchApi from '../apis/01-fetch.ts'
import { type ErrorName, errorName, KafkaError } from '../errors.ts'
import { wholeBatchesEnd } from '../wire/record-batch.ts'
import { ZERO_UUID } from '../wire/types.ts'
import { initProducerId, type ProducerIdAndEpoch } from './producer-id.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { RawAccess, RawFetchOptions, RawFetchPartition, RawFetchResult, RawProducePartition, TopicPartition } from './types.ts'

/** The last version of Fetch and Produce with topic names: for clusters without topic ids. */
const BY_NAME = 12
/** A fetch without a session (KIP-227). */
const NO_SESSION = { sessionId: 0, sessionEpoch: -1 }
const EMPTY = Buffer.alloc(0)
const ACKS_ALL = -1

interface TopicEntries<T> {
  topic: string
  topicId: string
  entries: T[]
}

/** Partitions under their topics as a request has them: a topic that was deleted and created again is two topics with an id each. */
function byTopicId<T extends TopicPartition & { topicId: string }>(partitions: readonly T[], byName: boolean): TopicEntries<T>[] {
  const topics = new Map<string, TopicEntries<T>>()
  for (const entry of partitions) {
    const key = byName ? entry.topic : entry.topicId
    const existing = topics.get(key)
    if (existing) existing.entries.push(entry)
    else topics.set(key, { topic: entry.topic, topicId: entry.topicId, entries: [entry] })
  }
  return [...topics.values()]
}

/** One Fetch request, as raw access and the consumer's fetcher send it. */
export async function fetchRaw(
  router: RequestRouter,
  channel: string,
  node: number,
  partitions: readonly RawFetchPartition[],
  options: RawFetchOptions,
): Promise<RawFetchResult[]> {
  const byName = partitions.some((entry) => entry.topicId === ZERO_UUID)
  const topics = byTopicId(partitions, byName)
  const response = await router.request(
    node,
    fetchApi,
    {
      ...NO_SESSION,
      maxWaitMs: options.maxWaitMs,
      minBytes: options.minBytes,
      maxBytes: options.maxBytes,
      isolationLevel: options.isolationLevel,
      topics: topics.map(({ topic, topicId, entries }) => ({
        topic,
        topicId,
        partitions: entries.map((entry) => ({
          partition: entry.partition,
          currentLeaderEpoch: entry.leaderEpoch,
          fetchOffset: entry.offset,
          partitionMaxBytes: options.partitionMaxBytes,
        })),
      })),
      rackId: router.settings.clientRack,
    },
    {
      channel,
      timeoutMs: router.settings.requestTimeoutMs + options.maxWaitMs,
      signal: options.signal,
      maxVersion: byName ? BY_NAME : undefined,
    },
  )
  if (response.errorCode !== 0)
    throw new KafkaError(errorName(response.errorCode), `Fetch from node ${node}: ${errorName(response.errorCode)}`)
  const names = new Map(topics.map(({ topic, topicId }) => [topicId, topic]))
  const results: RawFetchResult[] = []
  for (const topic of response.responses) {
    const name = topic.topic || names.get(topic.topicId)
    if (name === undefined) continue
    for (const entry of topic.partitions) {
      const records = entry.records ?? EMPTY
      results.push({
        topic: name,
        partition: entry.partitionIndex,
        error: entry.errorCode === 0 ? null : errorName(entry.errorCode),
        highWatermark: entry.highWatermark,
        lastStableOffset: entry.lastStableOffset,
        logStartOffset: entry.logStartOffset,
        abortedTransactions: entry.abortedTransactions ?? [],
        records: records.length === 0 ? records : records.subarray(0, wholeBatchesEnd(records)),
      })
    }
  }
  return results
}

interface ProduceOptions {
  channel: string
  acks: -1 | 0 | 1
  /** How long the leader may wait for its replicas. */
  ackTimeoutMs: number
  /** Of the whole request. */
  timeoutMs: number
  signal: AbortSignal
  /** Of transactional batches. */
  transactionalId?: string | undefined
  maxVersion?: number | undefined
}

export interface ProducedBatch extends TopicPartition {
  error: ErrorName | null
  /** The message of the error; null without an error. */
  message: string | null
  baseOffset: number
  /** In ms since the epoch; -1 where records keep their own timestamps. */
  logAppendTimeMs: number
}

/** One Produce request, as raw access and the producer's sender send it. With acks=0 it resolves when the request is written. */
export async function produceRaw(
  router: RequestRouter,
  node: number,
  partitions: readonly RawProducePartition[],
  { channel, acks, ackTimeoutMs, timeoutMs, signal, transactionalId, maxVersion }: ProduceOptions,
): Promise<ProducedBatch[]> {
  const byName = partitions.some((entry) => entry.topicId === ZERO_UUID)
  const topics = byTopicId(partitions, byName)
  const body = {
    transactionalId: transactionalId ?? null,
    acks,
    timeoutMs: ackTimeoutMs,
    topicData: topics.map(({ topic, topicId, entries }) => ({
      name: topic,
      topicId,
      partitionData: entries.map(({ partition, records }) => ({ index: partition, records })),
    })),
  }
  const options = { channel, timeoutMs, signal, maxVersion: maxVersion ?? (byName ? BY_NAME : undefined) }
  if (acks === 0) {
    await router.sendOneWay(node, produceApi, body, options)
    return partitions.map(({ topic, partition }) => ({ topic, partition, error: null, message: null, baseOffset: -1, logAppendTimeMs: -1 }))
  }
  const response = await router.request(node, produceApi, body, options)
  const names = new Map(topics.map(({ topic, topicId }) => [topicId, topic]))
  return response.responses.flatMap((topic) =>
    topic.partitionResponses.map(({ index, errorCode, errorMessage, recordErrors, baseOffset, logAppendTimeMs }) => ({
      topic: topic.name || (names.get(topic.topicId) ?? ''),
      partition: index,
      error: errorCode === 0 ? null : errorName(errorCode),
      message: errorCode === 0 ? null : messageOf(errorName(errorCode), errorMessage, recordErrors),
      baseOffset,
      logAppendTimeMs,
    })),
  )
}

function messageOf(
  error: ErrorName,
  message: string | null,
  recordErrors: readonly { batchIndex: number; batchIndexErrorMessage: string | null }[],
): string {
  const first = recordErrors[0]
  return `${message ?? error}${first ? ` (record ${first.batchIndex}: ${first.batchIndexErrorMessage ?? 'refused'})` : ''}`
}

export class Raw implements RawAccess {
  readonly #router: RequestRouter
  readonly #fetchChannel: string
  readonly #produceChannel: string
  readonly #closing = new AbortController()

  constructor(router: RequestRouter, allocate?: (sizeBytes: number) => Buffer) {
    this.#router = router
    this.#fetchChannel = router.newChannel('raw-fetch')
    if (allocate) router.pool.setAllocator(this.#fetchChannel, allocate)
    this.#produceChannel = router.newChannel('raw-produce')
  }

  fetch(node: number, partitions: readonly RawFetchPartition[], options: RawFetchOptions): Promise<RawFetchResult[]> {
    this.#checkOpen()
    return fetchRaw(this.#router, this.#fetchChannel, node, partitions, options)
  }

  async produce(
    node: number,
    partitions: readonly RawProducePartition[],
    options: { timeoutMs?: number } = {},
  ): Promise<(TopicPartition & { error: string | null; baseOffset: number })[]> {
    this.#checkOpen()
    const { requestTimeoutMs } = this.#router.settings
    const ackTimeoutMs = options.timeoutMs ?? requestTimeoutMs
    return produceRaw(this.#router, node, partitions, {
      channel: this.#produceChannel,
      acks: ACKS_ALL,
      ackTimeoutMs,
      timeoutMs: ackTimeoutMs + requestTimeoutMs,
      signal: this.#closing.signal,
    })
  }

  async initProducerId(): Promise<ProducerIdAndEpoch> {
    this.#checkOpen()
    return initProducerId(this.#router, this.#closing.signal)
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', 'this raw access is closed')
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#router.pool.closeChannel(this.#fetchChannel)
    this.#router.pool.closeChannel(this.#produceChannel)
  }
}
