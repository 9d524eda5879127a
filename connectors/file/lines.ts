/**
 * Cuts the bytes of a file into complete lines, without I/O. Bytes that do not end a line stay until more come, so a character that is
 * split between two reads is never torn. One buffer serves the whole file; the strings are copies. No line is longer than its limit.
 */
const NEWLINE = 0x0a
const RETURN = 0x0d
const QUOTE = 0x22
const BYTE_ORDER_MARK = Buffer.from('\uFEFF')

/** How much is asked of the disk at once. */
export const READ_BYTES = 1024 * 1024
const LEAST_ROOM_BYTES = 64 * 1024

export class LineTooLong extends Error {
  override name = 'LineTooLong'
}

export interface CutLines {
  lines: string[]
  /** Where the first of them begins in the file, and where the next line will. */
  from: number
  to: number
}

export interface LineRules {
  /** A carriage return alone ends a line too, as it does for Kafka's file source. */
  loneReturns: boolean
  /** What parts the fields of a line, where a newline between the double quotes of a field belongs to the line. Null where there are none. */
  delimiter: Buffer | null
  maxLineBytes: number
}

export class LineCutter {
  readonly #rules: LineRules
  #buffer = Buffer.allocUnsafe(READ_BYTES)
  #start = 0
  #end = 0
  /** The file's byte at #start. */
  #position: number
  /** Nothing below this index ends the line at #start: spares a second look at the bytes of a long line. */
  #seen = 0
  #inQuotes = false
  /** The file's byte after the quote that ended a field: another one there stands for a quote in it. */
  #afterQuotes = -1

  constructor(position: number, rules: LineRules) {
    this.#position = position
    this.#rules = rules
  }

  /** Where the first byte that is not cut yet stands in the file. */
  get position(): number {
    return this.#position
  }

  /** Where the next read goes on. */
  get readPosition(): number {
    return this.#position + this.#end - this.#start
  }

