/**
 * Cuts the rows of a poll into batches, without I/O. Rows of one position (the same timestamp, say) stay together, so that a restart
 * after any batch repeats and loses none. Only where they are more than `maxHeld`, they go in parts, with the position before them.
 */
export interface CutRows<R> {
  readonly rows: R[]
  /** The row whose position is stored after this batch; null where that is still the one before. */
  readonly last: R | null
}

export class RowGroups<R> {
  readonly #isSame: (a: R, b: R) => boolean
  readonly #maxHeld: number
  /** Rows of one position, of which more may come. */
  #held: R[] = []

  constructor(isSame: (a: R, b: R) => boolean, maxHeld: number) {
    this.#isSame = isSame
    this.#maxHeld = maxHeld
  }

  /** Takes the next rows. Null where nothing can be sent yet. */
  push(rows: readonly R[], isEnd: boolean): CutRows<R> | null {
    const all = this.#held.length === 0 ? [...rows] : this.#held.concat(rows)
    this.#held = []
    if (all.length === 0) return null
    const last = all[all.length - 1]!
    if (isEnd) return { rows: all, last }
    let begin = all.length - 1
    while (begin > 0 && this.#isSame(all[begin - 1]!, last)) begin--
    const open = all.length - begin
    if (open > this.#maxHeld) return { rows: all, last: begin > 0 ? all[begin - 1]! : null }
    this.#held = all.slice(begin)
    return begin === 0 ? null : { rows: all.slice(0, begin), last: all[begin - 1]! }
  }
}
