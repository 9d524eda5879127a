/**
 * Debezium's envelope of a change: the value before and after it, the operation, and where it comes from. A record that has none (a
 * heartbeat, the metadata of a transaction, a change of a schema) is not a change of a row.
 */
import { type ConnectRecord, DataError, type Schema, type SchemaField } from '../../sdk/index.ts'
import type { Fields } from './requirements.ts'
import { fieldReader, type ReadField } from './structs.ts'

const SUFFIX = '.Envelope'

export const operations = { update: 'u', delete: 'd' } as const

/** The schema of the envelope that the record's value is; null where it is none. */
export const envelopeOf = ({ valueSchema }: ConnectRecord): Schema | null => (valueSchema?.name?.endsWith(SUFFIX) ? valueSchema : null)

export const envelopeName = (topic: string): string => topic + SUFFIX

/** The field of a struct's schema; undefined where there is none. */
export function fieldNamed(schema: Schema, name: string): SchemaField | undefined {
  if (schema.type !== 'struct') throw new DataError('Cannot look up fields on non-struct type')
  return schema.fields!.find((field) => field.name === name)
}

export function requireField(schema: Schema, name: string): SchemaField {
  const field = fieldNamed(schema, name)
  if (!field) throw new DataError(`${name} is not a valid field name`)
  return field
}

/** Reads a field of one type without its default, as Struct.getString and the like do. */
export function typedReader<T>(schema: Schema, name: string, type: Schema['type']): (struct: Fields) => T | null {
  const field = requireField(schema, name)
  if (field.schema.type !== type) throw new DataError(`Field '${name}' is not of type ${type.toUpperCase()}`)
  return fieldReader(field, false) as ReadField as (struct: Fields) => T | null
}
