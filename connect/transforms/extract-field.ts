/**
 * ExtractField: makes a field the whole key or value. A null key or value stays null, with the schema of the field.
 */
import { defineKeyAndValueTransforms, setting } from '../sdk/index.ts'
import { FieldPath, fieldSyntaxVersion } from './data/field-path.ts'
import { requireMap, requireStruct } from './data/requirements.ts'
import { replaceNullWithDefault } from './data/settings.ts'
import { perSchema } from './data/structs.ts'

const PURPOSE = 'field extraction'

/** Kafka throws Java's IllegalArgumentException, not a DataException. */
class UnknownField extends Error {
  override name = 'IllegalArgumentException'
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.ExtractField',
  doc: 'Makes a field of a struct or map the whole key or value.',
  settings: {
    field: setting.string({ doc: 'The name of the field.' }),
    ...replaceNullWithDefault,
    ...fieldSyntaxVersion,
  },
  create(config, side) {
    const path = new FieldPath(config.field, config['field.syntax.version'])
    const ofSchema = perSchema((schema) => {
      const field = path.fieldOf(schema)
      return field && { schema: field.schema, read: path.reader(schema, config['replace.null.with.default']) }
    })
    return (record) => {
      const schema = side.schemaOf(record)
      const value = side.valueOf(record) ?? null
      if (schema === null) return side.replace(record, null, value === null ? null : path.valueIn(requireMap(value, PURPOSE)))
      const struct = value === null ? null : requireStruct(schema, value, PURPOSE)
      const field = ofSchema(schema)
      if (!field) throw new UnknownField(`Unknown field: ${config.field}`)
      return side.replace(record, field.schema, struct === null ? null : field.read(struct))
    }
  },
})
