/**
 * The bytes of a file or an object, as the readers take them: from a place to the end, or a range. What is not asked for is not fetched.
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'

const READ_BYTES = 256 * 1024

export interface FileContent {
  readonly sizeBytes: number
  /** The bytes from `start` on, in pieces: few of them are fetched before somebody takes them. Destroying the stream ends it. */
  stream(start: number): Readable
  /** The bytes from `start` up to, not including, `end`, which is not behind the last byte. */
  range(start: number, end: number): Promise<ArrayBuffer>
  close(): Promise<void>
}

/** A file of this machine, of which only what it has now is read. */
export async function openLocalFile(path: string): Promise<FileContent> {
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return {
    sizeBytes: size,
    stream: (start) => createReadStream(path, { start, highWaterMark: READ_BYTES }),
    range: (start, end) => readRange(handle, start, end),
    close: () => handle.close(),
  }
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - start)
  for (let read = 0; read < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, start + read)
    if (bytesRead === 0) throw new Error('it has become shorter while it was read')
    read += bytesRead
  }
  return bytes.buffer
}
