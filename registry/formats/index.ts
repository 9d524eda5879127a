/**
 * The schema formats of the registry: parses a text of a type with its references, and says whether a schema can read what another one
 * wrote. Pure: no I/O, and bounded in time and memory by the size of the texts.
 */
import { avroFormat } from './avro/avro-format.ts'
import { type Side, TooManyPairs } from './difference-text.ts'
import { jsonFormat } from './json/json-format.ts'
import {
  InvalidSchemaError,
  MAX_SCHEMA_CHARS,
  type ParsedSchema,
  type ParseOptions,
  type ResolvedReference,
  type SchemaFormat,
  type SchemaType,
} from './parsed-schema.ts'
import { protobufFormat } from './protobuf/protobuf-format.ts'

export { TooManyPairs } from './difference-text.ts'
export {
  InvalidSchemaError,
  type ParsedSchema,
  type ParseOptions,
  type ResolvedReference,
  type SchemaReference,
  type SchemaType,
} from './parsed-schema.ts'
export { type TaggedEntity, tagChanges } from './tagged-entities.ts'

// biome-ignore lint/suspicious/noExplicitAny: each format takes back only what it gave.
const formats = new Map<SchemaType, SchemaFormat<any>>([avroFormat, jsonFormat, protobufFormat].map((format) => [format.type, format]))

/** The types in the order of GET /schemas/types. */
export const schemaTypes: readonly SchemaType[] = ['JSON', 'PROTOBUF', 'AVRO']

/** Throws InvalidSchemaError for a text that is no schema of this type. */
export function parseSchema(
  type: SchemaType,
  text: string,
  references: readonly ResolvedReference[],
  options: ParseOptions = {},
): ParsedSchema {
  const chars = references.reduce((sum, reference) => sum + reference.text.length, text.length)
  if (chars > MAX_SCHEMA_CHARS)
    throw new InvalidSchemaError(`The schema and its references have ${chars} characters; at most ${MAX_SCHEMA_CHARS} are read`)
  try {
    return formatOf(type).parse(text, references, options)
  } catch (error) {
    if (isStackOverflow(error)) throw new InvalidSchemaError('The schema nests too deep to be read', { cause: error })
    throw error
  }
}

/** Pairs of types that one check compares: what they need of memory (Invariant 13). */
const MAX_PAIRS = 3_000_000

/** A newer schema that reads what an older one wrote. */
const NEW_READS_OLD: Side = { reader: 'new', writer: 'old' }

/**
 * Why `reader` cannot read what `writer` wrote, in Confluent's words; empty where it can. `side` names the two in the messages; a forward
 * check gives `{ reader: 'old', writer: 'new' }`.
 * @throws TooManyPairs where it would take more than `maxPairs`; of MAX_PAIRS that is what it finds instead.
 */
export function checkBackward(
  writer: ParsedSchema,
  reader: ParsedSchema,
  side: Side = NEW_READS_OLD,
  maxPairs: number = MAX_PAIRS,
): readonly string[] {
  if (writer.type !== reader.type) return ['Incompatible because of different schema type']
  try {
    return formatOf(reader.type).checkBackward(writer, reader, side, maxPairs)
  } catch (error) {
    if (error instanceof TooManyPairs && maxPairs >= MAX_PAIRS)
      return [`Unexpected exception during compatibility check: the schemas have more than ${MAX_PAIRS} pairs to compare`]
    if (isStackOverflow(error)) return ['Unexpected exception during compatibility check: the schemas nest too deep to be compared']
    throw error
  }
}

function formatOf(type: SchemaType) {
  const format = formats.get(type)
  if (!format) throw new InvalidSchemaError(`Invalid schema type ${type}`)
  return format
}

/** The limits of depth leave room on the stack of a request; a caller deep in its own stack may have less. */
const isStackOverflow = (error: unknown): boolean => error instanceof RangeError && /call stack/.test(error.message)
