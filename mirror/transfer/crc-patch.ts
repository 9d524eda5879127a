/**
 * The CRC-32C of a message after a change of its first bytes, without reading the rest. A CRC is linear: the difference of two messages of
 * one length has its own CRC, and zero bytes after it multiply that by a power of x. So a new batch header costs a microsecond, whatever
 * the size of the batch, and a damaged payload keeps a CRC that does not match.
 */
const POLYNOMIAL = 0x82f63b78

const table = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  table[byte] = crc >>> 0
}

/** a·b modulo the polynomial; bit 31 is the coefficient of x⁰. */
function multiply(a: number, b: number): number {
  let product = 0
  let factor = b
  for (let rest = a; rest !== 0; rest <<= 1) {
    if (rest & 0x8000_0000) product ^= factor
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1
  }
  return product
}

/** x to the power of 8·2^k. */
const powers = new Int32Array(32)
powers[0] = 0x0080_0000
for (let k = 1; k < powers.length; k++) powers[k] = multiply(powers[k - 1]!, powers[k - 1]!)

let lastLength = -1
let lastShift = 0

/** The factor for `length` zero bytes after a difference. Batches of one topic often have one length. */
function shiftOf(length: number): number {
  if (length === lastLength) return lastShift
  let shift = 0x8000_0000 | 0
  for (let k = 0, rest = length; rest !== 0; k++, rest >>>= 1) if (rest & 1) shift = multiply(shift, powers[k]!)
  lastLength = length
  lastShift = shift
  return shift
}

/** The CRC of a message whose first `before.length` bytes changed from `before` to `bytes[start…]`, and whose last `tailBytes` did not. */
export function patchCrc(crc: number, before: Uint8Array, bytes: Uint8Array, start: number, tailBytes: number): number {
  let difference = 0
  for (let i = 0; i < before.length; i++) {
    difference = table[(difference ^ before[i]! ^ bytes[start + i]!) & 0xff]! ^ (difference >>> 8)
  }
  return (crc ^ multiply(difference, shiftOf(tailBytes))) >>> 0
}
