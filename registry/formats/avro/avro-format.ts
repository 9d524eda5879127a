/** The registry's format AVRO: schemas parsed with the named types of their references. */
import type { Side } from '../difference-text.ts'
import { doubleText, writeJson } from '../json-text.ts'
import type { ParsedSchema, ParseOptions, ResolvedReference, SchemaFormat } from '../parsed-schema.ts'
import { avroDifferences } from './avro-compatibility.ts'
import { AvroParser } from './avro-parser.ts'
import { type AvroSchema, fullNameOf } from './avro-schema.ts'
import { avroTags, withAvroTags } from './avro-tags.ts'
import { writeAvro, writeNormalized } from './avro-writer.ts'

export interface ParsedAvroSchema extends ParsedSchema {
  readonly type: 'AVRO'
  readonly root: AvroSchema
}

export const avroFormat: SchemaFormat<ParsedAvroSchema> = {
  type: 'AVRO',
  parse: parseAvro,
  checkBackward: (writer, reader, side: Side, maxPairs) => avroDifferences(writer.root, reader.root, side, maxPairs),
}

function parseAvro(text: string, references: readonly ResolvedReference[], options: ParseOptions): ParsedAvroSchema {
  const parser = new AvroParser(options.isNew ?? false)
  const named = references.map((reference) => fullNameOf(parser.parse(reference.text)))
  const root = parser.parse(text)
  const canonical = writeAvro(root, new Set(named))
  return {
    type: 'AVRO',
    root,
    canonical,
    name: root.type === 'record' ? root.name!.full : null,
    normalized: () => {
      const again = new AvroParser(options.isNew ?? false)
      for (const reference of references) again.parse(reference.text)
      return writeAvro(again.parse(writeNormalized(root, new Set(named))), new Set(named))
    },
    tagged: () => avroTags(root),
    retagged: (changes) => withAvroTags(canonical, changes, (json) => writeJson(json, doubleText)),
    formatted: (format) => (format === 'resolved' ? writeAvro(root, new Set()) : canonical),
  }
}
