/**
 * The transactions whose changes came last in the stream. The log has a commit before other transactions see it, so that a query may not
 * yet see what was streamed: it has to wait until it does, or it would bring back an old state of a row.
 */

/** How many are known. A transaction is visible long before as many others were committed after it. */
const MAX_TRANSACTIONS = 1024

export class StreamTransactions {
  readonly #ids: number[] = []
  #next = 0
  #last: number | null = null

  /** A change of the transaction came; its id has 32 bits. */
  saw(id: number | null): void {
    if (id === null || id === this.#last) return
    this.#last = id
    this.#ids[this.#next] = id
    this.#next = (this.#next + 1) % MAX_TRANSACTIONS
  }

  /** Whether a snapshot, as Postgres prints it, sees all of them. */
  allVisible(snapshot: string): boolean {
    const [, end, running] = snapshot.split(':')
    const open = new Set((running ?? '').split(',').map(low32))
    const next = low32(end!)
    return this.#ids.every((id) => !open.has(id >>> 0) && isBefore(id, next))
  }
}

const low32 = (id: string): number => (id === '' ? -1 : Number(BigInt(id) & 0xffff_ffffn))

/** Ids go round. */
const isBefore = (id: number, next: number): boolean => ((id - next) | 0) < 0
