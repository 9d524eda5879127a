/**
 * Texts of values as Java writes them: Double.toString, Float.toString, BigDecimal.toString, Date.toString in UTC, toString of Kafka
 * Connect's structs, and the formats that Kafka Connect has for dates.
 */
import { logicalTypes, type Schema } from '../schema.ts'

/** Between these Java writes a number without an exponent. */
const LEAST_PLAIN = 1e-3
const LEAST_SCIENTIFIC = 1e7

const DAY_MS = 86_400_000

/** The digits of a number in scientific notation, in Java's form. */
function layOut(scientific: string, magnitude: number): string {
  const [mantissa, exponentText] = scientific.split('e') as [string, string]
  const exponent = Number(exponentText)
  const negative = mantissa.startsWith('-')
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '')
  const sign = negative ? '-' : ''
  if (magnitude < LEAST_PLAIN || magnitude >= LEAST_SCIENTIFIC) return `${sign}${digits[0]}.${digits.slice(1) || '0'}E${exponent}`
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

const withoutDigits = (value: number): string | undefined =>
  value === 0 ? (Object.is(value, -0) ? '-0.0' : '0.0') : Number.isFinite(value) ? undefined : String(value)

/** The fewest digits that give the number again, but at least two, of which Java takes those that are nearest. */
export function doubleText(value: number): string {
  const special = withoutDigits(value)
  if (special !== undefined) return special
  const two = value.toExponential(1)
  return layOut(Number(two) === value ? two : value.toExponential(), Math.abs(value))
}

const FLOAT_DIGITS = 9

/** As `doubleText`, for a number that is a float32. */
export function floatText(value: number): string {
  const single = Math.fround(value)
  const special = withoutDigits(single)
  if (special !== undefined) return special
  for (let digits = 1; digits < FLOAT_DIGITS; digits++) {
    const text = single.toExponential(digits)
    if (Math.fround(Number(text)) === single) return layOut(text, Math.abs(single))
  }
  return layOut(single.toExponential(FLOAT_DIGITS), Math.abs(single))
}

/** BigDecimal.toString of a decimal that is kept as digits. A negative scale, which digits do not show, is that of its schema. */
export function decimalText(digits: string, schemaScale: number): string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(digits)
  // A connector may give an exponent: then the text is what it wrote.
  if (!match) return digits
  const sign = match[1] === '-' ? '-' : ''
  const fraction = match[3] ?? ''
  let unscaled = `${match[2]}${fraction}`.replace(/^0+(?=\d)/, '')
  const scale = fraction === '' && schemaScale < 0 ? schemaScale : fraction.length
  if (scale < 0 && unscaled !== '0') unscaled = unscaled.slice(0, scale)
  const exponent = unscaled.length - 1 - scale
  if (scale >= 0 && exponent >= -6) {
    if (scale === 0) return sign + unscaled
    const padded = unscaled.padStart(scale + 1, '0')
    return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
  }
  const mantissa = unscaled.length > 1 ? `${unscaled[0]}.${unscaled.slice(1)}` : unscaled
  return `${sign}${mantissa}${exponent === 0 ? '' : `E${exponent > 0 ? '+' : ''}${exponent}`}`
}

/** A time of day within the first day, a date at midnight, else both. */
export function dateText(date: Date): string {
  const time = date.getTime()
  const [day, clock] = date.toISOString().split('T') as [string, string]
  if (time < DAY_MS) return clock
  // Years of more than four digits have a sign in ISO 8601, but not in Java.
  const plain = day.replace(/^\+0*/, '')
  return time % DAY_MS === 0 ? plain : `${plain}T${clock}`
}

/** Date.toString of a JVM whose time zone is UTC. */
export function dateString(date: Date): string {
  // "Thu, 01 Jan 1970 00:00:00 GMT"; a year may have a sign and more digits.
  const text = date.toUTCString()
  const afterYear = text.indexOf(' ', 12)
  return `${text.slice(0, 3)} ${text.slice(8, 11)} ${text.slice(5, 7)} ${text.slice(afterYear + 1, -4)} UTC ${text.slice(12, afterYear)}`
}

/** Where a number has no schema, a safe integer is a long and any other a double. */
export function numberText(value: number, schema: Schema | null | undefined): string {
  if (schema?.type === 'float32') return floatText(value)
  return schema?.type === 'float64' || !Number.isSafeInteger(value) ? doubleText(value) : String(value)
}

export const scaleIn = (schema: Schema): number => Number(schema.parameters?.scale ?? 0)

/** toString of a value. Bytes, whose toString says nothing about them, are read as UTF-8. */
export function javaText(value: unknown, schema: Schema | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string') return schema?.name === logicalTypes.decimal ? decimalText(value, scaleIn(schema)) : value
  if (typeof value === 'number') return numberText(value, schema)
  if (value instanceof Date) return dateString(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
  if (Array.isArray(value)) return `[${value.map((item) => javaText(item, schema?.values)).join(', ')}]`
  if (typeof value !== 'object') return String(value)
  if (schema?.type === 'struct') {
    const fields = value as Record<string, unknown>
    let text = 'Struct{'
    let separator = ''
    for (const field of schema.fields!) {
      const shown = fields[field.name]
      if (shown === null || shown === undefined) continue
      text += `${separator}${field.name}=${javaText(shown, field.schema)}`
      separator = ','
    }
    return `${text}}`
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return `{${entries.map(([key, item]) => `${javaText(key, schema?.keys)}=${javaText(item, schema?.values)}`).join(', ')}}`
}
