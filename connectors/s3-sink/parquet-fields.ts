/**
 * Parquet's schema for a struct of Connect, and the values of its columns. A value that contradicts its schema is an UnwritableRecord here,
 * because the writer sees values only when a row group ends. Pure.
 */
import type { ParquetWriter } from 'hyparquet-writer'
import { unscaled } from '../../connect/converters/json/decimal.ts'
import { logicalTypes, type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'
import { storedDate } from '../../connect/sdk/values/stored-dates.ts'

/** That of the version of hyparquet which the writer has. */
export type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]

/** Of a row: the bytes of its values, and how many they are, also within others. */
export interface RowSize {
  bytes: number
  values: number
}

/** Adds a value to `size`. */
export type ConvertValue = (value: unknown, size: RowSize) => unknown

export interface ParquetField {
  readonly name: string
  /** The element of the field and those below it, depth first, as a file has them. */
  readonly elements: readonly SchemaElement[]
  readonly convert: ConvertValue
}

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 64
/** Most readers take no more digits. */
const MAX_PRECISION = 38
const DECIMAL_BYTES = 16
/** Of a number, a boolean or an empty place. */
const VALUE_BYTES = 8

interface Leaf {
  element: Omit<SchemaElement, 'name' | 'repetition_type'>
  convert: ConvertValue
}

/** Throws UnwritableRecord where Parquet has no such type. */
export function parquetFields(schema: Schema): ParquetField[] {
  return fieldsOf(schema, 0)
}

function fieldsOf(schema: Schema, depth: number): ParquetField[] {
  if (depth > MAX_DEPTH) throw new UnwritableRecord(`its schema is nested more than ${MAX_DEPTH} times, and Parquet has no recursive types`)
  if (schema.fields!.length === 0)
    throw new UnwritableRecord(`the struct ${schema.name ?? 'without a name'} has no fields, which Parquet cannot have`)
  return schema.fields!.map((field) => fieldOf(field.name, field.schema, depth))
}

function fieldOf(name: string, schema: Schema, depth: number): ParquetField {
  const repetition_type = schema.optional ? 'OPTIONAL' : 'REQUIRED'
  const { elements, convert } = typeOf(name, schema, repetition_type, depth)
  return { name, elements, convert: present(name, schema, convert) }
}

function present(name: string, schema: Schema, convert: ConvertValue): ConvertValue {
  return (value, size) => {
    size.bytes += VALUE_BYTES
    size.values++
    const given = value ?? schema.default ?? null
    if (given !== null) return convert(given, size)
    if (schema.optional) return null
    throw new UnwritableRecord(`its field ${name} is null, and its schema says that it never is`)
  }
}

type Repetition = 'OPTIONAL' | 'REQUIRED'

