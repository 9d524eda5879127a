/**
 * Reuses the memory of fetch responses: a response's memory is free again when its last batch is acknowledged. Without the pool every
 * mirrored byte would become garbage, and collecting it would cost more than mirroring it.
 */

/** Smaller responses are not pooled. */
const MIN_POOLED_BYTES = 64 * 1024

/** Pooled sizes are powers of two plus this much: a response is as long as the fetch's max.bytes, plus its header. */
const HEADER_BYTES = 64 * 1024

interface Frame {
  memory: Buffer
  /** Unacknowledged batches in it, and one more while the response is being read. */
  uses: number
}

export class FramePool {
  readonly #free = new Map<number, Buffer[]>()
  readonly #frames = new WeakMap<ArrayBufferLike, Frame>()
  readonly #maxFreeBytes: number
  #freeBytes = 0

  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes
  }

  /** Returns `sizeBytes` of memory, from the pool if possible. There are few sizes, so that memory is often reused. */
  readonly allocate = (sizeBytes: number): Buffer => {
    if (sizeBytes < MIN_POOLED_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const size = 2 ** Math.ceil(Math.log2(Math.max(MIN_POOLED_BYTES, sizeBytes - HEADER_BYTES))) + HEADER_BYTES
    const reused = this.#free.get(size)?.pop()
    if (reused) this.#freeBytes -= size
    const memory = reused ?? Buffer.allocUnsafeSlow(size)
    const frame = this.#frames.get(memory.buffer)
    if (frame) frame.uses = 0
    else this.#frames.set(memory.buffer, { memory, uses: 0 })
    return memory.subarray(0, sizeBytes)
  }

  /** Adds a use of the memory that `view` is part of. */
  retain(view: Buffer): void {
    const frame = this.#frames.get(view.buffer)
    if (frame) frame.uses++
  }

  /** Removes a use. Memory without uses is reused; memory that is never released is left to the garbage collector. */
  release(view: Buffer): void {
    const frame = this.#frames.get(view.buffer)
    if (!frame || frame.uses === 0 || --frame.uses > 0) return
    const size = frame.memory.length
    if (this.#freeBytes + size > this.#maxFreeBytes) return
    this.#freeBytes += size
    const list = this.#free.get(size)
    if (list) list.push(frame.memory)
    else this.#free.set(size, [frame.memory])
  }
}
