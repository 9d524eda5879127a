/**
 * Memory for the source's answers, used again: a frame goes back when the last batch in it has been acknowledged. Without it every byte that
 * is mirrored would be garbage of its own, and collecting it would cost more than moving it.
 */

/** Smaller answers are not worth keeping. */
const LEAST_BYTES = 64 * 1024

/** Sizes are powers of two and this much more: an answer is as long as was asked for, and its head. */
const SLACK_BYTES = 64 * 1024

interface Frame {
  memory: Buffer
  /** Batches in it that are not done, and one for the answer while it is looked at. */
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

  /** `sizeBytes` of memory, from the pool where it has some: in a few sizes, so that they meet again. */
  readonly allocate = (sizeBytes: number): Buffer => {
    if (sizeBytes < LEAST_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const size = 2 ** Math.ceil(Math.log2(Math.max(LEAST_BYTES, sizeBytes - SLACK_BYTES))) + SLACK_BYTES
    const found = this.#free.get(size)?.pop()
    if (found) this.#freeBytes -= size
    const memory = found ?? Buffer.allocUnsafeSlow(size)
    const frame = this.#frames.get(memory.buffer)
    if (frame) frame.uses = 0
    else this.#frames.set(memory.buffer, { memory, uses: 0 })
    return memory.subarray(0, sizeBytes)
  }

  /** One use more of the memory that `view` lies in. */
  retain(view: Buffer): void {
    const frame = this.#frames.get(view.buffer)
    if (frame) frame.uses++
  }

  /** One use less; at none the memory may be given out again. A frame that is never released is left to the garbage collector. */
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
