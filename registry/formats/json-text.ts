/**
 * JSON as Jackson reads and writes it: the order of keys and the kind of each number are kept, the last of equal keys counts, texts are
 * escaped as Jackson does. JSON.parse keeps neither the order of keys such as "1" nor the difference of 1 and 1.0.
 */
import { InvalidSchemaError } from './parsed-schema.ts'

/** A number with its text; `integral` is Jackson's: neither a fraction nor an exponent. */
export class JsonNumber {
  readonly text: string
  readonly integral: boolean
  constructor(text: string) {
    this.text = text
    this.integral = /^-?\d+$/.test(text)
  }
  get value(): number {
    return Number(this.text)
  }
}

export type JsonObject = Map<string, Json>
export type Json = string | boolean | null | JsonNumber | Json[] | JsonObject

export interface JsonReadOptions {
  /** Comments of Java and C, which Avro allows. */
  comments?: boolean
  /** NaN and Infinity, which Confluent's mapper allows. */
  nonNumeric?: boolean
  /** Less than what Jackson allows, for what needs more of the stack for each level. */
  maxDepth?: number
}

/** Jackson's limits of one text: nesting, and the digits of one number. */
const MAX_DEPTH = 1000
const MAX_NUMBER_CHARS = 1000

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none of them unescaped.
const STRING_PART = /[^"\\\u0000-\u001f]*/y
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

export function readJson(text: string, options: JsonReadOptions = {}): Json {
  const { maxDepth = MAX_DEPTH } = options
  let at = 0
  const fail = (what: string): never => {
    const before = text.slice(0, at)
    const line = before.split('\n').length
    throw new InvalidSchemaError(`${what} at line ${line}, column ${at - before.lastIndexOf('\n')}`)
  }

  const skip = () => {
    for (;;) {
      const char = text[at]
      if (char === ' ' || char === '\n' || char === '\r' || char === '\t') at++
      else if (options.comments && char === '/' && text[at + 1] === '/') {
        const end = text.indexOf('\n', at)
        at = end < 0 ? text.length : end + 1
      } else if (options.comments && char === '/' && text[at + 1] === '*') {
        const end = text.indexOf('*/', at + 2)
        if (end < 0) fail('Unexpected end of text in a comment')
        at = end + 2
      } else return
    }
  }

  const string = (): string => {
    at++
    let value = ''
    for (;;) {
      STRING_PART.lastIndex = at
      value += STRING_PART.exec(text)![0]
      at = STRING_PART.lastIndex
      const char = text[at]
      if (char === '"') {
        at++
        return value
      }
      if (char !== '\\') fail(char === undefined ? 'Unexpected end of text in a string' : 'Illegal unquoted control character in a string')
      const escaped = text[at + 1] ?? ''
      if (escaped === 'u') {
        const hex = text.slice(at + 2, at + 6)
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) fail('An escape \\u needs four hexadecimal digits')
        value += String.fromCharCode(Number.parseInt(hex, 16))
        at += 6
      } else {
        const plain = ESCAPES[escaped]
        if (plain === undefined) fail(`Unrecognized escape \\${escaped}`)
        value += plain
        at += 2
      }
    }
  }

  const word = (name: string): boolean => {
    if (!text.startsWith(name, at) || /[\w$]/.test(text[at + name.length] ?? '')) return false
    at += name.length
    return true
  }

  const value = (depth: number): Json => {
    if (depth > maxDepth) fail(`The text nests deeper than ${maxDepth}`)
    skip()
    const char = text[at]
    if (char === '"') return string()
    if (char === '{') return object(depth)
    if (char === '[') return array(depth)
    if (word('true')) return true
    if (word('false')) return false
    if (word('null')) return null
    if (options.nonNumeric) for (const name of ['NaN', 'Infinity', '-Infinity']) if (word(name)) return new JsonNumber(name)
    NUMBER.lastIndex = at
    const number = NUMBER.exec(text)?.[0]
    if (number === undefined) return fail(char === undefined ? 'Unexpected end of text' : `Unexpected character '${char}'`)
    if (number.length > MAX_NUMBER_CHARS) fail(`A number has more than ${MAX_NUMBER_CHARS} characters`)
    at += number.length
    if (/[\w.]/.test(text[at] ?? '')) fail(`Unexpected character '${text[at]}' in a number`)
    return new JsonNumber(number)
  }

  const object = (depth: number): JsonObject => {
    const found: JsonObject = new Map()
    at++
    skip()
    if (text[at] === '}') {
      at++
      return found
    }
    for (;;) {
      skip()
      if (text[at] !== '"') fail("Expected a name in double quotes or '}'")
      const key = string()
      skip()
      if (text[at] !== ':') fail("Expected ':' after a name")
      at++
      found.set(key, value(depth + 1))
      skip()
      const char = text[at++]
      if (char === '}') return found
      if (char !== ',') fail("Expected ',' or '}' in an object")
    }
  }

  const array = (depth: number): Json[] => {
    const found: Json[] = []
    at++
    skip()
    if (text[at] === ']') {
      at++
      return found
    }
    for (;;) {
      found.push(value(depth + 1))
      skip()
      const char = text[at++]
      if (char === ']') return found
      if (char !== ',') fail("Expected ',' or ']' in an array")
    }
  }

  const found = value(0)
  skip()
  if (at < text.length) fail(`Unexpected text after the end of the schema: ${text.slice(at, at + 40)}`)
  return found
}

