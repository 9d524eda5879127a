/**
 * HoistField: wraps the key or value in a struct or map with one field.
 */
import { defineKeyAndValueTransforms, type Schema, setting } from '../sdk/index.ts'
import { type Fields, setField } from './data/requirements.ts'
import { checkedFields, nullOfRequired, perSchema } from './data/structs.ts'

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.HoistField',
  doc: 'Wraps the key or value in a struct, or in a map where it has no schema.',
  settings: {
    field: setting.string({ doc: 'The name of the only field of the new struct or map.' }),
  },
  create(config, side) {
    const name = config.field
    const ofSchema = perSchema((schema): Schema => ({ type: 'struct', optional: false, fields: checkedFields([{ name, schema }]) }))
    return (record) => {
      const schema = side.schemaOf(record)
      const value = side.valueOf(record) ?? null
      const wrapped: Fields = {}
      setField(wrapped, name, value)
      if (schema === null) return side.replace(record, null, wrapped)
      const changed = ofSchema(schema)
      if (value === null && !schema.optional) throw nullOfRequired({ name, schema })
      return side.replace(record, changed, wrapped)
    }
  },
})
