/**
 * The registry's format JSON: a JSON schema of draft 4, 6, 7, 2019-09 or 2020-12. A reference is what `$ref` finds by its name.
 * A new schema must be well-formed, and its references must lead somewhere; one that is stored is read when it is compared.
 */
import type { Side } from '../difference-text.ts'
import { bigDecimalText, type Json, readJson, sortedJson, writeJson } from '../json-text.ts'
import { InvalidSchemaError, type ParsedSchema, type ParseOptions, type ResolvedReference, type SchemaFormat } from '../parsed-schema.ts'
import { jsonDifferences } from './json-compatibility.ts'
import { jsonTags, withJsonTags } from './json-tags.ts'
import { draftOf, validateByMetaSchema } from './meta-schemas.ts'
import { SchemaDocuments } from './schema-documents.ts'
import type { SchemaNode } from './schema-node.ts'
import { SchemaReader } from './schema-reader.ts'

/** Levels of objects and arrays in a schema; the meta schema is checked by recursion. */
const MAX_DEPTH = 500
const reading = { nonNumeric: true, maxDepth: MAX_DEPTH }

export interface ParsedJsonSchema extends ParsedSchema {
  readonly type: 'JSON'
  root(): SchemaNode
}

export const jsonFormat: SchemaFormat<ParsedJsonSchema> = {
  type: 'JSON',
  parse: parseJsonSchema,
  checkBackward: (writer, reader, side: Side, maxPairs) => jsonDifferences(writer.root(), reader.root(), side, maxPairs),
}

function parseJsonSchema(text: string, references: readonly ResolvedReference[], options: ParseOptions): ParsedJsonSchema {
  const json = readJson(text, reading)
  const documents = references.map(({ name, text: given }) => ({ name, json: readJson(given, reading) }))
  const canonical = writeJson(json, bigDecimalText)
  let root: SchemaNode | null = null
  const title = json instanceof Map ? json.get('title') : undefined
  const parsed: ParsedJsonSchema = {
    type: 'JSON',
    canonical,
    name: typeof title === 'string' ? title : null,
    root: () => (root ??= readSchema(json, documents)),
    normalized: () => writeJson(sortedJson(json), bigDecimalText),
    tagged: () => jsonTags(json),
    retagged: (changes) => withJsonTags(canonical, changes, (changed) => writeJson(changed, bigDecimalText)),
    formatted: () => canonical,
  }
  if (options.isNew) {
    if (json instanceof Map) validateByMetaSchema(canonical, draftOf(json))
    parsed.root()
  }
  return parsed
}

function readSchema(json: Json, references: readonly { name: string; json: Json }[]): SchemaNode {
  if (!(json instanceof Map) && typeof json !== 'boolean')
    throw new InvalidSchemaError('Invalid JSON schema: expected an object or boolean at the root')
  const draft = json instanceof Map ? draftOf(json) : 'draft-07'
  return new SchemaReader(new SchemaDocuments(json, references, draft), draft).all()
}
