/**
 * The segments of a partition in offset order; the last one is active and always exists. Creates the segment of a roll, puts a cleaned
 * segment in place of others, renames the files of deleted segments to `.deleted` and unlinks them later.
 */
import type { LogContext } from './log-context.ts'
import { offsetFileName, Segment, SWAP, suffixes } from './segment.ts'
import type { AbortedTransaction } from './types.ts'

const DELETED = '.deleted'

export class Segments {
  readonly #context: LogContext
  readonly folder: string
  #list: Segment[]

  constructor(context: LogContext, folder: string, list: Segment[]) {
    this.#context = context
    this.folder = folder
    this.#list = list
    let position = 0
    for (const segment of list) {
      segment.startPosition = position
      position += segment.sizeBytes
    }
  }

  get all(): readonly Segment[] {
    return this.#list
  }

  get active(): Segment {
    return this.#list[this.#list.length - 1]!
  }

  get first(): Segment {
    return this.#list[0]!
  }

  get sizeBytes(): number {
    return this.active.startPosition + this.active.sizeBytes - this.first.startPosition
  }

  /** The segment that contains `offset`; the first one for offsets before it. */
  floorSegment(offset: number): Segment {
    const list = this.#list
    const last = list[list.length - 1]!
    if (offset >= last.baseOffset) return last
    let low = 0
    let high = list.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (list[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return list[low]!
  }

  /** The next segment. `segment` may be deleted: a cleaning may have put a larger one in its place. */
  higherSegment(segment: Segment): Segment | undefined {
    return this.#list.find(({ baseOffset }) => baseOffset > segment.baseOffset)
  }

  startingWith(segment: Segment): Segment[] {
    return this.#list.slice(Math.max(0, this.#list.indexOf(segment)))
  }

  /** The aborted transactions with records from `from` to `to`. */
  abortedTransactions(from: number, to: number): AbortedTransaction[] {
    const transactions: AbortedTransaction[] = []
    for (const segment of this.startingWith(this.floorSegment(from))) {
      for (const { producerId, firstOffset, lastOffset, lastStableOffset } of segment.abortedTransactions()) {
        if (lastOffset >= from && firstOffset < to) transactions.push({ producerId, firstOffset })
        // The later ones begin after it.
        if (lastStableOffset >= to) return transactions
      }
    }
    return transactions
  }

  /** Creates a new active segment. */
  add(baseOffset: number): Segment {
    const { active } = this
    const segment = new Segment(this.#context.files, this.folder, baseOffset, this.#context.clock.now())
    segment.isNew = true
    segment.startPosition = active.startPosition + active.sizeBytes
    segment.log.use('fresh')
    this.#list.push(segment)
    return segment
  }

  /** True where the segments with these base offsets are next to each other, and the active one is not among them. */
  isReplaceable(baseOffsets: readonly number[]): boolean {
    const first = this.#list.findIndex(({ baseOffset }) => baseOffset === baseOffsets[0])
    if (first < 0 || first + baseOffsets.length >= this.#list.length) return false
    return baseOffsets.every((baseOffset, index) => this.#list[first + index]!.baseOffset === baseOffset)
  }

  /**
   * Puts the cleaned segment, whose complete files end with `.swap`, in place of those with `baseOffsets`. Readers see it at once. Until
   * the names are durable a start after a power loss finds either the old files or the `.swap` files, and never both under their final
   * names.
   */
  async replace(baseOffsets: readonly number[], sizeBytes: number, delayMs: number): Promise<void> {
    const { disk, files, clock } = this.#context
    const first = this.#list.findIndex(({ baseOffset }) => baseOffset === baseOffsets[0])
    const cleaned = new Segment(files, this.folder, baseOffsets[0]!, clock.now(), SWAP)
    cleaned.loadRolled(sizeBytes)
    const replaced = this.#list.slice(first, first + baseOffsets.length)
    this.#list = [...this.#list.slice(0, first), cleaned, ...this.#list.slice(first + replaced.length)]
    // The positions of later segments stay: appends and the high watermark use them.
    for (let index = first; index >= 0; index--)
      this.#list[index]!.startPosition = this.#list[index + 1]!.startPosition - this.#list[index]!.sizeBytes
    // The producer snapshot of the first one is that of the cleaned segment.
    for (const [index, segment] of replaced.entries()) this.#deleteFiles(segment, delayMs, index > 0)
    await disk.syncFolder(this.folder)
    cleaned.rename('')
    await disk.syncFolder(this.folder)
  }

  /** Deletes the oldest `count` segments: renames their files at once, unlinks them after `delayMs`. Never the active one. */
  deleteOldest(count: number, delayMs: number): void {
    const deleted = this.#list.slice(0, Math.min(count, this.#list.length - 1))
    this.#list = this.#list.slice(deleted.length)
    for (const segment of deleted) this.#deleteFiles(segment, delayMs, true)
  }

  #deleteFiles(segment: Segment, delayMs: number, withSnapshot: boolean): void {
    const { disk, clock, logger } = this.#context
    segment.isDeleted = true
    const renamed: string[] = []
    for (const suffix of Object.values(suffixes)) {
      if (suffix === suffixes.snapshot && !withSnapshot) continue
      const path = `${this.folder}/${offsetFileName(segment.baseOffset, suffix)}`
      if (!disk.exists(path)) continue
      disk.rename(path, path + DELETED)
      renamed.push(path + DELETED)
    }
    segment.log.retire()
    // Linux takes milliseconds of the processor to free the pages of a large file: not in the event loop.
    clock.after(delayMs, () => {
      Promise.all(renamed.map((path) => disk.remove(path))).catch((err: unknown) =>
        logger.warn(
          { err, folder: this.folder, baseOffset: segment.baseOffset },
          'the files of a deleted segment could not be unlinked; the next start retries',
        ),
      )
    })
  }
}
