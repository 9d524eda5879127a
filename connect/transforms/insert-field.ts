/**
 * InsertField: adds fields with what is known of the record (its topic, partition, offset and timestamp) or with a fixed text. A null key
 * or value stays null.
 */
import { type ConnectRecord, defineKeyAndValueTransforms, type Schema, schemas, setting } from '../sdk/index.ts'
import { type Fields, requireMap, requireSinkRecord, requireStruct, setField } from './data/requirements.ts'
import { ConfigError, replaceNullWithDefault } from './data/settings.ts'
import { basicsOf, checkedFields, perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'field insertion'

/** Reads undefined where the record has no such thing: then a map gets no field. */
interface Insertion {
  readonly name: string
  readonly schema: Schema
  readonly read: (record: ConnectRecord) => unknown
  readonly readSchemaless: (record: ConnectRecord) => unknown
}

function insertion(
  spec: string | null,
  schemaOf: (options: { optional: boolean }) => Schema,
  read: (record: ConnectRecord) => unknown,
  readSchemaless = read,
): Insertion[] {
  if (spec === null) return []
  const marked = spec.endsWith('?') || spec.endsWith('!')
  return [{ name: marked ? spec.slice(0, -1) : spec, schema: schemaOf({ optional: !spec.endsWith('!') }), read, readSchemaless }]
}

const field = (of: string) =>
  setting.string({
    default: null,
    doc: `The name of the field for ${of}. With ! at its end the field is required, with ? or without either it is optional.`,
  })

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.InsertField',
  doc: 'Adds fields with the topic, partition, offset or timestamp of the record, or with a fixed text.',
  settings: {
    'topic.field': field('the topic'),
    'partition.field': field('the partition'),
    'offset.field': field('the offset, which only records of sinks have'),
    'timestamp.field': field('the timestamp'),
    'static.field': field('the fixed text of static.value'),
    'static.value': setting.string({ default: null, doc: 'The text of the field that static.field names.' }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const text = config['static.value']
    const insertions = [
      ...insertion(config['topic.field'], schemas.string, ({ topic }) => topic),
      ...insertion(config['partition.field'], schemas.int32, ({ partition }) => partition ?? undefined),
      ...insertion(config['offset.field'], schemas.int64, (record) => requireSinkRecord(record, PURPOSE).offset),
      ...insertion(
        config['timestamp.field'],
        schemas.timestamp,
        ({ timestamp }) => (timestamp === null ? undefined : new Date(timestamp)),
        ({ timestamp }) => timestamp ?? undefined,
      ),
      ...insertion(config['static.field'], schemas.string, () => text),
    ]
    if (insertions.length === 0) throw new ConfigError('No field insertion configured')
    if (config['static.field'] !== null && text === null)
      throw new ConfigError(
        `Invalid value null for configuration static.value: No value specified for static field: ${config['static.field']}`,
      )

    const ofSchema = perSchema((schema) => {
      const sources = schema.fields!.map((of) =>
        takenField<ConnectRecord>(of, config['replace.null.with.default'], { struct: side.property }),
      )
      const fields = checkedFields([...schema.fields!, ...insertions.map(({ name, schema: of }) => ({ name, schema: of }))])
      const changed: Schema = { type: 'struct', optional: false, ...basicsOf(schema), fields }
      return { schema: changed, build: structBuilder([...sources, ...insertions]) }
    })
    return (record) => {
      const value = side.valueOf(record)
      if (value === null || value === undefined) return record
      const schema = side.schemaOf(record)
      if (schema === null) {
        const changed: Fields = { ...requireMap(value, PURPOSE) }
        for (const { name, readSchemaless } of insertions) {
          const inserted = readSchemaless(record)
          if (inserted !== undefined) setField(changed, name, inserted)
        }
        return side.replace(record, null, changed)
      }
      requireStruct(schema, value, PURPOSE)
      const { schema: changed, build } = ofSchema(schema)
      return side.replace(record, changed, build(record))
    }
  },
})
