/**
 * The content of an object that is one record after another: what encoders add to it is gathered, compressed, and counted. The count
 * depends on the records alone, what is in memory also on when it was taken.
 */
import { type Compression, type CompressionType, compression } from './compression.ts'
import { READY_BYTES } from './file-encoder.ts'

export interface LineOptions {
  compression: CompressionType
  compressionLevel: number
  decimals: 'base64' | 'numeric'
  byteArrayExtension: string
  byteArraySeparator: string
  csvHeader: boolean
  csvDelimiter: string
}

/** Texts are gathered to so many characters before they become bytes. */
const TEXT_CHUNK_CHARS = 64 * 1024
/** Bytes are copied into blocks that grow to this size. */
const FIRST_BLOCK_BYTES = 1024
const BLOCK_BYTES = 64 * 1024
const NO_BLOCK = Buffer.alloc(0)

export class LineContent {
  readonly #compression: Compression
  /** An encoder adds either texts or bytes. */
  #text = ''
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #block = NO_BLOCK
  #blockBytes = 0
  encodedBytes = 0

  constructor({ compression: type, compressionLevel }: LineOptions) {
    this.#compression = compression(type, compressionLevel)
  }

  addText(text: string): void {
    this.#text += text
    this.encodedBytes += Buffer.byteLength(text)
    if (this.#text.length >= TEXT_CHUNK_CHARS) this.#endText()
  }

  /** Copies them: a value is a part of what was fetched, which would stay in memory with it. */
  addBytes(bytes: Buffer): void {
    this.encodedBytes += bytes.length
    if (bytes.length > BLOCK_BYTES) {
      this.#endBlock()
      this.#addChunk(Buffer.from(bytes))
      return
    }
    const end = this.#blockBytes + bytes.length
    if (end > BLOCK_BYTES) this.#endBlock()
    else if (end > this.#block.length) this.#growBlock(end)
    if (this.#block.length === 0) this.#growBlock(bytes.length)
    bytes.copy(this.#block, this.#blockBytes)
    this.#blockBytes += bytes.length
  }

  #growBlock(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(least, FIRST_BLOCK_BYTES, 2 * this.#block.length), BLOCK_BYTES))
    this.#block.copy(grown, 0, 0, this.#blockBytes)
    this.#block = grown
  }

  #endBlock(): void {
    if (this.#blockBytes === 0) return
    const filled = this.#block.subarray(0, this.#blockBytes)
    this.#block = NO_BLOCK
    this.#blockBytes = 0
    this.#addChunk(filled)
  }

  #endText(): void {
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#addChunk(Buffer.from(text))
  }

  #addChunk(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#chunkBytes += bytes.length
  }

  get heldBytes(): number {
    return this.#chunkBytes + this.#blockBytes + this.#text.length
  }

  get isReady(): boolean {
    return this.heldBytes >= READY_BYTES
  }

  async take(end: boolean): Promise<Buffer[]> {
    this.#endText()
    this.#endBlock()
    const chunks = this.#chunks
    this.#chunks = []
    this.#chunkBytes = 0
    return await this.#compression.next(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), end)
  }
}
