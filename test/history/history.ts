/**
 * A history: what clients asked of a cluster, what they were answered and when. A key is a partition (`topic-0`), and every value is
 * written once per key, so that a read names its write. Times are microseconds of the monotonic clock, which all processes of a machine
 * share.
 */
export type Isolation = 'read_committed' | 'read_uncommitted'

export const isolations: readonly Isolation[] = ['read_committed', 'read_uncommitted']

/** `ok`: it happened; `fail`: it did not and never will; `info`: unknown. */
export type Ending = 'ok' | 'fail' | 'info'

export interface PlacedRecord {
  readonly key: string
  readonly offset: number
  readonly value: string
}

export interface SendStep {
  readonly kind: 'send'
  readonly key: string
  readonly value: string
  /** Null where no acknowledgement told it. */
  readonly offset: number | null
  /** The record of which this one is a copy. */
  readonly source?: { readonly group: string; readonly key: string; readonly offset: number }
}

export interface PollStep {
  readonly kind: 'poll'
  /** When the records were handed to the client. */
  readonly at: number
  readonly isolation: Isolation
  /** In the order in which the client received them. */
  readonly records: readonly PlacedRecord[]
}

/** The client's positions start anew: at a rebalance, a seek, or a new consumer of the same process. */
export interface AssignStep {
  readonly kind: 'assign'
  readonly keys: readonly string[] | 'all'
}

/** A group's position is committed; in a transaction, with it. */
export interface CommitStep {
  readonly kind: 'commit'
  readonly group: string
  readonly key: string
  readonly offset: number
}

/** A group's position is asked for, and the answer; -1 without one. */
export interface CommittedStep {
  readonly kind: 'committed'
  readonly group: string
  readonly key: string
  readonly offset: number
}

export type Step = SendStep | PollStep | AssignStep | CommitStep | CommittedStep

export interface Operation {
  /** Does one operation at a time. */
  readonly process: string
  readonly transactional: boolean
  readonly started: number
  /** Of a transaction: when its commit was requested; null if it never was. */
  readonly decided: number | null
  readonly ended: number
  readonly ending: Ending
  readonly steps: readonly Step[]
}

/** A partition as the broker describes it at the end. */
export interface PartitionEnd {
  readonly key: string
  readonly endOffset: number
  readonly lastStableOffset: number
}

export interface History {
  readonly operations: readonly Operation[]
  /** True if consumers of every isolation level in it have read everything up to `ends`, after the last write. */
  readonly isComplete: boolean
  readonly ends: readonly PartitionEnd[]
  /** Transactional ids that are still ongoing, or being decided, when every timeout has passed. */
  readonly openTransactions: readonly string[]
  /** Clients that were not done when the time was over. */
  readonly unfinished: readonly string[]
  /** Groups that copy each record of `keys` in a transaction with its position. */
  readonly copiers: readonly { readonly group: string; readonly keys: readonly string[] }[]
}

/** The clock of all operations: CLOCK_MONOTONIC, which is also Java's System.nanoTime. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n)

/** An operation while it happens. */
export class OpenOperation {
  readonly steps: Step[] = []
  readonly #process: string
  readonly #transactional: boolean
  readonly #into: Operation[]
  readonly #started = now()
  #decided: number | null = null

  constructor(process: string, transactional: boolean, into: Operation[]) {
    this.#process = process
    this.#transactional = transactional
    this.#into = into
  }

  send(record: Omit<SendStep, 'kind'>): void {
    this.steps.push({ kind: 'send', ...record })
  }

  /** The offsets of the last sends, once they are acknowledged. */
  acknowledge(offsetOf: (send: SendStep) => number | null): void {
    for (const [i, step] of this.steps.entries())
      if (step.kind === 'send' && step.offset === null) this.steps[i] = { ...step, offset: offsetOf(step) }
  }

  poll(isolation: Isolation, records: readonly PlacedRecord[]): void {
    if (records.length > 0) this.steps.push({ kind: 'poll', at: now(), isolation, records })
  }

  assign(keys: readonly string[] | 'all'): void {
    this.steps.push({ kind: 'assign', keys })
  }

  commit(group: string, key: string, offset: number): void {
    this.steps.push({ kind: 'commit', group, key, offset })
  }

  committed(group: string, key: string, offset: number): void {
    this.steps.push({ kind: 'committed', group, key, offset })
  }

  /** The commit of the transaction is requested next. */
  decide(): void {
    this.#decided = now()
  }

  get isDecided(): boolean {
    return this.#decided !== null
  }

  end(ending: Ending): void {
    this.#into.push({
      process: this.#process,
      transactional: this.#transactional,
      started: this.#started,
      decided: this.#decided,
      ended: now(),
      ending,
      steps: this.steps,
    })
  }
}
