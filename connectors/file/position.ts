/**
 * Where the file connectors stand. The source's position is Kafka's own (`{"filename"}` → `{"position"}`), with one key more that Kafka
 * does not read: a fingerprint of the file's first bytes, by which another file under the same name is known. The sink's position is a
 * small file beside the data: how long the data is, and up to which offsets it holds the records.
 */
import { type FileHandle, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

/** Enough to tell two logs apart that begin with the same banner or CSV header. */
const HEAD_BYTES = 1024

export const sourcePartition = (file: string): SourcePartition => ({ filename: file })

/** `length:crc` of a file's first bytes, at most up to a position. */
export async function headOf(handle: FileHandle, position: number): Promise<string> {
  const bytes = Buffer.allocUnsafe(Math.min(position, HEAD_BYTES))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
  return `${bytesRead}:${crc32(bytes.subarray(0, bytesRead)).toString(16)}`
}

/** Whether a fingerprint covers as much as it ever will. */
export const isWholeHead = (head: string): boolean => head.startsWith(`${HEAD_BYTES}:`)

/** Whether a file still begins as it did when the fingerprint was taken. */
export async function beginsAs(handle: FileHandle, head: string): Promise<boolean> {
  return (await headOf(handle, Number(head.slice(0, head.indexOf(':'))))) === head
}

export interface FilePosition {
  position: number
  /** Null where the position was written by Kafka's own connector or over REST. */
  head: string | null
}

/** Reads a stored offset; throws with what is wrong with it. */
export function sourceStand(offset: SourceOffset): FilePosition {
  const { position, head } = offset
  if (position === undefined || position === null) throw new Error("Offset objects should either be null or contain the key 'position'")
  if (typeof position !== 'number' || !Number.isSafeInteger(position))
    throw new Error("The value for the 'position' key in the offset is expected to be a Long value")
  if (position < 0) throw new Error("The value for the 'position' key in the offset should be a non-negative value")
  return { position, head: typeof head === 'string' ? head : null }
}

export const sourcePosition = (file: string, position: number, head: string): Position => ({
  partition: sourcePartition(file),
  offset: { position, head },
})

/** What REST may write as positions of a file source. */
export function checkSourcePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // anything may be removed: whoever cleans up must not be stopped by what is to be cleaned up
    if (offset === null) continue
    sourceStand(offset)
    if (typeof partition.filename !== 'string') throw new Error("Partition objects should contain the key 'filename'")
  }
}

/** What the sink's file holds of one partition. */
export interface Held {
  /** The offset after the last record in the file. */
  next: number
  /** The latest timestamp among its records, -1 where they have none. */
  latestMs: number
}

export interface SinkProgress {
  /** The data file's length when all of this was in it. */
  length: number
  held: Map<string, Held>
}

export const sinkPositionPath = (file: string): string => `${file}.position`
export const heldKey = (topic: string, partition: number): string => `${topic}-${partition}`

/** Null where there is none yet. */
export async function readSinkStand(file: string): Promise<SinkProgress | null> {
  const path = sinkPositionPath(file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    const { length, held } = JSON.parse(text) as { length: number; held: Record<string, Held> }
    if (!Number.isSafeInteger(length)) throw new Error('it has no length')
    return { length, held: new Map(Object.entries(held)) }
  } catch (error) {
    throw new Error(
      `${path} is not a sink's position: ${(error as Error).message}. Remove it to go on without it; records may then be written twice.`,
      { cause: error },
    )
  }
}

/** Who writes a file, so that a task that was replaced without its knowledge can tell (Invariant 9). A crash of the machine ends all of them. */
const writerPath = (file: string): string => `${file}.writer`

export async function claim(file: string, writer: string): Promise<void> {
  const draft = `${writerPath(file)}.${writer}`
  await writeFile(draft, writer)
  await rename(draft, writerPath(file))
  await removeDrafts(file)
}

/** What writers leave that are killed between writing and renaming: a file beside ours whose name ends in their id. */
async function removeDrafts(file: string): Promise<void> {
  const begins = [sinkPositionPath(file), writerPath(file)].map((path) => `${basename(path)}.`)
  const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
  for (const name of await readdir(dirname(file)))
    if (begins.some((begin) => name.startsWith(begin) && isId(name.slice(begin.length))))
      await rm(join(dirname(file), name), { force: true })
}

/** Whether another task has claimed the file since. */
export async function isTaken(file: string, writer: string): Promise<boolean> {
  try {
    return (await readFile(writerPath(file), 'utf8')) !== writer
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Invariant 8: write, fsync, rename, fsync of the folder. `mayReplace` is asked last, and throws where the stand must stay as it is. */
export async function writeSinkStand(file: string, stand: SinkProgress, writer: string, mayReplace: () => Promise<void>): Promise<void> {
  const path = sinkPositionPath(file)
  const draft = `${path}.${writer}`
  const handle = await open(draft, 'w')
  try {
    await handle.writeFile(`${JSON.stringify({ length: stand.length, held: Object.fromEntries(stand.held) })}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await mayReplace()
  } catch (error) {
    await rm(draft)
    throw error
  }
  await rename(draft, path)
  await syncFolder(path)
}

/** Makes a file's name as durable as its content. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
