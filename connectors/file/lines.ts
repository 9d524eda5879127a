/**
 * Cuts the bytes of a file into complete lines, without I/O. An incomplete line stays in the buffer until it is complete, so a character
 * that two reads split is decoded correctly. One buffer serves the whole file, and the strings are copies. A line has a maximum length.
 */
const NEWLINE = 0x0a
const RETURN = 0x0d
const QUOTE = 0x22
const BYTE_ORDER_MARK = Buffer.from('\uFEFF')

/** The bytes of one read. */
export const READ_BYTES = 1024 * 1024
const MIN_READ_BYTES = 64 * 1024

export class LineTooLong extends Error {
  override name = 'LineTooLong'
}

export interface CutLines {
  lines: string[]
  /** The positions in the file of the first of them, and after the last. */
  from: number
  to: number
}

export interface LineRules {
  /** A carriage return alone ends a line too, as in Kafka's file source. */
  loneReturns: boolean
  /**
   * Separates the fields of a line, where a newline between the double quotes of a field belongs to the line. Null where quotes mean
   * nothing.
   */
  delimiter: Buffer | null
  maxLineBytes: number
}

export class LineCutter {
  readonly #rules: LineRules
  #buffer = Buffer.allocUnsafe(READ_BYTES)
  #start = 0
  #end = 0
  /** The position in the file of the byte at #start. */
  #position: number
  /** No byte from #start to this index ends the line, so that a long line is scanned once. */
  #scanned = 0
  #inQuotes = false
  /** The position after the quote that ended a field: a second quote there is an escaped one. */
  #afterQuotes = -1

  constructor(position: number, rules: LineRules) {
    this.#position = position
    this.#rules = rules
  }

  /** The position of the first byte that is not cut yet. */
  get position(): number {
    return this.#position
  }

  /** The position of the next read. */
  get readPosition(): number {
    return this.#position + this.#end - this.#start
  }