function typeOf(name: string, schema: Schema, repetition_type: Repetition, depth: number): Omit<ParquetField, 'name'> {
  switch (schema.type) {
    case 'struct': {
      const fields = fieldsOf(schema, depth + 1)
      return {
        elements: [{ name, repetition_type, num_children: fields.length }, ...fields.flatMap(({ elements }) => elements)],
        convert: (value, size) => {
          const struct = objectIn(value, name)
          return Object.fromEntries(fields.map((field) => [field.name, field.convert(struct[field.name], size)]))
        },
      }
    }
    case 'array': {
      const item = fieldOf('element', valuesOf(schema, name), depth + 1)
      return {
        elements: [
          { name, repetition_type, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          ...item.elements,
        ],
        convert: (value, size) => {
          if (!Array.isArray(value)) throw mismatch(name, 'an array', value)
          return value.map((one) => item.convert(one, size))
        },
      }
    }
    case 'map':
      return mapType(name, schema, repetition_type, depth)
    default: {
      const { element, convert } = leafOf(name, schema)
      return { elements: [{ name, repetition_type, ...element }], convert }
    }
  }
}

function valuesOf({ values }: Schema, name: string): Schema {
  if (values) return values
  throw new UnwritableRecord(`the values of its field ${name} have no schema in common`)
}

function mapType(name: string, schema: Schema, repetition_type: Repetition, depth: number): Omit<ParquetField, 'name'> {
  if (!schema.keys) throw new UnwritableRecord(`the keys of its field ${name} have no schema in common`)
  const key = fieldOf('key', { ...schema.keys, optional: false }, depth + 1)
  const item = fieldOf('value', valuesOf(schema, name), depth + 1)
  return {
    elements: [
      { name, repetition_type, num_children: 1, converted_type: 'MAP', logical_type: { type: 'MAP' } },
      { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
      ...key.elements,
      ...item.elements,
    ],
    convert: (value, size) => {
      const entries = value instanceof Map ? [...value] : Object.entries(objectIn(value, name))
      return entries.map(([mapKey, mapValue]) => ({ key: key.convert(mapKey, size), value: item.convert(mapValue, size) }))
    },
  }
}

function leafOf(name: string, schema: Schema): Leaf {
  switch (schema.name) {
    case logicalTypes.decimal:
      return decimalType(name, schema)
    case logicalTypes.date:
      return { element: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } }, convert: dateOf(name, schema) }
    case logicalTypes.time:
      return {
        element: { type: 'INT32', converted_type: 'TIME_MILLIS', logical_type: { type: 'TIME', isAdjustedToUTC: true, unit: 'MILLIS' } },
        convert: dateOf(name, schema),
      }
    case logicalTypes.timestamp: {
      const ms = dateOf(name, schema)
      return {
        element: {
          type: 'INT64',
          converted_type: 'TIMESTAMP_MILLIS',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
        },
        convert: (value, size) => BigInt(ms(value, size) as number),
      }
    }
  }
  switch (schema.type) {
    case 'int8':
      return { element: { type: 'INT32', converted_type: 'INT_8' }, convert: integer(name, 8) }
    case 'int16':
      return { element: { type: 'INT32', converted_type: 'INT_16' }, convert: integer(name, 16) }
    case 'int32':
      return { element: { type: 'INT32' }, convert: integer(name, 32) }
    case 'int64':
      return { element: { type: 'INT64' }, convert: long(name) }
    case 'float32':
      return { element: { type: 'FLOAT' }, convert: number(name) }
    case 'float64':
      return { element: { type: 'DOUBLE' }, convert: number(name) }
    case 'boolean':
      return {
        element: { type: 'BOOLEAN' },
        convert: (value) => {
          if (typeof value !== 'boolean') throw mismatch(name, 'a boolean', value)
          return value
        },
      }
    case 'string':
      return {
        element: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
        convert: (value, size) => {
          if (typeof value !== 'string') throw mismatch(name, 'a text', value)
          size.bytes += value.length
          return value
        },
      }
    case 'bytes':
      return {
        element: { type: 'BYTE_ARRAY' },
        convert: (value, size) => {
          if (!(value instanceof Uint8Array)) throw mismatch(name, 'bytes', value)
          size.bytes += value.length
          return value
        },
      }
    default:
      throw new UnwritableRecord(`its field ${name} is of type ${schema.type}, which Parquet has not`)
  }
}

function integer(name: string, bits: number): ConvertValue {
  const limit = 2 ** (bits - 1)
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -limit && value < limit) return value
    throw mismatch(name, `a whole number of ${bits} bits`, value)
  }
}

const long =
  (name: string): ConvertValue =>
  (value) => {
    const big = typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : null
    if (big !== null && BigInt.asIntN(64, big) === big) return big
    throw mismatch(name, 'a whole number of 64 bits', value)
  }

const number =
  (name: string): ConvertValue =>
  (value) => {
    if (typeof value !== 'number') throw mismatch(name, 'a number', value)
    return value
  }

const dateOf =
  (name: string, schema: Schema): ConvertValue =>
  (value) => {
    const stored = value instanceof Date ? storedDate(schema.name, value) : value
    if (typeof stored === 'number' && Number.isSafeInteger(stored)) return stored
    throw mismatch(name, 'a date', value)
  }

function decimalType(name: string, schema: Schema): Leaf {
  const scale = Number(schema.parameters?.scale ?? 0)
  const declared = Number(schema.parameters?.['connect.decimal.precision'] ?? MAX_PRECISION)
  const precision = Math.min(Math.max(declared, scale, 1), MAX_PRECISION)
  if (scale < 0 || scale > precision)
    throw new UnwritableRecord(`its field ${name} is a Decimal of scale ${scale}, and Parquet takes those from 0 to ${MAX_PRECISION}`)
  const limit = 10n ** BigInt(precision)
  return {
    element: {
      type: 'FIXED_LEN_BYTE_ARRAY',
      type_length: DECIMAL_BYTES,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision, scale },
      precision,
      scale,
    },
    convert: (value, size) => {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(name, 'a decimal', value)
      const number = unscaled(String(value), scale)
      if (number >= limit || number <= -limit) throw new UnwritableRecord(`its field ${name} has more than ${precision} digits`)
      size.bytes += DECIMAL_BYTES
      return number
    },
  }
}

function objectIn(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw mismatch(name, 'an object', value)
}

function mismatch(name: string, expected: string, value: unknown): UnwritableRecord {
  const found = typeof value === 'object' ? (value?.constructor?.name ?? 'null') : typeof value
  return new UnwritableRecord(`its field ${name} is not ${expected}, as its schema says, but ${found}`)
}
