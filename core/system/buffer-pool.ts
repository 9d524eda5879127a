/**
 * Reusable buffers in a few sizes. Bounded: buffers above the limit, and above the largest size, are left to the garbage collector.
 */
const SIZES = [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const

export class BufferPool {
  readonly #idle: Buffer[][] = SIZES.map(() => [])
  readonly #maxIdleBytes: number
  #idleBytes = 0

  /** It keeps at most so many idle bytes (Invariant 13). */
  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes
  }

  /** A buffer of at least `bytes`, not zeroed. */
  allocate(bytes: number): Buffer {
    const index = SIZES.findIndex((size) => size >= bytes)
    if (index < 0) return Buffer.allocUnsafeSlow(bytes)
    const buffer = this.#idle[index]!.pop()
    if (!buffer) return Buffer.allocUnsafeSlow(SIZES[index]!)
    this.#idleBytes -= buffer.length
    return buffer
  }

  /** Nobody may use the buffer afterwards. */
  deallocate(buffer: Buffer): void {
    const index = SIZES.indexOf(buffer.length as (typeof SIZES)[number])
    if (index < 0 || this.#idleBytes + buffer.length > this.#maxIdleBytes) return
    this.#idle[index]!.push(buffer)
    this.#idleBytes += buffer.length
  }
}
