/** What a connector gives the acceptance suite: how to fill the system it reads, and how to look into the system it writes. */
import {
  type ConfigOf,
  type Position,
  parseSettings,
  type Settings,
  type SinkRecord,
  type SourceOffset,
  type SourcePartition,
  type TaskContext,
} from '../../connect/sdk/index.ts'

export interface SourceFixture {
  config: Record<string, string>
  /** Puts so many things into the system, which the source must give as records in this order. `more` adds further ones. */
  fill(count: number): Promise<void>
  more(count: number): Promise<void>
  /** The number, from 0, of the thing that a record's value stands for. */
  numberOf(value: unknown): number
}

export interface SinkFixture {
  config: Record<string, string>
  /** A record that stands for a number. */
  record(number: number, offset: number): SinkRecord
  /** The numbers in the system, in the order in which it keeps them. */
  stored(): Promise<number[]>
  /** A record that the system cannot take, where there can be one. */
  bad?(offset: number): SinkRecord
}

export interface ConnectorFixture {
  source?(): Promise<SourceFixture>
  sink?(): Promise<SinkFixture>
  stop?(): Promise<void>
}

export interface Told {
  level: 'info' | 'warn' | 'error'
  message: string
}

export function taskContext<S extends Settings>(
  settings: S,
  config: Record<string, string>,
  signal: AbortSignal,
): TaskContext<ConfigOf<S>> & { told: Told[] } {
  const told: Told[] = []
  const tell = (level: Told['level']) => (message: string) => void told.push({ level, message })
  const log = { info: tell('info'), warn: tell('warn'), error: tell('error') }
  return { connector: 'contract', task: 0, config: parseSettings(settings, config), signal, log, told }
}

/** Stored positions, as they come back from a topic: through JSON. */
export class StoredPositions {
  readonly #stored = new Map<string, string>()

  async get(partition: SourcePartition): Promise<SourceOffset | null> {
    const found = this.#stored.get(JSON.stringify(partition))
    return found === undefined ? null : (JSON.parse(found) as SourceOffset)
  }

  store(positions: readonly Position[]): void {
    for (const { partition, offset } of positions) this.#stored.set(JSON.stringify(partition), JSON.stringify(offset))
  }
}

export function sinkRecord(parts: { topic: string; offset: number } & Partial<SinkRecord>): SinkRecord {
  return {
    partition: 0,
    key: null,
    keySchema: null,
    value: null,
    valueSchema: null,
    timestamp: 1_700_000_000_000 + parts.offset,
    timestampType: 'CreateTime',
    headers: [],
    ...parts,
  }
}
