/**
 * Bytes and bit strings, and types without a schema of their own, whose text is taken for bytes. Bits are in little-endian order, as
 * Debezium has them.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { type ColumnType, type TypeSettings, Unconvertible } from './column-type.ts'

type Shown = (bytes: Buffer) => unknown

const shownAs: Readonly<Record<TypeSettings['binaries'], Shown>> = {
  bytes: (bytes) => bytes,
  base64: (bytes) => bytes.toString('base64'),
  // The URL-safe alphabet, with padding.
  'base64-url-safe': (bytes) => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  hex: (bytes) => bytes.toString('hex'),
}

const schemaOf = (binaries: TypeSettings['binaries']): Schema => (binaries === 'bytes' ? schemas.bytes() : schemas.string())

function bytesOf(text: string): Buffer {
  if (!text.startsWith('\\x')) throw new Unconvertible('the bytes are not in hex: bytea_output of the session was changed')
  return Buffer.from(text.slice(2), 'hex')
}

function binary({ binaries, placeholder, placeholderBytes }: TypeSettings, decode: (text: string) => Buffer): ColumnType {
  const shown = shownAs[binaries]
  return {
    schema: schemaOf(binaries),
    decode: (text) => shown(decode(text)),
    fallback: shown(Buffer.alloc(0)),
    unavailable: binaries === 'bytes' ? placeholderBytes : placeholder,
  }
}

export const byteaType = (settings: TypeSettings): ColumnType => binary(settings, bytesOf)

/** A type that Debezium does not know: the bytes of its text. */
export const unknownType = (settings: TypeSettings, textOf = (text: string) => text): ColumnType =>
  binary(settings, (text) => Buffer.from(textOf(text)))

/** The length of a bit string without a limit. */
const UNLIMITED = 2_147_483_647

/** `bit(1)` is a boolean. `varbit` without a limit has the modifier -1, `bit` without one has 1. */
export function bitsType(length: number): ColumnType {
  if (length === 1)
    return {
      schema: schemas.boolean(),
      decode: (text) => (text === '' ? null : text === '1'),
      fallback: false,
      unavailable: null,
    }
  const parameters = { length: String(length === -1 ? UNLIMITED : length) }
  return {
    schema: { ...schemas.bytes(), name: 'io.debezium.data.Bits', version: 1, parameters },
    decode: littleEndian,
    fallback: Buffer.alloc(0),
    unavailable: null,
  }
}

/** The last bit of the text is the lowest one of the first byte; zero bytes at the end are left out. */
function littleEndian(text: string): Buffer {
  const first = text.indexOf('1')
  if (first < 0) return Buffer.alloc(0)
  const bytes = Buffer.alloc(Math.ceil((text.length - first) / 8))
  for (let index = first; index < text.length; index++) {
    if (text.charCodeAt(index) !== 0x31) continue
    const bit = text.length - 1 - index
    bytes[bit >> 3]! |= 1 << (bit & 7)
  }
  return bytes
}
