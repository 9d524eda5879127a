/**
 * ByLogicalTableRouter: sends the changes of several tables to one topic, as Debezium's transform of this name. The key gets a field that
 * says which table a record is of, so that equal keys of different tables stay apart.
 */
import { DataError, defineTransform, type Schema, schemas, setting } from '../sdk/index.ts'
import { type javaPattern, type Replacement, replaceFirst, replacementOf } from '../sdk/java-pattern.ts'
import { optionOf, regexOf, requiredText, unableToValidate } from './data/debezium-settings.ts'
import { DerivedValues } from './data/derived-values.ts'
import { envelopeName, envelopeOf, requireField } from './data/envelope.ts'
import { nameAdjustments, schemaNameAdjuster } from './data/name-adjustment.ts'
import { type Fields, requireStruct } from './data/requirements.ts'
import { checkedFields, type FieldSource, perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'Updating schema'

/** A text by a regular expression that matches a whole name. */
class Renaming {
  readonly #pattern: ReturnType<typeof javaPattern>
  readonly #text: string
  #replacement: Replacement | undefined

  constructor(pattern: ReturnType<typeof javaPattern>, replacement: string) {
    this.#pattern = pattern
    this.#text = replacement
  }

  /** Null where the name does not match. A replacement that is wrong fails the first name that it is for, as in Java. */
  apply(name: string): string | null {
    if (!this.#pattern.matches(name)) return null
    this.#replacement ??= replacementOf(this.#text, this.#pattern)
    return replaceFirst(this.#pattern, name, this.#replacement)
  }
}

interface Built {
  readonly schema: Schema
  readonly build: (struct: Fields) => Fields
}

/** What becomes of the records of one topic. */
interface Route {
  readonly topic: string
  readonly keyOf: (schema: Schema) => Built
  readonly envelopeOf: (schema: Schema) => Built
}

const kept = ({ version, doc, parameters, optional }: Schema) => ({ version, doc, parameters, optional })

const readers = (fields: NonNullable<Schema['fields']>): FieldSource<Fields>[] => fields.map((field) => takenField(field, true))

function keyBuilder(name: string, added: { name: string; value: string } | null): (schema: Schema) => Built {
  return perSchema((schema) => {
    const sources = readers(schema.fields!)
    if (added) sources.push({ name: added.name, schema: schemas.string(), read: () => added.value })
    const fields = checkedFields(sources.map(({ name: of, schema: type }) => ({ name: of, schema: type })))
    return { schema: { type: 'struct', ...kept(schema), name, fields }, build: structBuilder(sources) }
  })
}

/** The rows before and after a change have the same schema, that of the row before it. */
function envelopeBuilder(name: string, rowName: string): (schema: Schema) => Built {
  return perSchema((envelope) => {
    const before = requireField(envelope, 'before').schema
    if (before.type !== 'struct') throw new DataError('Cannot list fields on non-struct type')
    const row: Schema = { type: 'struct', ...kept(before), name: rowName, fields: before.fields }
    const sources = envelope.fields!.map((field): FieldSource<Fields> => {
      if (field.name !== 'before' && field.name !== 'after') return takenField(field, true)
      const build = structBuilder(rowSources(field.schema, row))
      return takenField(field, true, {
        as: { name: field.name, schema: row },
        convert: (value) => (value === null ? null : build(requireStruct(field.schema, value, PURPOSE))),
      })
    })
    const fields = sources.map(({ name: of, schema }) => ({ name: of, schema }))
    return { schema: { type: 'struct', ...kept(envelope), name, fields }, build: structBuilder(sources) }
  })
}

/** The fields of `from` as those of the row, which must have them all. */
function rowSources(from: Schema, row: Schema): FieldSource<Fields>[] {
  const own = new Map((from.fields ?? []).map((field) => [field.name, field]))
  for (const name of own.keys()) requireField(row, name)
  return row.fields!.map((field) => {
    const source = own.get(field.name)
    return source ? takenField(source, true, { as: field }) : { ...field, read: () => undefined }
  })
}

const text = (displayName: string, doc: string) =>
  setting.string({ default: null, importance: 'LOW', order: 1, width: 'LONG', displayName, doc })

export default defineTransform({
  class: 'io.debezium.transforms.ByLogicalTableRouter',
  doc: 'Sends the changes of several tables to one topic, and says in the key which table a record is of.',
  settings: {
    'topic.regex': text('Topic regex', 'The regular expression that the topic must match as a whole; others pass as they are.'),
    'topic.replacement': text('Topic replacement', 'The new topic; $1 is the text of the first group of topic.regex.'),
    'key.enforce.uniqueness': setting.boolean({
      default: true,
      importance: 'LOW',
      order: 1,
      width: 'SHORT',
      displayName: 'Add source topic name into key',
      doc: 'Whether the key gets a field that says which table the record is of.',
    }),
    'key.field.regex': text(
      'Key field regex',
      'The regular expression that makes the text of that field of the old topic. With none, the topic.',
    ),
    'key.field.replacement': text('Key field replacement', 'The text of that field; $1 is the text of the first group of key.field.regex.'),
    'key.field.name': setting.string({
      default: '__dbz__physicalTableIdentifier',
      importance: 'LOW',
      order: 1,
      width: 'LONG',
      displayName: 'Key field name',
      doc: 'The name of the field that says which table a record is of.',
    }),
    'schema.name.adjustment.mode': setting.string({
      default: 'none',
      importance: 'LOW',
      order: 1,
      width: 'MEDIUM',
      displayName: 'Schema Name Adjustment',
      doc:
        'How the names of schemas are changed that are made of the topic. avro: an underscore for each character that Avro does not take. ' +
        'avro_unicode: its code. none: they stay.',
    }),
    'logical.table.cache.size': setting.int({
      default: 16,
      importance: 'LOW',
      order: 1,
      width: 'LONG',
      displayName: 'Logical table cache size',
      doc: 'The number of topics for which the new schemas are kept.',
    }),
  },
  create(config) {
    const regexText = requiredText('topic.regex', config['topic.regex'])
    const topics = new Renaming(regexOf('topic.regex', regexText), requiredText('topic.replacement', config['topic.replacement']))
    const keyRegex = config['key.field.regex']?.trim() ?? ''
    const keyReplacement = config['key.field.replacement']?.trim() ?? ''
    if (keyRegex !== '' && keyReplacement === '')
      throw unableToValidate('key.field.replacement', null, 'key.field.replacement must be non-empty if key.field.regex is set.')
    const tables = keyRegex === '' ? null : new Renaming(regexOf('key.field.regex', keyRegex), keyReplacement)
    const adjust = schemaNameAdjuster(optionOf('schema.name.adjustment.mode', nameAdjustments, config['schema.name.adjustment.mode']))
    const routes = new DerivedValues<string, Route | { topic: null }>(config['logical.table.cache.size'])

    function routeOf(oldTopic: string): Route | { topic: null } {
      const topic = topics.apply(oldTopic)
      if (topic === null || topic === '') return { topic: null }
      const added = config['key.enforce.uniqueness'] ? { name: config['key.field.name'], value: tables?.apply(oldTopic) ?? oldTopic } : null
      return {
        topic,
        keyOf: keyBuilder(adjust(`${topic}.Key`), added),
        envelopeOf: envelopeBuilder(adjust(envelopeName(topic)), adjust(`${topic}.Value`)),
      }
    }

    return (record) => {
      const route = routes.get(record.topic, routeOf)
      if (route.topic === null) return record
      let keySchema: Schema | null = null
      let key: Fields | null = null
      if (record.key !== null && record.key !== undefined) {
        if (record.keySchema === null) throw new DataError(`Only Struct objects supported for [${PURPOSE}]: the key has no schema`)
        const struct = requireStruct(record.keySchema, record.key, PURPOSE)
        const built = route.keyOf(record.keySchema)
        keySchema = built.schema
        key = built.build(struct)
      }
      const envelope = envelopeOf(record)
      if (envelope === null || record.value === null || record.value === undefined) return { ...record, topic: route.topic, keySchema, key }
      const value = requireStruct(envelope, record.value, PURPOSE)
      const { schema, build } = route.envelopeOf(envelope)
      return { ...record, topic: route.topic, keySchema, key, valueSchema: schema, value: build(value) }
    }
  },
})