  /** The buffer for the next read. Call `appendRead` with the number of bytes that were read. */
  readBuffer(): Buffer {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end)
      this.#scanned -= this.#start
      this.#end -= this.#start
      this.#start = 0
    }
    if (this.#buffer.length - this.#end < MIN_READ_BYTES) {
      // Invariant 13: the buffer grows with the longest line, up to its maximum.
      if (this.#end > this.#rules.maxLineBytes) throw this.#tooLong()
      const grown = Buffer.allocUnsafe(Math.min(this.#buffer.length * 2, this.#rules.maxLineBytes + READ_BYTES))
      this.#buffer.copy(grown, 0, 0, this.#end)
      this.#buffer = grown
    }
    return this.#buffer.subarray(this.#end)
  }

  appendRead(bytes: number): void {
    this.#end += bytes
  }

  /** Drops what is not cut yet and continues at a position. */
  restart(position: number): void {
    this.#position = position
    this.#start = this.#end = this.#scanned = 0
    this.#inQuotes = false
    this.#afterQuotes = -1
  }

  /** The next complete lines, at most `maxLines`; null where there is none. */
  next(maxLines: number): CutLines | null {
    const from = this.#position
    const lines: string[] = []
    const returns = this.#rules.loneReturns && this.#has(RETURN)
    if (this.#rules.delimiter) this.#cutQuoted(lines, maxLines, this.#rules.delimiter)
    else if (returns) this.#cutReturns(lines, maxLines)
    else this.#cutNewlines(lines, maxLines)
    if (lines.length === 0) {
      if (this.#end - this.#start > this.#rules.maxLineBytes) throw this.#tooLong()
      return null
    }
    return { lines, from, to: this.#position }
  }

  /** Undoes the last `next`, so that the lines are cut again. Only before the next `readBuffer`. */
  unread(cut: CutLines): void {
    this.#start -= this.#position - cut.from
    this.#position = cut.from
    this.#scanned = this.#start
    this.#inQuotes = false
    this.#afterQuotes = -1
  }

  /** The last line of a file that no longer grows, where no newline ends it; else null. */
  remainder(): CutLines | null {
    if (this.#start === this.#end) return null
    const from = this.#position
    const line = this.#text(this.#end)
    this.#advance(this.#end)
    return { lines: [line], from, to: this.#position }
  }

  #cutNewlines(lines: string[], maxLines: number): void {
    const buffer = this.#buffer
    let begin = this.#start
    let searchFrom = Math.max(begin, this.#scanned)
    while (lines.length < maxLines) {
      const newline = buffer.indexOf(NEWLINE, searchFrom)
      if (newline < 0 || newline >= this.#end) {
        this.#scanned = this.#end
        break
      }
      if (newline - begin > this.#rules.maxLineBytes) break
      const trimmed = newline > begin && buffer[newline - 1] === RETURN ? newline - 1 : newline
      lines.push(buffer.toString('utf8', begin, trimmed))
      begin = searchFrom = this.#scanned = newline + 1
    }
    this.#consumeTo(begin, lines)
  }

  #cutReturns(lines: string[], maxLines: number): void {
    const buffer = this.#buffer
    let begin = this.#start
    let newline = -1
    let carriage = -1
    while (lines.length < maxLines) {
      if (newline < begin) newline = this.#find(NEWLINE, begin)
      if (carriage < begin) carriage = this.#find(RETURN, begin)
      // A carriage return at the very end may be the first half of \r\n.
      const end = Math.min(newline, carriage)
      if (end >= this.#end || (end === carriage && end + 1 === this.#end) || end - begin > this.#rules.maxLineBytes) break
      lines.push(buffer.toString('utf8', begin, end))
      begin = end === carriage && buffer[end + 1] === NEWLINE ? end + 2 : end + 1
    }
    this.#consumeTo(begin, lines)
  }

  #cutQuoted(lines: string[], maxLines: number, delimiter: Buffer): void {
    const buffer = this.#buffer
    let searchFrom = Math.max(this.#start, this.#scanned)
    while (lines.length < maxLines) {
      const newline = this.#find(NEWLINE, searchFrom)
      let quote = this.#find(QUOTE, searchFrom)
      while (quote < newline) {
        this.#onQuote(quote, delimiter)
        quote = this.#find(QUOTE, quote + 1)
      }
      if (newline < this.#end && !this.#inQuotes && newline - this.#start > this.#rules.maxLineBytes) break
      this.#scanned = searchFrom = Math.min(newline + 1, this.#end)
      if (newline >= this.#end) break
      if (this.#inQuotes) continue
      const trimmed = newline > this.#start && buffer[newline - 1] === RETURN ? newline - 1 : newline
      lines.push(this.#text(trimmed))
      this.#advance(newline + 1)
    }
  }

  /** Only a quote at the beginning of a field opens it. One inside a field (5") is text, and must not swallow the lines after it. */
  #onQuote(index: number, delimiter: Buffer): void {
    const position = this.#position + index - this.#start
    if (this.#inQuotes) {
      this.#inQuotes = false
      this.#afterQuotes = position + 1
      return
    }
    const isFirst = position === BYTE_ORDER_MARK.length && this.#precededBy(index, BYTE_ORDER_MARK)
    this.#inQuotes = index === this.#start || position === this.#afterQuotes || isFirst || this.#precededBy(index, delimiter)
  }

  /** Whether the line has these bytes right before an index. */
  #precededBy(index: number, bytes: Buffer): boolean {
    const begin = index - bytes.length
    return begin >= this.#start && this.#buffer.compare(bytes, 0, bytes.length, begin, index) === 0
  }

  /** The index of a byte; MAX_SAFE_INTEGER where there is none. */
  #find(byte: number, from: number): number {
    const index = this.#buffer.indexOf(byte, from)
    return index < 0 || index >= this.#end ? Number.MAX_SAFE_INTEGER : index
  }

  #has(byte: number): boolean {
    return this.#find(byte, this.#start) < this.#end
  }

  #text(end: number): string {
    return this.#buffer.toString('utf8', this.#start, end)
  }

  #advance(to: number): void {
    this.#position += to - this.#start
    this.#start = to
    this.#scanned = to
  }

  #consumeTo(begin: number, lines: readonly string[]): void {
    if (lines.length === 0) return
    this.#position += begin - this.#start
    this.#start = begin
    this.#scanned = Math.max(this.#scanned, begin)
  }

  #tooLong(): LineTooLong {
    return new LineTooLong(
      `The line that begins at byte ${this.#position} is longer than ${this.#rules.maxLineBytes} bytes. ` +
        'Raise line.max.bytes, or end the line with a newline (in CSV, check for a quote that is never closed).',
    )
  }
}
