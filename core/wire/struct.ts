/**
 * Versioned values in internal topics and in opaque protocol fields: an int16 version, then the fields.
 */
import { Reader, WireError } from './reader.ts'
import { type Codec, type Fields, type InOf, type OutOf, struct } from './types.ts'
import { Writer } from './writer.ts'

export interface VersionedStruct<F extends Fields> {
  readonly versions: readonly [number, number]
  readonly fields: F
  /** Reads the version and the fields. Trailing bytes are ignored, as Kafka does. */
  read(bytes: Buffer): OutOf<F> & { version: number }
  /** Writes `version`, by default the newest, and the fields. */
  write(value: InOf<F>, version?: number): Buffer
}

export interface StructDeclaration<F extends Fields> {
  versions: readonly [number, number]
  flexible: number | null
  fields: F
}

export function defineStruct<const F extends Fields>(declaration: StructDeclaration<F>): VersionedStruct<F> {
  const { versions, fields } = declaration
  const type = struct(fields)
  const codecs = new Map<number, Codec<OutOf<F>, InOf<F>>>()
  const codec = (version: number): Codec<OutOf<F>, InOf<F>> => {
    if (version < versions[0] || version > versions[1])
      throw new WireError(`version ${version} is not supported; versions ${versions[0]} to ${versions[1]} are`)
    let cached = codecs.get(version)
    if (!cached) {
      cached = type.codec(version, declaration.flexible !== null && version >= declaration.flexible)
      codecs.set(version, cached)
    }
    return cached
  }
  return {
    versions,
    fields,
    read(bytes) {
      const reader = new Reader(bytes)
      const version = reader.int16()
      return Object.assign(codec(version).read(reader), { version })
    },
    write(value, version = versions[1]) {
      const writer = new Writer(128)
      writer.int16(version)
      codec(version).write(writer, value)
      return writer.bytes()
    },
  }
}
