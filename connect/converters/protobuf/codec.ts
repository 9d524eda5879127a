/**
 * Protobuf for the converters of the schema registry: schemas of Connect as .proto files, and values as messages. Each record says which
 * message of the file it has.
 */
import type {
  CompiledReader,
  CompiledWriter,
  DescribedSchema,
  ResolvedSchema,
  SchemaCodec,
} from '../../schema-registry/registry-converter.ts'
import { DataError, type Schema } from '../../sdk/index.ts'
import { MessageReader, MessageWriter } from './binary.ts'
import { type DecodeMessage, ProtobufDecoders } from './decode.ts'
import { ProtobufEncoders } from './encode.ts'
import { type DescribedProto, fromConnectSchema } from './from-connect-schema.ts'
import { indexBytes, indexesOf, messageAt, type ProtoFile, parseProto, readIndexes } from './proto-file.ts'
import type { ProtobufOptions } from './proto-names.ts'
import { ConnectProtobufSchemas } from './to-connect-schema.ts'

/** Messages of one file that records have (Invariant 13). */
const MAX_MESSAGES = 1_000

interface CompiledMessage {
  readonly schema: Schema
  readonly decode: DecodeMessage
}

export class ProtobufCodec implements SchemaCodec {
  readonly format = 'PROTOBUF'
  readonly label = 'Protobuf'
  readonly #options: ProtobufOptions
  readonly #described = new WeakMap<Schema, DescribedProto>()
  readonly #binary = new MessageWriter()
  readonly #reader = new MessageReader()

  constructor(options: ProtobufOptions) {
    this.#options = options
  }

  isNothing(_schema: Schema | null, value: unknown): boolean {
    return value === null || value === undefined
  }

  #describe(schema: Schema | null): DescribedProto {
    if (!schema) throw new DataError('ProtobufConverter writes values with a schema only')
    let described = this.#described.get(schema)
    if (!described) this.#described.set(schema, (described = fromConnectSchema(schema, this.#options)))
    return described
  }

  describe(schema: Schema | null): DescribedSchema {
    const { text, message } = this.#describe(schema)
    return { schema: text, references: [], recordName: message }
  }

  writer(schema: Schema | null, target: ResolvedSchema | null, strict: boolean): CompiledWriter {
    const { text, message } = this.#describe(schema)
    const file = target ? parseProto(target.schema, target.referenced) : parseProto(text)
    // Another schema has its message under the same name, or as its first one.
    const indexes = indexesOf(file.messages, message) ?? [0]
    const encode = new ProtobufEncoders(this.#options, target === null || strict).root(schema!, messageAt(file, indexes))
    const binary = this.#binary
    return {
      indexes: indexBytes(indexes),
      write(prefix, value) {
        binary.start(prefix)
        encode(binary, value)
        return binary.finish()
      },
    }
  }

  recordName(schema: ResolvedSchema): string | null {
    return parseProto(schema.schema, schema.referenced).messages[0]?.fullName ?? null
  }

  reader(written: ResolvedSchema, ofWritten: number | null, latest: ResolvedSchema | null): CompiledReader {
    const file = parseProto(written.schema, written.referenced)
    const read = latest ? parseProto(latest.schema, latest.referenced) : null
    const version = latest ? latest.version : ofWritten
    const compiled = new Map<string, CompiledMessage>()
    const reader = this.#reader
    return (bytes, offset, header) => {
      const { indexes, end } = readIndexes(header ?? bytes, header ? 0 : offset)
      const key = indexes.length === 1 ? String(indexes[0]) : indexes.join(',')
      const message = compiled.get(key) ?? this.#compile(file, read, indexes, version, compiled, key)
      reader.start(bytes, header ? offset : end)
      return { schema: message.schema, value: message.decode(reader, 0) }
    }
  }

  /** The message is that of the same name in `read`, where there is such a file; else its first one. */
  #compile(
    file: ProtoFile,
    read: ProtoFile | null,
    indexes: readonly number[],
    version: number | null,
    compiled: Map<string, CompiledMessage>,
    key: string,
  ): CompiledMessage {
    const written = messageAt(file, indexes)
    const message = read ? messageAt(read, indexesOf(read.messages, written.fullName) ?? [0]) : written
    const schema = new ConnectProtobufSchemas(this.#options).convert(message, version)
    const made = { schema, decode: new ProtobufDecoders(this.#options).compile(message, schema) }
    if (compiled.size < MAX_MESSAGES) compiled.set(key, made)
    return made
  }
}
