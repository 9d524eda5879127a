/**
 * One object while it grows: what its encoder gives is sent in parts as soon as there is enough for one, so that memory stays bounded. The
 * object appears at its end, as a whole. A step that fails can be repeated: nothing is taken from the object before it was sent.
 */

import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Disconnected } from '../../connect/sdk/index.ts'
import { requireOf, S3Refused } from '../s3-driver/failures.ts'
import type { S3Store } from '../s3-driver/store.ts'
import type { FileEncoder } from './file-encoder.ts'
import { type HeldMemory, OBJECT_BYTES } from './held-memory.ts'
import type { ObjectOptions } from './options.ts'
import type { Extent, SpillFile } from './spill-file.ts'

/** S3 takes no smaller part but the last. */
export const LEAST_PART_BYTES = 5 * 1024 * 1024
/** S3 takes no more parts of an object. */
const MAX_PARTS = 10_000

export interface UploadServices {
  store: S3Store
  spill: SpillFile
  memory: HeldMemory
  options: ObjectOptions
  /** Bytes that a request has sent. */
  sent(bytes: number): void
}

export class ObjectUpload {
  readonly key: string
  readonly encoder: FileEncoder
  readonly #services: UploadServices
  #spilled: Extent[] = []
  #spilledBytes = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  #hasEnded = false
  /** The part that is being sent, until it was. */
  #part: Buffer | null = null
  #uploadId: string | null = null
  readonly #parts: CompletedPart[] = []
  #uploadedBytes = 0
  #isDone = false
  /** What it has added to the memory of the task; 0 before its first record, and after it was written or left. */
  #countedBytes = 0
  #isGrowing = true

  constructor(key: string, encoder: FileEncoder, services: UploadServices) {
    this.key = key
    this.encoder = encoder
    this.#services = services
  }

  /** Bytes in memory. */
  get heldBytes(): number {
    return this.encoder.heldBytes + this.#pendingBytes + (this.#part?.length ?? 0)
  }

  /** Bytes in memory and on the disk, before the last compression. */
  get unsentBytes(): number {
    return this.heldBytes + this.#spilledBytes
  }

