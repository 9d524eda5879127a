/** The UUID that stands for a placeholder: version 3, of its MD5 without a name space, as Java's UUID.nameUUIDFromBytes. */
import { createHash } from 'node:crypto'

export function placeholderUuid(placeholder: Buffer): string {
  const bytes = createHash('md5').update(placeholder).digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x30
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
