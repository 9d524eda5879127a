/**
 * The ownership of a flow: one record in its own partition of the offset map's topic. A mirror claims a flow by writing that record with
 * the producer id of the last owner and a higher epoch. An older mirror that still runs reads the claim in a long poll and stops: it is
 * fenced. Its in-flight batches have time to arrive before the new owner reads the target; brokers refuse its epoch after that.
 */
import type { Client, Producer, RawAccess } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Random } from '../../core/system/random.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'
import { decodeOffsetMapRecord, encodeFlowOwner, type FlowOwner, OWNER_PARTITION } from './offset-map-records.ts'
import { readLogBounds, scanRecords } from './topic-scan.ts'

/** A producer epoch is an int16: a new producer id is requested before it overflows. */
const LAST_EPOCH = 32_000
/** For a last owner that did not release the flow: time to read the claim, and for its in-flight batches to arrive. */
const GRACE_MS = 400
const WATCH_WAIT_MS = 5_000
const WATCH_RETRY_MS = 1_000
const WATCH_BYTES = 64 * 1024

/** Why a flow does not mirror although it runs; stored in the owner record, so that it survives a restart. */
export type PauseFlags = Pick<FlowOwner, 'paused' | 'failedOver'>

export interface OwnershipOptions {
  topic: string
  /** Of the flow, for messages. */
  name: string
  target: Client
  producer: Producer
  clock: Clock
  random: Random
  signal: AbortSignal
  /** Another mirror has claimed the flow. */
  onFenced(error: Error): void
}

/** Whether `other` fences `own`: by its epoch; if both claimed at once, the later claim wins. */
function isNewer(other: FlowOwner, own: FlowOwner): boolean {
  if (other.producerId === own.producerId && other.producerEpoch !== own.producerEpoch) return other.producerEpoch > own.producerEpoch
  return other.startedMs > own.startedMs || (other.startedMs === own.startedMs && other.instance > own.instance)
}

export class Ownership {
  #owner: FlowOwner = { producerId: -1, producerEpoch: -1, instance: '', startedMs: 0, released: true, failedOver: false, paused: false }
  readonly #options: OwnershipOptions
  /** The next offset of the owner partition to read; only reading moves it, so that no claim between own records is missed. */
  #nextOffset = 0

  constructor(options: OwnershipOptions) {
    this.#options = options
  }

  /** This mirror's record once it has claimed the flow. */
  get owner(): Readonly<FlowOwner> {
    return this.#owner
  }

  /** Claims the flow. All that the last owner wrote is on the target when this resolves. */
  async claim(instance: string): Promise<void> {
    const { topic, target, clock, random, signal } = this.#options
    await scanRecords({ client: target, clock, random, signal }, topic, OWNER_PARTITION, ({ key, value, offset }) => {
      this.#nextOffset = offset + 1
      const record = key && decodeOffsetMapRecord(key, value)
      if (record?.kind === 'owner') this.#owner = record.owner
    })
    const last = this.#owner
    const claim = { instance, startedMs: clock.now(), released: false, failedOver: last.failedOver, paused: last.paused }
    if (last.producerId < 0 || last.producerEpoch >= LAST_EPOCH) {
      const raw = target.raw()
      const { producerId } = await raw.initProducerId().finally(() => raw.close())
      this.#owner = { producerId, producerEpoch: 0, ...claim }
    } else this.#owner = { producerId: last.producerId, producerEpoch: last.producerEpoch + 1, ...claim }
    await this.#writeOwner()
    if (!last.released) await clock.sleep(GRACE_MS, signal)
  }

  async #writeOwner(): Promise<void> {
    const { topic, producer } = this.#options
    await producer.send([{ topic, partition: OWNER_PARTITION, ...encodeFlowOwner(this.#owner) }])
  }

  /** Bumps the producer epoch, so that a partition can restart its sequence numbers at 0. */
  async bumpEpoch(): Promise<number> {
    this.#owner = { ...this.#owner, producerEpoch: this.#owner.producerEpoch + 1 }
    await this.#writeOwner()
    return this.#owner.producerEpoch
  }

  async storePauseFlags(flags: Partial<PauseFlags>): Promise<void> {
    this.#owner = { ...this.#owner, ...flags }
    await this.#writeOwner()
  }

  /** Nothing is in flight and nothing will be sent: the next owner need not wait. */
  async release(): Promise<void> {
    this.#owner = { ...this.#owner, released: true }
    await this.#writeOwner()
  }

  /** Reads the owner partition until another mirror claims the flow or the flow ends. */
  async watch(): Promise<void> {
    const { target, clock, signal } = this.#options
    const raw = target.raw()
    let refresh = false
    try {
      while (!signal.aborted) {
        const records = await this.#fetch(raw, refresh)
        refresh = records === null
        if (records === null) await clock.sleep(WATCH_RETRY_MS, signal)
        else if (this.#readClaims(records)) return
      }
    } finally {
      await raw.close()
    }
  }

  /** One long poll from the next offset on; null if it failed with a retriable error. */
  async #fetch(raw: RawAccess, refresh: boolean): Promise<Buffer | null> {
    const { topic, target } = this.#options
    try {
      const metadata = await target.topic(topic, { refresh })
      const leader = metadata?.partitions[OWNER_PARTITION]?.leader ?? -1
      if (!metadata || leader < 0) return null
      const request = { topic, partition: OWNER_PARTITION, topicId: metadata.id, offset: this.#nextOffset, leaderEpoch: -1 }
      const limits = {
        maxWaitMs: WATCH_WAIT_MS,
        minBytes: 1,
        maxBytes: WATCH_BYTES,
        partitionMaxBytes: WATCH_BYTES,
        isolationLevel: 0 as const,
      }
      const [result] = await raw.fetch(leader, [request], limits)
      if (result?.error === 'OFFSET_OUT_OF_RANGE') await this.#seekToStart()
      return result && result.error === null ? result.records : null
    } catch (error) {
      if (error instanceof KafkaError && error.retriable) return null
      throw error
    }
  }

  /** The records before the log start offset were deleted. */
  async #seekToStart(): Promise<void> {
    const { target, topic } = this.#options
    const [bounds] = await readLogBounds(target, [{ topic, partition: OWNER_PARTITION }])
    this.#nextOffset = bounds!.start
  }

  /** Whether one of these records is a newer claim. */
  #readClaims(records: Buffer): boolean {
    for (const { header, bytes } of batches(records)) {
      if (header.lastOffset < this.#nextOffset) continue
      const fromOffset = this.#nextOffset
      this.#nextOffset = header.lastOffset + 1
      for (const { key, value } of decodeRecords(bytes, { fromOffset })) {
        const record = key && decodeOffsetMapRecord(key, value)
        if (record?.kind !== 'owner' || record.owner.instance === this.#owner.instance || !isNewer(record.owner, this.#owner)) continue
        const { name, onFenced } = this.#options
        const why = `another mirror (${record.owner.instance}) has claimed this flow, and this mirror has stopped`
        onFenced(new KafkaError('PRODUCER_FENCED', `${name}: ${why}: run only one mirror for each flow`))
        return true
      }
    }
    return false
  }
}
