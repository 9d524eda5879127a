/**
 * ExtractNewRecordState: makes the row after a change the whole value, as Debezium's transform of this name. Records without Debezium's
 * envelope pass as they are. What becomes of deletes and tombstones is `delete.tombstone.handling.mode`.
 */
import { type ConnectRecord, DataError, defineTransform, type Header, type Schema, schemas, setting } from '../sdk/index.ts'
import { optionOf } from './data/debezium-settings.ts'
import { FieldDropper } from './data/dropped-fields.ts'
import { envelopeOf, requireField, typedReader } from './data/envelope.ts'
import { type FieldReference, fieldReferences, headersOfTombstone, referenceSources } from './data/field-references.ts'
import type { Fields } from './data/requirements.ts'
import { basicsOf, checkedFields, type FieldSource, perSchema, structBuilder, takenField } from './data/structs.ts'

const modes = ['drop', 'tombstone', 'rewrite', 'rewrite-with-tombstone', 'delete-to-tombstone'] as const

const DELETED = '__deleted'

type Side = 'before' | 'after'

interface Row {
  readonly schema: Schema
  readonly build: (envelope: Fields) => Fields
  /** Reads the field that names the topic, of what was built. */
  readonly topic?: ((row: Fields) => string | null) | undefined
}

function unknownField(side: Side): DataError {
  return new DataError(`Unknown field: ${side}`)
}

/** The schema and values of the rows in one side of an envelope. `additions` read from the envelope. */
function rowOf(
  envelope: Schema,
  side: Side,
  options: { deleted: string | null; replaceNull: boolean; additions: readonly FieldSource<Fields>[] },
): Row {
  const row = envelope.fields!.find(({ name }) => name === side)
  if (!row) throw unknownField(side)
  if (row.schema.type !== 'struct') throw new DataError(`Only Struct objects supported for [source field insertion], found: ${side}`)
  const { deleted, replaceNull, additions } = options
  const sources = row.schema.fields!.map((field) => takenField(field, deleted !== null && replaceNull, { struct: side }))
  if (deleted !== null) sources.push({ name: DELETED, schema: schemas.string({ optional: true }), read: () => deleted })
  sources.push(...additions)
  const fields = checkedFields(sources.map(({ name, schema }) => ({ name, schema })))
  return { schema: { type: 'struct', optional: false, ...basicsOf(row.schema), fields }, build: structBuilder(sources) }
}

const names = (doc: string) => setting.list({ default: [], importance: 'LOW', order: 1, width: 'LONG', doc })
const prefix = (doc: string) => setting.string({ default: '__', importance: 'LOW', order: 1, width: 'SHORT', doc })
const HOW_NAMED =
  'name is a field of source, transaction or the envelope; struct.name one of that struct, which becomes struct_name; name:other is called other.'

