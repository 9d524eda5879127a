/**
 * Parquet's types as those of Connect, and the values of columns. Columns are read in their physical types and converted here, because
 * the library makes numbers of decimals and milliseconds of all times.
 */
import type { FileMetaData, SchemaElement, SchemaTree } from 'hyparquet'
import { type Schema, schemas } from '../../connect/sdk/index.ts'

export type ConvertValue = (value: unknown) => unknown

export interface ParquetColumn {
  readonly name: string
  readonly schema: Schema
  readonly convert: ConvertValue
}

const asIs: ConvertValue = (value) => value
const present =
  (convert: ConvertValue): ConvertValue =>
  (value) =>
    value === null || value === undefined ? null : convert(value)

const int64 = (value: unknown): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value as bigint)
}
const bytes = (value: unknown): Buffer => {
  const { buffer, byteOffset, byteLength } = value as Uint8Array
  return Buffer.from(buffer, byteOffset, byteLength)
}
const DAY_MS = 86_400_000

/** The schema without what would make the library convert values of columns: only texts and groups keep it. */
export function withPhysicalTypes(metadata: FileMetaData): FileMetaData {
  return { ...metadata, schema: metadata.schema.map((element) => (element.num_children ? element : physical(element))) }
}

function physical(element: SchemaElement): SchemaElement {
  const { converted_type: _converted, logical_type: _logical, ...rest } = element
  return isText(element) ? { ...rest, converted_type: 'UTF8' } : rest
}

