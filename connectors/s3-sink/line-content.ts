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

export class LineContent {
  readonly #compression: Compression
  #text = ''
  #chunks: Buffer[] = []
  #chunkBytes = 0
  encodedBytes = 0

  constructor({ compression: type, compressionLevel }: LineOptions) {
    this.#compression = compression(type, compressionLevel)
  }

  addText(text: string): void {
    this.#text += text
    this.encodedBytes += Buffer.byteLength(text)
    if (this.#text.length >= TEXT_CHUNK_CHARS) this.#endText()
  }

  addBytes(bytes: Buffer): void {
    this.#endText()
    this.encodedBytes += bytes.length
    this.#addChunk(bytes)
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
    return this.#chunkBytes + this.#text.length
  }

  get isReady(): boolean {
    return this.heldBytes >= READY_BYTES
  }

  async take(end: boolean): Promise<Buffer[]> {
    this.#endText()
    const chunks = this.#chunks
    this.#chunks = []
    this.#chunkBytes = 0
    return await this.#compression.next(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), end)
  }
}
