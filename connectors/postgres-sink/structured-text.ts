/**
 * The texts of Debezium's structured values: decimals with their own scale, bits, points, geometries, sparse vectors; and of hstore. Pure.
 */
type Bytes = Uint8Array

/** Unscaled bytes are big-endian, in two's complement. */
export function decimalText({ scale, value }: { scale: number; value: Bytes }): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  const digits = String(unscaled < 0n ? -unscaled : unscaled)
  const sign = unscaled < 0n ? '-' : ''
  if (scale <= 0) return sign + digits + (digits === '0' ? '' : '0'.repeat(-scale))
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

const NO_LENGTH = 2_147_483_647

/**
 * The bits of little-endian bytes, the most significant first, `length` of them. Without a length they begin with the first 1: how many
 * zeros were before it is not known.
 */
export function bitText(value: Bytes, length: number): string {
  let text = ''
  for (const byte of value) text = byte.toString(2).padStart(8, '0') + text
  if (!(length < NO_LENGTH)) return text.replace(/^0+/, '')
  return text.length >= length ? text.slice(text.length - length) : text.padStart(length, '0')
}

export const pointText = ({ x, y }: { x: number; y: number }): string => `(${x},${y})`

/** As PostGIS reads it. */
export function geometryText({ wkb, srid }: { wkb: Bytes; srid?: number | null }): string {
  const hex = Buffer.from(wkb.buffer, wkb.byteOffset, wkb.byteLength).toString('hex')
  return srid === null || srid === undefined ? hex : `SRID=${srid};${hex}`
}

/** Positions are counted from 1. */
export function sparseVectorText(sparse: { dimensions: number; vector: ReadonlyMap<unknown, unknown> | Record<string, unknown> }): string {
  const entries = sparse.vector instanceof Map ? [...sparse.vector] : Object.entries(sparse.vector)
  return `{${entries.map(([position, value]) => `${position}:${value}`).join(',')}}/${sparse.dimensions}`
}

/** `value` is a map, an object, or the JSON of one; any other text is taken as it is. */
export function hstoreText(value: unknown, jsonText: (value: unknown) => string | null): string | null {
  if (typeof value === 'string' && !value.trimStart().startsWith('{')) return value
  const given = typeof value === 'string' ? (JSON.parse(value) as object) : value
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return jsonText(given)
  const entries = given instanceof Map ? [...given] : Object.entries(given)
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
  return entries
    .map(([key, item]) => {
      if (item === null || item === undefined) return `${quoted(String(key))}=>NULL`
      return `${quoted(String(key))}=>${quoted(typeof item === 'string' ? item : (jsonText(item) ?? ''))}`
    })
    .join(', ')
}
