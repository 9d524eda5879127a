/**
 * Reusable buffers for reads from disk, in a few sizes. Bounded: buffers above the limit, and above the largest size, are left to the
 * garbage collector.
 */
const SIZES = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const

/** The most idle bytes in the pool (Invariant 13). */
const MAX_IDLE_BYTES = 16 * 1024 * 1024

export class BufferPool {
  readonly #idle: Buffer[][] = SIZES.map(() => [])
  #idleBytes = 0

  /** A buffer of at least `bytes`, not zeroed. */
  allocate(bytes: number): Buffer {
    const index = SIZES.findIndex((size) => size >= bytes)
    if (index < 0) return Buffer.allocUnsafeSlow(bytes)
    const buffer = this.#idle[index]!.pop()
    if (!buffer) return Buffer.allocUnsafeSlow(SIZES[index]!)
    this.#idleBytes -= buffer.length
    return buffer
  }

  deallocate(buffer: Buffer): void {
    const index = SIZES.indexOf(buffer.length as (typeof SIZES)[number])
    if (index < 0 || this.#idleBytes + buffer.length > MAX_IDLE_BYTES) return
    this.#idle[index]!.push(buffer)
    this.#idleBytes += buffer.length
  }
}