/** How a number that is not integral is written; both are Jackson's, the choice is the mapper's. */
export type FractionText = (number: JsonNumber) => string

export function writeJson(json: Json, fraction: FractionText): string {
  if (json === null || typeof json === 'boolean') return String(json)
  if (typeof json === 'string') return quoted(json)
  if (json instanceof JsonNumber) return json.integral ? integerText(json.text) : fraction(json)
  if (Array.isArray(json)) return `[${json.map((item) => writeJson(item, fraction)).join(',')}]`
  return `{${[...json].map(([key, value]) => `${quoted(key)}:${writeJson(value, fraction)}`).join(',')}}`
}

/** The same value with the keys of every object sorted as Java compares strings. */
export function sortedJson(json: Json): Json {
  if (Array.isArray(json)) return json.map(sortedJson)
  if (!(json instanceof Map)) return json
  return new Map([...json].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, sortedJson(value)]))
}

export function quoted(text: string): string {
  // A lone surrogate is written as it is, and a control character in upper-case hexadecimal digits.
  return JSON.stringify(text).replace(/\\(?:u([0-9a-f]{4})|.)/g, (escaped, hex: string | undefined) => {
    if (hex === undefined) return escaped
    const code = Number.parseInt(hex, 16)
    return code >= 0xd800 ? String.fromCharCode(code) : `\\u${hex.toUpperCase()}`
  })
}

const integerText = (text: string) => (text === '-0' ? '0' : text)

/** A fraction as Java's Double.toString writes it. */
export function doubleText(number: JsonNumber): string {
  const value = number.value
  return Number.isFinite(value) ? javaDoubleText(value) : `"${String(value)}"`
}

export function javaDoubleText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size === 0) return `${sign}0.0`
  if (size >= 1e-3 && size < 1e7) {
    const plain = String(size)
    return sign + (plain.includes('.') ? plain : `${plain}.0`)
  }
  const [digits, exponent] = size.toExponential().split('e') as [string, string]
  return `${sign}${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** A fraction as Java's BigDecimal.toString writes it: no digit is lost. */
export function bigDecimalText(number: JsonNumber): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number.text)
  if (!match) return `"${number.text}"`
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const unscaled = (whole + fraction).replace(/^0+(?=\d)/, '')
  const scale = fraction.length - Number(exponent)
  const minus = /^0+$/.test(unscaled) ? '' : sign
  const adjusted = unscaled.length - 1 - scale
  if (scale >= 0 && adjusted >= -6) {
    if (scale === 0) return minus + unscaled
    const padded = unscaled.padStart(scale + 1, '0')
    return `${minus}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  const digits = unscaled.length > 1 ? `${unscaled[0]}.${unscaled.slice(1)}` : unscaled
  return `${minus}${digits}${adjusted === 0 ? '' : `E${adjusted > 0 ? '+' : ''}${adjusted}`}`
}

/** Whether two values are equal; the order of keys does not count. */
export function equalJson(a: Json, b: Json): boolean {
  if (a instanceof JsonNumber) return b instanceof JsonNumber && a.integral === b.integral && a.text === b.text
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]!))
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false
    for (const [key, value] of a) if (!b.has(key) || !equalJson(value, b.get(key)!)) return false
    return true
  }
  return a === b
}
