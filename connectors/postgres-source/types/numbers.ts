/**
 * Whole numbers, floating-point numbers, decimals and money. Decimals keep all their digits in the modes `precise` and `string`; whole
 * numbers are bigint where a number would lose some.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { type ColumnType, type TypeSettings, Unconvertible } from './column-type.ts'

/** A number of at most this many characters is safe. */
const SAFE_CHARACTERS = 15

function int64(text: string): number | bigint {
  const number = Number(text)
  return text.length <= SAFE_CHARACTERS || Number.isSafeInteger(number) ? number : BigInt(text)
}

const simple = (schema: Schema, fallback: unknown, decode: (text: string) => unknown): ColumnType => ({
  schema,
  decode,
  fallback,
  unavailable: null,
})

export const int16Type = (): ColumnType => simple(schemas.int16(), 0, Number)
export const int32Type = (): ColumnType => simple(schemas.int32(), 0, Number)
export const int64Type = (): ColumnType => simple(schemas.int64(), 0, int64)
export const float32Type = (): ColumnType => simple(schemas.float32(), 0, (text) => Math.fround(Number(text)))
export const float64Type = (): ColumnType => simple(schemas.float64(), 0, Number)
export const booleanType = (): ColumnType => simple(schemas.boolean(), false, (text) => text === 't')

const SPECIAL_NAMES: Readonly<Record<string, string>> = { NaN: 'NAN', Infinity: 'POSITIVE_INFINITY', '-Infinity': 'NEGATIVE_INFINITY' }

const VARIABLE_SCALE = schemas.struct(
  { scale: schemas.int32(), value: schemas.bytes() },
  { name: 'io.debezium.data.VariableScaleDecimal', version: 1, doc: 'Variable scaled decimal' },
)

/** A type modifier of numeric: its precision and scale, which may be negative; null where there is none. */
export function numericModifier(modifier: number): { precision: number; scale: number } | null {
  if (modifier < 4) return null
  return { precision: ((modifier - 4) >> 16) & 0xffff, scale: (((modifier - 4) & 0x7ff) ^ 1024) - 1024 }
}

/** Digits, or NaN or an infinity, which a decimal with a fixed schema cannot be. */
function finite(text: string): string {
  const last = text.charCodeAt(text.length - 1)
  if (last >= 0x30 && last <= 0x39) return text
  throw new Unconvertible(`the decimal is ${text}, which only decimal.handling.mode string or double can express`)
}

export function numericType(modifier: number, { decimals, placeholder }: TypeSettings): ColumnType {
  if (decimals === 'double') return simple(schemas.float64(), 0, Number)
  const fixed = numericModifier(modifier)
  const zero = fixed && fixed.scale > 0 ? `0.${'0'.repeat(fixed.scale)}` : '0'
  if (decimals === 'string')
    return { schema: schemas.string(), decode: (text) => SPECIAL_NAMES[text] ?? text, fallback: zero, unavailable: placeholder }
  if (!fixed) return simple(VARIABLE_SCALE, { scale: 0, value: twosComplement(0n) }, variableScale)
  const { precision, scale } = fixed
  const parameters = { scale: String(scale), 'connect.decimal.precision': String(precision) }
  return simple(schemas.decimal(scale, { parameters }), zero, finite)
}

/** Without zeros at the end of the fraction. */
function variableScale(text: string): { scale: number; value: Buffer } {
  const digits = finite(text)
  const point = digits.indexOf('.')
  if (point < 0) return { scale: 0, value: bytesOf(digits) }
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 0x30) end--
  if (end === point + 1) return { scale: 0, value: bytesOf(digits.slice(0, point)) }
  return { scale: end - point - 1, value: bytesOf(digits.slice(0, point) + digits.slice(point + 1, end)) }
}

const bytesOf = (digits: string): Buffer =>
  digits.length <= SAFE_CHARACTERS ? safeComplement(Number(digits)) : twosComplement(BigInt(digits))

/** The shortest two's complement, big endian: as Java's BigInteger.toByteArray. */
function safeComplement(number: number): Buffer {
  let size = 1
  for (let limit = 128; number >= limit || number < -limit; limit *= 256) size++
  const bytes = Buffer.allocUnsafe(size)
  let rest = number
  for (let index = size - 1; index >= 0; index--) {
    const low = ((rest % 256) + 256) % 256
    bytes[index] = low
    rest = (rest - low) / 256
  }
  return bytes
}

function twosComplement(number: bigint): Buffer {
  const magnitude = number < 0n ? -number - 1n : number
  let hex = magnitude.toString(16)
  if (hex.length % 2 === 1) hex = `0${hex}`
  // The highest bit is the sign.
  if (Number.parseInt(hex[0]!, 16) >= 8) hex = `00${hex}`
  const bytes = Buffer.from(hex, 'hex')
  if (number < 0n) for (let index = 0; index < bytes.length; index++) bytes[index] = ~bytes[index]! & 0xff
  return bytes
}

export function moneyType(settings: TypeSettings): ColumnType {
  const { decimals, moneyFractionDigits: scale, placeholder } = settings
  const digits = (text: string) => moneyDigits(text, scale)
  const zero = scale > 0 ? `0.${'0'.repeat(scale)}` : '0'
  if (decimals === 'double') return simple(schemas.float64(), 0, (text) => Number(digits(text)))
  if (decimals === 'string') return { schema: schemas.string(), decode: digits, fallback: zero, unavailable: placeholder }
  return simple(schemas.decimal(scale), zero, (text) => rounded(digits(text), scale))
}

/** Of money as any lc_monetary prints it: `-$1,234.56`, `1.234,56 €`, `(£1)`. Three digits after the last separator are a group. */
function moneyDigits(text: string, fractionDigits: number): string {
  const last = /[.,٫'\s](\d+)\D*$/u.exec(text)
  const fraction = last && (last[1]!.length !== 3 || fractionDigits === 3) && !/[\s']/.test(last[0][0]!) ? last[1]! : ''
  const whole = (fraction === '' ? text : text.slice(0, last!.index)).replace(/\D/g, '')
  const isNegative = /[-(−]/.test(text)
  return `${isNegative ? '-' : ''}${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** To `scale` digits after the point, half of one away from zero. */
function rounded(digits: string, scale: number): string {
  const [whole = '', fraction = ''] = digits.split('.')
  if (fraction.length <= scale) return scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0')}`
  const isNegative = whole.startsWith('-')
  const kept = BigInt(`${whole.replace('-', '')}${fraction.slice(0, scale)}`) + (fraction[scale]! >= '5' ? 1n : 0n)
  const text = String(kept).padStart(scale + 1, '0')
  const magnitude = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`
  return isNegative ? `-${magnitude}` : magnitude
}
