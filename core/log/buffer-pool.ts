/**
 * Buffers for reads from disk, in a few sizes, used again once their bytes have left. Bounded: what comes back above the bound is left to the
 * garbage collector, and so are reads larger than the largest size.
 */
const SIZES = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const

/** Bytes that lie idle in the pool at most (Invariant 13). */
const MAX_IDLE_BYTES = 16 * 1024 * 1024

export class BufferPool {
  readonly #idle: Buffer[][] = SIZES.map(() => [])
  #idleBytes = 0

  /** At least `bytes` long, with whatever was in it before. */
  allocate(bytes: number): Buffer {
    const index = SIZES.findIndex((size) => size >= bytes)
    if (index < 0) return Buffer.allocUnsafeSlow(bytes)
    const found = this.#idle[index]!.pop()
    if (!found) return Buffer.allocUnsafeSlow(SIZES[index]!)
    this.#idleBytes -= found.length
    return found
  }

  deallocate(buffer: Buffer): void {
    const index = SIZES.indexOf(buffer.length as (typeof SIZES)[number])
    if (index < 0 || this.#idleBytes + buffer.length > MAX_IDLE_BYTES) return
    this.#idle[index]!.push(buffer)
    this.#idleBytes += buffer.length
  }
}
