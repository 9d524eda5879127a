/**
 * Lines of text, JSON lines and CSV of a file that no longer grows: its last line may have no newline. Offsets are bytes of the text
 * after decompression.
 */
import { BadLine, type Format, formatNamed } from '../file/formats.ts'
import { type CutLines, LineCutter } from '../file/lines.ts'
import { bytesOf } from './decompression.ts'
import type { FileBatch, OpenFile } from './file-reader.ts'

export async function* readLines(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config, content, compression } = file
  const format = await formatNamed(file.format as 'lines' | 'json' | 'csv', {
    topic: file.topic,
    keyField: config['key.field'],
    delimiter: config.delimiter === '\\t' ? '\t' : config.delimiter,
  })
  const reading = new LineReading(file, format)
  if (format.hasHeader && from > 0) await reading.readHeader()
  const cutter = new LineCutter(from, reading.rules)
  for await (const chunk of bytesOf(content, compression, from)) {
    for (let at = 0; at < chunk.length; ) {
      at += fill(cutter, chunk, at)
      for (let cut = cutter.next(config['batch.size']); cut; cut = cutter.next(config['batch.size'])) yield* reading.batches(cutter, cut)
    }
  }
  const last = cutter.remainder()
  if (last) yield* reading.batches(cutter, last)
}

/** Copies what has room of a chunk. Returns how much. */
function fill(cutter: LineCutter, chunk: Buffer, at: number): number {
  const buffer = cutter.readBuffer()
  const copied = chunk.copy(buffer, 0, at)
  cutter.appendRead(copied)
  return copied
}

class LineReading {
  readonly rules: { loneReturns: boolean; delimiter: Buffer | null; maxLineBytes: number }
  readonly #file: OpenFile
  readonly #format: Format
  #needsHeader: boolean

  constructor(file: OpenFile, format: Format) {
    this.#file = file
    this.#format = format
    this.#needsHeader = format.hasHeader
    this.rules = { loneReturns: format.loneReturns, delimiter: format.delimiter, maxLineBytes: file.config['line.max.bytes'] }
  }

  /** Reads the header of a file whose reading continues in its middle. */
  async readHeader(): Promise<void> {
    const cutter = new LineCutter(0, this.rules)
    for await (const chunk of bytesOf(this.#file.content, this.#file.compression, 0)) {
      for (let at = 0; at < chunk.length; ) {
        at += fill(cutter, chunk, at)
        const cut = cutter.next(1)
        if (cut) return this.#parseHeader(cut.lines[0]!)
      }
    }
    throw new Error('it has no header line')
  }

  /** The batch of the lines. Where some of them are bad, batches of the lines between. */
  *batches(cutter: LineCutter, cut: CutLines): Generator<FileBatch, void, void> {
    let lines = cut.lines
    const first = this.#needsHeader ? 1 : 0
    if (this.#needsHeader) this.#parseHeader(lines[0]!)
    lines = lines.slice(first)
    try {
      if (lines.length > 0) yield { records: this.#format.records(lines, Date.now()), offset: cutter.position }
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      // The lines before it are sent first; their position is where the bad line begins.
      cutter.unread(cut)
      const good = first + error.index
      if (good > 0) {
        const before = cutter.next(good)!
        if (error.index > 0) yield { records: this.#format.records(before.lines.slice(first), Date.now()), offset: cutter.position }
      }
      const problem = `the line at byte ${cutter.position} ${error.message}`
      if (this.#file.config['bad.lines'] === 'fail')
        throw new Error(`${problem}. Correct the line, or set bad.lines=skip.`, { cause: error })
      this.#file.warn(`${problem}; it is skipped`)
      cutter.next(1) ?? cutter.remainder()
    }
  }

  #parseHeader(line: string): void {
    this.#format.header(line)
    this.#needsHeader = false
  }
}
