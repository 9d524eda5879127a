/**
 * Avro for the converters of the schema registry: schemas of Connect as Avro schemas, and compiled encoders and decoders. Bytes alone are
 * written without their length, as Confluent's serializer does.
 */
import type { Logger } from '../../../core/system/logger.ts'
import type {
  CompiledReader,
  CompiledWriter,
  DescribedSchema,
  ResolvedSchema,
  SchemaCodec,
} from '../../schema-registry/registry-converter.ts'
import { DataError, type Schema } from '../../sdk/index.ts'
import { decodeAnything, encodeAnything } from './anything.ts'
import { ANYTHING, type AvroDataOptions } from './avro-names.ts'
import { type AvroType, avroJson, fullName, isNamed, parseAvro } from './avro-type.ts'
import { AvroReader, AvroWriter } from './binary.ts'
import { AvroDecoders } from './decode.ts'
import { AvroEncoders } from './encode.ts'
import { anythingType, fromConnectSchema } from './from-connect-schema.ts'
import { AvroResolution } from './resolution.ts'
import { ConnectAvroSchemas } from './to-connect-schema.ts'

const NO_INDEXES = Buffer.alloc(0)
const isAnything = (type: AvroType): boolean => isNamed(type) && fullName(type) === ANYTHING

function withLength(bytes: Buffer): Buffer {
  const writer = new AvroWriter()
  writer.start(NO_INDEXES)
  writer.bytes(bytes)
  return writer.finish()
}

export class AvroCodec implements SchemaCodec {
  readonly format = 'AVRO'
  readonly label = 'Avro'
  readonly #options: AvroDataOptions
  readonly #logger: Logger
  readonly #types = new WeakMap<Schema, AvroType>()
  readonly #binary = new AvroWriter()
  readonly #reader = new AvroReader()
  #unions = 0

  constructor(options: AvroDataOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
  }

  isNothing(schema: Schema | null, value: unknown): boolean {
    if (value !== null && value !== undefined) return false
    if (schema && !schema.optional) throw new DataError('Found null value for non-optional schema')
    return true
  }

  describe(schema: Schema | null): DescribedSchema {
    const type = this.#typeOf(schema)
    return { schema: JSON.stringify(avroJson(type)), references: [], recordName: type.type === 'record' ? fullName(type) : null }
  }

  #typeOf(schema: Schema | null): AvroType {
    if (!schema) return anythingType
    let type = this.#types.get(schema)
    if (!type) this.#types.set(schema, (type = fromConnectSchema(schema, this.#options)))
    return type
  }

  writer(schema: Schema | null, target: ResolvedSchema | null, strict: boolean): CompiledWriter {
    const type = target ? this.#parsed(target) : this.#typeOf(schema)
    const binary = this.#binary
    const encode = schema ? new AvroEncoders(this.#options, strict).compile(schema, type) : encodeAnything
    if (!schema && !isAnything(type))
      throw new DataError('values without a schema can be written as io.confluent.connect.avro.Anything only')
    if (type.type !== 'bytes')
      return {
        indexes: NO_INDEXES,
        write(prefix, value) {
          binary.start(prefix)
          encode(binary, value)
          return binary.finish()
        },
      }
    return {
      indexes: NO_INDEXES,
      write(prefix, value) {
        binary.start(NO_INDEXES)
        encode(binary, value)
        const withLength = binary.finish()
        const reader = new AvroReader()
        reader.start(withLength, 0)
        return Buffer.concat([prefix, reader.raw(reader.size())])
      },
    }
  }

  recordName(schema: ResolvedSchema): string | null {
    const type = this.#parsed(schema)
    return type.type === 'record' ? fullName(type) : null
  }

  reader(schema: ResolvedSchema, version: number | null, latest: ResolvedSchema | null): CompiledReader {
    const type = this.#parsed(latest ?? schema)
    const reader = this.#reader
    if (latest && latest.schema !== schema.schema) {
      const rewrite = this.#rewriting(this.#parsed(schema), type)
      const read = this.reader(latest, version, null)
      return (bytes, offset) => read(rewrite(bytes, offset), 0, null)
    }
    if (isAnything(type))
      return (bytes, offset) => {
        reader.start(bytes, offset)
        return { schema: null, value: decodeAnything(reader) }
      }
    const ignored = (message: string, error: Error) => this.#logger.warn({ err: error }, message)
    const connectSchema = new ConnectAvroSchemas(this.#options, () => this.#unions++, ignored).convert(type, version)
    const decode = new AvroDecoders(this.#options).compile(type, connectSchema)
    const isBytes = type.type === 'bytes'
    return (bytes, offset) => {
      if (isBytes) reader.start(withLength(bytes.subarray(offset)), 0)
      else reader.start(bytes, offset)
      const value = decode(reader)
      return value === null ? { schema: null, value: null } : { schema: connectSchema, value }
    }
  }

  /** The data of a record as it would be with another schema. */
  #rewriting(written: AvroType, read: AvroType): (bytes: Buffer, offset: number) => Buffer {
    const rewrite = new AvroResolution().compile(written, read)
    const from = new AvroReader()
    const to = new AvroWriter()
    return (bytes, offset) => {
      if (written.type === 'bytes') from.start(withLength(bytes.subarray(offset)), 0)
      else from.start(bytes, offset)
      to.start(NO_INDEXES)
      rewrite(from, to)
      const rewritten = to.finish()
      if (read.type !== 'bytes') return rewritten
      from.start(rewritten, 0)
      return from.raw(from.size())
    }
  }

  #parsed({ schema, referenced }: ResolvedSchema): AvroType {
    return parseAvro(
      schema,
      referenced.map((other) => other.schema),
    )
  }
}
