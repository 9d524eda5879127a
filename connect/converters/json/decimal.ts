/**
 * Decimals between their digits ("12.30") and the bytes Kafka Connect keeps: the unscaled number, two's complement, big endian.
 */
import { DataError } from '../../sdk/index.ts'

/** The unscaled number of a decimal's text, at `scale` digits after the point. */
export function unscaled(digits: string, scale: number): bigint {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(digits.trim())
  if (!match || (match[2] === '' && !match[3])) throw new DataError(`not a decimal: ${digits}`)
  const fraction = match[3] ?? ''
  const shift = scale - fraction.length + Number(match[4] ?? 0)
  let number = BigInt(`${match[2]}${fraction}`)
  if (shift >= 0) number *= 10n ** BigInt(shift)
  else {
    const divisor = 10n ** BigInt(-shift)
    if (number % divisor !== 0n) throw new DataError(`decimal ${digits} has more than ${scale} digits after the point`)
    number /= divisor
  }
  return match[1] === '-' ? -number : number
}

export function digitsOf(number: bigint, scale: number): string {
  if (scale <= 0) return String(number * 10n ** BigInt(-scale))
  const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0')
  return `${number < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The fewest bytes that hold the number with its sign, as Java's BigInteger.toByteArray. */
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
  if (bytes.length === 0) throw new DataError('a decimal of no bytes')
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
}
