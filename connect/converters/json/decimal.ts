/**
 * Converts decimals between digits ("12.30") and the bytes of Kafka Connect: the unscaled number, two's complement, big endian. How many
 * digits the point may be away is bounded, so that a small payload never takes much memory.
 */
import { DataError, type Schema } from '../../sdk/index.ts'

/** The maximum distance of the point from the digits: a larger exponent or scale could exhaust the memory (Invariant 13). */
const MAX_SHIFT = 100_000

/** The unscaled number of a decimal with `scale` digits after the point. */
export function unscaled(digits: string, scale: number): bigint {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(digits.trim())
  if (!match || (match[2] === '' && !match[3])) throw new DataError(`not a decimal: ${digits}`)
  const fraction = match[3] ?? ''
  const shift = scale - fraction.length + Number(match[4] ?? 0)
  if (Math.abs(shift) > MAX_SHIFT) throw new DataError(`a decimal whose point is ${shift} digits away`)
  let number = BigInt(`${match[2]}${fraction}`)
  if (shift >= 0) number *= 10n ** BigInt(shift)
  else {
    const divisor = 10n ** BigInt(-shift)
    if (number % divisor !== 0n) throw new DataError(`decimal ${digits} has more than ${scale} digits after the point`)
    number /= divisor
  }
  return match[1] === '-' ? -number : number
}

/** The number of digits after the point, once the exponent is applied. */
export function fractionDigits(digits: string): number {
  const match = /^[+-]?\d*(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(digits)
  return Math.max(0, (match?.[1] ?? '').length - Number(match?.[2] ?? 0))
}

export function scaleOf(schema: Schema): number {
  const scale = Number(schema.parameters?.scale ?? Number.NaN)
  if (!Number.isInteger(scale)) throw new DataError('Invalid Decimal schema: scale parameter not found.')
  return scale
}

export function digitsOf(number: bigint, scale: number): string {
  if (Math.abs(scale) > MAX_SHIFT) throw new DataError(`a decimal whose point is ${scale} digits away`)
  if (scale <= 0) return String(number * 10n ** BigInt(-scale))
  const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0')
  return `${number < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The shortest two's complement of the number, as Java's BigInteger.toByteArray. */
export function bytesOf(number: bigint): Buffer {
  let size = 1
  while (BigInt.asIntN(size * 8, number) !== number) size++
  return Buffer.from(
    BigInt.asUintN(size * 8, number)
      .toString(16)
      .padStart(size * 2, '0'),
    'hex',
  )
}

export function numberOf(bytes: Buffer): bigint {
  if (bytes.length === 0) throw new DataError('a decimal without bytes')
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
}

/** In Java each decimal has its own scale, which need not be that of the schema. */
export function withOwnScale(text: string): string {
  const own = fractionDigits(text)
  return digitsOf(unscaled(text, own), own)
}
