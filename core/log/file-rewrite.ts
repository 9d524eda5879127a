/**
 * Writes the bytes of a log file again where they are. After a failed fsync Linux marks the pages clean, so that a later fsync succeeds and
 * writes nothing: only pages that are written again become durable. Invariant 1.
 */
import type { Disk, DiskFile } from '../system/disk.ts'

/** Bytes per write (Invariant 13). */
const CHUNK_BYTES = 1024 * 1024

/** Durable only after a sync of `file`. */
export async function rewriteFile(disk: Disk, file: DiskFile, from: number, end: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, end - from)))
  for (let position = from; position < end; ) {
    const length = await disk.read(file, buffer, 0, Math.min(buffer.length, end - position), position)
    if (length === 0) throw new Error(`the file ends at ${position}, expected ${end}`)
    position += await disk.writev(file, [buffer.subarray(0, length)], position)
  }
}
