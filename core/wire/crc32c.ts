/**
 * CRC-32C (Castagnoli) of record batches, in native code.
 */
import { crc32c as native } from '@node-rs/crc32'

export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return native(start === 0 && end === bytes.length ? (bytes as Buffer) : (bytes.subarray(start, end) as Buffer))
}
