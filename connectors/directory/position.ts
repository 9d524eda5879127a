/**
 * The position in a file: how much of it was read, and which file of its name that was. `{"directory", "fileName"}` to `{"offset",
 * "size", "modified", "head", "finished"}`; the offset counts bytes of text after decompression, or records of Avro and Parquet.
 */
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

export interface FilePosition {
  readonly offset: number
  /** The bytes of the file when it was read. */
  readonly size: number
  /** When it was changed last, in ms. */
  readonly modified: number
  /** The fingerprint of its first bytes; null where a user has set the position. */
  readonly head: string | null
  readonly finished: boolean
  /** Whether what is behind the offset cannot be read: the file is for error.path. */
  readonly failed: boolean
}

export const partitionOf = (directory: string, fileName: string): SourcePartition => ({ directory, fileName })

export const positionOf = (directory: string, fileName: string, { failed, ...others }: FilePosition): Position => ({
  partition: partitionOf(directory, fileName),
  offset: { ...others, ...(failed && { failed }) },
})

/** Parses a stored offset. Throws where it is none of this connector. */
export function parseOffset(offset: SourceOffset): FilePosition {
  const whole = (name: string, value: unknown): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`The value for the '${name}' key in the offset must be a whole number that is not negative`)
    return value
  }
  return {
    offset: whole('offset', offset.offset),
    size: whole('size', offset.size ?? 0),
    modified: whole('modified', offset.modified ?? 0),
    head: typeof offset.head === 'string' ? offset.head : null,
    finished: offset.finished === true,
    failed: offset.failed === true,
  }
}

/** Validates positions that a user sets over REST. */
export function validatePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // An invalid position can be deleted.
    if (offset === null) continue
    if (typeof partition.directory !== 'string' || typeof partition.fileName !== 'string')
      throw new Error("Partition objects should contain the keys 'directory' and 'fileName'")
    parseOffset(offset)
  }
}
