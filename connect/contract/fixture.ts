/**
 * The fixtures that a connector has for its contract: how to fill the system that it reads, and how to read the system that it writes; and
 * what stands in for the runtime around a task, for other tests of connectors too.
 */
import {
  type ConfigOf,
  type Position,
  parseSettings,
  type Settings,
  type SinkRecord,
  type SourceOffset,
  type SourcePartition,
  type TaskContext,
  type TaskWork,
} from '../sdk/index.ts'

export interface SourceFixture {
  config: Record<string, string>
  /** Writes things to the system, which the source must read as records in this order. `more` writes further ones. */
  fill(count: number): Promise<void>
  more(count: number): Promise<void>
  /** The number, from 0, of the thing that a record's value is of. */
  numberOf(value: unknown): number
  /**
   * Of a system that keeps nothing for a reader that is away, as published messages: the source reads what is written while it reads, and
   * stores no positions. `fill` and `more` wait until it reads.
   */
  keepsNothing?: boolean
  /** Called after each check. */
  stop?(): Promise<void> | void
}

export interface SinkFixture {
  config: Record<string, string>
  /** A record of a number. */
  record(number: number, offset: number): SinkRecord
  /** The numbers in the system, in the order in which it keeps them. */
  stored(): Promise<number[]>
  /** A record that cannot be written. */
  bad(offset: number): SinkRecord
  /** Called after each check. */
  stop?(): Promise<void> | void
}

export interface LogLine {
  level: 'info' | 'warn' | 'error'
  message: string
}

/** What a task has told its context. */
export interface StandInContext {
  readonly logged: LogLine[]
  /** What it has shown of its work, in order. */
  readonly works: (TaskWork | null)[]
  /** The last value of each of its metrics. */
  readonly gauges: Map<string, number>
}

export function taskContext<S extends Settings>(
  settings: S,
  config: Record<string, string>,
  signal: AbortSignal,
): TaskContext<ConfigOf<S>> & StandInContext {
  const logged: LogLine[] = []
  const works: (TaskWork | null)[] = []
  const gauges = new Map<string, number>()
  const logger = (level: LogLine['level']) => (message: string) => void logged.push({ level, message })
  const log = { info: logger('info'), warn: logger('warn'), error: logger('error') }
  return {
    connector: 'contract',
    task: 0,
    config: parseSettings(settings, config),
    signal,
    log,
    progress: (work) => void works.push(work),
    gauge: (name, value) => void gauges.set(name, value),
    logged,
    works,
    gauges,
  }
}

/** Stored positions, through JSON as in the offset topic. Its `onPositionsStored` is that of a source's context. */
export class StoredPositions {
  readonly #stored = new Map<string, string>()
  readonly #listeners: ((positions: readonly Position[]) => void)[] = []

  onPositionsStored = (listener: (positions: readonly Position[]) => void): void => void this.#listeners.push(listener)

  async get(partition: SourcePartition): Promise<SourceOffset | null> {
    const found = this.#stored.get(JSON.stringify(partition))
    return found === undefined ? null : (JSON.parse(found) as SourceOffset)
  }

  store(positions: readonly Position[]): void {
    for (const { partition, offset } of positions) this.#stored.set(JSON.stringify(partition), JSON.stringify(offset))
    if (positions.length > 0) for (const listener of this.#listeners) listener(positions)
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
