/**
 * Lists the objects of a task, page by page in the order of their keys, and holds a bounded number that wait to be read. What an object is
 * to the task, its topic and its shard, follows from its key alone.
 */
import { crc32 } from 'node:zlib'
import { javaPattern } from '../../connect/sdk/java-pattern.ts'
import type { FileFormat } from '../file-readers/settings.ts'
import type { S3Store } from '../s3-driver/store.ts'
import { type BackupFile, BackupNames } from './backup-names.ts'
import { listPage, type StoredObject } from './object-content.ts'
import { formatOf, isRestore, prefixOf, type S3SourceConfig, SHARDS, topicPatterns } from './settings.ts'

/** Objects that wait to be read, at most (Invariant 13): behind them a page of the listing waits too. */
const MAX_WAITING = 10_000

/**
 * Objects that match with listing=full, at most (Invariant 13). Each has a position, which takes about 640 bytes in the memory of every
 * worker, and 215 in the offset topic.
 */
const MAX_POSITIONS = 500_000

/** Throws where the positions of so many objects, of all tasks, would be too many. */
export function requirePositions(matching: number, config: S3SourceConfig): void {
  if (config.listing === 'incremental' || matching <= MAX_POSITIONS) return
  throw new Error(
    `More than ${MAX_POSITIONS} objects match, and listing=full keeps a position for each of them. Let fewer match by prefix or ` +
      'object.pattern, with a connector for each part of the bucket. Or set listing=incremental where the keys ascend.',
  )
}

/** An object that the task reads. */
export interface ReadableObject extends StoredObject {
  readonly topic: string
  readonly format: FileFormat
  readonly shard: number
  /** What it is in a backup; null with mode=GENERIC. */
  readonly backup: BackupFile | null
}

/** Where an object goes. Throws UnknownName. */
type Destination = (key: string) => { topic: string; format: FileFormat; backup: BackupFile | null } | null

export function destinationOf(config: S3SourceConfig): Destination {
  if (isRestore(config)) {
    const names = new BackupNames(config)
    return (key) => {
      const backup = names.fileOf(key)
      return backup && { topic: backup.topic, format: backup.format, backup }
    }
  }
  const format = formatOf(config.format)
  const { topic: only, 'object.pattern': pattern } = config
  if (only !== null && pattern === null) return () => ({ topic: only, format, backup: null })
  const patterns =
    only === null
      ? topicPatterns(config['topic.regex.list'] ?? '').map(({ topic, pattern }) => ({ topic, pattern: javaPattern(pattern) }))
      : [{ topic: only, pattern: javaPattern(pattern!) }]
  return (key) => {
    const found = patterns.find(({ pattern }) => pattern.matches(key))
    return found ? { topic: found.topic, format, backup: null } : null
  }
}

/** The order of S3: that of the bytes of UTF-8. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export interface ListingCounts {
  /** Objects of the task that are to be read, as far as the listing is. */
  found: number
  foundBytes: number
  /** Whether the listing is at its end. */
  complete: boolean
}

export interface ListingOptions {
  readonly store: S3Store
  readonly config: S3SourceConfig
  readonly task: number
  readonly startAfter: string
  /** Whether an object is to be read. */
  isNew(object: ReadableObject): Promise<boolean>
  /** Told of a key whose name says nothing. */
  onUnknownName(error: Error): void
}

export class ObjectListing {
  readonly #options: ListingOptions
  readonly #destination: Destination
  readonly #waiting: ReadableObject[] = []
  #token: string | undefined
  /** Objects that any task reads. */
  #matching = 0
  readonly counts: ListingCounts = { found: 0, foundBytes: 0, complete: false }
  /** The last key that was listed, of any task. */
  lastKey: string | null = null
  /** How long the requests have taken. */
  listingMs = 0

  constructor(options: ListingOptions) {
    this.#options = options
    this.#destination = destinationOf(options.config)
  }

  /** The next objects, without taking them: the first is the next to be read. */
  async peek(count: number): Promise<readonly ReadableObject[]> {
    if (this.#waiting.length < count) while (!this.counts.complete && this.#waiting.length < MAX_WAITING) await this.#listMore()
    return this.#waiting.slice(0, count)
  }

  take(): void {
    this.#waiting.shift()
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async #listMore(): Promise<void> {
    const { store, config, startAfter } = this.#options
    const begunMs = performance.now()
    const page = await listPage(store, { prefix: prefixOf(config), startAfter, token: this.#token })
    this.listingMs += performance.now() - begunMs
    for (const object of page.objects) {
      const readable = this.#readable(object)
      if (!readable || !(await this.#options.isNew(readable))) continue
      this.#waiting.push(readable)
      this.counts.found++
      this.counts.foundBytes += readable.sizeBytes
    }
    requirePositions(this.#matching, config)
    this.lastKey = page.objects.at(-1)?.key ?? this.lastKey
    this.#token = page.next ?? undefined
    if (page.next === null) this.counts.complete = true
  }

  /** Null where it is nothing to read, or another task's. */
  #readable(object: StoredObject): ReadableObject | null {
    const { config, task } = this.#options
    const { key } = object
    // The folders that consoles make are empty objects.
    if (object.modifiedMs < config['file.discovery.starting.timestamp'] || (object.sizeBytes === 0 && key.endsWith('/'))) return null
    try {
      const destination = this.#destination(key)
      if (!destination) return null
      this.#matching++
      const { backup } = destination
      // The files of a partition stay in the order of their keys.
      const shard = crc32(backup ? `${backup.topic}/${backup.partition}` : key) % SHARDS
      return shard % config['task.count'] === task ? { ...object, ...destination, shard } : null
    } catch (error) {
      if (crc32(key) % config['task.count'] === task) this.#options.onUnknownName(error as Error)
      return null
    }
  }
}
