/**
 * Schema resolution of Avro: the bytes of a record as its writer wrote them become the bytes that a reader with a newer schema would have
 * written. Fields are found by name or alias, others have their defaults, and numbers grow. Compiled once for a pair of schemas.
 */
import { DataError } from '../../sdk/index.ts'
import { type AvroField, type AvroType, type EnumType, fullName, isNamed, type RecordType, type UnionType } from './avro-type.ts'
import { type AvroReader, AvroWriter } from './binary.ts'
import { leastBytes } from './decode.ts'
import { defaultBytes } from './default-bytes.ts'

/** Reads one value of the writer's type, and writes it as one of the reader's. */
type Rewrite = (from: AvroReader, to: AvroWriter) => void

/** Pairs of types that two schemas have to be compiled for (Invariant 13). */
const MAX_PAIRS = 100_000
const NO_BYTES = Buffer.alloc(0)

const copies: Readonly<Record<string, Rewrite>> = {
  null: () => {},
  boolean: (from, to) => to.byte(from.byte()),
  int: (from, to) => to.long(from.long()),
  long: (from, to) => to.long(from.long()),
  float: (from, to) => to.raw(from.raw(4)),
  double: (from, to) => to.raw(from.raw(8)),
  bytes: (from, to) => to.bytes(from.raw(from.size())),
  string: (from, to) => to.bytes(from.raw(from.size())),
}

/** By the type that is written, and then by the one that is read. */
const promotions: Readonly<Record<string, Readonly<Record<string, Rewrite>>>> = {
  int: { long: copies.long!, float: (from, to) => to.float(from.int()), double: (from, to) => to.double(from.int()) },
  long: { float: (from, to) => to.float(Number(from.long())), double: (from, to) => to.double(Number(from.long())) },
  float: { double: (from, to) => to.double(from.float()) },
  string: { bytes: copies.bytes! },
  bytes: { string: copies.string! },
}

const nameOf = (type: AvroType): string => (isNamed(type) ? fullName(type) : type.type)
const isCalled = (writer: AvroType, reader: AvroType): boolean =>
  isNamed(writer) && isNamed(reader) && (fullName(writer) === fullName(reader) || (reader.aliases?.includes(fullName(writer)) ?? false))

export class AvroResolution {
  readonly #known = new Map<AvroType, Map<AvroType, Rewrite>>()
  #pairs = 0

  /** Throws DataError where the reader can never read what the writer wrote. */
  compile(writer: AvroType, reader: AvroType): Rewrite {
    let byReader = this.#known.get(writer)
    if (!byReader) this.#known.set(writer, (byReader = new Map()))
    const known = byReader.get(reader)
    if (known) return known
    if (++this.#pairs > MAX_PAIRS) throw new DataError(`the schemas of writer and reader have more than ${MAX_PAIRS} pairs of types`)
    // A recursive type calls itself through this function until it is compiled.
    let compiled: Rewrite | null = null
    byReader.set(reader, (from, to) => compiled!(from, to))
    try {
      compiled = this.#value(writer, reader)
    } catch (error) {
      byReader.delete(reader)
      throw error
    }
    byReader.set(reader, compiled)
    return compiled
  }

  #value(writer: AvroType, reader: AvroType): Rewrite {
    if (writer.type === 'union') return this.#writerUnion(writer, reader)
    if (reader.type === 'union') return this.#readerUnion(writer, reader)
    if (writer.type === 'record' && reader.type === 'record') return this.#record(writer, reader)
    if (writer.type === 'array' && reader.type === 'array') return this.#blocks(writer.items, reader.items, false)
    if (writer.type === 'map' && reader.type === 'map') return this.#blocks(writer.values, reader.values, true)
    if (writer.type === 'enum' && reader.type === 'enum') return symbols(writer, reader)
    if (writer.type === 'fixed' && reader.type === 'fixed' && writer.size === reader.size)
      return (from, to) => to.raw(from.raw(writer.size))
    const rewrite = writer.type === reader.type ? copies[writer.type] : promotions[writer.type]?.[reader.type]
    if (!rewrite) throw new DataError(`Found ${nameOf(writer)}, expecting ${nameOf(reader)}`)
    return rewrite
  }

