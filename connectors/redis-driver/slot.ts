/** The slot of a key in a cluster: CRC16 (XMODEM) of the key, or of what is in its first braces, modulo 16384. Pure. */

const SLOTS = 16_384
const POLYNOMIAL = 0x1021

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc
})

const OPEN = 0x7b
const CLOSE = 0x7d

export function slotOf(key: string | Buffer): number {
  let bytes = typeof key === 'string' ? Buffer.from(key) : key
  const open = bytes.indexOf(OPEN)
  const close = open < 0 ? -1 : bytes.indexOf(CLOSE, open + 1)
  if (close > open + 1) bytes = bytes.subarray(open + 1, close)
  let crc = 0
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]!
  return crc % SLOTS
}
