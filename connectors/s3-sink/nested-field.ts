/** The field of a record's value by its name, or by a path of names with dots, as Confluent's partitioners read it. Pure. */
import { type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'

export interface FieldValue {
  /** Null where the value has no schema. */
  schema: Schema | null
  value: unknown
}

/**
 * Reads the field, or its default where it is null. Throws UnwritableRecord where a schema lacks it; without a schema a field that is not
 * there is null.
 */
export type ReadField = (value: unknown, schema: Schema | null) => FieldValue

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array) && !(value instanceof Date)

export function fieldReader(path: string): ReadField {
  const names = path.split('.')
  return (value, schema) => {
    let at: unknown = value
    let of: Schema | null = schema
    for (const name of names) {
      if (!isObject(at)) {
        if (at === null || at === undefined) return { schema: null, value: null }
        throw new UnwritableRecord(`its value has no fields, so there is no ${path}`)
      }
      if (of) {
        const field: Schema | undefined = of.type === 'map' ? of.values : of.fields?.find((candidate) => candidate.name === name)?.schema
        if (!field) throw new UnwritableRecord(`its schema has no field ${path}`)
        of = field
      }
      at = at[name] ?? of?.default
    }
    return { schema: of, value: at ?? null }
  }
}
