/**
 * HeaderFrom: copies or moves fields of the key or value to headers, in the order of its settings. What a schema leads to is derived
 * once for each schema.
 */
import { DataError, defineKeyAndValueTransforms, type Header, InvalidSetting, type Schema, setting } from '../sdk/index.ts'
import { fieldOfMap, requireMap, requireStruct } from './data/requirements.ts'
import { ConfigError, replaceNullWithDefault } from './data/settings.ts'
import { basicsOf, perSchema, schemaText, structBuilder, takenField } from './data/structs.ts'

const operations = ['move', 'copy']

/** A field can have several headers, and headers of a name there may be several. */
const names = (name: string, doc: string) =>
  setting.list({
    doc,
    importance: 'HIGH',
    check: (list) =>
      list.length === 0 ? InvalidSetting.saying(name, `Invalid value [] for configuration ${name}: Empty list`) : undefined,
  })

function headerOf(key: string, schema: Schema, value: unknown): Header {
  if (value === null && !schema.optional) throw new DataError(`A null value requires an optional schema but was ${schemaText(schema)}`)
  return { key, schema, value }
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.HeaderFrom',
  doc: 'Copies or moves fields of the key or value of each record to its headers.',
  settings: {
    fields: names('fields', 'The names of the fields.'),
    headers: names('headers', 'The names of the headers, in the order of the fields.'),
    operation: setting.string({
      doc: '`move` removes the fields from the key or value, `copy` leaves them there.',
      importance: 'HIGH',
      check: (value) => (operations.includes(value) ? undefined : `String must be one of: ${operations.join(', ')}`),
    }),
    ...replaceNullWithDefault,
  },
  create({ fields, headers, operation, ...config }, side) {
    if (fields.length !== headers.length)
      throw new ConfigError("'fields' config must have the same number of elements as 'headers' config.")
    const moves = operation === 'move'
    const purpose = `header ${operation}`
    const moved = new Set(fields)

    const ofSchema = perSchema((schema) => {
      const readers = (schema.fields ?? []).map((field) => takenField(field, config['replace.null.with.default']))
      const rest = readers.filter(({ name }) => !moved.has(name))
      return {
        found: fields.map((name) => readers.find((field) => field.name === name)),
        updated: moves ? { schema: restOf(schema, rest), build: structBuilder(rest) } : null,
      }
    })

    return (record) => {
      const schema = side.schemaOf(record)
      const value = side.valueOf(record)
      if (schema === null) {
        const map = requireMap(value, purpose)
        const added = fields.map((name, index): Header => ({ key: headers[index]!, schema: null, value: fieldOfMap(map, name) }))
        const rest = Object.fromEntries(Object.entries(map).filter(([name]) => !moves || !moved.has(name)))
        return { ...side.replace(record, null, rest), headers: [...record.headers, ...added] }
      }
      const struct = requireStruct(schema, value, purpose)
      const { found, updated } = ofSchema(schema)
      const rest = updated ? updated.build(struct) : struct
      const added = found.map((field, index) => {
        if (!field) throw new DataError(`${fields[index]} is not a field of the schema`)
        return headerOf(headers[index]!, field.schema, field.read(struct))
      })
      return { ...side.replace(record, updated ? updated.schema : schema, rest), headers: [...record.headers, ...added] }
    }
  },
})

const restOf = (schema: Schema, rest: readonly { name: string; schema: Schema }[]): Schema => ({
  type: 'struct',
  optional: false,
  ...basicsOf(schema),
  fields: rest.map(({ name, schema: of }) => ({ name, schema: of })),
})
