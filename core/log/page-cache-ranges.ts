/**
 * Which parts of a file this process touched a short while ago, and which the page cache therefore answers without the device. A guess that decides
 * between a synchronous and an asynchronous read, nothing else: a wrong one costs time, never bytes.
 */
/** The kernel reads this much ahead of a sequential reader. */
const BLOCK_BYTES = 128 * 1024
/** How long a touched block counts as cached. */
const WARM_SECONDS = 60

export class WarmRanges {
  /** Seconds of the last touch, per block; 0 is never. */
  #touched = new Uint32Array(0)

  touch(position: number, bytes: number, nowMs: number): void {
    const last = Math.floor((position + Math.max(bytes, 1) - 1) / BLOCK_BYTES)
    if (last >= this.#touched.length) {
      const grown = new Uint32Array(Math.max(last + 1, this.#touched.length * 2, 8))
      grown.set(this.#touched)
      this.#touched = grown
    }
    const second = Math.floor(nowMs / 1000) + 1
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) this.#touched[block] = second
  }

  isWarm(position: number, bytes: number, nowMs: number): boolean {
    const oldest = Math.floor(nowMs / 1000) + 1 - WARM_SECONDS
    const last = Math.floor((position + Math.max(bytes, 1) - 1) / BLOCK_BYTES)
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) {
      const second = this.#touched[block] ?? 0
      if (second === 0 || second < oldest) return false
    }
    return true
  }
}
