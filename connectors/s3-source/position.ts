/**
 * The position in an object: how much of it was read, and which content of its key that was. With listing=full there is one for each
 * object; with listing=incremental one for each shard, which has the last key that was read, and the position in the object that is read.
 */
import type { Position, SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

export interface ObjectPosition {
  /** Bytes of text after decompression, or records, as the reader of the format counts. */
  readonly offset: number
  /** How many records were read, which keys and headers in other files go by. */
  readonly records: number
  /** The object's entity tag; null where a user has set the position. */
  readonly etag: string | null
  readonly finished: boolean
  /** Whether what is behind the offset cannot be read. */
  readonly failed: boolean
}

export interface ShardPosition {
  /** All objects of the shard up to this key were read. */
  readonly after: string
  /** The object behind it that is read; null for none. */
  readonly object: { readonly key: string; readonly position: ObjectPosition } | null
}

export const objectPartition = (bucket: string, key: string): SourcePartition => ({ bucket, key })

export const shardPartition = (bucket: string, prefix: string, shard: number): SourcePartition => ({ bucket, prefix, shard })

const offsetOf = ({ failed, ...others }: ObjectPosition): SourceOffset => ({ ...others, ...(failed && { failed }) })

export const objectPositionOf = (bucket: string, key: string, position: ObjectPosition): Position => ({
  partition: objectPartition(bucket, key),
  offset: offsetOf(position),
})

export const shardPositionOf = (bucket: string, prefix: string, shard: number, { after, object }: ShardPosition): Position => ({
  partition: shardPartition(bucket, prefix, shard),
  offset: { after, ...(object && { key: object.key, ...offsetOf(object.position) }) },
})

function whole(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new Error(`The value for the '${name}' key in the offset must be a whole number that is not negative`)
  return value
}

/** Parses a stored offset. Throws where it is none of an object. */
export const parseObjectOffset = (offset: SourceOffset): ObjectPosition => ({
  offset: whole('offset', offset.offset),
  records: whole('records', offset.records ?? 0),
  etag: typeof offset.etag === 'string' ? offset.etag : null,
  finished: offset.finished === true,
  failed: offset.failed === true,
})

/** Parses a stored offset. Throws where it is none of a shard. */
export function parseShardOffset(offset: SourceOffset): ShardPosition {
  const { after, key } = offset
  if (typeof after !== 'string')
    throw new Error("The value for the 'after' key in the offset must be the key of an object, or an empty text")
  return { after, object: typeof key === 'string' ? { key, position: parseObjectOffset(offset) } : null }
}

/** Validates positions that a user sets over REST. */
export function validatePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // An invalid position can be deleted.
    if (offset === null) continue
    const isShard = typeof partition.prefix === 'string' && typeof partition.shard === 'number'
    if (typeof partition.bucket !== 'string' || (typeof partition.key !== 'string' && !isShard))
      throw new Error("Partition objects should contain the keys 'bucket' and 'key', or 'bucket', 'prefix' and 'shard'")
    if (isShard) parseShardOffset(offset)
    else parseObjectOffset(offset)
  }
}
