/**
 * Reads the batches of a segment's log file in chunks, for a cleaning: every batch is whole and its CRC right, or the read ends with an
 * error. A batch that is damaged is never copied with a new CRC.
 */
import type { Disk, DiskFile } from '../../system/disk.ts'
import { BATCH_OVERHEAD, type BatchHeader, computeCrc, MAGIC, readBatchHeader } from '../../wire/batch-header.ts'
import { WireError } from '../../wire/reader.ts'

/** The least bytes of one read. */
const MIN_CHUNK_BYTES = 4096

/** False ends the read after the batch that begins at `start` of `bytes`, which are valid during the call only. */
export type BatchVisitor = (header: BatchHeader, bytes: Buffer, start: number) => boolean

export class SegmentFile {
  readonly path: string
  readonly #disk: Disk
  readonly #file: DiskFile
  readonly #sizeBytes: number

  constructor(disk: Disk, path: string, sizeBytes: number) {
    this.#disk = disk
    this.path = path
    this.#file = disk.open(path, 'read')
    this.#sizeBytes = sizeBytes
  }

  close(): void {
    this.#disk.close(this.#file)
  }

  /**
   * Visits the batches from `position` on. `afterRead` is called for each chunk. A batch larger than `chunkBytes` gets a buffer of its
   * size, which the length of the file limits (Invariant 13).
   */
  async forEachBatch(
    position: number,
    chunkBytes: number,
    visit: BatchVisitor,
    afterRead: (bytes: number) => Promise<void> | undefined,
  ): Promise<void> {
    const chunk = Buffer.allocUnsafeSlow(Math.max(MIN_CHUNK_BYTES, Math.min(chunkBytes, this.#sizeBytes)))
    let buffer = chunk
    let at = position
    while (at < this.#sizeBytes) {
      const length = this.#disk.readSync(this.#file, buffer, 0, Math.min(buffer.length, this.#sizeBytes - at), at)
      let start = 0
      let neededBytes = BATCH_OVERHEAD
      while (start + BATCH_OVERHEAD <= length) {
        const header = readBatchHeader(buffer, start)
        this.#check(header, at + start)
        if (start + header.sizeBytes > length) {
          neededBytes = header.sizeBytes
          break
        }
        if (computeCrc(buffer, start, header.sizeBytes) >>> 0 !== header.crc)
          throw new WireError(`${this.path}: the CRC of the batch at byte ${at + start} does not match its content`)
        if (!visit(header, buffer, start)) return
        start += header.sizeBytes
      }
      if (start === 0 && (length < BATCH_OVERHEAD || neededBytes <= buffer.length))
        throw new WireError(`${this.path}: there is no whole batch at byte ${at}`)
      at += start
      const waiting = afterRead(start)
      if (waiting) await waiting
      buffer = neededBytes > chunk.length ? Buffer.allocUnsafeSlow(neededBytes) : chunk
    }
  }

  #check({ sizeBytes, magic, count, lastOffsetDelta }: BatchHeader, position: number): void {
    if (magic !== MAGIC) throw new WireError(`${this.path}: record format ${magic} at byte ${position}, only format 2 is supported`)
    if (sizeBytes < BATCH_OVERHEAD || position + sizeBytes > this.#sizeBytes || count < 0 || count > lastOffsetDelta + 1)
      throw new WireError(`${this.path}: the header of the batch at byte ${position} contradicts itself`)
  }
}
