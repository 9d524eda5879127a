/**
 * The bytes of an object, fetched in parts by ranged requests that name its entity tag: no part is ever of another content than the first.
 * Two parts are held at most: the one that is taken, and the next.
 */
import { Readable } from 'node:stream'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { FileContent } from '../file-readers/file-content.ts'
import { type CustomerKey, customerKeyOf } from '../s3-driver/customer-key.ts'
import { requireOf, S3Refused } from '../s3-driver/failures.ts'
import type { S3Store } from '../s3-driver/store.ts'
import type { S3SourceConfig } from './settings.ts'

export interface StoredObject {
  readonly key: string
  readonly sizeBytes: number
  /** The entity tag, without quotation marks. */
  readonly etag: string
  readonly modifiedMs: number
}

/** The object was overwritten since it was listed. */
export class ObjectChanged extends Error {
  override name = 'ObjectChanged'
}

/** The object was deleted since it was listed. */
export class ObjectGone extends Error {
  override name = 'ObjectGone'
}

/** The object cannot be read, whatever the rights are. */
export class ObjectUnreadable extends Error {
  override name = 'ObjectUnreadable'
}

export const unquoted = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '')

export interface ContentOptions {
  /** How many bytes one request fetches. */
  readonly partBytes: number
  readonly customerKey: CustomerKey
}

export const contentOptions = (config: S3SourceConfig): ContentOptions => ({
  partBytes: config['s3.part.size'],
  customerKey: customerKeyOf(config),
})

export class ObjectContent implements FileContent {
  readonly #store: S3Store
  readonly #object: StoredObject
  readonly #partBytes: number
  readonly #customerKey: CustomerKey
  /** Kept of an object that is one part, whose readers ask for its end and its middle; of others until it is taken. */
  #first: Promise<Buffer> | null = null

  constructor(store: S3Store, object: StoredObject, { partBytes, customerKey }: ContentOptions) {
    this.#store = store
    this.#object = object
    this.#partBytes = partBytes
    this.#customerKey = customerKey
  }

  get sizeBytes(): number {
    return this.#object.sizeBytes
  }

  /** Fetches the first part ahead of its use. */
  prefetch(): void {
    if (this.sizeBytes > 0) void this.#firstPart().catch(() => {})
  }

  stream(start: number): Readable {
    return Readable.from(this.#parts(start), { objectMode: false })
  }

  async range(start: number, end: number): Promise<ArrayBuffer> {
    const bytes = this.sizeBytes <= this.#partBytes ? (await this.#firstPart()).subarray(start, end) : await this.#fetch(start, end)
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
  }

  async close(): Promise<void> {
    this.#first = null
  }

  async *#parts(start: number): AsyncGenerator<Buffer, void, void> {
    let next = start < this.sizeBytes ? this.#part(start) : null
    for (let end = start; next !== null; ) {
      const part: Buffer = await next
      end += part.length
      next = end < this.sizeBytes ? this.#part(end) : null
      // Whoever stops here leaves it: its error is nobody's then.
      next?.catch(() => {})
      yield part
    }
  }

  /** The rest of the part that `start` is in. */
  async #part(start: number): Promise<Buffer> {
    if (start < this.#partBytes) {
      const part = (await this.#firstPart()).subarray(start)
      if (this.sizeBytes > this.#partBytes) this.#first = null
      return part
    }
    return await this.#fetch(start, Math.min(start + this.#partBytes, this.sizeBytes))
  }

  #firstPart(): Promise<Buffer> {
    this.#first ??= this.#fetch(0, Math.min(this.#partBytes, this.sizeBytes)).catch((error) => {
      this.#first = null
      throw error
    })
    return this.#first
  }

  async #fetch(start: number, end: number): Promise<Buffer> {
    if (end <= start) return Buffer.alloc(0)
    const { key, etag } = this.#object
    const subject = { what: `read s3://${this.#store.bucket}/${key}`, action: 's3:GetObject' }
    try {
      return await this.#store.request(subject, async (client, options) => {
        const command = {
          Bucket: this.#store.bucket,
          Key: key,
          Range: `bytes=${start}-${end - 1}`,
          IfMatch: `"${etag}"`,
          ...this.#customerKey,
        }
        const { Body, ETag } = await client.send(new GetObjectCommand(command), options)
        // A store that does not know the condition sends what is there.
        if (unquoted(requireOf(ETag, 'ETag')) !== etag) {
          ;(Body as Readable | undefined)?.destroy()
          throw new ObjectChanged()
        }
        const bytes = Buffer.from(await Body!.transformToByteArray())
        if (bytes.length !== end - start)
          throw Object.assign(new Error(`${bytes.length} of ${end - start} bytes`), { name: 'IncompleteBody' })
        return bytes
      })
    } catch (error) {
      throw meaningOf(error)
    }
  }
}

function meaningOf(error: unknown): unknown {
  const cause = (error as Error).cause
  if (error instanceof ObjectChanged || cause instanceof ObjectChanged) return new ObjectChanged('it was overwritten')
  if (!(error instanceof S3Refused)) return error
  if (error.code === 'PreconditionFailed' || error.code === 'InvalidRange') return new ObjectChanged('it was overwritten', { cause: error })
  if (error.code === 'NoSuchKey' || error.code === 'NotFound') return new ObjectGone('it was deleted', { cause: error })
  if (error.code === 'InvalidObjectState')
    return new ObjectUnreadable('it is archived: restore it in the store, or leave it out by prefix or object.pattern', { cause: error })
  return error
}

export interface ListedPage {
  readonly objects: readonly StoredObject[]
  /** Where the next page begins; null after the last. */
  readonly next: string | null
}

/** Of the encoding of forms, whose space is a plus. */
const decodedKey = (encoded: string): string => decodeURIComponent(encoded.replaceAll('+', '%20'))

/** A page of the objects in the order of their keys, at most 1000. */
export async function listPage(
  store: S3Store,
  from: { prefix: string; startAfter?: string | undefined; token?: string | undefined; max?: number },
): Promise<ListedPage> {
  const subject = { what: `list the bucket ${store.bucket}`, action: 's3:ListBucket' }
  const command = {
    Bucket: store.bucket,
    Prefix: from.prefix,
    // XML has no control characters, which keys may have.
    EncodingType: 'url' as const,
    ...(from.startAfter && { StartAfter: from.startAfter }),
    ...(from.token && { ContinuationToken: from.token }),
    ...(from.max && { MaxKeys: from.max }),
  }
  const page = await store.request(subject, async (client, options) => {
    const listed = await client.send(new ListObjectsV2Command(command), options)
    requireOf(listed.Name, 'name of the bucket')
    return listed
  })
  const objects = (page.Contents ?? []).map(({ Key, Size, ETag, LastModified }) => ({
    key: page.EncodingType === 'url' ? decodedKey(Key!) : Key!,
    sizeBytes: Size ?? 0,
    etag: unquoted(ETag),
    modifiedMs: LastModified?.getTime() ?? 0,
  }))
  return { objects, next: (page.IsTruncated && page.NextContinuationToken) || null }
}
