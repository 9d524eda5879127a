/**
 * Raw batches to and from a partition's leader: nothing is decompressed, decoded or copied. One connection per node for fetches and one for
 * produces, so that a long poll holds up nobody's write. It retries nothing: whoever moves raw batches knows best how to go on.
 */
import produceApi from '../apis/00-produce.ts'
import fetchApi from '../apis/01-fetch.ts'
import initProducerIdApi from '../apis/22-init-producer-id.ts'
import { errorName, KafkaError } from '../errors.ts'
import { wholeBatchesEnd } from '../wire/record-batch.ts'
import { ZERO_UUID } from '../wire/types.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { RawAccess, RawFetchResult, TopicPartition } from './types.ts'

/** The last version of both that names topics by name: for clusters that do not have ids. */
const BY_NAME = 12
/** A fetch without a session (KIP-227). */
const NO_SESSION = { sessionId: 0, sessionEpoch: -1 }
const EMPTY = Buffer.alloc(0)
const ALL = -1

export interface FetchOptions {
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  partitionMaxBytes: number
  isolationLevel: 0 | 1
  signal?: AbortSignal | undefined
}

export type FetchPartition = TopicPartition & { topicId: string; offset: number; leaderEpoch: number }

/** The partitions under their topics, as a request tells them apart: a topic that was deleted and made again is two, with an id each. */
function byTopicId<T extends TopicPartition & { topicId: string }>(
  partitions: readonly T[],
  named: boolean,
): { topic: string; topicId: string; list: T[] }[] {
  const topics = new Map<string, { topic: string; topicId: string; list: T[] }>()
  for (const entry of partitions) {
    const key = named ? entry.topic : entry.topicId
    const found = topics.get(key)
    if (found) found.list.push(entry)
    else topics.set(key, { topic: entry.topic, topicId: entry.topicId, list: [entry] })
  }
  return [...topics.values()]
}

/** One long poll, as raw access and the consumer's fetcher send it. */
export async function fetchRaw(
  network: RequestRouter,
  lane: string,
  node: number,
  partitions: readonly FetchPartition[],
  options: FetchOptions,
): Promise<RawFetchResult[]> {
  const named = partitions.some((entry) => entry.topicId === ZERO_UUID)
  const topics = byTopicId(partitions, named)
  const answer = await network.request(
    node,
    fetchApi,
    {
      ...NO_SESSION,
      maxWaitMs: options.maxWaitMs,
      minBytes: options.minBytes,
      maxBytes: options.maxBytes,
      isolationLevel: options.isolationLevel,
      topics: topics.map(({ topic, topicId, list }) => ({
        topic,
        topicId,
        partitions: list.map((entry) => ({
          partition: entry.partition,
          currentLeaderEpoch: entry.leaderEpoch,
          fetchOffset: entry.offset,
          partitionMaxBytes: options.partitionMaxBytes,
        })),
      })),
      rackId: network.settings.clientRack,
    },
    {
      lane,
      timeoutMs: network.settings.requestTimeoutMs + options.maxWaitMs,
      signal: options.signal,
      maxVersion: named ? BY_NAME : undefined,
    },
  )
  if (answer.errorCode !== 0) throw new KafkaError(errorName(answer.errorCode), `Fetch from node ${node}: ${errorName(answer.errorCode)}`)
  const names = new Map(topics.map(({ topic, topicId }) => [topicId, topic]))
  const results: RawFetchResult[] = []
  for (const topic of answer.responses) {
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

export class Raw implements RawAccess {
  readonly #network: RequestRouter
  readonly #fetchLane: string
  readonly #produceLane: string
  readonly #closing = new AbortController()

  constructor(network: RequestRouter, allocate?: (sizeBytes: number) => Buffer) {
    this.#network = network
    this.#fetchLane = network.newLane('raw-fetch')
    if (allocate) network.nodes.allocators.set(this.#fetchLane, allocate)
    this.#produceLane = network.newLane('raw-produce')
  }

  fetch(
    node: number,
    partitions: readonly FetchPartition[],
    options: Omit<FetchOptions, 'signal'> & { signal?: AbortSignal },
  ): Promise<RawFetchResult[]> {
    this.#checkOpen()
    return fetchRaw(this.#network, this.#fetchLane, node, partitions, options)
  }

  async produce(
    node: number,
    partitions: readonly (TopicPartition & { topicId: string; records: Buffer | readonly Buffer[] })[],
    options: { timeoutMs?: number; acks?: -1 | 0 | 1 } = {},
  ): Promise<(TopicPartition & { error: string | null; baseOffset: number; logAppendTimeMs: number; logStartOffset: number })[]> {
    this.#checkOpen()
    const timeoutMs = options.timeoutMs ?? this.#network.settings.requestTimeoutMs
    const acks = options.acks ?? ALL
    const named = partitions.some((entry) => entry.topicId === ZERO_UUID)
    const topics = byTopicId(partitions, named)
    const names = new Map(topics.map(({ topic, topicId }) => [topicId, topic]))
    const body = {
      transactionalId: null,
      acks,
      timeoutMs,
      topicData: topics.map(({ topic, topicId, list }) => ({
        name: topic,
        topicId,
        partitionData: list.map((entry) => ({ index: entry.partition, records: entry.records })),
      })),
    }
    const request = {
      lane: this.#produceLane,
      timeoutMs: timeoutMs + this.#network.settings.requestTimeoutMs,
      signal: this.#closing.signal,
      maxVersion: named ? BY_NAME : undefined,
    }
    if (acks === 0) {
      await this.#network.sendOneWay(node, produceApi, body, request)
      return partitions.map(({ topic, partition }) => ({
        topic,
        partition,
        error: null,
        baseOffset: -1,
        logAppendTimeMs: -1,
        logStartOffset: -1,
      }))
    }
    const answer = await this.#network.request(node, produceApi, body, request)
    return answer.responses.flatMap((topic) =>
      topic.partitionResponses.map(({ index, errorCode, baseOffset, logAppendTimeMs, logStartOffset }) => ({
        topic: topic.name || (names.get(topic.topicId) ?? ''),
        partition: index,
        error: errorCode === 0 ? null : errorName(errorCode),
        baseOffset,
        logAppendTimeMs,
        logStartOffset,
      })),
    )
  }

  async initProducerId(): Promise<{ producerId: number; producerEpoch: number }> {
    this.#checkOpen()
    return initProducerId(this.#network, this.#closing.signal)
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new KafkaError('NETWORK_EXCEPTION', 'this raw access is closed')
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#network.nodes.closeLane(this.#fetchLane)
    this.#network.nodes.closeLane(this.#produceLane)
  }
}

/** A new producer id, from any broker; waits for one that can give it. */
export async function initProducerId(network: RequestRouter, signal: AbortSignal): Promise<{ producerId: number; producerEpoch: number }> {
  const { clock } = network.system
  const deadline = clock.monotonic() + network.settings.requestTimeoutMs
  for (let attempt = 0; ; attempt++) {
    const answer = await network.send(
      'any',
      initProducerIdApi,
      { transactionalId: null, transactionTimeoutMs: 60_000 },
      { signal, timeoutMs: Math.max(1, deadline - clock.monotonic()) },
    )
    if (answer.errorCode === 0) return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    const failure = new KafkaError(errorName(answer.errorCode), `InitProducerId: ${errorName(answer.errorCode)}`)
    const waitMs = network.backoffMs(attempt)
    if (!failure.retriable || signal.aborted || network.closed || clock.monotonic() + waitMs >= deadline) throw failure
    await network.sleep(waitMs, signal)
  }
}
