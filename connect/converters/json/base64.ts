/** Bytes in JSON. */
import { DataError } from '../../sdk/index.ts'

/** Buffer.from alone ignores invalid characters. */
export function base64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) throw new DataError('bytes are not valid base64')
  return bytes
}
