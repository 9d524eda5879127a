/**
 * The grammar of messages: a message is declared once for all of its versions, and its codec and its TypeScript types are derived.
 *
 *   struct({ topic: string, partitions: list(int32), rack: since(11, string, '') })
 *
 * `Out` is what a reader returns (every field present, defaults filled in); `In` is what a writer accepts (fields with a default may be
 * omitted). No I/O.
 */
import { limits } from './limits.ts'
import { type Reader, WireError } from './reader.ts'
import { Writer } from './writer.ts'

export interface Codec<Out, In = Out> {
  read(reader: Reader): Out
  write(writer: Writer, value: In): void
}

/** The structure of a type, for tests and documents that walk a schema. */
export type Shape =
  | { kind: 'primitive'; name: string }
  | { kind: 'struct'; fields: Fields }
  | { kind: 'list'; element: AnyType }
  | { kind: 'nullable'; of: AnyType; since: number }
  | { kind: 'versioned'; of: AnyType; since: number; until: number; tag?: number | undefined }

export interface Type<Out, In = Out> {
  readonly shape: Shape
  /** The field's default: a reader returns it, and a writer sends it, where the field is absent. */
  readonly fallback: Out
  codec(version: number, flexible: boolean): Codec<Out, In>
  /** Never set: it carries the type that a writer accepts. */
  readonly in?: In
}

/** A field with a default: a writer may omit it. */
export interface OptionalType<Out, In = Out> extends Type<Out, In> {
  readonly optional: true
}

// biome-ignore lint/suspicious/noExplicitAny: a schema is walked without its element types
export type AnyType = Type<any, any>
export type Fields = Record<string, AnyType>
export type Out<T> = T extends Type<infer O, infer _> ? O : never
export type In<T> = T extends Type<infer _, infer I> ? I : never
type OptionalKeys<F> = { [K in keyof F]: F[K] extends { optional: true } ? K : never }[keyof F]
export type OutOf<F extends Fields> = { -readonly [K in keyof F]: Out<F[K]> }
export type InOf<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: In<F[K]> } & { [K in OptionalKeys<F>]?: In<F[K]> }

function primitive<T>(name: string, fallback: T, codec: (flexible: boolean) => Codec<T>): Type<T> {
  const plain = codec(false)
  const compact = codec(true)
  return { shape: { kind: 'primitive', name }, fallback, codec: (_, flexible) => (flexible ? compact : plain) }
}

const fixed = <T>(name: string, fallback: T, codec: Codec<T>) => primitive(name, fallback, () => codec)

export const bool = fixed('bool', false, { read: (r) => r.bool(), write: (w, v) => w.bool(v) })
export const int8 = fixed('int8', 0, { read: (r) => r.int8(), write: (w, v) => w.int8(v) })
export const int16 = fixed('int16', 0, { read: (r) => r.int16(), write: (w, v) => w.int16(v) })
export const uint16 = fixed('uint16', 0, { read: (r) => r.uint16(), write: (w, v) => w.uint16(v) })
export const int32 = fixed('int32', 0, { read: (r) => r.int32(), write: (w, v) => w.int32(v) })
export const uint32 = fixed('uint32', 0, { read: (r) => r.uint32(), write: (w, v) => w.uint32(v) })
/** An int64 as a safe integer: offsets, ids, times. */
export const int64 = fixed('int64', 0, { read: (r) => r.int64(), write: (w, v) => w.int64(v) })
/** An int64 that is compared and never stored: outside the safe range it becomes the nearest safe integer. */
export const comparedInt64 = fixed('int64', 0, { read: (r) => r.nearestInt64(), write: (w, v) => w.int64(v) })
/** An int64 that may be Long.MAX_VALUE, which stays what it is: the end of what never ends, and how long that is. */
export const farInt64 = fixed('int64', 0, { read: (r) => r.roundedInt64(), write: (w, v) => w.roundedInt64(v) })
export const float64 = fixed('float64', 0, { read: (r) => r.float64(), write: (w, v) => w.float64(v) })

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** 16 bytes, as 22 characters of base64url, the way Kafka prints them. */
export const uuid = fixed('uuid', ZERO_UUID, { read: (r) => r.uuid(), write: (w, v) => w.uuid(v) })

/** A length where `null` is -1 (plain) or 0 (compact, where a length is stored plus one). */
function readLength(reader: Reader, flexible: boolean, wide: boolean): number {
  if (flexible) return reader.uvarint() - 1
  const length = wide ? reader.int32() : reader.int16()
  if (length < -1) throw new WireError(`negative length ${length}`)
  return length
}

function writeLength(writer: Writer, length: number, flexible: boolean, wide: boolean): void {
  if (flexible) writer.uvarint(length + 1)
  else if (wide) writer.int32(length)
  else if (length > limits.stringBytes) throw new RangeError(`a string of ${length} bytes: the protocol's limit is ${limits.stringBytes}`)
  else writer.int16(length)
}

