/**
 * Conversions between numbers as Java does them: whole numbers keep their low bits, floating-point numbers are cut off and stop at the
 * ends of the range, and texts are read by the rules of parseInt, parseLong and parseDouble. Invalid texts give undefined.
 */

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const INT64_DIGITS = 19

const ZERO = 0x30
const NINE = 0x39
const POINT = 0x2e
const MINUS = 0x2d

export type Whole = number | bigint

/** As the data model has whole numbers: a number where it is safe. */
export const wholeOf = (value: bigint): Whole => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** The low bits of a whole number, with their sign. */
export function lowBits(value: Whole, bits: 8 | 16 | 32 | 64): Whole {
  if (bits === 64) return typeof value === 'bigint' ? wholeOf(BigInt.asIntN(64, value)) : value
  const low = typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : value | 0
  return bits === 8 ? (low << 24) >> 24 : bits === 16 ? (low << 16) >> 16 : low
}

/** A floating-point number as a whole one of so many bits. Those of less than 32 are the low bits of one of 32. */
export function cutOff(value: number, bits: 8 | 16 | 32 | 64): Whole {
  if (Number.isNaN(value)) return 0
  // Adding zero turns a negative zero into zero.
  const whole = Math.trunc(value) + 0
  if (bits < 64) return lowBits(Math.min(Math.max(whole, INT32_MIN), INT32_MAX), bits)
  if (Number.isSafeInteger(whole)) return whole
  if (whole >= 2 ** 63) return INT64_MAX
  return whole <= -(2 ** 63) ? INT64_MIN : BigInt(whole)
}

/** The low bits below which a long has more than a double keeps. */
const LOW_BITS = 11n

/** The nearest float32, which the nearest double's nearest need not be: the low bits become one bit that says whether any is set. */
export function nearestFloat(value: Whole): number {
  if (typeof value === 'number') return Math.fround(value)
  const high = value >> LOW_BITS
  return Math.fround(Number(high << LOW_BITS === value ? high : high | 1n) * 2 ** Number(LOW_BITS))
}

const decimalPattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,10}))?$/

/** The low 64 bits of a decimal's whole part; undefined where the text is not a decimal. */
export function wholePartOf(text: string): bigint | undefined {
  const match = decimalPattern.exec(text)
  if (!match || (match[2] === '' && !match[3])) return undefined
  const fraction = match[3] ?? ''
  const digits = `${match[2]}${fraction}`
  const point = match[2]!.length + Number(match[4] ?? 0)
  const shift = point - digits.length
  // A multiple of 10^64 has 64 low bits that are zero.
  if (point <= 0 || shift >= 64) return 0n
  const whole = shift >= 0 ? BigInt(digits) * 10n ** BigInt(shift) : BigInt(digits.slice(0, point))
  return BigInt.asIntN(64, match[1] === '-' ? -whole : whole)
}

export const isDecimal = (text: string): boolean => wholePartOf(text) !== undefined

/** A minus and so many digits, at most, are a number that is safe. */
const SAFE_DIGITS = 15

const isWholePlain = (text: string): boolean => isPlain(text) && !text.includes('.')

/** Byte.parseByte, Short.parseShort, Integer.parseInt and Long.parseLong. */
export function parseWhole(text: string, bits: 8 | 16 | 32 | 64): Whole | undefined {
  if (text.length <= SAFE_DIGITS && isWholePlain(text)) {
    const value = Number(text)
    return bits === 64 || lowBits(value, bits) === value ? value + 0 : undefined
  }
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const digits = text.replace(/^[+-]?0*/, '')
  if (digits.length > INT64_DIGITS) return undefined
  const magnitude = BigInt(digits || '0')
  const value = text.startsWith('-') ? -magnitude : magnitude
  return BigInt.asIntN(bits, value) === value ? wholeOf(value) : undefined
}

const floating = /^([+-]?)(?:(NaN|Infinity)|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?)$/
const hexadecimal = /^([+-]?)0[xX]([\da-fA-F]*)(?:\.([\da-fA-F]*))?[pP]([+-]?\d+)[fFdD]?$/

/** Digits with at most one point between them, which JavaScript reads as Java does: most texts, told without a regular expression. */
function isPlain(text: string): boolean {
  let points = 0
  const { length } = text
  for (let index = text.charCodeAt(0) === MINUS ? 1 : 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code === POINT) points++
    else if (code < ZERO || code > NINE) return false
  }
  const last = text.charCodeAt(length - 1)
  return points <= 1 && last >= ZERO && last <= NINE
}

/** Double.parseDouble. Spaces around the number do not count. */
export function parseDouble(text: string): number | undefined {
  if (isPlain(text)) return Number(text)
  // Java's trim removes all characters up to the space.
  const trimmed = text.replace(/^[\0- ]+|[\0- ]+$/g, '')
  const match = floating.exec(trimmed)
  if (match) return (match[1] === '-' ? -1 : 1) * Number(match[2] ?? match[3])
  const hex = hexadecimal.exec(trimmed)
  if (!hex || (hex[2] === '' && !hex[3])) return undefined
  const digits = `${hex[2]}${hex[3] ?? ''}`
  return (hex[1] === '-' ? -1 : 1) * Number(`0x${digits}`) * 2 ** (Number(hex[4]) - 4 * (hex[3] ?? '').length)
}
