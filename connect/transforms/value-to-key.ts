/**
 * ValueToKey: makes a new key of fields of the value.
 */
import { DataError, defineTransform, type Schema } from '../sdk/index.ts'
import { type Fields, fieldOfMap, requireMap, requireStruct, setField } from './data/requirements.ts'
import { replaceNullWithDefault, requiredNames } from './data/settings.ts'
import { checkedFields, perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'copying fields from value to key'

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.ValueToKey',
  doc: 'Replaces the key by a new one that has fields of the value.',
  settings: {
    fields: requiredNames('fields', 'The names of the fields of the value that the key gets.'),
    ...replaceNullWithDefault,
  },
  create(config) {
    const ofSchema = perSchema((schema) => {
      const fields = config.fields.map((name) => {
        const field = schema.fields!.find((of) => of.name === name)
        if (!field) throw new DataError(`Field does not exist: ${name}`)
        return field
      })
      const keySchema: Schema = { type: 'struct', optional: false, fields: checkedFields(fields) }
      const sources = fields.map((field) => takenField(field, config['replace.null.with.default']))
      return { keySchema, build: structBuilder<Fields>(sources) }
    })
    return (record) => {
      if (record.valueSchema === null) {
        const value = requireMap(record.value, PURPOSE)
        const key: Fields = {}
        for (const name of config.fields) setField(key, name, fieldOfMap(value, name))
        return { ...record, keySchema: null, key }
      }
      const value = requireStruct(record.valueSchema, record.value, PURPOSE)
      const { keySchema, build } = ofSchema(record.valueSchema)
      return { ...record, keySchema, key: build(value) }
    }
  },
})
