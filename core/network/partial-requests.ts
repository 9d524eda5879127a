/**
 * Memory of requests that are not complete, over many connections (Invariant 13). Beyond the limit the one that has been incomplete longest
 * is closed: whoever sends a request to its end is done in a moment, and must not wait for those that do not. Pure.
 */
interface Holder {
  close(reason: string): void
}

export class PartialRequests {
  readonly #maxBytes: number
  /** In the order in which the requests began. */
  readonly #held = new Map<Holder, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `bytes` of the request of `holder` are there; 0 for none. */
  hold(holder: Holder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0)
    if (bytes === 0) this.#held.delete(holder)
    else this.#held.set(holder, bytes)
    while (this.#bytes > this.#maxBytes) {
      const [oldest] = this.#held.keys()
      this.hold(oldest!, 0)
      oldest!.close(`requests that are not complete have more than ${this.#maxBytes} bytes; this one has been incomplete longest`)
    }
  }
}
