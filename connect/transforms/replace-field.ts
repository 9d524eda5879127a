/**
 * ReplaceField: leaves fields out and renames fields. A null key or value stays null. What is left out is named by exclude, or not by
 * include.
 */
import { DataError, defineKeyAndValueTransforms, InvalidSetting, type Schema, setting } from '../sdk/index.ts'
import { type Fields, requireMap, requireStruct, setField } from './data/requirements.ts'
import { colonParts, optionalNames, replaceNullWithDefault } from './data/settings.ts'
import { basicsOf, checkedFields, type FieldSource, perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'field replacement'

function checkRenames(mappings: readonly string[]): InvalidSetting | undefined {
  const wrong = mappings.find((mapping) => colonParts(mapping).length !== 2)
  if (wrong === undefined) return undefined
  return InvalidSetting.saying(
    'renames',
    `Invalid value [${mappings.join(', ')}] for configuration renames: Invalid rename mapping: ${wrong}`,
  )
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.ReplaceField',
  doc: 'Leaves fields out, and renames fields.',
  settings: {
    exclude: optionalNames('exclude', 'The names of fields to leave out, whether include names them or not.'),
    include: optionalNames('include', 'The names of the only fields to keep. With none all are kept.'),
    renames: setting.list({ default: [], doc: 'The fields to rename, as old:new.', check: checkRenames }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const excluded = new Set(config.exclude)
    const included = new Set(config.include)
    const renames = new Map(config.renames.map((mapping) => colonParts(mapping) as [string, string]))
    const oldNames = new Map([...renames].map(([from, to]) => [to, from]))
    const keeps = (name: string) => !excluded.has(name) && (included.size === 0 || included.has(name))
    const newName = (name: string) => renames.get(name) ?? name

    const ofSchema = perSchema((schema) => {
      const fields = checkedFields(
        schema.fields!.filter(({ name }) => keeps(name)).map((field) => ({ name: newName(field.name), schema: field.schema })),
      )
      const sources = fields.map((field): FieldSource<Fields> => {
        // As Kafka, the value is that of the field whose new name this is, even where no field was renamed to it.
        const oldName = oldNames.get(field.name) ?? field.name
        const from = schema.fields!.find(({ name }) => name === oldName)
        if (from) return takenField(from, config['replace.null.with.default'], { as: field })
        const read = () => {
          throw new DataError(`${oldName} is not a valid field name`)
        }
        return { ...field, read }
      })
      const changed: Schema = { type: 'struct', optional: false, ...basicsOf(schema), fields }
      return { schema: changed, build: structBuilder(sources) }
    })
    return (record) => {
      const value = side.valueOf(record)
      if (value === null || value === undefined) return record
      const schema = side.schemaOf(record)
      if (schema === null) {
        const changed: Fields = {}
        for (const [name, item] of Object.entries(requireMap(value, PURPOSE))) if (keeps(name)) setField(changed, newName(name), item)
        return side.replace(record, null, changed)
      }
      const struct = requireStruct(schema, value, PURPOSE)
      const { schema: changed, build } = ofSchema(schema)
      return side.replace(record, changed, build(struct))
    }
  },
})
