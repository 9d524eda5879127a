/**
 * Where the reading of each object is stored, and is looked up: one position for each object, or one for each shard whose keys ascend. What
 * was read and is not stored yet is known here, so that no listing takes it for new.
 */
import type { Position, SourceContext } from '../../connect/sdk/index.ts'
import { compareKeys, type ReadableObject } from './object-listing.ts'
import {
  type ObjectPosition,
  objectPartition,
  objectPositionOf,
  parseObjectOffset,
  parseShardOffset,
  type ShardPosition,
  shardPartition,
  shardPositionOf,
} from './position.ts'
import { prefixOf, type S3SourceConfig, SHARDS } from './settings.ts'

/** So many objects are known beside their positions before those that can be looked up are forgotten. */
const PRUNE_SIZE = 10_000

export class ReadingProgress {
  readonly #context: SourceContext<S3SourceConfig>
  /** The entity tags of objects that were read, by key, until their positions can be looked up. */
  readonly #read = new Map<string, string>()
  #pruneAt = PRUNE_SIZE
  /** With listing=incremental, of the shards of this task. */
  readonly #shards = new Map<number, ShardPosition>()

  constructor(context: SourceContext<S3SourceConfig>) {
    this.#context = context
  }

  get bucket(): string {
    return this.#context.config['s3.bucket.name']
  }

  get isIncremental(): boolean {
    return this.#context.config.listing === 'incremental'
  }

  /** Reads the positions of the shards. Returns the key behind which the listing begins. */
  async begin(): Promise<string> {
    if (!this.isIncremental) return ''
    const { config, positions, task } = this.#context
    let least: string | null = null
    for (let shard = task; shard < SHARDS; shard += config['task.count']) {
      const stored = await positions.get(shardPartition(this.bucket, prefixOf(config), shard))
      const position = stored ? parseShardOffset(stored) : { after: '', object: null }
      this.#shards.set(shard, position)
      if (least === null || compareKeys(position.after, least) < 0) least = position.after
    }
    return least ?? ''
  }

  /** Whether an object is to be read, or read on. */
  async isNew(object: ReadableObject): Promise<boolean> {
    const shard = this.#shards.get(object.shard)
    if (shard && shard.after !== '' && compareKeys(object.key, shard.after) <= 0) return false
    const read = this.#read.get(object.key)
    if (read !== undefined) return read !== object.etag && this.#readsChanged
    const stored = await this.stored(object)
    if (!stored?.finished) return true
    return stored.etag !== null && stored.etag !== object.etag && this.#readsChanged
  }

  get #readsChanged(): boolean {
    return this.#context.config['changed.objects'] === 'read'
  }

  /** The stored position in an object, of whatever content. */
  async stored({ key, shard }: ReadableObject): Promise<ObjectPosition | null> {
    const ofShard = this.#shards.get(shard)?.object
    if (ofShard?.key === key) return ofShard.position
    const offset = await this.#context.positions.get(objectPartition(this.bucket, key))
    return offset && parseObjectOffset(offset)
  }

  /** The position after some records of an object. */
  at({ key, shard }: ReadableObject, position: ObjectPosition): Position {
    if (!this.isIncremental) {
      if (position.finished) this.#read.set(key, position.etag ?? '')
      return objectPositionOf(this.bucket, key, position)
    }
    const { after } = this.#shards.get(shard)!
    const reached: ShardPosition = position.finished ? { after: key, object: null } : { after, object: { key, position } }
    this.#shards.set(shard, reached)
    return shardPositionOf(this.bucket, prefixOf(this.#context.config), shard, reached)
  }

  /** Forgets what is stored: positions are stored a while after their records are in Kafka. */
  async prune(): Promise<void> {
    if (this.#read.size < this.#pruneAt) return
    for (const [key, etag] of this.#read) {
      const offset = await this.#context.positions.get(objectPartition(this.bucket, key))
      if (offset?.finished === true && offset.etag === etag) this.#read.delete(key)
    }
    this.#pruneAt = Math.max(PRUNE_SIZE, 2 * this.#read.size)
  }

  /** After all objects up to `key` were read: shards without one of the last keys need not list them again. */
  passed(key: string): Position[] {
    const behind = [...this.#shards].filter(([, { after }]) => compareKeys(after, key) < 0)
    return behind.map(([shard]) => {
      const reached = { after: key, object: null }
      this.#shards.set(shard, reached)
      return shardPositionOf(this.bucket, prefixOf(this.#context.config), shard, reached)
    })
  }
}