  /** Whether `advance` has something to do. */
  get #isDue(): boolean {
    return this.encoder.isReady || this.#part !== null || this.#spilledBytes + this.#pendingBytes >= this.#services.options.partBytes
  }

  /** To be called after records were added: the memory of the task is what was counted last. */
  recount(): void {
    const { memory } = this.#services
    const bytes = OBJECT_BYTES + this.heldBytes
    if (this.#countedBytes === 0 && this.#isGrowing) memory.growing++
    memory.bytes += bytes - this.#countedBytes
    this.#countedBytes = bytes
    if (!this.#isGrowing) return
    if (this.#isDue) memory.due.add(this)
    else memory.due.delete(this)
  }

  /** No record is added from now on. */
  stopGrowing(): void {
    const { memory } = this.#services
    if (this.#isGrowing && this.#countedBytes > 0) memory.growing--
    this.#isGrowing = false
    memory.due.delete(this)
  }

  #uncount(): void {
    this.stopGrowing()
    this.#services.memory.bytes -= this.#countedBytes
    this.#countedBytes = 0
  }

  /** Whether early parts of it relieve the memory: it has enough for the least part. */
  get canSendEarly(): boolean {
    return this.#spilledBytes + this.#pendingBytes + this.encoder.heldBytes >= LEAST_PART_BYTES
  }

  /** Sends full parts; with `early` also one that is smaller, as soon as S3 takes it. */
  async advance(early = false): Promise<void> {
    try {
      await this.#advance(early)
    } finally {
      this.recount()
    }
  }

  async #advance(early: boolean): Promise<void> {
    const { partBytes } = this.#services.options
    if (this.#part) await this.#sendPart()
    if (early || this.encoder.isReady) this.#add(await this.encoder.take(early ? 'all' : 'ready'))
    while (this.#spilledBytes + this.#pendingBytes >= (early ? LEAST_PART_BYTES : partBytes)) {
      await this.#cutPart()
      await this.#sendPart()
    }
  }

  /** Moves what is in memory to the disk. */
  async spill(): Promise<void> {
    try {
      await this.#spillPending()
    } finally {
      this.recount()
    }
  }

  async #spillPending(): Promise<void> {
    this.#add(await this.encoder.take('all'))
    const parts = this.#pending
    const bytes = this.#pendingBytes
    if (bytes === 0) return
    this.#spilled.push(await this.#services.spill.write(parts))
    this.#spilledBytes += bytes
    this.#pending = []
    this.#pendingBytes = 0
  }

  /** Ends the object; resolves when the store has it. */
  async finish(): Promise<void> {
    if (this.#isDone) return
    try {
      await this.#finish()
      this.#isDone = true
      this.#uncount()
    } catch (error) {
      this.recount()
      throw error
    }
  }

  async #finish(): Promise<void> {
    if (this.#part) await this.#sendPart()
    if (!this.#hasEnded) {
      this.#add(await this.encoder.take('end'))
      this.#hasEnded = true
    }
    const { partBytes } = this.#services.options
    while (this.#spilledBytes + this.#pendingBytes > partBytes) {
      await this.#cutPart()
      await this.#sendPart()
    }
    if (this.#uploadId === null) await this.#put()
    else {
      if (this.#spilledBytes + this.#pendingBytes > 0) {
        await this.#cutPart()
        await this.#sendPart()
      }
      await this.#complete()
    }
  }

  /** Sets the tags of an object that is there. */
  async tag(tags: Readonly<Record<string, string>>): Promise<void> {
    const { store } = this.#services
    const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
    await store.request({ what: `tag ${this.key}`, action: 's3:PutObjectTagging' }, (client, options) =>
      client.send(new PutObjectTaggingCommand({ Bucket: store.bucket, Key: this.key, Tagging: { TagSet } }), options),
    )
  }

  /**
   * Leaves nothing of an object that is not finished in the store. `store` may be another one than that of the uploads, which has ended.
   */
  async abort(store: S3Store): Promise<void> {
    this.#uncount()
    for (const extent of this.#spilled.splice(0)) this.#services.spill.release(extent)
    const UploadId = this.#uploadId
    if (UploadId === null || this.#isDone) return
    this.#uploadId = null
    await store.request({ what: `abort the upload of ${this.key}`, action: 's3:AbortMultipartUpload' }, (client, options) =>
      client.send(new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: this.key, UploadId }), options),
    )
  }

  #add(parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#pending.push(part)
      this.#pendingBytes += part.length
    }
  }

  /** Takes the first bytes, at most those of a part, as the part to send. */
  async #cutPart(): Promise<void> {
    const { partBytes } = this.#services.options
    const content = await this.#content()
    this.#part = content.length > partBytes ? content.subarray(0, partBytes) : content
    const rest = content.subarray(this.#part.length)
    this.#pending = rest.length > 0 ? [rest] : []
    this.#pendingBytes = rest.length
  }

  /** All that was not sent, in order. What was on the disk is in memory from then on. */
  async #content(): Promise<Buffer> {
    const { spill } = this.#services
    const read: Buffer[] = []
    for (const extent of this.#spilled) read.push(await spill.read(extent))
    for (const extent of this.#spilled) spill.release(extent)
    this.#spilled = []
    this.#spilledBytes = 0
    const content = Buffer.concat([...read, ...this.#pending])
    this.#pending = [content]
    this.#pendingBytes = content.length
    return content
  }

  async #put(): Promise<void> {
    const { store, options, sent } = this.#services
    const Body = await this.#content()
    const input = { Bucket: store.bucket, Key: this.key, Body, ...options.parameters, ...options.customerKey, ...this.#digest(Body) }
    await store.request({ what: `write ${this.key}`, action: 's3:PutObject' }, async (client, requestOptions) =>
      requireOf((await client.send(new PutObjectCommand(input), requestOptions)).ETag, 'ETag'),
    )
    sent(Body.length)
    this.#pending = []
    this.#pendingBytes = 0
  }

  #digest(body: Buffer): { ContentMD5?: string } {
    return this.#services.options.sendsDigest ? { ContentMD5: createHash('md5').update(body).digest('base64') } : {}
  }

  async #sendPart(): Promise<void> {
    const { store, options, sent } = this.#services
    const Body = this.#part!
    const PartNumber = this.#parts.length + 1
    if (PartNumber > MAX_PARTS)
      throw new Error(`${this.key} would have more than ${MAX_PARTS} parts. Raise s3.part.size, or lower flush.size.`)
    this.#uploadId ??= await this.#create()
    const place = { Bucket: store.bucket, Key: this.key, UploadId: this.#uploadId, PartNumber }
    const part = { ...place, Body, ...options.customerKey, ...this.#digest(Body) }
    const ETag = await this.#ofUpload(() =>
      store.request({ what: `write a part of ${this.key}`, action: 's3:PutObject' }, async (client, requestOptions) =>
        requireOf((await client.send(new UploadPartCommand(part), requestOptions)).ETag, 'ETag'),
      ),
    )
    sent(Body.length)
    this.#uploadedBytes += Body.length
    this.#parts.push({ PartNumber, ETag })
    this.#part = null
  }

  async #create(): Promise<string> {
    const { store, options } = this.#services
    const input = { Bucket: store.bucket, Key: this.key, ...options.parameters, ...options.customerKey }
    return await store.request({ what: `begin ${this.key}`, action: 's3:PutObject' }, async (client, requestOptions) =>
      requireOf((await client.send(new CreateMultipartUploadCommand(input), requestOptions)).UploadId, 'UploadId'),
    )
  }

  async #complete(): Promise<void> {
    const { store } = this.#services
    const upload = { Bucket: store.bucket, Key: this.key, UploadId: this.#uploadId!, MultipartUpload: { Parts: this.#parts } }
    try {
      await store.request({ what: `end ${this.key}`, action: 's3:PutObject' }, async (client, requestOptions) =>
        requireOf((await client.send(new CompleteMultipartUploadCommand(upload), requestOptions)).ETag, 'ETag'),
      )
    } catch (error) {
      if (!(error instanceof S3Refused) || error.code !== 'NoSuchUpload') throw error
      // A try before may have ended the upload, and its response was lost.
      if ((await this.#storedBytes()) !== this.#uploadedBytes) throw this.#gone(error)
    }
  }

  async #storedBytes(): Promise<number | null> {
    const { store, options } = this.#services
    try {
      const { ContentLength } = await store.request({ what: `look at ${this.key}`, action: 's3:GetObject' }, (client, requestOptions) =>
        client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: this.key, ...options.customerKey }), requestOptions),
      )
      return ContentLength ?? null
    } catch (error) {
      if (error instanceof S3Refused && error.code === 'NotFound') return null
      throw error
    }
  }

  async #ofUpload<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send()
    } catch (error) {
      throw error instanceof S3Refused && error.code === 'NoSuchUpload' ? this.#gone(error) : error
    }
  }

  /** Another task, or a rule of the bucket, has aborted the upload: its parts are gone, and its records are read again. */
  #gone(cause: Error): Disconnected {
    return new Disconnected(
      `The upload of ${this.key} was aborted by somebody else. Where a rule of the bucket aborts incomplete uploads, let it wait longer than ` +
        'an object grows.',
      { cause },
    )
  }
}
