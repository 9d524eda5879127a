/**
 * What becomes of the rows of a table: topic, schemas, and functions of rows, compiled once for each version of the table. The functions
 * are pure but for what they report of values that cannot be converted.
 */
import type { Schema, SchemaField } from '../../connect/sdk/index.ts'
import { type ColumnRule, changedBy, hashRule, maskRule, parametersOf, truncateRule } from './column-rules.ts'
import { defaultValue } from './default-values.ts'
import { type Matches, matchesAny } from './filters.ts'
import { HASH_NAMES, hasList, keyColumnLists, type MappingConfig, placeholderBytes } from './mapping-settings.ts'
import { type Adjustment, fieldName, schemaName, type TopicNamingStrategy, topicName } from './naming.ts'
import { SOURCE_SCHEMA, TRANSACTION_SCHEMA } from './source-schema.ts'
import { type TypeSettings, Unconvertible } from './types/column-type.ts'
import { type ResolvedType, resolvedType } from './types/resolved-type.ts'
import type { Column, PgType, Table, TableMapping, TextRow } from './types.ts'

/** What the config says about mappings, with its lists compiled. */
export interface MappingSettings {
  readonly types: TypeSettings
  readonly prefix: string
  readonly delimiter: string
  readonly strategy: TopicNamingStrategy
  readonly schemaNames: Adjustment
  readonly fieldNames: Adjustment
  readonly isIncluded: Matches
  readonly keyColumns: readonly Matches[]
  readonly rules: readonly ColumnRule[]
  readonly showsTypeOf: Matches
  readonly showsType: Matches
  readonly failure: 'fail' | 'warn' | 'skip'
  /** Told once for each column of a mapping with a value that becomes null. */
  readonly onUnconvertible: (message: string) => void
}

const all: Matches = () => true
const none: Matches = () => false

/** Compiles the lists of a config. `onUnconvertible` gets sentences for the log. */
export function compiledSettings(config: MappingConfig, onUnconvertible: (message: string) => void): MappingSettings {
  const include = config['column.include.list']
  const exclude = config['column.exclude.list']
  const isExcluded = hasList(exclude) ? matchesAny(exclude) : none
  const keys = config['message.key.columns']
  const placeholder = placeholderBytes(config['unavailable.value.placeholder'])
  const list = (text: string | null) => (hasList(text) ? matchesAny(text) : none)
  return {
    types: {
      decimals: config['decimal.handling.mode'],
      times: config['time.precision.mode'],
      intervals: config['interval.handling.mode'],
      hstores: config['hstore.handling.mode'],
      binaries: config['binary.handling.mode'],
      moneyFractionDigits: config['money.fraction.digits'],
      includesUnknown: config['include.unknown.datatypes'],
      placeholder: placeholder.toString(),
      placeholderBytes: placeholder,
    },
    prefix: config['topic.prefix'],
    delimiter: config['topic.delimiter'],
    strategy: config['topic.naming.strategy'],
    schemaNames: config['schema.name.adjustment.mode'],
    fieldNames: config['field.name.adjustment.mode'],
    isIncluded: hasList(include) ? matchesAny(include) : hasList(exclude) ? (name) => !isExcluded(name) : all,
    keyColumns: keys === null ? [] : keyColumnLists(keys).map(matchesAny),
    rules: columnRules(config),
    showsTypeOf: list(config['column.propagate.source.type']),
    showsType: list(config['datatype.propagate.source.type']),
    failure: config['event.converting.failure.handling.mode'],
    onUnconvertible,
  }
}

