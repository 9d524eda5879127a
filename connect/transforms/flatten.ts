/**
 * Flatten: lifts the fields of nested structs or maps to the root, with the names on the way joined by a delimiter. Arrays stay as they
 * are. A field inherits that a struct around it is optional, and its default.
 */
import { DataError, defineKeyAndValueTransforms, type Schema, type SchemaField, setting } from '../sdk/index.ts'
import { type Fields, javaClass, requireMap, requireStruct, setField, typeOf } from './data/requirements.ts'
import {
  basicsOf,
  checkedFields,
  type FieldSource,
  fieldReader,
  hasDefault,
  perSchema,
  type ReadField,
  structBuilder,
} from './data/structs.ts'

const PURPOSE = 'flattening'

/** Where the fields of a nested struct come from. */
interface Parent {
  readonly prefix: string
  /** Whether it, or a struct around it, is optional. */
  readonly optional: boolean
  /** The default that it or a struct around it has. */
  readonly default: Fields | null
  /** Reads the struct; null where it or one around it has no value. */
  readonly read: (root: Fields) => Fields | null
}

function flatField(field: SchemaField, parent: Parent): { optional: boolean; default: unknown } {
  const own = hasDefault(field.schema) ? field.schema.default : null
  return {
    optional: parent.optional || field.schema.optional,
    default: own ?? (parent.default === null ? null : fieldReader(field, true)(parent.default)),
  }
}

function flatSchema({ type, values, ...schema }: Schema, optional: boolean, fallback: unknown): Schema {
  const flat: Schema = { type, optional, ...basicsOf({ type, ...schema }), ...(type === 'array' && { values }) }
  return fallback === null ? flat : { ...flat, default: fallback }
}

/** Undefined, which leaves the field without a value, where the struct around it is null. */
const within =
  (parent: Parent, read: ReadField): ((root: Fields) => unknown) =>
  (root) => {
    const struct = parent.read(root)
    return struct === null ? undefined : read(struct)
  }

function flatSources(schema: Schema, parent: Parent, nameOf: (prefix: string, name: string) => string): FieldSource<Fields>[] {
  return schema.fields!.flatMap((field): FieldSource<Fields>[] => {
    const name = nameOf(parent.prefix, field.name)
    const flat = flatField(field, parent)
    if (field.schema.type === 'map')
      throw new DataError(`Flatten transformation does not support MAP for record with schemas (for field ${name}).`)
    if (field.schema.type !== 'struct')
      return [{ name, schema: flatSchema(field.schema, flat.optional, flat.default), read: within(parent, fieldReader(field, true)) }]
    const readStruct = within(parent, fieldReader(field, false))
    const read = (root: Fields) => (readStruct(root) as Fields | null | undefined) ?? null
    return flatSources(field.schema, { prefix: name, optional: flat.optional, default: flat.default as Fields | null, read }, nameOf)
  })
}

function flattenMap(map: Fields, prefix: string, nameOf: (prefix: string, name: string) => string, into: Fields): void {
  for (const [key, value] of Object.entries(map)) {
    const name = nameOf(prefix, key)
    const type = value === null || value === undefined ? null : typeOf(null, value)
    if (type === undefined)
      throw new DataError(
        `Flatten transformation was passed a value of type class ${javaClass(null, value)} which is not supported by Connect's data API`,
      )
    if (type === 'map') flattenMap(requireMap(value, PURPOSE), name, nameOf, into)
    else setField(into, name, value ?? null)
  }
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.Flatten',
  doc: 'Lifts the fields of nested structs or maps to the root. Arrays stay as they are.',
  settings: {
    delimiter: setting.string({ default: '.', doc: 'The text between the joined names of fields.' }),
  },
  create(config, side) {
    const nameOf = (prefix: string, name: string) => (prefix === '' ? name : `${prefix}${config.delimiter}${name}`)
    const ofSchema = perSchema((schema) => {
      const root: Parent = {
        prefix: '',
        optional: schema.optional,
        default: hasDefault(schema) ? (schema.default as Fields) : null,
        read: (struct) => struct,
      }
      const sources = flatSources(schema, root, nameOf)
      const fields = checkedFields(sources.map(({ name, schema: of }) => ({ name, schema: of })))
      const flat: Schema = { type: 'struct', optional: false, ...basicsOf(schema), fields }
      return { schema: flat, build: structBuilder(sources) }
    })
    return (record) => {
      const value = side.valueOf(record)
      if (value === null || value === undefined) return record
      const schema = side.schemaOf(record)
      if (schema === null) {
        const flat: Fields = {}
        flattenMap(requireMap(value, PURPOSE), '', nameOf, flat)
        return side.replace(record, null, flat)
      }
      const struct = requireStruct(schema, value, PURPOSE)
      const { schema: flat, build } = ofSchema(schema)
      return side.replace(record, flat, build(struct))
    }
  },
})
