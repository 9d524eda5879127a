/**
 * The ranges of a file that this process accessed recently and that are therefore likely to be in the page cache. The estimate only decides
 * between a synchronous and an asynchronous read: a wrong one only costs time.
 */
/** The kernel reads this much ahead of a sequential reader. */
const BLOCK_BYTES = 128 * 1024
/** How long an accessed block counts as cached. */
const CACHED_SECONDS = 60
/** Most segments of a broker with many partitions are never accessed. */
const NONE = new Uint32Array(0)

export class PageCacheRanges {
  /** The second of the last access per block; 0 is never. */
  #accessed = NONE

  recordAccess(position: number, bytes: number, nowMs: number): void {
    const last = Math.floor((position + Math.max(bytes, 1) - 1) / BLOCK_BYTES)
    if (last >= this.#accessed.length) {
      const larger = new Uint32Array(Math.max(last + 1, this.#accessed.length * 2, 8))
      larger.set(this.#accessed)
      this.#accessed = larger
    }
    const second = Math.floor(nowMs / 1000) + 1
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) this.#accessed[block] = second
  }

  isLikelyCached(position: number, bytes: number, nowMs: number): boolean {
    const oldest = Math.floor(nowMs / 1000) + 1 - CACHED_SECONDS
    const last = Math.floor((position + Math.max(bytes, 1) - 1) / BLOCK_BYTES)
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) {
      const second = this.#accessed[block] ?? 0
      if (second === 0 || second < oldest) return false
    }
    return true
  }
}