  /** Only a value of a type that the reader does not have is an error. */
  #writerUnion({ types }: UnionType, reader: AvroType): Rewrite {
    const branches = types.map((type): Rewrite => {
      try {
        return this.compile(type, reader)
      } catch (error) {
        return () => {
          throw error
        }
      }
    })
    return (from, to) => {
      const branch = branches[from.long() as number]
      if (!branch) throw new DataError('a union of the record has a type that its schema does not have')
      branch(from, to)
    }
  }

  #readerUnion(writer: AvroType, { types }: UnionType): Rewrite {
    const exact = types.findIndex((type) =>
      isNamed(writer) ? isCalled(writer, type) && type.type === writer.type : type.type === writer.type,
    )
    const index = exact >= 0 ? exact : types.findIndex((type) => this.#fits(writer, type))
    if (index < 0) throw new DataError(`Found ${nameOf(writer)}, expecting union of ${types.map(nameOf).join(', ')}`)
    const rewrite = this.compile(writer, types[index]!)
    return (from, to) => {
      to.long(index)
      rewrite(from, to)
    }
  }

  /** Another type that can hold it: a larger number, or a record, enum or fixed of the same name in another namespace. */
  #fits(writer: AvroType, reader: AvroType): boolean {
    if (isNamed(writer)) return writer.type === reader.type && isNamed(reader) && writer.name === reader.name
    return promotions[writer.type]?.[reader.type] !== undefined
  }

  #blocks(writer: AvroType, reader: AvroType, isMap: boolean): Rewrite {
    const rewrite = this.compile(writer, reader)
    const itemBytes = leastBytes(writer) + (isMap ? 1 : 0)
    return (from, to) => {
      for (let count = from.block(itemBytes); count > 0; count = from.block(itemBytes)) {
        to.long(count)
        for (let index = 0; index < count; index++) {
          if (isMap) to.bytes(from.raw(from.size()))
          rewrite(from, to)
        }
      }
      to.long(0)
    }
  }

  #record(writer: RecordType, reader: RecordType): Rewrite {
    const sources = reader.fields.map((field) => sourceOf(writer, field))
    const missing = reader.fields.find((field, index) => sources[index]! < 0 && field.default === undefined)
    if (missing) throw new DataError(`Found ${fullName(writer)}, expecting ${fullName(reader)}, missing required field ${missing.name}`)
    const steps = writer.fields.map((field, index) => {
      const target = sources.indexOf(index)
      return { target, rewrite: this.compile(field.type, target < 0 ? field.type : reader.fields[target]!.type) }
    })
    // Fields in the writer's order are read in it, and written in the reader's.
    const defaults = reader.fields.map((field, index) =>
      sources[index]! < 0 ? defaultBytes(field.type, field.default, field.name) : NO_BYTES,
    )
    return (from, to) => {
      const parts = [...defaults]
      for (const { target, rewrite } of steps) {
        const part = new AvroWriter()
        part.start(NO_BYTES)
        rewrite(from, part)
        if (target >= 0) parts[target] = part.finish()
      }
      for (const part of parts) to.raw(part)
    }
  }
}

/** The index of the writer's field that the reader's field is read from; -1 where there is none. */
function sourceOf(writer: RecordType, { name, aliases = [] }: AvroField): number {
  const index = writer.fields.findIndex((field) => field.name === name)
  return index >= 0 ? index : writer.fields.findIndex((field) => aliases.includes(field.name))
}

function symbols(writer: EnumType, reader: EnumType): Rewrite {
  const fallback = reader.default === undefined ? -1 : reader.symbols.indexOf(reader.default)
  const indexes = writer.symbols.map((symbol) => {
    const index = reader.symbols.indexOf(symbol)
    return index >= 0 ? index : fallback
  })
  return (from, to) => {
    const index = indexes[from.int()]
    if (index === undefined || index < 0)
      throw new DataError(`No match for a symbol of the enum ${fullName(writer)} in ${fullName(reader)}`)
    to.long(index)
  }
}
