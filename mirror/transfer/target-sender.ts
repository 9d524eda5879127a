/**
 * The target's side of a flow: puts batches of many partitions into few requests, several under way, in order for each partition. What fails
 * is sent again with the same sequences, so the target keeps it once; what cannot be sent again is handed up. Nothing per record.
 */

import type { Client, RawAccess } from '../../core/client/index.ts'
import { type ErrorName, isRetriable, KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import { computeCrc, readBatchHeader } from '../../core/wire/batch-header.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import type { Acknowledged, PartitionProgress, PendingBatch } from './partition-progress.ts'

/** Connections to one node of the target: partitions are spread over them, so that it may work on several requests at once. */
const LANES = 2
/** Requests under way on one connection. */
const REQUESTS_UNDER_WAY = 5
const RETRY_MS = 100
const RETRY_MAX_MS = 2_000

export interface TargetSenderEvents {
  acknowledged(partition: PartitionProgress, done: readonly Acknowledged[]): void
  /** Room came free. */
  room(): void
  /** The target does not know our sequences any more: what it holds must be looked at before anything is sent again. */
  unsure(partition: PartitionProgress, reason: string): void
  /** The target did not take a batch; it is sent again. */
  trouble(error: Error): void
  /** Cannot mend itself. */
  failed(error: Error): void
}

interface Lane {
  node: number
  raw: RawAccess
  requests: number
  /** Partitions that may have something to send, in turn. */
  ready: Set<PartitionProgress>
  pumping: boolean
}

type Sending = { partition: PartitionProgress; parcel: PendingBatch }

export class TargetSender {
  producerId = -1
  readonly #client: Client
  readonly #clock: Clock
  readonly #maxRequestBytes: number
  readonly #timeoutMs: number
  readonly #events: TargetSenderEvents
  readonly #signal: AbortSignal
  readonly #lanes = new Map<number, Lane[]>()
  readonly #outstanding = new Map<PartitionProgress, number>()
  #spread = 0
  #halted = false
  readonly #seats = new Map<PartitionProgress, number>()

  constructor(options: {
    client: Client
    clock: Clock
    maxRequestBytes: number
    timeoutMs: number
    events: TargetSenderEvents
    signal: AbortSignal
  }) {
    this.#client = options.client
    this.#clock = options.clock
    this.#maxRequestBytes = options.maxRequestBytes
    this.#timeoutMs = options.timeoutMs
    this.#events = options.events
    this.#signal = options.signal
  }

  #laneOf(partition: PartitionProgress): Lane {
    let seat = this.#seats.get(partition)
    if (seat === undefined) {
      seat = this.#spread++ % LANES
      this.#seats.set(partition, seat)
    }
    let lanes = this.#lanes.get(partition.targetLeader)
    if (!lanes) {
      lanes = []
      this.#lanes.set(partition.targetLeader, lanes)
    }
    const lane = lanes[seat] ?? { node: partition.targetLeader, raw: this.#client.raw(), requests: 0, ready: new Set(), pumping: false }
    lanes[seat] = lane
    return lane
  }

  /** Something was put into the partition. */
  wake(partition: PartitionProgress): void {
    if (partition.targetLeader < 0 || partition.state !== 'flowing') return
    const lane = this.#laneOf(partition)
    lane.ready.add(partition)
    if (lane.pumping) return
    lane.pumping = true
    // all partitions of one answer of the source come into the same requests
    queueMicrotask(() => {
      lane.pumping = false
      this.#pump(lane)
    })
  }

  #pump(lane: Lane): void {
    while (lane.requests < REQUESTS_UNDER_WAY && !this.#halted && !this.#signal.aborted) {
      const sending: Sending[] = []
      let bytes = 0
      for (const partition of lane.ready) {
        if (bytes >= this.#maxRequestBytes) break
        lane.ready.delete(partition)
        if (partition.targetLeader !== lane.node) {
          this.wake(partition)
          continue
        }
        const parcel = partition.next(this.producerId, this.#clock.monotonic())
        if (!parcel) continue
        sending.push({ partition, parcel })
        bytes += parcel.bytes!.length
      }
      if (sending.length === 0) return
      // those that have more go to the end of the row
      for (const { partition } of sending) if (partition.hasWaiting) lane.ready.add(partition)
      void this.#send(lane, sending)
    }
  }

  async #send(lane: Lane, sending: readonly Sending[]): Promise<void> {
    lane.requests++
    for (const { partition } of sending) this.#outstanding.set(partition, (this.#outstanding.get(partition) ?? 0) + 1)
    let results: Awaited<ReturnType<RawAccess['produce']>> = []
    let broken: Error | null = null
    try {
      results = await lane.raw.produce(
        lane.node,
        sending.map(({ partition, parcel }) => ({
          topic: partition.targetTopic,
          partition: partition.partition,
          topicId: partition.targetTopicId || ZERO_UUID,
          records: parcel.bytes!,
        })),
        { timeoutMs: this.#timeoutMs },
      )
    } catch (error) {
      broken = error as Error
    }
    lane.requests--
    if (this.#signal.aborted) return
    try {
      for (const [index, each] of sending.entries()) {
        const { partition, parcel } = each
        const left = this.#outstanding.get(partition)! - 1
        if (left > 0) this.#outstanding.set(partition, left)
        else this.#outstanding.delete(partition)
        const direct = results[index]
        const result =
          direct?.topic === partition.targetTopic && direct.partition === partition.partition
            ? direct
            : results.find((entry) => entry.topic === partition.targetTopic && entry.partition === partition.partition)
        const error = broken
          ? broken instanceof KafkaError
            ? broken.error
            : 'UNKNOWN_SERVER_ERROR'
          : (result?.error ?? (result ? null : 'NETWORK_EXCEPTION'))
        if (error === null) this.#accept(partition, parcel, result!.baseOffset)
        else this.#refuse(partition, parcel, error as ErrorName, broken)
        if (partition.state === 'resending' && !this.#outstanding.has(partition)) this.#sendAgain(partition)
        else if (partition.hasWaiting) lane.ready.add(partition)
      }
      this.#events.room()
      this.#pump(lane)
    } catch (error) {
      this.#events.failed(error as Error)
    }
  }

  #accept(partition: PartitionProgress, parcel: PendingBatch, base: number): void {
    if (partition.state !== 'flowing' && partition.state !== 'resending') return
    if (base < 0) {
      partition.state = 'starting'
      this.#events.unsure(partition, 'the target acknowledged a batch without saying where it stands')
      return
    }
    partition.attempts = 0
    this.#events.acknowledged(partition, partition.acknowledge(parcel, base))
  }

  #refuse(partition: PartitionProgress, parcel: PendingBatch, error: ErrorName, broken: Error | null): void {
    if (partition.state !== 'flowing' && partition.state !== 'resending') return
    const first = partition.isFirst(parcel)
    if (error === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || error === 'UNKNOWN_PRODUCER_ID' || error === 'DUPLICATE_SEQUENCE_NUMBER') {
      // behind a batch that failed this is to be expected: both go again
      if (!first || partition.state === 'resending') partition.state = 'resending'
      else {
        partition.state = 'starting'
        this.#events.unsure(partition, `the target answered ${error}`)
      }
      return
    }
    if (isRetriable(error) && error !== 'CORRUPT_MESSAGE') {
      partition.state = 'resending'
      const what = broken ? `does not answer: ${broken.message}` : `answered ${error}`
      this.#events.trouble(new KafkaError(error, `${partition.targetTopic}-${partition.partition}: the target ${what}`))
      return
    }
    partition.state = 'starting'
    this.#events.failed(deliveryError(partition, parcel, error, broken))
  }

  /** Waits, finds the leader, and goes on with what was not acknowledged. */
  #sendAgain(partition: PartitionProgress): void {
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(partition.attempts++, 10))
    const again = async () => {
      await this.#clock.sleep(waitMs, this.#signal)
      while (!this.#signal.aborted && partition.state === 'resending') {
        const topic = await this.#client.topic(partition.targetTopic, { refresh: true }).then(
          (found) => found ?? null,
          () => undefined,
        )
        const leader = topic?.partitions[partition.partition]?.leader ?? -1
        if (topic === null && partition.attempts > 2) {
          partition.state = 'starting'
          this.#events.unsure(partition, `topic ${partition.targetTopic} is gone from the target`)
          return
        }
        if (topic && partition.targetTopicId !== '' && topic.id !== partition.targetTopicId) {
          partition.state = 'starting'
          this.#events.unsure(partition, `topic ${partition.targetTopic} was created anew at the target`)
          return
        }
        if (leader >= 0) {
          partition.targetLeader = leader
          partition.resend()
          partition.state = 'flowing'
          this.wake(partition)
          return
        }
        partition.attempts++
        await this.#clock.sleep(RETRY_MAX_MS, this.#signal)
      }
    }
    again().catch((error) => this.#events.failed(error as Error))
  }

  /** Sends nothing more; what is under way is still waited for. */
  halt(): void {
    this.#halted = true
  }

  /** Resolves when nothing of the partition is under way. */
  async settled(partition: PartitionProgress): Promise<void> {
    while (this.#outstanding.has(partition) && !this.#signal.aborted) await this.#clock.sleep(5, this.#signal)
  }

  get underWay(): number {
    return this.#outstanding.size
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].flat().map((lane) => lane?.raw.close()))
  }
}

