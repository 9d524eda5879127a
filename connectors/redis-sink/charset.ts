/** The bytes of texts in a character set. Pure. */
import { UnwritableRecord } from '../../connect/sdk/index.ts'

export type RedisArgument = string | Buffer

/** Null where the name is unknown. */
export function charsetOf(name: string): ((text: string) => RedisArgument) | null {
  const known = name.trim().toUpperCase()
  // The client writes strings as UTF-8 itself.
  if (known === 'UTF-8' || known === 'UTF8') return (text) => text
  if (known === 'ISO-8859-1' || known === 'LATIN1') return (text) => limited(text, 0xff, known)
  if (known === 'US-ASCII' || known === 'ASCII') return (text) => limited(text, 0x7f, known)
  return null
}

function limited(text: string, greatest: number, name: string): Buffer {
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) > greatest)
      throw new UnwritableRecord(`the character "${text[index]}" is not in ${name}: use redis.charset=UTF-8`)
  return Buffer.from(text, 'latin1')
}