const isText = ({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  type === 'BYTE_ARRAY' && (['UTF8', 'ENUM', 'JSON'].includes(converted ?? '') || ['STRING', 'ENUM', 'JSON'].includes(logical?.type ?? ''))

/** The columns of a file. Throws where one has a type that Connect has not. */
export const columnsOf = (root: SchemaTree): ParquetColumn[] => root.children.map((child) => columnOf(child))

function columnOf(tree: SchemaTree): ParquetColumn {
  const { element } = tree
  const { name } = element
  if (element.repetition_type === 'REPEATED') {
    const item = typeOf(tree, false)
    return { name, schema: schemas.array(item.schema), convert: (value) => (value as unknown[]).map(item.convert) }
  }
  const { schema, convert } = typeOf(tree, element.repetition_type === 'OPTIONAL')
  return { name, schema, convert: present(convert) }
}

interface ParquetType {
  readonly schema: Schema
  readonly convert: ConvertValue
}

function typeOf(tree: SchemaTree, optional: boolean): ParquetType {
  const { element, children } = tree
  if (children.length === 0) return leafType(element, optional)
  const kind = element.logical_type?.type ?? element.converted_type
  const inner = children[0]!
  if (kind === 'LIST' && children.length === 1 && inner.element.repetition_type === 'REPEATED') return listType(inner, optional)
  if ((kind === 'MAP' || kind === 'MAP_KEY_VALUE') && inner.children.length === 2) return mapType(inner, optional)
  const fields = children.map(columnOf)
  return {
    schema: schemas.struct(Object.fromEntries(fields.map(({ name, schema }) => [name, schema])), { optional }),
    convert: (value) =>
      Object.fromEntries(fields.map(({ name, convert }) => [name, convert((value as Record<string, unknown>)[name] ?? null)])),
  }
}

/** The repeated group of a list has the item within, or is the item itself in files of older writers. */
function listType(repeated: SchemaTree, optional: boolean): ParquetType {
  const item = repeated.children.length === 1 ? columnOf(repeated.children[0]!) : typeOf(repeated, false)
  return { schema: schemas.array(item.schema, { optional }), convert: (value) => (value as unknown[]).map(item.convert) }
}

function mapType(entry: SchemaTree, optional: boolean): ParquetType {
  const [key, value] = entry.children.map(columnOf) as [ParquetColumn, ParquetColumn]
  if (key.schema.type !== 'string') throw new Error(`its column ${entry.path[0]} is a map whose keys are no texts`)
  return {
    schema: schemas.map(key.schema, value.schema, { optional }),
    convert: (map) => Object.fromEntries(Object.entries(map as object).map(([name, item]) => [name, value.convert(item ?? null)])),
  }
}

function leafType(element: SchemaElement, optional: boolean): ParquetType {
  const plain = { optional }
  if (isText(element)) return { schema: schemas.string(plain), convert: asIs }
  const logical = logicalOf(element)
  const known = logical && logicalType(element, logical, plain)
  if (known) return known
  switch (element.type) {
    case 'BOOLEAN':
      return { schema: schemas.boolean(plain), convert: Boolean }
    case 'INT32':
      return { schema: schemas.int32(plain), convert: asIs }
    case 'INT64':
      return { schema: schemas.int64(plain), convert: int64 }
    case 'INT96':
      return { schema: schemas.timestamp(plain), convert: (nanos) => new Date(Number((nanos as bigint) / 1_000_000n)) }
    case 'FLOAT':
      return { schema: schemas.float32(plain), convert: asIs }
    case 'DOUBLE':
      return { schema: schemas.float64(plain), convert: asIs }
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return { schema: schemas.bytes(plain), convert: bytes }
    default:
      throw new Error(`its column ${element.name} has the type ${element.type}, which is not supported`)
  }
}

type Logical = { type: string; scale?: number | undefined; unit?: string; bitWidth?: number; isSigned?: boolean }

/** The logical type, or what the older converted type says. */
function logicalOf(element: SchemaElement): Logical | null {
  if (element.logical_type) return element.logical_type
  const converted = element.converted_type
  if (converted === undefined) return null
  const [, kind, detail] = /^(TIME|TIMESTAMP|INT|UINT)_(\w+)$/.exec(converted) ?? []
  if (kind === 'TIME' || kind === 'TIMESTAMP') return { type: kind, unit: detail! }
  if (kind) return { type: 'INTEGER', bitWidth: Number(detail), isSigned: kind === 'INT' }
  return { type: converted, scale: element.scale }
}

function logicalType(element: SchemaElement, logical: Logical, plain: { optional: boolean }): ParquetType | null {
  switch (logical.type) {
    case 'DATE':
      return { schema: schemas.date(plain), convert: (days) => new Date(Number(days) * DAY_MS) }
    case 'TIME':
      return logical.unit === 'MILLIS'
        ? { schema: schemas.time(plain), convert: (ms) => new Date(Number(ms)) }
        : { schema: schemas.int64(plain), convert: int64 }
    case 'TIMESTAMP':
      // Connect's Timestamp has ms: what is finer stays a number, as Avro's timestamp-micros does.
      return logical.unit === 'MILLIS'
        ? { schema: schemas.timestamp(plain), convert: (ms) => new Date(Number(ms)) }
        : { schema: schemas.int64(plain), convert: int64 }
    case 'DECIMAL': {
      const scale = logical.scale ?? element.scale ?? 0
      return { schema: schemas.decimal(scale, plain), convert: (value) => decimalText(unscaled(value), scale) }
    }
    case 'UUID':
      return { schema: schemas.string(plain), convert: (value) => uuidText(bytes(value)) }
    case 'INTEGER':
      return integerType(logical, plain)
    default:
      return null
  }
}

function integerType({ bitWidth, isSigned }: Logical, plain: { optional: boolean }): ParquetType {
  if (isSigned) {
    if (bitWidth === 8) return { schema: schemas.int8(plain), convert: asIs }
    if (bitWidth === 16) return { schema: schemas.int16(plain), convert: asIs }
    if (bitWidth === 32) return { schema: schemas.int32(plain), convert: asIs }
    return { schema: schemas.int64(plain), convert: int64 }
  }
  if (bitWidth === 8) return { schema: schemas.int16(plain), convert: (value) => Number(value) & 0xff }
  if (bitWidth === 16) return { schema: schemas.int32(plain), convert: (value) => Number(value) & 0xffff }
  if (bitWidth === 32) return { schema: schemas.int64(plain), convert: (value) => Number(value) >>> 0 }
  return { schema: schemas.decimal(0, plain), convert: (value) => String(BigInt.asUintN(64, BigInt(value as bigint))) }
}

function unscaled(value: unknown): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value)
  const octets = bytes(value)
  return octets.length === 0 ? 0n : BigInt.asIntN(octets.length * 8, BigInt(`0x${octets.toString('hex')}`))
}

function decimalText(value: bigint, scale: number): string {
  if (scale <= 0) return String(value * 10n ** BigInt(-scale))
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function uuidText(octets: Buffer): string {
  const hex = octets.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** The library makes nanoseconds since the epoch of the twelve bytes of an INT96, which stay what they are. */
export const parsers = { timestampFromNanoseconds: (nanos: bigint) => nanos }
