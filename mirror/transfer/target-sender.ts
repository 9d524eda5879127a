/**
 * The target side of a flow: sends batches of many partitions in few produce requests, several in flight, in order for each partition. A
 * batch that failed is sent again with the same sequence, so that the target stores it once. Nothing here is done per record.
 */

import type { Client, RawAccess } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import { backoffMs } from '../../core/system/backoff.ts'
import { Condition } from '../../core/system/condition.ts'
import type { System } from '../../core/system/index.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { AcknowledgedBatch, PartitionProgress } from './partition-progress.ts'
import { produceError } from './produce-error.ts'
import type { PendingBatch } from './send-queue.ts'

/** Partitions are spread over the connections to their leader, so that it may work on several requests at once. */
const CONNECTIONS_PER_LEADER = 2
const MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION = 5
const RETRY = { baseMs: 100, maxMs: 2_000 }
/** Tries after which a topic that the target does not list counts as deleted. */
const DELETED_AFTER_TRIES = 2

export interface TargetSenderEvents {
  onAcknowledged(partition: PartitionProgress, batches: readonly AcknowledgedBatch[]): void
  /** A produce request has ended, so buffer space may be free. */
  onResponse(): void
  /** The target's log or sequences have changed: the partition is suspended until its resume point is determined again. */
  onResumePointLost(partition: PartitionProgress, reason: string): void
  /** The target did not accept a batch; it is sent again. */
  onUnavailable(error: Error): void
  /** An error that a retry cannot resolve. */
  onFailed(error: Error): void
}

export interface TargetSenderOptions {
  client: Client
  system: Pick<System, 'clock' | 'random'>
  maxRequestBytes: number
  timeoutMs: number
  signal: AbortSignal
  events: TargetSenderEvents
}

interface Connection {
  node: number
  raw: RawAccess
  requestsInFlight: number
  /** Partitions that may have batches to send, in turn. */
  ready: Set<PartitionProgress>
  scheduled: boolean
}

/** What the sender knows of one partition. */
interface SendState {
  /** Which of the connections to its leader it uses. */
  connection: number
  batchesInFlight: number
  /** Resends since the target has last accepted a batch. */
  failedTries: number
}

type PartitionBatch = { partition: PartitionProgress; batch: PendingBatch }

export class TargetSender {
  readonly #options: TargetSenderOptions
  readonly #connections = new Map<number, Connection[]>()
  readonly #states = new Map<PartitionProgress, SendState>()
  readonly #responded = new Condition()
  #producerId = -1
  #batchesInFlight = 0
  #halted = false

  constructor(options: TargetSenderOptions) {
    this.#options = options
  }

  get producerId(): number {
    return this.#producerId
  }

  /** Has to be called before the first partition starts. */
  useProducerId(producerId: number): void {
    this.#producerId = producerId
  }

  #stateOf(partition: PartitionProgress): SendState {
    let state = this.#states.get(partition)
    if (!state) {
      state = { connection: this.#states.size % CONNECTIONS_PER_LEADER, batchesInFlight: 0, failedTries: 0 }
      this.#states.set(partition, state)
    }
    return state
  }

  #connectionOf(partition: PartitionProgress): Connection {
    const { connection: index } = this.#stateOf(partition)
    const node = partition.target.leader
    let connections = this.#connections.get(node)
    if (!connections) {
      connections = []
      this.#connections.set(node, connections)
    }
    connections[index] ??= { node, raw: this.#options.client.raw(), requestsInFlight: 0, ready: new Set(), scheduled: false }
    return connections[index]
  }

  /** The partition has batches to send. */
  schedule(partition: PartitionProgress): void {
    if (partition.target.leader < 0 || partition.state !== 'replicating') return
    const connection = this.#connectionOf(partition)
    connection.ready.add(partition)
    if (connection.scheduled) return
    connection.scheduled = true
    // All partitions of one fetch response share the same requests.
    queueMicrotask(() => {
      connection.scheduled = false
      this.#sendReady(connection)
    })
  }

  #sendReady(connection: Connection): void {
    const { system, maxRequestBytes, signal } = this.#options
    while (connection.requestsInFlight < MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION && !this.#halted && !signal.aborted) {
      const request: PartitionBatch[] = []
      let bytes = 0
      for (const partition of connection.ready) {
        if (bytes >= maxRequestBytes) break
        connection.ready.delete(partition)
        if (partition.target.leader !== connection.node) {
          this.schedule(partition)
          continue
        }
        const batch = partition.nextBatch(this.#producerId, system.clock.monotonic())
        if (!batch) continue
        request.push({ partition, batch })
        bytes += batch.bytes!.length
      }
      if (request.length === 0) return
      // Partitions that have more batches go to the end.
      for (const { partition } of request) if (partition.hasUnsent) connection.ready.add(partition)
      void this.#send(connection, request)
    }
  }

