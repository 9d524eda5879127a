/**
 * What a record says about its row: written, deleted, its table truncated, or nothing. The change events of Debezium are opened, with and
 * without a schema; any other record is the row itself. Pure.
 */
import { type Schema, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import type { SinkOptions } from './options.ts'

type Struct = Readonly<Record<string, unknown>>

export type Change =
  | { kind: 'write'; value: unknown; schema: Schema | null; source: Struct | null }
  /** `value` is the row before, as far as the event has it. */
  | { kind: 'delete'; value: unknown; schema: Schema | null; source: Struct | null }
  | { kind: 'truncate'; source: Struct | null }
  | { kind: 'skip' }

const SKIP: Change = { kind: 'skip' }

/** The schema of the row in the schema of an envelope; null where it is the schema of something else. */
const rowSchemas = new WeakMap<Schema, { row: Schema | null } | null>()

function rowSchemaOf(schema: Schema): { row: Schema | null } | null {
  const known = rowSchemas.get(schema)
  if (known !== undefined) return known
  const field = (name: string) => schema.fields?.find((candidate) => candidate.name === name)?.schema
  const isEnvelope =
    schema.type === 'struct' &&
    field('op') !== undefined &&
    (schema.name === undefined ? (field('before') ?? field('after')) !== undefined : schema.name.endsWith('.Envelope'))
  const found = isEnvelope ? { row: field('after') ?? field('before') ?? null } : null
  rowSchemas.set(schema, found)
  return found
}

const isObject = (value: unknown): value is Struct => typeof value === 'object' && value !== null && !Array.isArray(value)

const isPlainEnvelope = (value: unknown): value is Struct =>
  isObject(value) && typeof value.op === 'string' && isObject(value.source) && ('after' in value || 'before' in value || value.op === 't')

/** Events about the schema of a source, which connectors of other databases send. */
const isSchemaChange = (schema: Schema | null): boolean => schema?.name?.includes('SchemaChangeValue') === true

type Rules = Pick<SinkOptions, 'deletes' | 'truncates' | 'withoutValue' | 'keyMode' | 'isCloudEvent'>

/** The schema of the data in the schemas that are a CloudEvent's; null for other schemas. */
const dataSchemas = new WeakMap<Schema, Schema | null>()

function dataSchemaOf(schema: Schema, isCloudEvent: NonNullable<Rules['isCloudEvent']>): Schema | null {
  let found = dataSchemas.get(schema)
  if (found === undefined) {
    const data = schema.name !== undefined && isCloudEvent(schema.name) ? schema.fields?.find(({ name }) => name === 'data') : undefined
    found = data?.schema.type === 'struct' ? data.schema : null
    dataSchemas.set(schema, found)
  }
  return found
}

/** @throws UnwritableRecord */
export function changeOf({ value, valueSchema }: Pick<SinkRecord, 'value' | 'valueSchema'>, rules: Rules): Change {
  if (value === null || value === undefined) return withoutValue(rules)
  if (valueSchema) {
    if (valueSchema.type !== 'struct') return { kind: 'write', value, schema: valueSchema, source: null }
    const dataSchema = rules.isCloudEvent && dataSchemaOf(valueSchema, rules.isCloudEvent)
    if (dataSchema) return changeOf({ value: (value as Struct).data, valueSchema: dataSchema }, rules)
    const envelope = rowSchemaOf(valueSchema)
    if (envelope) return opened(value as Struct, envelope.row, rules)
    return isSchemaChange(valueSchema) ? SKIP : { kind: 'write', value, schema: valueSchema, source: null }
  }
  if (isPlainEnvelope(value)) return opened(value, null, rules)
  return { kind: 'write', value, schema: null, source: null }
}

function withoutValue({ deletes, withoutValue: rule, keyMode }: Rules): Change {
  if (deletes) return keyMode === 'record_key' ? { kind: 'delete', value: null, schema: null, source: null } : SKIP
  if (rule === 'skipped') return SKIP
  throw new UnwritableRecord('it has no value. Set delete.enabled=true with pk.mode=record_key to delete its row, or filter such records')
}

function opened(event: Struct, schema: Schema | null, { deletes, truncates }: Rules): Change {
  const source = (event.source ?? null) as Struct | null
  switch (event.op) {
    case 'c':
    case 'u':
    case 'r':
      if (event.after === null || event.after === undefined)
        throw new UnwritableRecord(`it is a change event with op ${event.op} and has no row after the change`)
      return { kind: 'write', value: event.after, schema, source }
    case 'd':
      return deletes ? { kind: 'delete', value: event.before ?? null, schema, source } : SKIP
    case 't':
      return truncates ? { kind: 'truncate', source } : SKIP
    default:
      throw new UnwritableRecord(`it is a change event with op ${event.op}, which is about no row`)
  }
}