/** Masks and hashes first: the first rule that names a column is its rule. */
function columnRules(config: MappingConfig): ColumnRule[] {
  const masks = Object.entries(config['column.mask.with.(length).chars'])
  const hashes = Object.entries(config['column.mask.hash.(algorithm).with.salt.(salt)'])
  const cuts = Object.entries(config['column.truncate.to.(length).chars'])
  const lengthIn = (name: string) => Number(/\d+/.exec(name)![0])
  return [
    ...masks.map(([name, columns]) => maskRule(lengthIn(name), columns)),
    ...hashes.map(([name, columns]) => {
      const [, plain, algorithm, salt] = HASH_NAMES.exec(name)!
      return hashRule(algorithm!, salt!, plain !== undefined, columns)
    }),
    ...cuts.map(([name, columns]) => truncateRule(lengthIn(name), columns)),
  ]
}

/** A column that is a field of a struct. */
interface MappedColumn {
  readonly field: string
  readonly column: string
  /** Where its value is in a row. */
  readonly index: number
  readonly schema: Schema
  decode(text: string): unknown
  readonly ofNull: unknown
  readonly unavailable: unknown
}

/** @throws Error where two columns would be one field, or where a type is unknown to `types`. */
export function tableMapping(table: Table, types: (oid: number) => PgType, settings: MappingSettings): TableMapping {
  const tableName = `${table.schema}.${table.name}`
  const topic = topicName(settings.strategy, settings.delimiter, settings.prefix, table.schema, table.name)
  const named = (suffix: string) => schemaName(settings.schemaNames, `${topic}.${suffix}`)
  const indexes = new Map(table.columns.map((column, index) => [column.name, index]))

  function mapped(column: Column, isInKey: boolean): MappedColumn | null {
    const type = resolvedType(column.typeOid, column.typeModifier, types, settings.types)
    if (!type) return null
    const where = { field: fieldName(settings.fieldNames, column.name), column: column.name, index: indexes.get(column.name)! }
    return { ...where, ...mappedColumn(column, type, isInKey ? null : tableName, settings) }
  }
  const present = (columns: (MappedColumn | null)[]) => columns.filter((column) => column !== null)

  const keys = present(keyColumns(table, tableName, settings).map((column) => mapped(column, true)))
  const fields = present(
    table.columns.filter(({ name }) => settings.isIncluded(`${tableName}.${name}`)).map((column) => mapped(column, false)),
  )
  refuseCollisions(tableName, fields)
  refuseCollisions(tableName, keys)

  const keySchema = keys.length === 0 ? null : struct(named('Key'), keys, false)
  const rowSchema = struct(named('Value'), fields, true)
  const failed = failureReport(tableName, settings)
  const key = structOf(keys, failed)
  return {
    topic,
    keySchema,
    rowSchema,
    envelopeSchema: envelope(named('Envelope'), rowSchema),
    keyColumns: keys.map(({ column }) => column),
    columns: new Set([...keys, ...fields].map(({ column }) => column)),
    key: keySchema ? key : () => null,
    row: structOf(fields, failed),
  }
}

/** Those of `message.key.columns` where it names some of this table. */
function keyColumns(table: Table, tableName: string, settings: MappingSettings): Column[] {
  const chosen = settings.keyColumns.flatMap((matches) => table.columns.filter(({ name }) => matches(`${tableName}.${name}`)))
  if (chosen.length > 0) return [...new Set(chosen)]
  return table.key.flatMap((name) => table.columns.filter((column) => column.name === name))
}

/** Of the key without a table's name: rules are for the row. */
function mappedColumn(
  column: Column,
  type: ResolvedType,
  tableName: string | null,
  settings: MappingSettings,
): Pick<MappedColumn, 'schema' | 'decode' | 'ofNull' | 'unavailable'> {
  const fallback = defaultValue(column.defaultExpression, type)
  const schema: Schema = {
    ...type.schema,
    ...(tableName === null ? {} : withParameters(column, type, tableName, settings)),
    optional: column.isOptional,
    ...(fallback === undefined ? {} : { default: fallback }),
  }
  const ofNull = column.isOptional ? null : (fallback ?? type.fallback)
  const decode = type.decode
  const unavailable = type.unavailable ?? ofNull
  const rule = tableName === null ? undefined : settings.rules.find(({ matches }) => matches(`${tableName}.${column.name}`))
  const change = rule ? changedBy(rule, type.dimensions.length, type.schema.type === 'string') : null
  if (!change) return { schema, decode, ofNull, unavailable }
  return { schema, decode: (text) => change(decode(text)), ofNull: change(ofNull), unavailable }
}

