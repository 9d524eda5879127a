/**
 * The content of an object that is one record after another: what encoders add to it is gathered, compressed, and counted. The count
 * depends on the records alone, what is in memory also on when it was taken.
 */
import { ByteBlock } from './byte-block.ts'
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

/** What is gathered before it is a chunk for the compression. A longer text is one of its own. */
const BLOCK_BYTES = 64 * 1024

export class LineContent {
  readonly #compression: Compression
  #chunks: Buffer[] = []
  #chunkBytes = 0
  readonly #block = new ByteBlock()
  encodedBytes = 0

  constructor({ compression: type, compressionLevel }: LineOptions) {
    this.#compression = compression(type, compressionLevel)
  }

  addText(text: string): void {
    if (this.#block.length + text.length > BLOCK_BYTES) this.#endBlock()
    this.encodedBytes += this.#block.addText(text)
  }

  /** Copies them: a value is a part of what was fetched, which would stay in memory with it. */
  addBytes(bytes: Buffer): void {
    if (this.#block.length + bytes.length > BLOCK_BYTES) this.#endBlock()
    this.#block.addBytes(bytes)
    this.encodedBytes += bytes.length
  }

  #endBlock(): void {
    if (this.#block.length === 0) return
    const bytes = this.#block.take()
    this.#chunks.push(bytes)
    this.#chunkBytes += bytes.buffer.byteLength
  }

  get heldBytes(): number {
    return this.#chunkBytes + this.#block.heldBytes
  }

  get isReady(): boolean {
    return this.heldBytes >= READY_BYTES
  }

  async take(end: boolean): Promise<Buffer[]> {
    this.#endBlock()
    const chunks = this.#chunks
    this.#chunks = []
    this.#chunkBytes = 0
    return await this.#compression.next(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), end)
  }
}
