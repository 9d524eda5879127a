/**
 * Lines of text, JSON lines and CSV of a file that no longer grows: its last line may have no newline. Offsets are bytes of the text
 * after decompression.
 */
import { runsBetweenBadLines } from '../file/bad-lines.ts'
import { BadLine, type Format, formatNamed } from '../file/formats.ts'
import { delimiterOf } from '../file/line-settings.ts'
import { type CutLines, LineCutter } from '../file/lines.ts'
import { bytesOf } from './decompression.ts'
import type { FileBatch, OpenFile } from './file-reader.ts'

/** Skipped lines of a file that the log names, at most; the others are counted. */
const MAX_NAMED_LINES = 20

export async function* readLines(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config, content, compression } = file
  const format = await formatNamed(file.format as 'lines' | 'json' | 'csv', {
    topic: file.topic,
    keyField: config['key.field'],
    delimiter: delimiterOf(config.delimiter),
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
  reading.end()
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
  #skipped = 0

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
    const first = this.#needsHeader ? 1 : 0
    if (this.#needsHeader) this.#parseHeader(cut.lines[0]!)
    const lines = first === 0 ? cut.lines : cut.lines.slice(first)
    try {
      if (lines.length > 0) yield { records: this.#format.records(lines, Date.now()), offset: cutter.position }
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      cutter.unread(cut)
      if (first > 0) cutter.next(first)
      yield* runsBetweenBadLines(cutter, lines, this.#format, (at, bad) => this.#onBadLine(at, bad))
    }
  }

  /** @throws where bad.lines does not skip it */
  #onBadLine(at: number, error: BadLine): void {
    const problem = `the line at byte ${at} ${error.message}`
    if (this.#file.config['bad.lines'] === 'fail') throw new Error(`${problem}. Correct the line, or set bad.lines=skip.`, { cause: error })
    if (++this.#skipped <= MAX_NAMED_LINES) this.#file.warn(`${problem}; it is skipped`)
  }

  /** Says how many lines were skipped without being named. */
  end(): void {
    const others = this.#skipped - MAX_NAMED_LINES
    if (others > 0) this.#file.warn(`${others} further lines that cannot be read were skipped`)
  }

  #parseHeader(line: string): void {
    this.#format.header(line)
    this.#needsHeader = false
  }
}
