/**
 * The registry's format PROTOBUF: a .proto text, or a compiled file in Base64. A reference is an import by its name.
 * A new schema must name types that it, its references or the known files define.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Side } from '../difference-text.ts'
import { InvalidSchemaError, type ParsedSchema, type ParseOptions, type ResolvedReference, type SchemaFormat } from '../parsed-schema.ts'
import { readDescriptor } from './descriptor-reader.ts'
import { writeDescriptor } from './descriptor-writer.ts'
import { knownTypes } from './known-files.ts'
import { type ProtoSide, protoDifferences } from './proto-compatibility.ts'
import type { ProtoFile } from './proto-file.ts'
import { parseProto } from './proto-parser.ts'
import { protoTags, withProtoTags } from './proto-tags.ts'
import { writeProto } from './proto-writer.ts'
import { TypeIndex } from './type-index.ts'

export interface ParsedProtobufSchema extends ParsedSchema {
  readonly type: 'PROTOBUF'
  side(): ProtoSide
}

export const protobufFormat: SchemaFormat<ParsedProtobufSchema> = {
  type: 'PROTOBUF',
  parse: parseProtobuf,
  checkBackward: (writer, reader, side: Side) => protoDifferences(writer.side(), reader.side(), side),
}

function parseProtobuf(text: string, references: readonly ResolvedReference[], options: ParseOptions): ParsedProtobufSchema {
  const file = readFile(text)
  const files = references.map((reference) => ({ file: readFile(reference.text), text: reference.text }))
  let types: TypeIndex | null = null
  const typesOf = (): TypeIndex => {
    if (types) return types
    types = new TypeIndex(knownTypes())
    for (const reference of files) types.add(reference.file, reference.text)
    types.add(file, '')
    return types
  }
  const normalized = () => writeProto(file, { normalize: typesOf() })
  if (options.isNew) normalized()
  const canonical = writeProto(file)
  const first = file.types.find((type) => type.kind === 'message') ?? file.types[0]
  return {
    type: 'PROTOBUF',
    canonical,
    name: first ? (file.packageName ? `${file.packageName}.${first.name}` : first.name) : null,
    side: () => ({ file, types: typesOf() }),
    normalized,
    tagged: () => protoTags(file),
    retagged: (changes) => writeProto(withProtoTags(file, changes)),
    formatted: (format) => {
      if (format === 'ignore_extensions') return writeProto(file, { ignoreExtensions: true })
      if (format !== 'serialized') return canonical
      return Buffer.from(toBinary(FileDescriptorProtoSchema, writeDescriptor(file, typesOf()))).toString('base64')
    },
  }
}

/** A text that is no .proto may be a compiled file; where it is neither, the error is that of the text. */
function readFile(text: string): ProtoFile {
  try {
    return parseProto(text)
  } catch (error) {
    const compiled = error instanceof InvalidSchemaError ? readCompiled(text) : null
    if (compiled) return compiled
    if (error instanceof InvalidSchemaError) throw new InvalidSchemaError(`Could not parse Protobuf - ${error.message}`, { cause: error })
    throw error
  }
}

function readCompiled(text: string): ProtoFile | null {
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64')
  // Of "x" nothing is left, which would be a file without anything.
  if (bytes.length === 0) return null
  try {
    return readDescriptor(fromBinary(FileDescriptorProtoSchema, bytes))
  } catch {
    // It is no compiled file; the caller says what is wrong with it as a text.
    return null
  }
}
