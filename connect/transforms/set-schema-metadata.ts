/**
 * SetSchemaMetadata: gives the schema of a key or value that is a struct another name or version. All else of it stays.
 */
import { DataError, defineKeyAndValueTransforms, type Schema, setting } from '../sdk/index.ts'
import { type Fields, requireSchema } from './data/requirements.ts'
import { ConfigError, replaceNullWithDefault } from './data/settings.ts'
import { perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'updating schema metadata'

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.SetSchemaMetadata',
  doc: 'Gives the schema of the key or value another name, version, or both.',
  settings: {
    'schema.name': setting.string({ default: null, doc: 'The name of the schema.', importance: 'HIGH' }),
    'schema.version': setting.int({ default: null, doc: 'The version of the schema.', importance: 'HIGH' }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const name = config['schema.name']
    const version = config['schema.version']
    if (name === null && version === null) throw new ConfigError('Neither schema name nor version configured')
    const ofSchema = perSchema((schema) => {
      const changed: Schema = { ...schema, name: name ?? schema.name, version: version ?? schema.version }
      // As Kafka, which asks every schema for its fields.
      if (schema.type !== 'struct') throw new DataError('Cannot list fields on non-struct type')
      const build = structBuilder<Fields>(schema.fields!.map((field) => takenField(field, config['replace.null.with.default'])))
      return { schema: changed, build }
    })
    return (record) => {
      const value = side.valueOf(record)
      const given = side.schemaOf(record)
      if (given === null && (value === null || value === undefined)) return record
      const { schema, build } = ofSchema(requireSchema(given, PURPOSE))
      return side.replace(record, schema, value === null || value === undefined ? null : build(value as Fields))
    }
  },
})