export default defineTransform({
  class: 'io.debezium.transforms.ExtractNewRecordState',
  doc: "Makes the row after a change the whole value, instead of Debezium's envelope.",
  settings: {
    'delete.tombstone.handling.mode': setting.string({
      default: 'tombstone',
      order: 1,
      width: 'MEDIUM',
      displayName: 'Handle delete and tombstone records',
      doc:
        'What becomes of deletes and of the tombstones after them. drop: both go. tombstone: a delete has a null value, and the tombstone ' +
        'goes. rewrite: a delete is the row before it with __deleted, and the tombstone goes. rewrite-with-tombstone: the tombstone stays ' +
        'too. delete-to-tombstone: a delete becomes a tombstone, and the other one goes.',
    }),
    'route.by.field': setting.string({
      default: '',
      importance: 'LOW',
      order: 1,
      width: 'LONG',
      displayName: 'Route by field name',
      doc: 'The field of the row whose value becomes the topic. With none the topic stays.',
    }),
    'add.fields.prefix': prefix('What the names of the fields of add.fields begin with.'),
    'add.fields': names(`Fields that the row gets from the envelope: ${HOW_NAMED}`),
    'add.headers.prefix': prefix('What the names of the headers of add.headers begin with.'),
    'add.headers': names(`Headers that the record gets from the envelope: ${HOW_NAMED}`),
    'drop.fields.header.name': setting.string({
      default: null,
      importance: 'LOW',
      order: 1,
      width: 'SHORT',
      doc: 'The header with the list of the fields that the row loses.',
    }),
    'drop.fields.from.key': setting.boolean({
      default: false,
      importance: 'LOW',
      order: 1,
      width: 'SHORT',
      doc: 'Whether the key loses the fields too that drop.fields.header.name lists.',
    }),
    'drop.fields.keep.schema.compatible': setting.boolean({
      default: true,
      importance: 'LOW',
      order: 1,
      width: 'SHORT',
      doc: 'Whether only optional fields are dropped, so that consumers which know the schema can go on.',
    }),
    'replace.null.with.default': setting.boolean({
      default: true,
      importance: 'LOW',
      order: 1,
      width: 'SHORT',
      doc: 'Whether the default of a field replaces its null value where records are rewritten.',
    }),
  },
  create(config) {
    const mode = optionOf('delete.tombstone.handling.mode', modes, config['delete.tombstone.handling.mode'])
    const rewrites = mode === 'rewrite' || mode === 'rewrite-with-tombstone'
    const addedFields = fieldReferences(config['add.fields.prefix'], config['add.fields'])
    const addedHeaders = fieldReferences(config['add.headers.prefix'], config['add.headers'])
    const route = config['route.by.field']
    const replaceNull = config['replace.null.with.default']
    const dropper = FieldDropper.of(config)

    const headersOf = perSchema((envelope) => referenceSources(addedHeaders, envelope))
    const routed = (schema: Schema) => (route === '' ? undefined : typedReader<string>(schema, route, 'string'))
    const changed = perSchema((envelope): Row => {
      const row = rowOf(envelope, 'after', {
        deleted: rewrites ? 'false' : null,
        replaceNull,
        additions: referenceSources(addedFields, envelope),
      })
      return { ...row, topic: routed(row.schema) }
    })
    const removed = perSchema((envelope): Row => {
      // Debezium drops fields of a deleted row before it adds others, so that added ones stay.
      const additions = dropper ? [] : referenceSources(addedFields, envelope)
      return rowOf(envelope, 'before', { deleted: 'true', replaceNull, additions })
    })
    const removedTopic = perSchema((envelope) => routed(requireField(envelope, 'before').schema))
    const added = perSchema((envelope) => perSchema((row) => additionTo(row, addedFields, envelope)))

    const withHeaders = <R extends ConnectRecord>(record: R, envelope: Schema | null): R => {
      if (addedHeaders.length === 0) return record
      const headers: Header[] =
        envelope === null
          ? headersOfTombstone(addedHeaders)
          : headersOf(envelope).map(({ name, schema, read }) => ({ key: name, schema, value: read(record.value as Fields) }))
      return { ...record, headers: [...record.headers, ...headers] }
    }

    function deleted<R extends ConnectRecord>(record: R, envelope: Schema, value: Fields): R | null {
      if (mode === 'drop') return null
      let topic = record.topic
      const topicOf = removedTopic(envelope)
      if (topicOf) topic = topicOf(value.before as Fields)?.trim() ? topicOf(value.before as Fields)! : topic
      if (mode === 'delete-to-tombstone') return dropped({ ...record, topic, valueSchema: null, value: null })
      if (mode === 'tombstone') return dropped({ ...record, topic, valueSchema: requireField(envelope, 'after').schema, value: null })
      const { schema, build } = removed(envelope)
      const row = dropped({ ...record, topic, valueSchema: schema, value: build(value) })
      if (!dropper || addedFields.length === 0) return row
      const { schema: wider, build: widen } = added(envelope)(row.valueSchema!)
      return { ...row, valueSchema: wider, value: widen({ row: row.value as Fields, envelope: value }) }
    }
    const dropped = <R extends ConnectRecord>(record: R): R => (dropper ? dropper.apply(record) : record)

    return (record) => {
      const isTombstone = record.value === null || record.value === undefined
      const envelope = envelopeOf(record)
      if (isTombstone) return mode === 'rewrite-with-tombstone' ? withHeaders(record, null) : null
      if (envelope === null) return record
      const value = record.value as Fields
      const given = withHeaders(record, envelope)
      if ((value.after ?? null) === null) {
        requireSide(envelope, 'after')
        requireSide(envelope, 'before')
        // A truncated table is no row.
        return (value.before ?? null) === null ? null : deleted(given, envelope, value)
      }
      const { schema, build, topic: topicOf } = changed(envelope)
      const row = build(value)
      const topic = topicOf?.(row)
      return dropped({ ...given, topic: topic?.trim() ? topic : given.topic, valueSchema: schema, value: row })
    }
  },
})

function requireSide(envelope: Schema, side: Side): void {
  if (!envelope.fields!.some(({ name }) => name === side)) throw unknownField(side)
}

/** A row that has lost fields, with those that are added. */
function additionTo(
  row: Schema,
  references: readonly FieldReference[],
  envelope: Schema,
): { schema: Schema; build: (from: { row: Fields; envelope: Fields }) => Fields } {
  const sources: FieldSource<{ row: Fields; envelope: Fields }>[] = [
    ...row.fields!.map((field) => takenField<{ row: Fields; envelope: Fields }>(field, false, { struct: 'row' })),
    ...referenceSources(references, envelope).map((source) => ({
      ...source,
      read: (from: { envelope: Fields }) => source.read(from.envelope),
    })),
  ]
  const fields = checkedFields(sources.map(({ name, schema }) => ({ name, schema })))
  return { schema: { type: 'struct', optional: false, ...basicsOf(row), fields }, build: structBuilder(sources) }
}
