/**
 * The last failures of each connector and task, with their traces. They are records of the offset topic, which a standalone worker has on
 * disk too, under a name that no connector can have; Kafka Connect's workers read over them. Each key is used again in turn, so that the
 * history is bounded.
 */
import type { OffsetBackingStore } from './offset-backing-store.ts'

/** Kept of each connector and task (Invariant 13). */
const MAX_FAILURES = 20
/** The rest of a longer trace is left out. */
const MAX_TRACE_CHARACTERS = 8_000

/** Control characters are not allowed in the names of connectors. */
const OWNER = '\u0000failures'

export interface Failure {
  /** Ms since the epoch. */
  time: number
  /** -1 for the connector itself. */
  task: number
  workerId: string
  trace: string
  /** What the worker does about it: `restart`, or why it does nothing. */
  action: string
  /** When it restarts; null where it does not. */
  restartTime: number | null
}

export class FailureHistory {
  readonly #records: OffsetBackingStore
  /** How many failures this worker has added to each key range, after the newest that it has read. */
  readonly #next = new Map<string, number>()

  constructor(records: OffsetBackingStore) {
    this.#records = records
  }

  async add(connector: string, { time, task, workerId, trace, action, restartTime }: Failure): Promise<void> {
    const number = this.#nextNumber(connector, task)
    await this.#records.put(OWNER, [
      {
        partition: { connector, task, place: number % MAX_FAILURES },
        offset: { number, time, workerId, trace: trace.slice(0, MAX_TRACE_CHARACTERS), action, restartTime },
      },
    ])
  }

  #nextNumber(connector: string, task: number): number {
    const key = `${task} ${connector}`
    const stored = this.#of(connector).filter(({ partition }) => partition.task === task)
    const next = Math.max(this.#next.get(key) ?? 0, ...stored.map(({ offset }) => Number(offset.number) + 1))
    this.#next.set(key, next + 1)
    return next
  }

  #of = (connector: string) => this.#records.all(OWNER).filter(({ partition }) => partition.connector === connector)

  /** The newest first. */
  async of(connector: string): Promise<Failure[]> {
    await this.#records.refresh()
    return this.#of(connector)
      .map(({ partition, offset }) => ({
        time: Number(offset.time),
        task: Number(partition.task),
        workerId: String(offset.workerId),
        trace: String(offset.trace),
        action: String(offset.action),
        restartTime: offset.restartTime === null || offset.restartTime === undefined ? null : Number(offset.restartTime),
      }))
      .sort((a, b) => b.time - a.time)
  }

  /** A connector that is created under this name later has a history of its own. */
  async remove(connector: string): Promise<void> {
    for (const key of [...this.#next.keys()]) if (key.endsWith(` ${connector}`)) this.#next.delete(key)
    await this.#records.put(
      OWNER,
      this.#of(connector).map(({ partition }) => ({ partition, offset: null })),
    )
  }
}