  async #send(connection: Connection, request: readonly PartitionBatch[]): Promise<void> {
    const { timeoutMs, signal, events } = this.#options
    connection.requestsInFlight++
    this.#batchesInFlight += request.length
    for (const { partition } of request) this.#stateOf(partition).batchesInFlight++
    let results: ProduceResults = []
    let failure: Error | null = null
    try {
      results = await connection.raw.produce(
        connection.node,
        request.map(({ partition, batch }) => ({
          topic: partition.targetTopic,
          partition: partition.partition,
          topicId: partition.target.topicId || ZERO_UUID,
          records: batch.bytes!,
        })),
        { timeoutMs },
      )
    } catch (error) {
      failure = error as Error
    }
    connection.requestsInFlight--
    this.#batchesInFlight -= request.length
    if (signal.aborted) return
    try {
      for (const [index, { partition, batch }] of request.entries()) {
        const state = this.#stateOf(partition)
        state.batchesInFlight--
        const result = resultOf(partition, results, index)
        const error = failure ? codeOfFailure(failure) : result ? (result.error as ErrorName | null) : 'NETWORK_EXCEPTION'
        if (error === null) this.#accepted(partition, batch, result!.baseOffset)
        else this.#refused(partition, batch, error, failure)
        if (partition.state === 'resending' && state.batchesInFlight === 0) void this.#resend(partition)
        else if (partition.hasUnsent) connection.ready.add(partition)
      }
      this.#responded.notify()
      events.onResponse()
      this.#sendReady(connection)
    } catch (error) {
      events.onFailed(error as Error)
    }
  }

  #accepted(partition: PartitionProgress, batch: PendingBatch, baseOffset: number): void {
    if (partition.state !== 'replicating' && partition.state !== 'resending') return
    if (baseOffset < 0) {
      this.#loseResumePoint(partition, 'the target acknowledged a batch without its base offset')
      return
    }
    this.#stateOf(partition).failedTries = 0
    this.#options.events.onAcknowledged(partition, partition.acknowledge(batch, baseOffset))
  }

  #refused(partition: PartitionProgress, batch: PendingBatch, error: ErrorName, failure: Error | null): void {
    if (partition.state !== 'replicating' && partition.state !== 'resending') return
    if (error === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || error === 'UNKNOWN_PRODUCER_ID' || error === 'DUPLICATE_SEQUENCE_NUMBER') {
      // This is expected of batches that follow a failed one: all of them are sent again.
      if (partition.state === 'resending' || !partition.isFirstUnacknowledged(batch)) partition.sendFailed()
      else this.#loseResumePoint(partition, `the target responded with ${error}`)
      return
    }
    if (isRetriable(error) && error !== 'CORRUPT_MESSAGE') {
      partition.sendFailed()
      this.#unavailable(partition, error, failure)
      return
    }
    partition.suspend()
    this.#options.events.onFailed(produceError(partition, batch, error, failure))
  }

  #loseResumePoint(partition: PartitionProgress, reason: string): void {
    partition.suspend()
    this.#options.events.onResumePointLost(partition, reason)
  }

  #unavailable(partition: PartitionProgress, error: ErrorName, failure: Error | null): void {
    const what = failure ? `does not respond: ${failure.message}` : `responded with ${error}`
    this.#options.events.onUnavailable(
      new KafkaError(error, `${partition.targetTopic}-${partition.partition}: the target ${what}`, { cause: failure ?? undefined }),
    )
  }

  /** Waits, finds the leader, and sends again what is not acknowledged. */
  async #resend(partition: PartitionProgress): Promise<void> {
    const { client, system, signal, events } = this.#options
    const { clock, random } = system
    const state = this.#stateOf(partition)
    const { targetTopic } = partition
    try {
      await clock.sleep(backoffMs(RETRY, state.failedTries++, random), signal)
      while (!signal.aborted && partition.state === 'resending') {
        const topic = await client.topic(targetTopic, { refresh: true }).then(
          (metadata) => metadata ?? null,
          (error: Error) => {
            if (authenticationFailure(error)) throw error
            this.#unavailable(partition, codeOfFailure(error), error)
          },
        )
        // It may have been suspended meanwhile, and may even be resending again: the response to its last batch in flight begins that.
        if (signal.aborted || partition.state !== 'resending' || state.batchesInFlight > 0) return
        const leader = topic?.partitions[partition.partition]?.leader ?? -1
        const { topicId } = partition.target
        if (topic === null && state.failedTries > DELETED_AFTER_TRIES) {
          this.#loseResumePoint(partition, `topic ${targetTopic} was deleted at the target`)
          return
        }
        if (topic && topicId !== '' && topic.id !== topicId) {
          this.#loseResumePoint(partition, `topic ${targetTopic} was recreated at the target`)
          return
        }
        if (leader >= 0) {
          partition.resend(leader)
          this.schedule(partition)
          return
        }
        state.failedTries++
        await clock.sleep(RETRY.maxMs, signal)
      }
    } catch (error) {
      events.onFailed(error as Error)
    }
  }

  /** Sends nothing more; responses to what is in flight are still processed. */
  halt(): void {
    this.#halted = true
  }

  get batchesInFlight(): number {
    return this.#batchesInFlight
  }

  /** Resolves when nothing is in flight, or the flow has ended. */
  async drained(): Promise<void> {
    await this.#responded.until(() => this.#batchesInFlight === 0, this.#options.signal)
  }

  /** Resolves when nothing of the partition is in flight, or the flow has ended. */
  async partitionDrained(partition: PartitionProgress): Promise<void> {
    const state = this.#stateOf(partition)
    await this.#responded.until(() => state.batchesInFlight === 0, this.#options.signal)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].flat().map((connection) => connection?.raw.close()))
  }
}

type ProduceResults = Awaited<ReturnType<RawAccess['produce']>>

/** Brokers usually respond in the order of the request. */
function resultOf({ targetTopic, partition }: PartitionProgress, results: ProduceResults, index: number) {
  const inOrder = results[index]
  if (inOrder?.topic === targetTopic && inOrder.partition === partition) return inOrder
  return results.find((result) => result.topic === targetTopic && result.partition === partition)
}

const codeOfFailure = (failure: Error): ErrorName => (failure instanceof KafkaError ? failure.error : 'UNKNOWN_SERVER_ERROR')
