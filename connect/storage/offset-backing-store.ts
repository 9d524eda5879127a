/**
 * Where sources stand: Kafka Connect's offset topic. A key is `["connector",{partition}]` as its writer spelt it; partitions that differ
 * only in the order of their names are one, and keep the first writer's spelling, so that compaction finds them.
 */
import type { Position, SourceOffset, SourcePartition } from '../sdk/index.ts'
import type { LogEntry, LogRecord, RecordLog } from './record-log.ts'

interface Stand {
  key: string
  partition: SourcePartition
  offset: SourceOffset
}

const isPrimitive = (value: unknown) => value === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof value)

/** One text for a partition, whatever the order of its names. */
export const canonical = (partition: SourcePartition): string =>
  JSON.stringify(
    Object.keys(partition)
      .sort()
      .map((name) => [name, partition[name]]),
  )

/** Kafka Connect's rule: positions hold names and primitives. */
export function checkPrimitive(map: Readonly<Record<string, unknown>>, what: string): void {
  for (const [name, value] of Object.entries(map))
    if (!isPrimitive(value)) throw new Error(`${what} may only hold primitives, and ${name} is a ${typeof value}`)
}

export class OffsetStore {
  readonly #log: RecordLog
  readonly #complain: (message: string, key: string) => void
  readonly #connectors = new Map<string, Map<string, Stand>>()
  /** Spellings of keys whose offset was taken away: a later position takes the same one. */
  readonly #spellings = new Map<string, string>()

  constructor(log: RecordLog, complain: (message: string, key: string) => void) {
    this.#log = log
    this.#complain = complain
  }

  start = (): Promise<void> => this.#log.start((entry) => this.#apply(entry))
  refresh = (): Promise<void> => this.#log.readToEnd()
  close = (): Promise<void> => this.#log.close()

  get = (connector: string, partition: SourcePartition): SourceOffset | null =>
    this.#connectors.get(connector)?.get(canonical(partition))?.offset ?? null

  all = (connector: string): Position[] =>
    [...(this.#connectors.get(connector)?.values() ?? [])].map(({ partition, offset }) => ({ partition, offset }))

  /** Durable when it resolves; `get` knows it after the next `refresh`. A null offset takes the partition away. */
  async put(connector: string, positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): Promise<void> {
    if (positions.length === 0) return
    const records: LogRecord[] = positions.map(({ partition, offset }) => {
      checkPrimitive(partition, `a position's partition`)
      if (offset) checkPrimitive(offset, `a position's offset`)
      const id = canonical(partition)
      const spelt = this.#connectors.get(connector)?.get(id)?.key ?? this.#spellings.get(`${connector} ${id}`)
      return { key: spelt ?? JSON.stringify([connector, partition]), value: offset === null ? null : JSON.stringify(offset) }
    })
    await this.#log.append(records)
  }

  #apply({ key, value }: LogEntry): void {
    let parsed: unknown
    let offset: unknown = null
    try {
      parsed = JSON.parse(key)
      if (value !== null) offset = JSON.parse(value)
    } catch {
      this.#complain('a record of the offset topic is not JSON and is passed over', key)
      return
    }
    if (
      !Array.isArray(parsed) ||
      parsed.length !== 2 ||
      typeof parsed[0] !== 'string' ||
      typeof parsed[1] !== 'object' ||
      parsed[1] === null
    ) {
      this.#complain('a record of the offset topic has a key that is not ["connector",{partition}] and is passed over', key)
      return
    }
    const [connector, partition] = parsed as [string, SourcePartition]
    const id = canonical(partition)
    const stands = this.#connectors.get(connector) ?? new Map<string, Stand>()
    this.#connectors.set(connector, stands)
    if (offset === null) {
      stands.delete(id)
      this.#spellings.set(`${connector} ${id}`, key)
      return
    }
    if (typeof offset !== 'object' || Array.isArray(offset)) {
      this.#complain('a record of the offset topic has a value that is no map and is passed over', key)
      return
    }
    stands.set(id, { key, partition, offset: offset as SourceOffset })
  }
}