  /** Room for the next read. Call `filled` with what came. */
  room(): Buffer {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end)
      this.#seen -= this.#start
      this.#end -= this.#start
      this.#start = 0
    }
    if (this.#buffer.length - this.#end < LEAST_ROOM_BYTES) {
      // Invariant 13: the buffer grows with the longest line, never past its limit
      if (this.#end > this.#rules.maxLineBytes) throw this.#tooLong()
      const grown = Buffer.allocUnsafe(Math.min(this.#buffer.length * 2, this.#rules.maxLineBytes + READ_BYTES))
      this.#buffer.copy(grown, 0, 0, this.#end)
      this.#buffer = grown
    }
    return this.#buffer.subarray(this.#end)
  }

  filled(bytes: number): void {
    this.#end += bytes
  }

  /** Drops what is not cut yet and begins at a position. */
  restart(position: number): void {
    this.#position = position
    this.#start = this.#end = this.#seen = 0
    this.#inQuotes = false
    this.#afterQuotes = -1
  }

  /** The next complete lines, at most `most`; null where there is none. */
  next(most: number): CutLines | null {
    const from = this.#position
    const lines: string[] = []
    const returns = this.#rules.loneReturns && this.#has(RETURN)
    if (this.#rules.delimiter) this.#cutQuoted(lines, most, this.#rules.delimiter)
    else if (returns) this.#cutReturns(lines, most)
    else this.#cutNewlines(lines, most)
    if (lines.length === 0) {
      if (this.#end - this.#start > this.#rules.maxLineBytes) throw this.#tooLong()
      return null
    }
    return { lines, from, to: this.#position }
  }

  /** Takes lines back that were cut last, so that `next` gives them again. Only before the next `room`. */
  back(cut: CutLines): void {
    this.#start -= this.#position - cut.from
    this.#position = cut.from
    this.#seen = this.#start
    this.#inQuotes = false
    this.#afterQuotes = -1
  }

  /** What is left of a file that grows no more: its last line, though no newline ends it. */
  rest(): CutLines | null {
    if (this.#start === this.#end) return null
    const from = this.#position
    const line = this.#text(this.#end)
    this.#advance(this.#end)
    return { lines: [line], from, to: this.#position }
  }

  #cutNewlines(lines: string[], most: number): void {
    const buffer = this.#buffer
    let begin = this.#start
    let at = Math.max(begin, this.#seen)
    while (lines.length < most) {
      const newline = buffer.indexOf(NEWLINE, at)
      if (newline < 0 || newline >= this.#end) {
        this.#seen = this.#end
        break
      }
      if (newline - begin > this.#rules.maxLineBytes) break
      const trimmed = newline > begin && buffer[newline - 1] === RETURN ? newline - 1 : newline
      lines.push(buffer.toString('utf8', begin, trimmed))
      begin = at = this.#seen = newline + 1
    }
    this.#moveTo(begin, lines)
  }

  #cutReturns(lines: string[], most: number): void {
    const buffer = this.#buffer
    let begin = this.#start
    let newline = -1
    let carriage = -1
    while (lines.length < most) {
      if (newline < begin) newline = this.#find(NEWLINE, begin)
      if (carriage < begin) carriage = this.#find(RETURN, begin)
      // whether a return at the very end is half of a \r\n is not known yet
      const end = Math.min(newline, carriage)
      if (end >= this.#end || (end === carriage && end + 1 === this.#end) || end - begin > this.#rules.maxLineBytes) break
      lines.push(buffer.toString('utf8', begin, end))
      begin = end === carriage && buffer[end + 1] === NEWLINE ? end + 2 : end + 1
    }
    this.#moveTo(begin, lines)
  }

  #cutQuoted(lines: string[], most: number, delimiter: Buffer): void {
    const buffer = this.#buffer
    let at = Math.max(this.#start, this.#seen)
    while (lines.length < most) {
      const newline = this.#find(NEWLINE, at)
      let quote = this.#find(QUOTE, at)
      while (quote < newline) {
        this.#turn(quote, delimiter)
        quote = this.#find(QUOTE, quote + 1)
      }
      if (newline < this.#end && !this.#inQuotes && newline - this.#start > this.#rules.maxLineBytes) break
      this.#seen = at = Math.min(newline + 1, this.#end)
      if (newline >= this.#end) break
      if (this.#inQuotes) continue
      const trimmed = newline > this.#start && buffer[newline - 1] === RETURN ? newline - 1 : newline
      lines.push(this.#text(trimmed))
      this.#advance(newline + 1)
    }
  }

  /** A quote begins only a whole field: one that stands in a field's middle (5") is text, and must not swallow the lines behind it. */
  #turn(quote: number, delimiter: Buffer): void {
    const at = this.#position + quote - this.#start
    if (this.#inQuotes) {
      this.#inQuotes = false
      this.#afterQuotes = at + 1
      return
    }
    const begins = at === BYTE_ORDER_MARK.length && this.#standsBefore(quote, BYTE_ORDER_MARK)
    this.#inQuotes = quote === this.#start || at === this.#afterQuotes || begins || this.#standsBefore(quote, delimiter)
  }

  /** Whether these bytes of the line end at an index. */
  #standsBefore(index: number, bytes: Buffer): boolean {
    const begin = index - bytes.length
    return begin >= this.#start && this.#buffer.compare(bytes, 0, bytes.length, begin, index) === 0
  }

  /** The index of a byte, or past the end where there is none. */
  #find(byte: number, from: number): number {
    const found = this.#buffer.indexOf(byte, from)
    return found < 0 || found >= this.#end ? Number.MAX_SAFE_INTEGER : found
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
    this.#seen = to
  }

  #moveTo(begin: number, lines: readonly string[]): void {
    if (lines.length === 0) return
    this.#position += begin - this.#start
    this.#start = begin
    this.#seen = Math.max(this.#seen, begin)
  }

  #tooLong(): LineTooLong {
    return new LineTooLong(
      `The line that begins at byte ${this.#position} is longer than ${this.#rules.maxLineBytes} bytes. ` +
        'Raise line.max.bytes, or end the line with a newline (in CSV, look for a quote that is never closed).',
    )
  }
}
