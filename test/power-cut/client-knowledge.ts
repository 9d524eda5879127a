/**
 * What clients know at each step of a recording disk: acknowledgements, and transactions with their decisions. `check` compares a broker
 * with what they knew at a step, and says which promise is broken.
 */
import { expect } from 'vitest'
import type { RunningBroker } from '../../core/index.ts'
import { committedOffset, recordsOf, type StoredRecord } from './simulated-broker.ts'

/** A broker after a fault. */
export interface Opened {
  readonly broker: RunningBroker
  /** All records of a partition, or what a read_committed consumer gets of them. None where there is no log. */
  records(topic: string, partition: number, isolation?: 'uncommitted' | 'committed'): Promise<readonly StoredRecord[]>
}

interface Fact {
  readonly step: number
  readonly what: string
  /** Throws where the broker contradicts it. */
  holds(opened: Opened): void | Promise<void>
}

export interface KnownTransaction {
  readonly name: string
  readonly beganAt: number
  readonly records: { readonly topic: string; readonly partition: number; readonly value: string }[]
  /** What the group commits with it for partition 0 of `topic`. */
  offset: { readonly topic: string; readonly offset: number } | null
  /** What was asked, and the steps of request and response. */
  end: { readonly committed: boolean; readonly askedAt: number; acknowledgedAt: number | null } | null
}

/** The versions of a key: `value` is null for a tombstone. */
interface KeyWrite {
  readonly version: number
  readonly isTombstone: boolean
  acknowledgedAt: number | null
}

export class ClientKnowledge {
  readonly #now: () => number
  #number = 1
  readonly #facts: Fact[] = []
  readonly #transactions: KnownTransaction[] = []
  /** By `topic key`. */
  readonly #keys = new Map<string, KeyWrite[]>()
  /** Topics whose partition 0 and 1 have each value once. */
  readonly uniqueTopics = new Set<string>()

  /** `now` is the current step of the disk. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A number that none before it reaches: for offsets, versions and names. */
  number(): number {
    return this.#number++
  }

  get length(): number {
    return this.#facts.length
  }

  get transactions(): readonly KnownTransaction[] {
    return this.#transactions
  }

  acknowledge(what: string, holds: Fact['holds']): void {
    this.#facts.push({ step: this.#now(), what, holds })
  }

  beginTransaction(name: string): KnownTransaction {
    const transaction = { name, beganAt: this.#now(), records: [], offset: null, end: null }
    this.#transactions.push(transaction)
    return transaction
  }

  /** To be called before the request; the result is called with the response. */
  endTransaction(transaction: KnownTransaction, committed: boolean): () => void {
    const end: KnownTransaction['end'] = { committed, askedAt: this.#now(), acknowledgedAt: null }
    transaction.end = end
    return () => {
      end.acknowledgedAt = this.#now()
    }
  }

  /** To be called before the request; the result is called with the response. */
  writeKey(topic: string, key: string, version: number, isTombstone: boolean): () => void {
    const id = `${topic} ${key}`
    const write: KeyWrite = { version, isTombstone, acknowledgedAt: null }
    this.#keys.set(id, [...(this.#keys.get(id) ?? []), write])
    return () => {
      write.acknowledgedAt = this.#now()
    }
  }

  /** Throws with the broken promise. No transaction may be open any more. */
  async check(broker: RunningBroker, step: number, where: string): Promise<void> {
    const read = new Map<string, Promise<StoredRecord[]>>()
    const records: Opened['records'] = (topic, partition, isolation = 'uncommitted') => {
      const id = `${topic}-${partition} ${isolation}`
      const log = broker.logs.get(topic, partition)
      if (!read.has(id)) read.set(id, log ? recordsOf(log, isolation) : Promise.resolve([]))
      return read.get(id)!
    }
    const opened = { broker, records }
    const holdsTrue = async (what: string, holds: () => void | Promise<void>) => {
      try {
        await holds()
      } catch (cause) {
        throw new Error(`${where}: ${what}, and the broker contradicts it: ${(cause as Error).message}`, { cause })
      }
    }
    for (const { step: known, what, holds } of this.#facts) {
      if (known <= step) await holdsTrue(`${what} (step ${known})`, () => holds(opened))
    }
    for (const transaction of this.#transactions)
      if (transaction.beganAt < step) await holdsTrue(`${transaction.name} is whole or absent`, () => isWhole(transaction, opened, step))
    for (const [id, writes] of this.#keys) await holdsTrue(`the last value of ${id} survives`, () => hasLastValue(id, writes, opened, step))
    for (const topic of this.uniqueTopics) await holdsTrue(`each record of ${topic} is stored once`, () => hasEachOnce(topic, opened))
  }
}

/** Invariant 4. */
async function isWhole({ records, offset, end }: KnownTransaction, opened: Opened, step: number): Promise<void> {
  const mayBeCommitted = end?.committed === true && end.askedAt < step
  const isCommitted = mayBeCommitted && end.acknowledgedAt !== null && end.acknowledgedAt <= step
  let visible = 0
  for (const { topic, partition, value } of records)
    if ((await opened.records(topic, partition, 'committed')).some((record) => record.value === value)) visible++
  const expected = isCommitted ? [records.length] : mayBeCommitted ? [0, records.length] : [0]
  expect(expected, `records that a read_committed consumer gets of ${records.length}`).toContain(visible)
  if (offset === null || records.length === 0) return
  const committed = await committedOffset(opened.broker, offset.topic)
  if (visible > 0) expect(committed, 'committed offset').toBeGreaterThanOrEqual(offset.offset)
  else expect(committed, 'committed offset of a transaction that is not committed').not.toBe(offset.offset)
}

async function hasLastValue(id: string, writes: readonly KeyWrite[], opened: Opened, step: number): Promise<void> {
  const [topic, key] = id.split(' ') as [string, string]
  const acknowledged = writes.findLast(({ acknowledgedAt }) => acknowledgedAt !== null && acknowledgedAt <= step)
  if (!acknowledged) return
  const last = (await opened.records(topic, 0)).findLast((record) => record.key === key)
  if (last?.value == null)
    expect(
      writes.some(({ version, isTombstone }) => isTombstone && version >= acknowledged.version),
      `a tombstone after version ${acknowledged.version}`,
    ).toBe(true)
  else expect(Number(last.value), 'version').toBeGreaterThanOrEqual(acknowledged.version)
}

/** Invariant 5. */
async function hasEachOnce(topic: string, opened: Opened): Promise<void> {
  const seen = new Set<string>()
  for (let partition = 0; partition < 2; partition++)
    for (const { value } of await opened.records(topic, partition)) {
      expect(seen, `${value} is stored twice`).not.toContain(value)
      seen.add(value!)
    }
}
