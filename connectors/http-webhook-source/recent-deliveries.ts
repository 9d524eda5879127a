/** The ids of the deliveries that were answered last, of a bounded number. */
export class RecentDeliveries {
  readonly #ids = new Set<string>()
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    this.#ids.delete(id)
    this.#ids.add(id)
    if (this.#ids.size > this.#size) this.#ids.delete(this.#ids.values().next().value!)
  }
}
