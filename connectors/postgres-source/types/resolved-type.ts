/**
 * Finds what the type of a column becomes: Postgres's own types by oid, those of extensions by name, domains by what they are based on,
 * arrays by their elements. Null is a type that Debezium leaves out.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import type { PgType } from '../types.ts'
import { arrayType, placeholderCodes, vectorOfNumbersType } from './arrays.ts'
import { bitsType, byteaType, unknownType } from './binary.ts'
import { BUILT_IN } from './built-in.ts'
import { type ColumnType, type TypeSettings, textType } from './column-type.ts'
import { type Dimensions, dimensions } from './dimensions.ts'
import { hstoreType } from './hstore.ts'
import { intervalType } from './interval.ts'
import { booleanType, float32Type, float64Type, int16Type, int32Type, int64Type, moneyType, numericType } from './numbers.ts'
import { placeholderUuid } from './placeholder-uuid.ts'
import { doubleVectorType, floatVectorType, geographyType, geometryType, javaShape, pointType, sparseVectorType } from './shapes.ts'
import { dateType, timestampType, timeType, zonedTimestampType, zonedTimeType } from './temporal.ts'

type Make = (modifier: number, settings: TypeSettings) => ColumnType

const text = (name?: string): Make => {
  const schema: Schema = name === undefined ? schemas.string() : { ...schemas.string(), name: `io.debezium.data.${name}`, version: 1 }
  return (_modifier, { placeholder }) => textType(schema, placeholder)
}
const asText = text()
const asJson = text('Json')

const builtIn: Readonly<Record<number, Make>> = {
  [BUILT_IN.bool]: booleanType,
  [BUILT_IN.int2]: int16Type,
  [BUILT_IN.int4]: int32Type,
  [BUILT_IN.int8]: int64Type,
  [BUILT_IN.oid]: int64Type,
  [BUILT_IN.float4]: float32Type,
  [BUILT_IN.float8]: float64Type,
  [BUILT_IN.numeric]: numericType,
  [BUILT_IN.money]: (_modifier, settings) => moneyType(settings),
  [BUILT_IN.char]: asText,
  [BUILT_IN.name]: asText,
  [BUILT_IN.text]: asText,
  [BUILT_IN.bpchar]: asText,
  [BUILT_IN.varchar]: asText,
  [BUILT_IN.cidr]: asText,
  [BUILT_IN.inet]: asText,
  [BUILT_IN.macaddr]: asText,
  [BUILT_IN.macaddr8]: asText,
  [BUILT_IN.int4range]: asText,
  [BUILT_IN.int8range]: asText,
  [BUILT_IN.numrange]: asText,
  [BUILT_IN.tsrange]: asText,
  [BUILT_IN.tstzrange]: asText,
  [BUILT_IN.daterange]: asText,
  [BUILT_IN.json]: asJson,
  [BUILT_IN.jsonb]: asJson,
  [BUILT_IN.xml]: text('Xml'),
  [BUILT_IN.uuid]: text('Uuid'),
  [BUILT_IN.tsvector]: text('Tsvector'),
  [BUILT_IN.bytea]: (_modifier, settings) => byteaType(settings),
  [BUILT_IN.bit]: bitsType,
  [BUILT_IN.varbit]: bitsType,
  [BUILT_IN.date]: (_modifier, settings) => dateType(settings),
  [BUILT_IN.time]: timeType,
  [BUILT_IN.timetz]: (_modifier, settings) => zonedTimeType(settings),
  [BUILT_IN.timestamp]: timestampType,
  [BUILT_IN.timestamptz]: zonedTimestampType,
  [BUILT_IN.interval]: (_modifier, settings) => intervalType(settings),
  [BUILT_IN.point]: pointType,
  [BUILT_IN.int2vector]: () => vectorOfNumbersType(schemas.int16()),
  [BUILT_IN.oidvector]: () => vectorOfNumbersType(schemas.int64()),
}

const ofExtensions: Readonly<Record<string, Make>> = {
  citext: asText,
  isbn: asText,
  ltree: text('Ltree'),
  hstore: (_modifier, settings) => hstoreType(settings),
  geometry: geometryType,
  geography: geographyType,
  vector: doubleVectorType,
  halfvec: floatVectorType,
  sparsevec: sparseVectorType,
}

const shapes: readonly number[] = [...[BUILT_IN.box, BUILT_IN.line, BUILT_IN.lseg, BUILT_IN.path], ...[BUILT_IN.polygon, BUILT_IN.circle]]

/** Types whose arrays Debezium leaves out; with `include.unknown.datatypes` their elements are bytes, like those of other types. */
const withoutArrays: readonly number[] = [
  ...[BUILT_IN.money, BUILT_IN.name, BUILT_IN.interval, BUILT_IN.varbit],
  ...[BUILT_IN.xml, BUILT_IN.point, BUILT_IN.refcursor],
]

