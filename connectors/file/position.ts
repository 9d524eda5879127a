/**
 * The positions of the file connectors. The source's is Kafka's (`{"filename"}` → `{"position"}`) with one key that Kafka ignores: a
 * fingerprint of the file's first bytes, which identifies another file of the same name. The sink's is a small file beside the data: the
 * length of the data, and the offsets up to which it has the records.
 */
import { type FileHandle, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

/** Enough to distinguish two files that begin with the same banner or CSV header. */
const HEAD_BYTES = 1024

export const sourcePartition = (file: string): SourcePartition => ({ filename: file })

/** The fingerprint of a file: `length:crc` of its first bytes, at most up to a position. */
export async function headOf(handle: FileHandle, position: number): Promise<string> {
  const bytes = Buffer.allocUnsafe(Math.min(position, HEAD_BYTES))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
  return `${bytesRead}:${crc32(bytes.subarray(0, bytesRead)).toString(16)}`
}

/** Whether a fingerprint covers all the bytes that it can. */
export const isCompleteHead = (head: string): boolean => head.startsWith(`${HEAD_BYTES}:`)

/** Whether a file still begins with the bytes of a fingerprint. */
export async function beginsAs(handle: FileHandle, head: string): Promise<boolean> {
  return (await headOf(handle, Number(head.slice(0, head.indexOf(':'))))) === head
}

export interface SourceFilePosition {
  position: number
  /** Null where the position was written by Kafka's own connector or over REST. */
  head: string | null
}

/** Parses a stored offset. Throws Kafka's error where it is invalid. */
export function parseSourceOffset(offset: SourceOffset): SourceFilePosition {
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

/** Validates positions that a user sets over REST. */
export function validateSourcePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // An invalid position can be deleted.
    if (offset === null) continue
    parseSourceOffset(offset)
    if (typeof partition.filename !== 'string') throw new Error("Partition objects should contain the key 'filename'")
  }
}

/** The records of one partition in the sink's file. */
export interface WrittenPartition {
  /** The offset after the last record in the file. */
  next: number
  /** The latest timestamp of these records; -1 where they have none. */
  latestMs: number
}

export interface SinkProgress {
  /** The length of the data file with all these records. */
  length: number
  written: Map<string, WrittenPartition>
  /** The last dead letters that were replayed into it. */
  letters: readonly string[]
}

const sinkPositionPath = (file: string): string => `${file}.position`

/** Null where the file has none. */
export async function readSinkProgress(file: string): Promise<SinkProgress | null> {
  const path = sinkPositionPath(file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    // `held` is the name in the file.
    const { length, held, letters } = JSON.parse(text) as { length: number; held: Record<string, WrittenPartition>; letters?: string[] }
    if (!Number.isSafeInteger(length)) throw new Error('it has no length')
    return { length, written: new Map(Object.entries(held)), letters: letters ?? [] }
  } catch (error) {
    throw new Error(
      `${path} is not the position of a file sink: ${(error as Error).message}. Remove it to continue without it; records may then be written twice.`,
      { cause: error },
    )
  }
}

/** Has the id of the task that writes the file, so that a former task notices that it is fenced (Invariant 9). */
const writerPath = (file: string): string => `${file}.writer`

/** Fences all tasks that have written the file before. */
export async function becomeWriter(file: string, writer: string): Promise<void> {
  const draft = `${writerPath(file)}.${writer}`
  await writeFile(draft, writer)
  await rename(draft, writerPath(file))
  await removeDrafts(file)
}

/** Removes the files of writers that were killed before they could rename them: their names end in the writer's id. */
async function removeDrafts(file: string): Promise<void> {
  const prefixes = [sinkPositionPath(file), writerPath(file)].map((path) => `${basename(path)}.`)
  const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
  for (const name of await readdir(dirname(file)))
    if (prefixes.some((prefix) => name.startsWith(prefix) && isId(name.slice(prefix.length))))
      await rm(join(dirname(file), name), { force: true })
}

/** Whether another task has become the writer. */
export async function isFenced(file: string, writer: string): Promise<boolean> {
  try {
    return (await readFile(writerPath(file), 'utf8')) !== writer
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Invariant 8: write, fsync, rename, fsync of the folder. `beforeRename` throws where the old position must stay. */
export async function writeSinkProgress(
  file: string,
  progress: SinkProgress,
  writer: string,
  beforeRename: () => Promise<void>,
): Promise<void> {
  const path = sinkPositionPath(file)
  const draft = `${path}.${writer}`
  const handle = await open(draft, 'w')
  try {
    const { length, written, letters } = progress
    const held = Object.fromEntries(written)
    await handle.writeFile(`${JSON.stringify({ length, held, ...(letters.length > 0 ? { letters } : {}) })}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    await beforeRename()
  } catch (error) {
    await rm(draft)
    throw error
  }
  await rename(draft, path)
  await syncFolder(path)
}

/** Makes the names in a file's folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
