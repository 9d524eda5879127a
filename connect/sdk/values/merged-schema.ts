/**
 * The common schema of the elements of an array, or of the keys or values of a map, as Kafka Connect's Values infers it: numbers widen,
 * other types must be the same. Elements are converted to it.
 */
import { DataError } from '../errors.ts'
import { logicalTypes, type Schema, type SchemaType } from '../schema.ts'

const DAY_MS = 86_400_000
/** From the narrowest to the widest. */
const numberTypes: readonly SchemaType[] = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64']

export class MergedSchema {
  #schema: Schema | null = null
  #compatible = true

  /** Null where all elements are null, or differ. */
  get schema(): Schema | null {
    return this.#schema
  }

  add(schema: Schema | null): void {
    if (schema === null || !this.#compatible) return
    this.#schema = this.#schema === null ? schema : merged(this.#schema, schema)
    this.#compatible = this.#schema !== null
  }
}

function merged(first: Schema, second: Schema): Schema | null {
  // The last one counts, also where they have other names or elements.
  if (first.type === second.type) return second
  const [from, to] = [numberTypes.indexOf(first.type), numberTypes.indexOf(second.type)]
  if (from < 0 || to < 0) return null
  return from > to ? first : second
}

export function convertTo(schema: Schema, value: unknown): unknown {
  if (value === null) throw new DataError('Unable to convert a null value to a schema that requires a value')
  if (!numberTypes.includes(schema.type)) return value
  if (value instanceof Date) {
    if (schema.name !== undefined) return value
    throw new DataError('Unable to convert a date to a number')
  }
  const number = Number(value as number | bigint)
  switch (schema.name) {
    case logicalTypes.date:
      return new Date(number * DAY_MS)
    case logicalTypes.time:
      if (number < 0 || number > DAY_MS)
        throw new DataError('Time values must use number of milliseconds greater than 0 and less than 86400000')
      return new Date(number)
    case logicalTypes.timestamp:
      return new Date(number)
  }
  if (schema.type === 'float32') return Math.fround(number)
  return schema.type === 'float64' ? number : value
}