/** Types whose arrays have elements that are never NULL in the schema. */
const solid: readonly (number | string)[] = [BUILT_IN.tsvector, 'isbn', 'vector', 'halfvec', 'sparsevec']

const delimiters: Readonly<Record<string, string>> = { box: ';', geometry: ':', geography: ':' }

export interface ResolvedType extends ColumnType {
  /** The name of the column's type in pg_type. */
  readonly name: string
  readonly dimensions: Dimensions
  /** The type without domains around it. */
  readonly root: PgType
  readonly modifier: number
  readonly isDomain: boolean
}

/** @throws Error where `types` does not know an oid. */
export function resolvedType(oid: number, modifier: number, types: (oid: number) => PgType, settings: TypeSettings): ResolvedType | null {
  const own = types(oid)
  let root = own
  let rootModifier = modifier
  while (root.kind === 'domain') {
    if (rootModifier === -1) rootModifier = root.baseModifier ?? -1
    root = types(root.base!)
  }
  const found = root.kind === 'array' ? ofArray(root, rootModifier, types, settings) : ofSingle(root, rootModifier, settings)
  if (!found) return null
  const element = root.kind === 'array' ? types(root.element!) : root
  return {
    ...found,
    name: own.name,
    dimensions: dimensions(element.oid, rootModifier),
    root,
    modifier: rootModifier,
    isDomain: own.kind === 'domain',
  }
}

function known(type: PgType): Make | null {
  if (type.kind === 'enum') {
    const schema = { ...schemas.string(), name: 'io.debezium.data.Enum', version: 1, parameters: { allowed: type.labels!.join(',') } }
    return (_modifier, { placeholder }) => textType(schema, placeholder)
  }
  return builtIn[type.oid] ?? (type.kind === 'base' ? (ofExtensions[type.name] ?? null) : null)
}

const unknown = (type: PgType, settings: TypeSettings): ColumnType | null => {
  if (!settings.includesUnknown) return null
  return shapes.includes(type.oid) ? unknownType(settings, javaShape) : unknownType(settings)
}

const ofSingle = (type: PgType, modifier: number, settings: TypeSettings): ColumnType | null =>
  known(type)?.(modifier, settings) ?? unknown(type, settings)

function ofArray(type: PgType, modifier: number, types: (oid: number) => PgType, settings: TypeSettings): ColumnType | null {
  const element = types(type.element!)
  const make = withoutArrays.includes(element.oid) ? null : known(element)
  const mapped = make ? make(modifier, settings) : unknown(element, settings)
  if (!mapped) return null
  const isSolid = !make || element.kind === 'enum' || solid.includes(element.oid) || solid.includes(element.name)
  return arrayType(mapped, !isSolid, unavailableArray(element, mapped, settings), delimiters[element.name])
}

/** Debezium's placeholders: the text in a list, and its bytes in lists of numbers. */
function unavailableArray(element: PgType, mapped: ColumnType, settings: TypeSettings): unknown {
  if (element.oid === BUILT_IN.uuid) return [placeholderUuid(settings.placeholderBytes)]
  if (mapped.unavailable !== null) return [mapped.unavailable]
  const { type, name } = mapped.schema
  // Values of Kafka Connect's logical types are no numbers.
  const isNumber = (type === 'int16' || type === 'int32' || type === 'int64') && !name?.startsWith('org.apache.kafka.connect.')
  return isNumber ? placeholderCodes(settings) : null
}
