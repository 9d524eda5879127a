/**
 * What a history says about the log of each key: who wrote a value, at which offsets it was seen, who read it, and the order of the values
 * that a consumer of an isolation level passes. Offsets may have holes (markers, aborted records), so orders are compared by index.
 */
import { type History, type Isolation, isolations, type Operation, type PlacedRecord, type SendStep } from './history.ts'

export interface Write {
  readonly operation: Operation
  readonly step: SendStep
}

export interface Read extends PlacedRecord {
  readonly operation: Operation
  readonly isolation: Isolation
  readonly at: number
}

export class KeyLog {
  readonly key: string
  readonly writes = new Map<string, Write>()
  readonly reads: Read[] = []
  readonly #read: Record<Isolation, Map<string, number>> = { read_committed: new Map(), read_uncommitted: new Map() }
  readonly #orders = new Map<Isolation, ReadonlyMap<string, number>>()

  constructor(key: string) {
    this.key = key
  }

  addRead(read: Read): void {
    this.reads.push(read)
    if (!this.#read[read.isolation].has(read.value)) this.#read[read.isolation].set(read.value, read.offset)
  }

  wasRead(value: string, isolation: Isolation): boolean {
    return this.#read[isolation].has(value)
  }

  /** Where the value lies, by its acknowledgement or by a read. */
  offsetOf(value: string): number | null {
    return this.writes.get(value)?.step.offset ?? this.#read.read_committed.get(value) ?? this.#read.read_uncommitted.get(value) ?? null
  }

  /** The highest offset that anyone read; -1 without a read. */
  highest(isolation: Isolation): number {
    let highest = -1
    for (const offset of this.#read[isolation].values()) if (offset > highest) highest = offset
    return highest
  }

  /** The highest offset that anyone read, or that was acknowledged to an operation that happened; -1 without one. */
  lastOffset(): number {
    let last = Math.max(this.highest('read_committed'), this.highest('read_uncommitted'))
    for (const { operation, step } of this.writes.values())
      if (operation.ending === 'ok' && step.offset !== null && step.offset > last) last = step.offset
    return last
  }

  /**
   * The index of each value that a consumer must pass: those that someone read at this isolation level, and those of operations that
   * happened.
   */
  order(isolation: Isolation): ReadonlyMap<string, number> {
    const known = this.#orders.get(isolation)
    if (known) return known
    const offsets = new Map(this.#read[isolation])
    for (const [value, { operation, step }] of this.writes)
      if (operation.ending === 'ok' && step.offset !== null && !offsets.has(value)) offsets.set(value, step.offset)
    const sorted = [...offsets].sort(([, a], [, b]) => a - b)
    const order = new Map<string, number>()
    let index = -1
    let previous = -1
    // Two values at one offset share an index: that is an anomaly of its own.
    for (const [value, offset] of sorted) {
      if (offset !== previous) index++
      previous = offset
      order.set(value, index)
    }
    this.#orders.set(isolation, order)
    return order
  }
}

export class KeyLogs {
  readonly #logs = new Map<string, KeyLog>()
  readonly #committed = new Set<Operation>()

  constructor(history: History) {
    for (const operation of history.operations)
      for (const step of operation.steps) {
        if (step.kind === 'send') this.#of(step.key).writes.set(step.value, { operation, step })
        else if (step.kind === 'poll')
          for (const record of step.records) this.#of(record.key).addRead({ ...record, operation, isolation: step.isolation, at: step.at })
      }
    for (const operation of history.operations) if (this.#isCommitted(operation)) this.#committed.add(operation)
  }

  all(): Iterable<KeyLog> {
    return this.#logs.values()
  }

  get(key: string): KeyLog | undefined {
    return this.#logs.get(key)
  }

  /** True if the operation happened: it says so, or a committed read of one of its writes proves it. */
  happened(operation: Operation): boolean {
    return this.#committed.has(operation)
  }

  /** The isolation levels at which anyone read. */
  isolations(): Isolation[] {
    return isolations.filter((isolation) => [...this.#logs.values()].some((log) => log.highest(isolation) >= 0))
  }

  #of(key: string): KeyLog {
    let log = this.#logs.get(key)
    if (!log) this.#logs.set(key, (log = new KeyLog(key)))
    return log
  }

  #isCommitted({ ending, transactional, steps }: Operation): boolean {
    if (ending !== 'info') return ending === 'ok'
    return transactional && steps.some((step) => step.kind === 'send' && this.get(step.key)!.wasRead(step.value, 'read_committed'))
  }
}
