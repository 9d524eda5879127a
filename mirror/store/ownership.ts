/**
 * Who writes a flow: one record in a partition of its own of the offset map's topic. A mirror that starts claims the flow; one that still runs
 * sees the claim at once and stops, and what it had under way has time to land before the new one looks at the target. The raised epoch makes
 * brokers refuse whatever comes later than that.
 */
import type { Client, Producer, RawAccess } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'
import { decodeOffsetMapRecord, encodeFlowOwner, type FlowOwner, OWNER_PARTITION } from './offset-map-records.ts'
import { scanRecords } from './topic-scan.ts'

/** A producer's epoch is an int16; a new id is taken before it runs out. */
const LAST_EPOCH = 32_000
/** For an owner that did not say that it has gone: time to see the claim, and for what it sent to land. */
const GRACE_MS = 400
const WATCH_WAIT_MS = 5_000
const WATCH_RETRY_MS = 1_000
const WATCH_BYTES = 64 * 1024

/** What people have asked for, and what outlives the mirror. */
export type PauseFlags = Pick<FlowOwner, 'paused' | 'failedOver'>

export interface OwnershipOptions {
  topic: string
  /** Of the flow, for people. */
  name: string
  target: Client
  producer: Producer
  clock: Clock
  signal: AbortSignal
  /** Another mirror has taken the flow over. */
  fenced(error: Error): void
}

/** Of two that claim one flow: who has the right. Epochs only rise; where two began at once, the later one. */
function isNewer(other: FlowOwner, ours: FlowOwner): boolean {
  if (other.producerId === ours.producerId && other.producerEpoch !== ours.producerEpoch) return other.producerEpoch > ours.producerEpoch
  return other.startedMs > ours.startedMs || (other.startedMs === ours.startedMs && other.instance > ours.instance)
}

export class Ownership {
  owner: FlowOwner = { producerId: -1, producerEpoch: -1, instance: '', startedMs: 0, released: true, failedOver: false, paused: false }
  readonly #options: OwnershipOptions
  #nextOffset = 0

  constructor(options: OwnershipOptions) {
    this.#options = options
  }

  /** Takes the flow. What the one before us has written is complete when this resolves. */
  async claim(instance: string): Promise<void> {
    const { topic, target, clock, signal } = this.#options
    await scanRecords({ client: target, clock, signal }, topic, OWNER_PARTITION, ({ key, value }) => {
      const read = key && decodeOffsetMapRecord(key, value)
      if (read?.kind === 'owner') this.owner = read.owner
    })
    const before = this.owner
    const claim = { instance, startedMs: clock.now(), released: false, failedOver: before.failedOver, paused: before.paused }
    if (before.producerId < 0 || before.producerEpoch >= LAST_EPOCH) {
      const raw = target.raw()
      const { producerId } = await raw.initProducerId().finally(() => raw.close())
      this.owner = { producerId, producerEpoch: 0, ...claim }
    } else this.owner = { producerId: before.producerId, producerEpoch: before.producerEpoch + 1, ...claim }
    await this.#write()
    if (!before.released) await clock.sleep(GRACE_MS, signal)
  }

  async #write(): Promise<void> {
    const sent = await this.#options.producer.send([
      { topic: this.#options.topic, partition: OWNER_PARTITION, ...encodeFlowOwner(this.owner) },
    ])
    const failure = sent.failures?.values().next().value
    if (failure) throw failure
    this.#nextOffset = Math.max(this.#nextOffset, sent.at(0).offset + 1)
  }

  /** Takes a new epoch, so that a partition may begin its sequences anew. */
  async bumpEpoch(): Promise<number> {
    this.owner = { ...this.owner, producerEpoch: this.owner.producerEpoch + 1 }
    await this.#write()
    return this.owner.producerEpoch
  }

  /** Says what holds the flow back now, for whoever runs it next. */
  async storePauseFlags(held: Partial<PauseFlags>): Promise<void> {
    this.owner = { ...this.owner, ...held }
    await this.#write()
  }

  /** Says that nothing more will come from us: the next mirror need not wait. */
  async release(): Promise<void> {
    this.owner = { ...this.owner, released: true }
    await this.#write()
  }

  /** Waits for somebody else's claim, for as long as the flow lives. */
  async watch(): Promise<void> {
    const { target, clock, signal } = this.#options
    const raw = target.raw()
    let refresh = false
    try {
      while (!signal.aborted) {
        const records = await this.#poll(raw, refresh)
        refresh = records === null
        if (records === null) await clock.sleep(WATCH_RETRY_MS, signal)
        else if (this.#look(records)) return
      }
    } finally {
      await raw.close()
    }
  }

  /** One long poll behind what was read; null where nobody answered. */
  async #poll(raw: RawAccess, refresh: boolean): Promise<Buffer | null> {
    const { topic, target } = this.#options
    try {
      const found = await target.topic(topic, { refresh })
      const leader = found?.partitions[OWNER_PARTITION]?.leader ?? -1
      if (!found || leader < 0) return null
      const place = { topic, partition: OWNER_PARTITION, topicId: found.id, offset: this.#nextOffset, leaderEpoch: -1 }
      const limits = {
        maxWaitMs: WATCH_WAIT_MS,
        minBytes: 1,
        maxBytes: WATCH_BYTES,
        partitionMaxBytes: WATCH_BYTES,
        isolationLevel: 0 as const,
      }
      const [result] = await raw.fetch(leader, [place], limits)
      return result && result.error === null ? result.records : null
    } catch (error) {
      if (error instanceof KafkaError && error.retriable) return null
      throw error
    }
  }

  #look(records: Buffer): boolean {
    for (const { header, bytes } of batches(records)) {
      if (header.lastOffset < this.#nextOffset) continue
      const from = this.#nextOffset
      this.#nextOffset = header.lastOffset + 1
      for (const { key, value } of decodeRecords(bytes, { fromOffset: from })) {
        const read = key && decodeOffsetMapRecord(key, value)
        if (read?.kind !== 'owner' || read.owner.instance === this.owner.instance || !isNewer(read.owner, this.owner)) continue
        const who = `another mirror (${read.owner.instance}) has taken this flow over and this one has stopped`
        this.#options.fenced(new KafkaError('PRODUCER_FENCED', `${this.#options.name}: ${who}: let only one run for each flow`))
        return true
      }
    }
    return false
  }
}
