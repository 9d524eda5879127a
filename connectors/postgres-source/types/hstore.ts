/**
 * Hstore: `"a"=>"1", "b"=>NULL`, as a JSON text or as a map. The keys are in the order of Java's HashMap, as Debezium has them, so that the
 * same value gives the same text.
 */
import { schemas } from '../../../connect/sdk/index.ts'
import type { ColumnType, TypeSettings } from './column-type.ts'

const PAIR = /"((?:[^"\\]|\\.)*)"=>(?:NULL|"((?:[^"\\]|\\.)*)")/gs
const plain = (text: string): string => (text.includes('\\') ? text.replace(/\\(.)/gs, '$1') : text)

function pairs(text: string): Map<string, string | null> {
  const found = new Map<string, string | null>()
  for (const [, key, value] of text.matchAll(PAIR)) found.set(plain(key!), value === undefined ? null : plain(value))
  return found
}

/** Java's String.hashCode. */
function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0
  return hash
}

const SMALLEST_TABLE = 16

/** The entries in the order in which a HashMap that grew with them has them: by bucket, and in one bucket as they came. */
export function inHashOrder<K, V>(entries: readonly (readonly [K, V])[], hashOf: (key: K) => number): (readonly [K, V])[] {
  let size = SMALLEST_TABLE
  while (entries.length > size * 0.75) size *= 2
  const bucketed = entries.map((entry) => {
    const hash = hashOf(entry[0])
    return { entry, bucket: (hash ^ (hash >>> 16)) & (size - 1) }
  })
  return bucketed.sort((a, b) => a.bucket - b.bucket).map(({ entry }) => entry)
}

const ordered = (text: string): (readonly [string, string | null])[] => inHashOrder([...pairs(text)], javaHash)

const json = (entries: readonly (readonly [string, string | null])[]): string =>
  `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`

export function hstoreType({ hstores, placeholder }: TypeSettings): ColumnType {
  if (hstores === 'json')
    return {
      schema: { ...schemas.string(), name: 'io.debezium.data.Json', version: 1 },
      decode: (text) => json(ordered(text)),
      fallback: '{}',
      unavailable: json([[placeholder, placeholder]]),
    }
  return {
    schema: schemas.map(schemas.string(), schemas.string({ optional: true })),
    decode: (text) => new Map(ordered(text)),
    fallback: new Map(),
    unavailable: new Map([[placeholder, placeholder]]),
  }
}
