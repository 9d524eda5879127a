/**
 * Bytes that do not fit into memory, in one file of the machine's temporary folder. Its name is removed at once, so that nothing stays when
 * the process dies. Its space is used again once nothing in it is needed.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The length of the file of a task, at most (Invariant 13). */
const MAX_BYTES = 16 * 1024 ** 3

export interface Extent {
  readonly at: number
  readonly length: number
}

export class SpillFile {
  #opening: Promise<FileHandle> | null = null
  #end = 0
  #live = 0

  get liveBytes(): number {
    return this.#live
  }

  /** Throws where the disk is full, or the file is as long as it may be. */
  async write(parts: readonly Buffer[]): Promise<Extent> {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    this.#opening ??= opened()
    if (this.#live === 0 && this.#end > 0) {
      this.#end = 0
      // All that write from now on wait for it: it would cut off what they have written.
      this.#opening = this.#opening.then(truncated)
    }
    const opening = this.#opening
    if (this.#end + length > MAX_BYTES)
      throw new Error(
        `The open objects of this task hold more than ${MAX_BYTES} bytes that are too small to be uploaded. Let them end sooner: lower flush.size, ` +
          'or choose a partitioner with fewer folders.',
      )
    const at = this.#end
    // Reserved before it is written: several objects may spill at once.
    this.#end += length
    this.#live += length
    const handle = await opening
    let position = at
    for (const part of parts) {
      for (let from = 0; from < part.length; ) from += (await handle.write(part, from, part.length - from, position + from)).bytesWritten
      position += part.length
    }
    return { at, length }
  }

  async read({ at, length }: Extent): Promise<Buffer> {
    const handle = await this.#opening!
    const bytes = Buffer.allocUnsafe(length)
    for (let from = 0; from < length; ) {
      const { bytesRead } = await handle.read(bytes, from, length - from, at + from)
      if (bytesRead === 0) throw new Error('the file of spilled bytes is shorter than what was written to it')
      from += bytesRead
    }
    return bytes
  }

  release({ length }: Extent): void {
    this.#live -= length
  }

  async close(): Promise<void> {
    const opening = this.#opening
    this.#opening = null
    await (await opening)?.close()
  }
}

async function truncated(handle: FileHandle): Promise<FileHandle> {
  await handle.truncate(0)
  return handle
}

async function opened(): Promise<FileHandle> {
  const path = join(tmpdir(), `tributary-s3-sink-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  await unlink(path)
  return handle
}