function withParameters(
  column: Column,
  type: ResolvedType,
  tableName: string,
  settings: MappingSettings,
): { parameters?: Record<string, string> } {
  const { length, scale } = type.dimensions
  const name = `${tableName}.${column.name}`
  const rule = settings.rules.find(({ matches }) => matches(name))
  const isShown = settings.showsTypeOf(name) || settings.showsType(`${tableName}.${type.name}`)
  const source = {
    '__debezium.source.column.type': type.name.toUpperCase(),
    '__debezium.source.column.length': String(length),
    '__debezium.source.column.scale': String(scale),
    '__debezium.source.column.name': column.name,
  }
  const parameters = { ...type.schema.parameters, ...(rule ? parametersOf(rule, length) : {}), ...(isShown ? source : {}) }
  return Object.keys(parameters).length === 0 ? {} : { parameters }
}

function refuseCollisions(table: string, columns: readonly MappedColumn[]): void {
  const seen = new Map<string, string>()
  for (const { field, column } of columns) {
    const other = seen.get(field)
    if (other !== undefined)
      throw new Error(
        `Columns ${other} and ${column} of ${table} would both be the field ${field}. Rename one, leave one out by column.exclude.list, or set another field.name.adjustment.mode.`,
      )
    seen.set(field, column)
  }
}

function struct(name: string, columns: readonly MappedColumn[], optional: boolean): Schema {
  const fields = columns.map(({ field, schema }): SchemaField => ({ name: field, schema }))
  return { type: 'struct', optional, name, fields }
}

function envelope(name: string, row: Schema): Schema {
  const fields: SchemaField[] = [
    { name: 'before', schema: row },
    { name: 'after', schema: row },
    { name: 'source', schema: SOURCE_SCHEMA },
    { name: 'transaction', schema: TRANSACTION_SCHEMA },
    { name: 'op', schema: { type: 'string', optional: false } },
    ...['ts_ms', 'ts_us', 'ts_ns'].map((name) => ({ name, schema: { type: 'int64', optional: true } as Schema })),
  ]
  return { type: 'struct', optional: false, name, version: 2, fields }
}

/** What stands for a value that cannot be converted. Throws where the task shall fail. */
type Failed = (column: MappedColumn, error: unknown) => unknown

function failureReport(table: string, { failure, onUnconvertible }: MappingSettings): Failed {
  const told = new Set<string>()
  return (column, error) => {
    if (!(error instanceof Unconvertible)) throw error
    const what = `A value of ${table}.${column.column} cannot be converted: ${error.message}.`
    if (failure === 'fail') throw new Error(`${what} See event.converting.failure.handling.mode.`, { cause: error })
    if (failure === 'warn' && !told.has(column.column)) {
      told.add(column.column)
      onUnconvertible(`${what} It is null in its record, as will be others like it, which are not logged.`)
    }
    return column.ofNull
  }
}

/** Rows have one shape: a copy of one object, so that the engine need not find it again for each. */
function structOf(columns: readonly MappedColumn[], failed: Failed): (row: TextRow) => Record<string, unknown> {
  const blank = Object.fromEntries(columns.map(({ field }) => [field, null]))
  return (row) => {
    const struct: Record<string, unknown> = { ...blank }
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]!
      const text = row[column.index]
      struct[column.field] = text === null ? column.ofNull : text === undefined ? column.unavailable : decoded(column, text, failed)
    }
    return struct
  }
}

function decoded(column: MappedColumn, text: string, failed: Failed): unknown {
  try {
    return column.decode(text)
  } catch (error) {
    return failed(column, error)
  }
}
