/**
 * Numbers in texts, with the smallest type that has them, as Kafka Connect's Values infers it: whole numbers are integers, fractions are
 * float32 where that has their size, and what is larger than all of these is a Decimal. Digits are those of ASCII.
 */
import type { SchemaAndValue } from '../converter.ts'
import { schemas } from '../schema.ts'

/** Java's BigDecimal has exponents of 32 bits. */
const MAX_EXPONENT = 2 ** 31 - 1
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,10}))?$/
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
/** An int64 has at most so many digits. */
const INT64_DIGITS = 19

/** Null where the text is not a number. */
export function parseNumber(text: string): SchemaAndValue | null {
  const match = NUMBER.exec(text)
  if (!match) return null
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '')
  const exponent = Number(exponentText)
  const scale = fraction.length - exponent
  if (whole + fraction === '' || Math.abs(scale) > MAX_EXPONENT) return null
  const integer = wholeNumber(sign, digits, scale)
  if (integer !== null) return integerOf(integer)
  const value = Number(text)
  if (scale !== 0 && Number.isFinite(Math.fround(value))) return { schema: schemas.float32(), value: Math.fround(value) }
  if (scale !== 0 && Number.isFinite(value)) return { schema: schemas.float64(), value }
  return { schema: schemas.decimal(scale), value: plainDigits(sign, digits, scale) }
}

/** The number, where it is whole and an int64. No longer text is made of it than it has digits. */
function wholeNumber(sign: string, digits: string, scale: number): bigint | null {
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return 0n
  const zeros = digits.length - significant.length - scale
  if (zeros < 0 || significant.length + zeros > INT64_DIGITS) return null
  const value = BigInt(`${sign === '-' ? '-' : ''}${significant}${'0'.repeat(zeros)}`)
  return value < int64.min || value > int64.max ? null : value
}

function integerOf(value: bigint): SchemaAndValue {
  const bits = ([8, 16, 32] as const).find((size) => BigInt.asIntN(size, value) === value)
  const schema = bits === 8 ? schemas.int8() : bits === 16 ? schemas.int16() : bits === 32 ? schemas.int32() : schemas.int64()
  return { schema, value: Number.isSafeInteger(Number(value)) ? Number(value) : value }
}

/** A Decimal's digits. With a negative scale there are zeros, of which BigDecimal's text has none. */
function plainDigits(sign: string, digits: string, scale: number): string {
  const minus = sign === '-' ? '-' : ''
  if (scale <= 0) return scale === 0 ? minus + digits : `${minus}${digits}E+${-scale}`
  const padded = digits.padStart(scale + 1, '0')
  return `${minus}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}
