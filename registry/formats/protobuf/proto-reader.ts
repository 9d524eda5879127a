/**
 * Reads the words of a .proto text: names, numbers, quoted texts and marks, between spaces and comments.
 * It never looks back more than one mark; an error says the line and column.
 */
import { InvalidSchemaError } from '../parsed-schema.ts'

const SPACE = /[ \t\r\n]*/y
const WORD = /[A-Za-z0-9_.-]+/y
/** Of an option's name after a dot: the next dot ends it. */
const PART = /[A-Za-z0-9_-]+/y
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\u000b',
}
const MAX_INT = 2 ** 31 - 1
const MIN_INT = -(2 ** 31)

export class ProtoTextReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  fail(why: string): never {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    throw new InvalidSchemaError(`Syntax error in :${line}:${this.#at - before.lastIndexOf('\n')}: ${why}`)
  }

  expect(condition: boolean, why: string): void {
    if (!condition) this.fail(why)
  }

  /** After spaces and comments. */
  get ended(): boolean {
    this.#skip()
    return this.#at >= this.#text.length
  }

  peek(): string {
    this.#skip()
    return this.#text[this.#at] ?? this.fail('unexpected end of file')
  }

  read(): string {
    const mark = this.peek()
    this.#at++
    return mark
  }

  /** Takes the mark if it comes next. */
  take(mark: string): boolean {
    if (this.peek() !== mark) return false
    this.#at++
    return true
  }

  require(mark: string): void {
    const found = this.read()
    if (found !== mark) {
      this.#at--
      this.fail(`expected '${mark}' but was '${found}'`)
    }
  }

  back(): void {
    this.#at--
  }

  word(): string {
    return this.#match(WORD)
  }

  /** A name of a field or a constant. */
  identifier(): string {
    this.peek()
    this.expect(!/\d/.test(this.#text[this.#at] ?? ''), 'field and constant names cannot start with a digit')
    return this.word()
  }

  /** A name that may stand in parentheses or square brackets. */
  name(): { text: string; mark: '' | '(' | '[' } {
    return this.#wrapped(WORD)
  }

  /** A part of an option's name. */
  part(): { text: string; mark: '' | '(' | '[' } {
    return this.#wrapped(PART)
  }

  #wrapped(naked: RegExp): { text: string; mark: '' | '(' | '[' } {
    const mark = this.peek()
    if (mark !== '(' && mark !== '[') return { text: this.#match(naked), mark: '' }
    this.#at++
    const text = this.word()
    this.require(mark === '(' ? ')' : ']')
    return { text, mark }
  }

  /** A scalar, a named type or a map. */
  dataType(first = this.word()): string {
    if (first === 'map' && this.peek() === '<') {
      this.require('<')
      const key = this.dataType()
      this.require(',')
      const value = this.dataType()
      this.require('>')
      return `map<${key}, ${value}>`
    }
    let type = first
    while (this.take('.')) type += `.${this.word()}`
    return type
  }

  int(): number {
    const word = this.word()
    const value = /^-?\d+$/.test(word)
      ? Number.parseInt(word, 10)
      : /^0[xX][0-9a-fA-F]+$/.test(word)
        ? Number.parseInt(word, 16)
        : Number.NaN
    this.expect(value <= MAX_INT && value >= MIN_INT, `expected an integer but was ${word}`)
    return value
  }

  /** Texts in quotes, one after another, are one. */
  quoted(): string {
    const mark = this.peek()
    this.expect(mark === '"' || mark === "'", 'expected quoted string')
    let value = ''
    while (!this.ended && (this.peek() === '"' || this.peek() === "'")) value += this.#quotedPart(this.read())
    return value
  }

  #quotedPart(mark: string): string {
    let value = ''
    for (;;) {
      const char = this.#text[this.#at++]
      if (char === undefined) return this.fail('unterminated string')
      if (char === mark) return value
      value += char === '\\' ? this.#escape() : char
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++] ?? this.fail('unexpected end of file')
    const number = /[xX]([0-9a-fA-F]{1,2})|([0-7]{1,3})/y
    number.lastIndex = this.#at - 1
    const match = number.exec(this.#text)
    if (match) {
      this.#at = number.lastIndex
      return String.fromCharCode(match[1] ? Number.parseInt(match[1], 16) : Number.parseInt(match[2]!, 8))
    }
    this.expect(char !== 'x' && char !== 'X', 'expected a digit after \\x or \\X')
    return ESCAPES[char] ?? char
  }

  #match(pattern: RegExp): string {
    this.#skip()
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (!match) return this.fail('expected a word')
    this.#at = pattern.lastIndex
    return match[0]
  }

  #skip(): void {
    for (;;) {
      SPACE.lastIndex = this.#at
      SPACE.exec(this.#text)
      this.#at = SPACE.lastIndex
      if (this.#text[this.#at] !== '/') return
      const mark = this.#text[this.#at + 1]
      if (mark !== '/' && mark !== '*') this.fail("unexpected '/'")
      const end = mark === '/' ? this.#text.indexOf('\n', this.#at) : this.#text.indexOf('*/', this.#at + 2)
      if (end < 0 && mark === '*') this.fail('unterminated comment')
      this.#at = end < 0 ? this.#text.length : mark === '/' ? end : end + 2
    }
  }
}
