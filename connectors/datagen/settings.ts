/**
 * The settings of the datagen source, with the names and defaults of Confluent's, and where the schema of its records comes from:
 * exactly one of a quickstart, a text and a file.
 */
import { readFileSync } from 'node:fs'
import { avroDataDefaults } from '../../connect/converters/avro/avro-names.ts'
import { type AvroType, parseAvro } from '../../connect/converters/avro/avro-type.ts'
import { ConnectAvroSchemas } from '../../connect/converters/avro/to-connect-schema.ts'
import { type ConfigOf, type Schema, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import type { Quickstart } from './quickstarts/avro-json.ts'
import { quickstarts } from './quickstarts.ts'

const UNPARSABLE = 'Unable to parse the provided schema'

function schemaProblem(read: () => string): string | undefined {
  try {
    parseAvro(read())
    return undefined
  } catch (error) {
    return `${UNPARSABLE}: ${(error as Error).message}`
  }
}

export const settings = {
  'kafka.topic': setting.string({ doc: 'The topic to write to', importance: 'HIGH' }),
  'max.interval': setting.long({
    doc: 'The maximum time between two records of a task, in ms: each interval is a random part of it. 0 or less is without a pause.',
    default: 500,
    importance: 'HIGH',
  }),
  'records.per.second': setting.double({
    doc: 'How many records each task makes in a second, evenly; max.interval does not count then. At most what the worker can send.',
    default: null,
    importance: 'MEDIUM',
    check: (rate) => (rate <= 0 ? 'Value must be more than 0' : undefined),
  }),
  iterations: setting.int({
    doc: 'How many records each task makes in all; without limit where it is less than 1',
    default: -1,
    importance: 'HIGH',
  }),
  'schema.string': setting.string({
    doc: 'The Avro schema of the records, as JSON; arg.properties in it say which values',
    default: '',
    importance: 'HIGH',
    check: (text) => (text === '' ? undefined : schemaProblem(() => text)),
  }),
  'schema.filename': setting.string({
    doc: 'A file with the Avro schema of the records',
    default: '',
    importance: 'HIGH',
    check: (file) => (file === '' ? undefined : schemaProblem(() => readFileSync(file, 'utf8'))),
  }),
  'schema.keyfield': setting.string({
    doc: "The field that is the record's key; without it, that of the quickstart, or none",
    default: '',
    importance: 'HIGH',
  }),
  quickstart: setting.string({
    doc: 'The name of a ready-made schema',
    default: '',
    importance: 'HIGH',
    recommended: Object.keys(quickstarts),
    check: (name) =>
      name === '' || quickstarts[name.toLowerCase()] ? undefined : `quickstart must be one out of ${Object.keys(quickstarts).join(',')}`,
  }),
  'random.seed': setting.long({
    doc: 'The seed of the random data: two connectors with the same seed and schema make the same records. Each task has data of its own.',
    default: null,
    importance: 'LOW',
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records that a task makes at once',
    default: 500,
    importance: 'LOW',
    check: (size) => (size < 1 ? 'Value must be at least 1' : undefined),
  }),
}

export type DatagenConfig = ConfigOf<typeof settings>

const sources = ['schema.string', 'schema.filename', 'quickstart'] as const

/** Checks that concern several settings. */
export function check(config: DatagenConfig): SettingProblem[] {
  const set = sources.filter((name) => config[name] !== '')
  if (set.length !== 1) {
    const why = `Must set exactly one of ${sources.join(', ')}`
    return (set.length === 0 ? sources : set).map((name) => ({ setting: name, why }))
  }
  try {
    recordSchema(config)
    return []
  } catch (error) {
    if (error instanceof UnknownKeyField) return [{ setting: 'schema.keyfield', why: error.message }]
    return [{ setting: set[0]!, why: (error as Error).message }]
  }
}

class UnknownKeyField extends Error {
  override name = 'UnknownKeyField'
}

export interface RecordSchema {
  readonly type: AvroType
  readonly schema: Schema
  /** The field of the key; null for none. */
  readonly keyField: { readonly name: string; readonly schema: Schema } | null
}

/** The schema of the records, and which of its fields is the key. Throws where the schema is no record, or lacks that field. */
export function recordSchema(config: DatagenConfig): RecordSchema {
  const quickstart: Quickstart | undefined = quickstarts[config.quickstart.toLowerCase()]
  const text = quickstart ? JSON.stringify(quickstart.schema) : config['schema.string'] || readFileSync(config['schema.filename'], 'utf8')
  const type = parseAvro(text)
  if (type.type !== 'record') throw new Error(`The schema must be a record, and is ${type.type}`)
  const schema = new ConnectAvroSchemas(
    avroDataDefaults,
    () => 0,
    () => {},
  ).convert(type, null)
  const name = config['schema.keyfield'] || quickstart?.key || ''
  const field = schema.fields!.find((candidate) => candidate.name === name)
  if (name !== '' && !field) throw new UnknownKeyField("The schema does not contain the field provided in 'schema.keyfield'")
  return { type, schema, keyField: field ?? null }
}
