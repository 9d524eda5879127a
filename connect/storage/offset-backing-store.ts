/**
 * The positions of source connectors: Kafka Connect's offset topic, read into memory. A key is `["connector",{partition}]`. Partitions that
 * differ only in the order of their names are one: it keeps the key of its first record, so that compaction finds the older records.
 */
import type { Position, SourceOffset, SourcePartition } from '../sdk/index.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

interface StoredOffset {
  key: string
  partition: SourcePartition
  offset: SourceOffset
}

const isPrimitive = (value: unknown) => value === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof value)

/** The key of a source partition in maps, whatever the order of its names. */
export const canonicalPartition = (partition: SourcePartition): string =>
  JSON.stringify(
    Object.keys(partition)
      .sort()
      .map((name) => [name, partition[name]]),
  )

/** Throws where a partition or offset has values that are not primitives, as Kafka Connect does. */
export function requirePrimitives(map: Readonly<Record<string, unknown>>, what: string): void {
  for (const [name, value] of Object.entries(map))
    if (!isPrimitive(value)) throw new Error(`${what} may only hold primitives, and ${name} is a ${typeof value}`)
}

/** What a source task needs of the positions of its connector. */
export interface SourceOffsets {
  /** Reads all positions, where the store is the task's own; resolves early where `signal` aborts. */
  open(signal: AbortSignal): Promise<void>
  /** Resolves when every position that was stored before the call can be got. */
  refresh(): Promise<void>
  get(connector: string, partition: SourcePartition): SourceOffset | null
  all(connector: string): Position[]
  /** Resolves when they are durable in the topic that is read first. */
  put(connector: string, positions: readonly StoredPosition[]): Promise<void>
  /** The records with which positions are stored, for a transaction that has others too. */
  records(connector: string, positions: readonly StoredPosition[]): LogRecord[]
  /** Before that transaction: deletes them where they are stored besides. */
  deleteCopies(connector: string, positions: readonly StoredPosition[]): Promise<void>
  /** After that transaction: stores them where they are stored besides, as far as that is possible. */
  copy(connector: string, positions: readonly StoredPosition[]): void
  /** Closes what `open` has opened. Never rejects. */
  release(): Promise<void>
}

/** A position to store; a null offset deletes it. */
export interface StoredPosition {
  partition: SourcePartition
  offset: SourceOffset | null
}

export class OffsetBackingStore implements SourceOffsets {
  readonly #log: RecordLog
  readonly #warn: (message: string, key: string) => void
  readonly #connectors = new Map<string, Map<string, StoredOffset>>()
  /** Record keys of partitions whose offset was deleted: a later position has the same key. */
  readonly #deletedKeys = new Map<string, string>()

  constructor(log: RecordLog, warn: (message: string, key: string) => void) {
    this.#log = log
    this.#warn = warn
  }

  start = (): Promise<void> => this.#log.start((entry) => this.#apply(entry))
  refresh = (): Promise<void> => this.#log.readToEnd()
  close = (): Promise<void> => this.#log.close()
  /** The worker has opened it, and closes it. */
  async open(): Promise<void> {}
  async release(): Promise<void> {}
  /** There is one copy only. */
  async deleteCopies(): Promise<void> {}
  copy(): void {}

  get = (connector: string, partition: SourcePartition): SourceOffset | null =>
    this.#connectors.get(connector)?.get(canonicalPartition(partition))?.offset ?? null

  all = (connector: string): Position[] =>
    [...(this.#connectors.get(connector)?.values() ?? [])].map(({ partition, offset }) => ({ partition, offset }))

  /** Durable when it resolves; `get` returns it after the next `refresh`. A null offset deletes the partition. */
  async put(connector: string, positions: readonly StoredPosition[]): Promise<void> {
    if (positions.length > 0) await this.#log.append(this.records(connector, positions))
  }

  records(connector: string, positions: readonly StoredPosition[]): LogRecord[] {
    return positions.map(({ partition, offset }) => {
      requirePrimitives(partition, `a position's partition`)
      if (offset) requirePrimitives(offset, `a position's offset`)
      const id = canonicalPartition(partition)
      const key = this.#connectors.get(connector)?.get(id)?.key ?? this.#deletedKeys.get(`${connector} ${id}`)
      return { key: key ?? JSON.stringify([connector, partition]), value: offset === null ? null : JSON.stringify(offset) }
    })
  }

  /** The stored positions of a connector as they are in the log, for another store over them. */
  stored = (connector: string): LogRecord[] =>
    [...(this.#connectors.get(connector)?.values() ?? [])].map(({ key, offset }) => ({ key, value: JSON.stringify(offset) }))

  /** What such a store appends. */
  append = (records: readonly LogRecord[]): Promise<void> => this.#log.append(records)

  #apply({ key, value }: LogEntry): void {
    let parsed: unknown
    let offset: unknown = null
    try {
      parsed = JSON.parse(key)
      if (value !== null) offset = JSON.parse(value)
    } catch {
      this.#warn('a record of the offset topic is not JSON and is ignored', key)
      return
    }
    if (
      !Array.isArray(parsed) ||
      parsed.length !== 2 ||
      typeof parsed[0] !== 'string' ||
      typeof parsed[1] !== 'object' ||
      parsed[1] === null
    ) {
      this.#warn('a record of the offset topic has a key that is not ["connector",{partition}] and is ignored', key)
      return
    }
    const [connector, partition] = parsed as [string, SourcePartition]
    const id = canonicalPartition(partition)
    const stored = this.#connectors.get(connector) ?? new Map<string, StoredOffset>()
    this.#connectors.set(connector, stored)
    if (offset === null) {
      stored.delete(id)
      this.#deletedKeys.set(`${connector} ${id}`, key)
      return
    }
    if (typeof offset !== 'object' || Array.isArray(offset)) {
      this.#warn('a record of the offset topic has a value that is not a map and is ignored', key)
      return
    }
    stored.set(id, { key, partition, offset: offset as SourceOffset })
  }
}
