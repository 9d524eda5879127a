/**
 * What of a snapshot is delivered: the tables that are done and, of those in progress, the parts of their heaps. It decides what a later
 * try reads and is stored in the offset, as a text that only this connector reads (see docs/decisions/0014-snapshots-that-resume.md).
 */

/** A place in a heap: a block and the number of the row in it, from 1. */
export interface Tid {
  block: number
  row: number
}

/** Rows after `after`, up to those before the block `end`; null is the end of the heap. */
export interface HeapRange {
  after: Tid
  end: number | null
}

/** A heap that is read for a table: the table's own, or that of a partition or of a table that inherits, which is a table itself. */
export interface HeapOfTable {
  table: number
  heap: number
}

export interface HeapVersion extends HeapOfTable {
  /** Another one after the heap was rewritten: its places mean something else then. */
  fileNode: number
}

/** What is delivered of a heap, from the beginning of the block `from` to `to`, inclusive. */
interface Delivered {
  from: number
  to: Tid
}

interface HeapState {
  fileNode: number
  /** The oldest transaction that was running when the reading of it began: what is written since has this or a later one. */
  since: string
  delivered: Delivered[]
}

interface StoredProgress {
  v: 1
  /** Oids in base 36. */
  done: string
  /** By the oids of the table and of the heap: `16390.16400`. */
  heaps: Record<string, [fileNode: number, since: string, ...ranges: number[]]>
}

/** Past the last block of any heap, which has 32 bits. */
const HEAP_END = 0xffff_fffe

export const HEAP_START: Tid = { block: 0, row: 0 }

/** The ranges that a heap still has to give, and those of which only what was written since has to be read again. */
export interface HeapPlan {
  rest: HeapRange[]
  /** Null where nothing of it is delivered. */
  again: { since: string; ranges: { from: number; to: Tid }[] } | null
}

export class SnapshotProgress {
  readonly #done = new Set<number>()
  readonly #heaps = new Map<string, HeapState>()
  #doneText = ''

  /** Of the text of `stored`; nothing is delivered where there is none, or where it cannot be read. */
  static parse(text: unknown): SnapshotProgress {
    const progress = new SnapshotProgress()
    if (typeof text !== 'string') return progress
    const stored = parsed(text)
    if (!stored) return progress
    for (const oid of stored.done.split(',')) if (oid !== '') progress.finishTable(Number.parseInt(oid, 36))
    for (const [key, [fileNode, since, ...numbers]] of Object.entries(stored.heaps)) {
      const delivered: Delivered[] = []
      for (let index = 0; index + 2 < numbers.length; index += 3)
        delivered.push({ from: numbers[index]!, to: { block: numbers[index + 1]!, row: numbers[index + 2]! } })
      progress.#heaps.set(key, { fileNode, since, delivered })
    }
    return progress
  }

  get isEmpty(): boolean {
    return this.#done.size === 0 && this.#heaps.size === 0
  }

  isDone(tableOid: number): boolean {
    return this.#done.has(tableOid)
  }

  /** What is left of a heap. `since` is that of this try, for a heap of which nothing is delivered. */
  plan(heap: HeapVersion, since: string): HeapPlan {
    const key = keyOf(heap)
    let state = this.#heaps.get(key)
    if (!state || state.fileNode !== heap.fileNode) {
      state = { fileNode: heap.fileNode, since, delivered: [] }
      this.#heaps.set(key, state)
    }
    if (state.delivered.length === 0) {
      state.since = since
      return { rest: [{ after: HEAP_START, end: null }], again: null }
    }
    const ranges = merged(state.delivered)
    return { rest: complement(ranges), again: { since: state.since, ranges } }
  }

  /** All rows of the range up to `to` are delivered. */
  advance(heap: HeapOfTable, range: HeapRange, to: Tid): void {
    const { delivered } = this.#heaps.get(keyOf(heap))!
    const from = range.after
    const current = delivered.find((one) => isBefore(one.to, to) && covers(one, from))
    if (current) current.to = to
    else delivered.push({ from: from.block, to })
  }

  /** The range is delivered to its end, of which the rest of the table's heaps may still be missing. */
  finishRange(heap: HeapOfTable, range: HeapRange): void {
    this.advance(heap, range, { block: range.end ?? HEAP_END, row: 0 })
    const state = this.#heaps.get(keyOf(heap))!
    state.delivered = merged(state.delivered)
  }

  finishTable(tableOid: number): void {
    for (const key of this.#heaps.keys()) if (key.startsWith(`${tableOid}.`)) this.#heaps.delete(key)
    if (this.#done.has(tableOid)) return
    this.#done.add(tableOid)
    this.#doneText += `${this.#doneText === '' ? '' : ','}${tableOid.toString(36)}`
  }

  /** For the offset. */
  toString(): string {
    const heaps: StoredProgress['heaps'] = {}
    for (const [key, { fileNode, since, delivered }] of this.#heaps)
      if (delivered.length > 0) heaps[key] = [fileNode, since, ...merged(delivered).flatMap(({ from, to }) => [from, to.block, to.row])]
    return JSON.stringify({ v: 1, done: this.#doneText, heaps } satisfies StoredProgress)
  }
}

const keyOf = ({ table, heap }: HeapOfTable): string => `${table}.${heap}`

function parsed(text: string): StoredProgress | null {
  try {
    const stored = JSON.parse(text) as StoredProgress
    return stored.v === 1 && typeof stored.done === 'string' && typeof stored.heaps === 'object' ? stored : null
  } catch {
    return null
  }
}

const isBefore = (left: Tid, right: Tid): boolean => left.block < right.block || (left.block === right.block && left.row < right.row)

/** Whether the place lies in what is delivered, or at its end. */
const covers = ({ from, to }: Delivered, place: Tid): boolean => place.block >= from && !isBefore(to, place)

function merged(delivered: readonly Delivered[]): Delivered[] {
  const sorted = delivered.map(({ from, to }) => ({ from, to })).sort((left, right) => left.from - right.from)
  const ranges: Delivered[] = []
  for (const next of sorted) {
    const last = ranges.at(-1)
    if (last && !isBefore(last.to, { block: next.from, row: 0 })) {
      if (isBefore(last.to, next.to)) last.to = next.to
    } else ranges.push(next)
  }
  return ranges
}

function complement(ranges: readonly Delivered[]): HeapRange[] {
  const rest: HeapRange[] = []
  let after = HEAP_START
  for (const { from, to } of ranges) {
    if (isBefore(after, { block: from, row: 0 })) rest.push({ after, end: from })
    after = to
  }
  if (after.block !== HEAP_END) rest.push({ after, end: null })
  return rest
}