/** Why a batch cannot go over, and what to change. */
function deliveryError(partition: PartitionProgress, parcel: PendingBatch, error: ErrorName, broken: Error | null): Error {
  const where = `${partition.where} at offset ${parcel.stretches[0]?.up ?? parcel.nextUp} to ${partition.targetTopic}`
  const bytes = parcel.bytes!.length
  const options = broken ? { cause: broken } : undefined
  switch (error) {
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return new KafkaError(
        error,
        `${where}: a batch of ${bytes} bytes is larger than the target takes: raise max.message.bytes of topic ${partition.targetTopic} (or message.max.bytes of the target's brokers) to at least ${bytes} and resume the mirror`,
        options,
      )
    case 'INVALID_PRODUCER_EPOCH':
    case 'PRODUCER_FENCED':
      return new KafkaError(
        error,
        `${where}: another mirror of the same clusters has begun to write and this one has stopped: let only one run for each flow`,
        options,
      )
    case 'CORRUPT_MESSAGE': {
      const whole = computeCrc(parcel.bytes!, 0, bytes) === readBatchHeader(parcel.bytes!).crc
      return new KafkaError(
        error,
        `${where}: the target refused a batch as corrupt; ${whole ? 'its CRC is right here, so it was damaged on the way to the target' : "its CRC does not fit here either, so it was damaged at the source or on the way from it: check the source's log with kafka-dump-log"}`,
        options,
      )
    }
    case 'INVALID_TIMESTAMP':
      return new KafkaError(
        error,
        `${where}: the target refused the time of a record: raise message.timestamp.before.max.ms or message.timestamp.after.max.ms of topic ${partition.targetTopic} and resume the mirror`,
        options,
      )
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return new KafkaError(
        error,
        `${where}: the target does not let the mirror write: grant it WRITE on topic ${partition.targetTopic}`,
        options,
      )
    case 'INVALID_RECORD':
      return new KafkaError(
        error,
        `${where}: the target refused a record: a topic with cleanup.policy=compact takes no records without a key`,
        options,
      )
    default:
      return new KafkaError(error, `${where}: the target answered ${error}${broken ? `: ${broken.message}` : ''}`, options)
  }
}