interface LengthPrefixed<T, I> {
  wide: boolean
  size(value: I): number
  read(reader: Reader, length: number, flexible: boolean): T
  write(writer: Writer, value: I, length: number): void
}

/** A length-prefixed type has two codecs: one that rejects null, and (through `nullable`) one that accepts it. */
interface Nullability<T, I> {
  nullableCodec(version: number, flexible: boolean): Codec<T | null, I | null>
}

function lengthPrefixed<T, I>(name: string, fallback: T, parts: LengthPrefixed<T, I>): Type<T, I> & Nullability<T, I> {
  const nullableCodec = (_: number, flexible: boolean): Codec<T | null, I | null> => ({
    read(reader) {
      const length = readLength(reader, flexible, parts.wide)
      return length < 0 ? null : parts.read(reader, length, flexible)
    },
    write(writer, value) {
      if (value === null) return writeLength(writer, -1, flexible, parts.wide)
      const length = parts.size(value)
      writeLength(writer, length, flexible, parts.wide)
      parts.write(writer, value, length)
    },
  })
  const strict = (flexible: boolean): Codec<T, I> => {
    const inner = nullableCodec(0, flexible)
    return {
      read(reader) {
        const value = inner.read(reader)
        if (value === null) throw new WireError(`null for a ${name} that is not nullable`)
        return value
      },
      write: inner.write,
    }
  }
  const plain = strict(false)
  const compact = strict(true)
  return { shape: { kind: 'primitive', name }, fallback, codec: (_, flexible) => (flexible ? compact : plain), nullableCodec }
}

export const string: Type<string> = lengthPrefixed<string, string>('string', '', {
  wide: false,
  size: Buffer.byteLength,
  read(reader, length) {
    if (length > limits.stringBytes) throw new WireError(`a string of ${length} bytes, the limit is ${limits.stringBytes}`)
    return reader.utf8(length)
  },
  write: (writer, value, length) => writer.utf8(value, length),
})

const EMPTY = Buffer.alloc(0)

/** Opaque bytes: a view of the received buffer. */
export const bytes: Type<Buffer, Uint8Array> = lengthPrefixed<Buffer, Uint8Array>('bytes', EMPTY, {
  wide: true,
  size: (value) => value.length,
  read: (reader, length) => reader.raw(length),
  write: (writer, value) => writer.raw(value),
})

/** Record batches: received as one view, sent as any number of buffers without a copy. */
export const records: Type<Buffer, Buffer | readonly Buffer[]> = lengthPrefixed<Buffer, Buffer | readonly Buffer[]>('records', EMPTY, {
  wide: true,
  size: (value) => (Buffer.isBuffer(value) ? value.length : value.reduce((sum, piece) => sum + piece.length, 0)),
  read: (reader, length) => reader.raw(length),
  write(writer, value) {
    if (Buffer.isBuffer(value)) writer.splice(value)
    else for (const piece of value) writer.splice(piece)
  },
})

/** An array of primitives or structures. */
export function list<O, I>(element: Type<O, I>): Type<O[], readonly I[]> & Nullability<O[], readonly I[]> {
  const build = (version: number, flexible: boolean, allowNull: boolean): Codec<O[] | null, readonly I[] | null> => {
    const inner = element.codec(version, flexible)
    return {
      read(reader) {
        const length = readLength(reader, flexible, true)
        if (length < 0) {
          if (!allowNull) throw new WireError('null for an array that is not nullable')
          return null
        }
        reader.count(length)
        const out: O[] = []
        for (let i = 0; i < length; i++) out.push(inner.read(reader))
        return out
      },
      write(writer, value) {
        if (value === null) return writeLength(writer, -1, flexible, true)
        writeLength(writer, value.length, flexible, true)
        for (const item of value) inner.write(writer, item)
      },
    }
  }
  return {
    shape: { kind: 'list', element },
    fallback: [],
    codec: (version, flexible) => build(version, flexible, false) as Codec<O[], readonly I[]>,
    nullableCodec: (version, flexible) => build(version, flexible, true),
  }
}

/** Nullable from version `since` on. A nullable structure is preceded by one byte: -1 for null, 1 for present (KIP-893). */
export function nullable<O, I>(of: Type<O, I>, since = 0): Type<O | null, I | null> {
  const lengthPrefixed = of as Partial<Nullability<O, I>>
  return {
    shape: { kind: 'nullable', of, since },
    fallback: null,
    codec(version, flexible): Codec<O | null, I | null> {
      if (version < since) return of.codec(version, flexible) as Codec<O | null, I | null>
      if (lengthPrefixed.nullableCodec) return lengthPrefixed.nullableCodec(version, flexible)
      const inner = of.codec(version, flexible)
      return {
        read: (reader) => (reader.int8() < 0 ? null : inner.read(reader)),
        write(writer, value) {
          writer.int8(value === null ? -1 : 1)
          if (value !== null) inner.write(writer, value)
        },
      }
    },
  }
}

const LATEST = 0x7fff

/** A field of versions `since` to `until`; in others a reader returns `fallback` and a writer sends nothing. */
export function between<O, I>(since: number, until: number, of: Type<O, I>, fallback: O = of.fallback): OptionalType<O, I> {
  return { shape: { kind: 'versioned', of, since, until }, fallback, optional: true, codec: (v, f) => of.codec(v, f) }
}
export const since = <O, I>(version: number, of: Type<O, I>, fallback: O = of.fallback) => between(version, LATEST, of, fallback)
export const until = <O, I>(version: number, of: Type<O, I>, fallback: O = of.fallback) => between(0, version, of, fallback)
/** A field of all versions that a writer may omit. */
export const optional = <O, I>(of: Type<O, I>, fallback: O = of.fallback) => between(0, LATEST, of, fallback)
/** A tagged field (KIP-482): sent only where it differs from `fallback`. */
export function tagged<O, I>(tag: number, version: number, of: Type<O, I>, fallback: O = of.fallback): OptionalType<O, I> {
  return { shape: { kind: 'versioned', of, since: version, until: LATEST, tag }, fallback, optional: true, codec: (v, f) => of.codec(v, f) }
}

interface BoundField {
  name: string
  fallback: unknown
  codec: Codec<unknown>
  tag: number
}

function isFallback(value: unknown, fallback: unknown): boolean {
  return value === fallback || (Array.isArray(value) && Array.isArray(fallback) && value.length === 0 && fallback.length === 0)
}

/** A new array each time: a change by one reader must not reach another. */
const fresh = (fallback: unknown): unknown => (Array.isArray(fallback) ? [] : fallback)

function readTags(reader: Reader, out: Record<string, unknown>, tagged: readonly BoundField[]): void {
  const count = reader.uvarint()
  if (count > limits.taggedFields) throw new WireError(`${count} tagged fields, the limit is ${limits.taggedFields}`)
  let last = -1
  for (let i = 0; i < count; i++) {
    const tag = reader.uvarint()
    if (tag <= last) throw new WireError('tagged fields out of order')
    last = tag
    const size = reader.uvarint()
    const end = reader.position + size
    if (size > reader.remaining) throw new WireError(`a tagged field of ${size} bytes, ${reader.remaining} left`)
    const field = tagged.find((candidate) => candidate.tag === tag)
    if (field) out[field.name] = field.codec.read(reader)
    else reader.skip(size)
    if (reader.position !== end) throw new WireError(`tagged field ${tag} has another length than its content`)
  }
}

function writeTags(writer: Writer, value: Record<string, unknown>, tagged: readonly BoundField[]): void {
  const present = tagged.filter((field) => value[field.name] !== undefined && !isFallback(value[field.name], field.fallback))
  writer.uvarint(present.length)
  for (const field of present) {
    const content = new Writer(64)
    field.codec.write(content, value[field.name])
    writer.uvarint(field.tag)
    writer.uvarint(content.length)
    writer.raw(content.bytes())
  }
}

export interface StructType<F extends Fields> extends Type<OutOf<F>, InOf<F>> {
  readonly fields: F
}

export function struct<const F extends Fields>(fields: F): StructType<F> {
  const entries = Object.entries(fields)
  const fallback = Object.fromEntries(entries.map(([name, type]) => [name, type.fallback])) as OutOf<F>
  return {
    shape: { kind: 'struct', fields },
    fields,
    fallback,
    codec(version, flexible) {
      const fieldsInOrder: BoundField[] = []
      const tags: BoundField[] = []
      const absent: BoundField[] = []
      for (const [name, type] of entries) {
        const { shape } = type
        const bound = { name, fallback: type.fallback, codec: type.codec(version, flexible), tag: -1 }
        if (shape.kind !== 'versioned') fieldsInOrder.push(bound)
        else if (version < shape.since || version > shape.until) absent.push(bound)
        else if (shape.tag === undefined) fieldsInOrder.push(bound)
        else if (flexible) tags.push({ ...bound, tag: shape.tag })
        else absent.push(bound)
      }
      tags.sort((a, b) => a.tag - b.tag)
      const defaults = [...tags, ...absent]
      return {
        read(reader) {
          const out: Record<string, unknown> = {}
          for (const field of fieldsInOrder) out[field.name] = field.codec.read(reader)
          for (const field of defaults) out[field.name] = fresh(field.fallback)
          if (flexible) readTags(reader, out, tags)
          return out as OutOf<F>
        },
        write(writer, value) {
          const source = value as Record<string, unknown>
          for (const field of fieldsInOrder) {
            const present = source[field.name]
            field.codec.write(writer, present === undefined ? field.fallback : present)
          }
          if (flexible) writeTags(writer, source, tags)
        },
      }
    },
  }
}
