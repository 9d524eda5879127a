/**
 * Avro's type for a schema of Connect, as Confluent's AvroData has it: names, documentation, versions, parameters and defaults in
 * properties `connect.*`, logical types, optional types as unions with null, maps with other keys than text as arrays of entries.
 */
import { DataError, logicalTypes, type Schema, type SchemaField, type SchemaType } from '../../sdk/index.ts'
import {
  type AvroDataOptions,
  DECIMAL_PRECISION,
  DEFAULT_NAME,
  DEFAULT_PRECISION,
  ENUM,
  enumName,
  FIELD_DEFAULT,
  FIXED_SIZE,
  GENERALIZED_ENUM,
  hasNameKeys,
  isDecimal,
  isFixed,
  isUnion,
  isValidName,
  MAP_ENTRY,
  NAMESPACE,
  scrubbed,
  splitName,
} from './avro-names.ts'
import { type AvroField, type AvroType, isNamed, type PrimitiveName, type Props, primitive, type RecordType } from './avro-type.ts'
import { defaultToJson, isValidDefault } from './default-value.ts'

/** The maximum nesting of a schema (Invariant 13). */
const MAX_DEPTH = 200

const primitiveNames: Partial<Record<SchemaType, PrimitiveName>> = {
  int8: 'int',
  int16: 'int',
  int32: 'int',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes',
}
const logicalNames: Readonly<Record<string, string>> = {
  [logicalTypes.date]: 'date',
  [logicalTypes.time]: 'time-millis',
  [logicalTypes.timestamp]: 'timestamp-millis',
}

const withNull = (type: AvroType, nullLast: boolean): AvroType => ({
  type: 'union',
  types: nullLast ? [type, primitive('null')] : [primitive('null'), type],
  props: {},
})

function checkedName(name: string): string {
  if (name !== '' && isValidName(name)) return name
  throw new DataError(`Illegal name in an Avro schema: "${name}"; set scrub.invalid.names=true for valid names in its place`)
}

const checkedNames = ({ namespace, name }: { namespace: string | null; name: string }) => {
  if (namespace !== null) for (const part of namespace.split('.')) checkedName(part)
  return { namespace, name: checkedName(name) }
}

class AvroSchemaConversion {
  readonly #options: AvroDataOptions
  /** By their fields, which a schema that refers to itself has again. */
  readonly #records = new Map<readonly SchemaField[], { readonly name: string | undefined; readonly record: RecordType }>()
  readonly #seen = new Set<string>()
  #unnamed = 0

  constructor(options: AvroDataOptions) {
    this.#options = options
  }

  /** With `bare`, an optional schema gives the type without null. */
  convert(schema: Schema, bare = false, depth = 0): AvroType {
    if (depth > MAX_DEPTH) throw new DataError(`a schema nested deeper than ${MAX_DEPTH}`)
    if (schema.type === 'struct' && isUnion(schema)) return this.#union(schema, depth)
    const type = this.#base(schema, depth)
    if (!schema.optional || bare) return type
    return withNull(type, schema.type !== 'struct' && schema.default !== undefined && schema.default !== null)
  }

  #union(schema: Schema, depth: number): AvroType {
    const members = schema.fields!.map((field) => this.convert(field.schema, true, depth + 1))
    return { type: 'union', types: schema.optional ? [primitive('null'), ...members] : members, props: {} }
  }

  #base(schema: Schema, depth: number): AvroType {
    switch (schema.type) {
      case 'struct':
        return this.#record(schema, depth)
      case 'array':
        return { type: 'array', items: this.convert(elementOf(schema.values), false, depth + 1), props: this.#props(schema) }
      case 'map': {
        if (!schema.keys || hasNameKeys(schema, this.#options))
          return { type: 'map', values: this.convert(elementOf(schema.values), false, depth + 1), props: this.#props(schema) }
        return { type: 'array', items: this.#mapEntry(schema, depth), props: this.#props(schema) }
      }
      case 'string':
        if ((this.#options.enhanced || this.#options.generalizedSumTypes) && enumName(schema) !== undefined) return this.#enum(schema)
        return { type: 'string', props: this.#props(schema) }
      case 'bytes':
        if (isFixed(schema))
          return { ...this.#name(schema), type: 'fixed', size: Number(schema.parameters![FIXED_SIZE]), props: this.#props(schema) }
        return { type: 'bytes', props: this.#props(schema) }
      default:
        return { type: primitiveNames[schema.type]!, props: this.#props(schema) } as AvroType
    }
  }

  #name(schema: Schema): { namespace: string | null; name: string } {
    if (schema.name !== undefined) return checkedNames(splitName(schema.name, this.#options.scrub))
    const index = ++this.#unnamed
    return { namespace: NAMESPACE, name: `${DEFAULT_NAME}${index > 1 ? index : ''}` }
  }

  #record(schema: Schema, depth: number): RecordType {
    const known = this.#records.get(schema.fields!)
    if (known && known.name === schema.name) return known.record
    const { discardTypeDocDefault, scrub } = this.#options
    const fields: AvroField[] = []
    const doc = schema.parameters?.[discardTypeDocDefault ? 'connect.record.doc' : `${NAMESPACE}.record.doc`]
    const record: RecordType = { ...this.#name(schema), type: 'record', doc, fields, props: this.#props(schema) }
    // It is known before its fields are: they may refer to it.
    this.#records.set(schema.fields!, { name: schema.name, record })
    for (const { name, schema: ofField } of schema.fields!) {
      const ofRecord = discardTypeDocDefault ? undefined : schema.parameters?.[`${NAMESPACE}.field.doc.${name}`]
      fields.push(this.#field(checkedName(scrub ? scrubbed(name) : name), ofField, ofRecord, depth))
    }
    return record
  }

  #mapEntry(schema: Schema, depth: number): RecordType {
    const named = schema.name !== undefined
    const head = named ? this.#name(schema) : { namespace: NAMESPACE, name: MAP_ENTRY }
    const fields = [this.#field('key', schema.keys!, undefined, depth), this.#field('value', elementOf(schema.values), undefined, depth)]
    return { ...head, type: 'record', fields, props: named ? { 'connect.internal.type': MAP_ENTRY } : {} }
  }

  #field(name: string, schema: Schema, docOfRecord: string | undefined, depth: number): AvroField {
    const { discardTypeDocDefault, metaData } = this.#options
    const wasSeen = schema.name !== undefined && this.#seen.has(schema.name)
    if (schema.name !== undefined) this.#seen.add(schema.name)
    const type = this.convert(schema, false, depth + 1)
    const given = schema.default === undefined || schema.default === null ? undefined : defaultToJson(schema, schema.default, this.#options)
    const fallback = given === undefined ? (schema.optional ? null : undefined) : isValidDefault(type, given) ? given : undefined
    const isNamedType = isNamed(type) || (type.type === 'union' && type.types.some(isNamed))
    // The type is written once, with the parameters of its first use.
    const parameters = metaData && wasSeen && isNamedType ? this.#parameters(schema) : undefined
    return {
      name,
      type,
      doc: discardTypeDocDefault ? schema.doc : docOfRecord,
      default: fallback,
      props: parameters === undefined ? {} : { 'connect.parameters': parameters },
    }
  }

  #enum(schema: Schema): AvroType {
    const { generalizedSumTypes, discardTypeDocDefault } = this.#options
    const parameters = schema.parameters!
    const prefix = `${generalizedSumTypes ? GENERALIZED_ENUM : ENUM}.`
    const symbols = Object.keys(parameters)
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
    const name = schema.name === undefined ? DEFAULT_NAME : splitName(schema.name, this.#options.scrub).name
    const doc = discardTypeDocDefault ? parameters['connect.enum.doc'] : parameters[`${NAMESPACE}.enum.doc.${name}`]
    const fallback = discardTypeDocDefault ? undefined : parameters[`${NAMESPACE}.enum.default.${name}`]
    const head = checkedNames(splitName(enumName(schema)!, this.#options.scrub))
    return { ...head, type: 'enum', doc, symbols, default: fallback, props: this.#props(schema) }
  }

  #parameters({ parameters }: Schema): Record<string, string> | undefined {
    const own = Object.entries(parameters ?? {}).filter(([name]) => this.#options.discardTypeDocDefault || name !== FIELD_DEFAULT)
    return own.length === 0 ? undefined : Object.fromEntries(own)
  }

  #props(schema: Schema): Props {
    const { metaData, discardTypeDocDefault } = this.#options
    const props: Record<string, unknown> = {}
    const decimal = isDecimal(schema)
    const precision = Number(schema.parameters?.[DECIMAL_PRECISION] ?? DEFAULT_PRECISION)
    if (decimal) {
      const scale = Number(schema.parameters?.scale)
      if (!Number.isInteger(scale)) throw new DataError('Invalid Decimal schema: scale parameter not found.')
      props.scale = scale
      props.precision = precision
    }
    if (metaData) {
      if (schema.doc !== undefined) props['connect.doc'] = schema.doc
      if (schema.version !== undefined) props['connect.version'] = schema.version
      const parameters = this.#parameters(schema)
      if (parameters !== undefined) props['connect.parameters'] = parameters
      const isOfField = !discardTypeDocDefault && schema.parameters?.[FIELD_DEFAULT] !== undefined
      if (schema.default !== undefined && schema.default !== null && !isOfField)
        props['connect.default'] = defaultToJson(schema, schema.default, this.#options)
      if (schema.name !== undefined) props['connect.name'] = schema.name
      if (schema.type === 'int8' || schema.type === 'int16') props['connect.type'] = schema.type
    }
    if (decimal) props.logicalType = 'decimal'
    else if (schema.name !== undefined && logicalNames[schema.name]) props.logicalType = logicalNames[schema.name]
    for (const [name, value] of Object.entries(schema.parameters ?? {})) if (name.startsWith('avro')) props[name] = value
    return props
  }
}

function elementOf(schema: Schema | undefined): Schema {
  if (!schema) throw new DataError('an array or a map whose elements have no schema cannot be written as Avro')
  return schema
}

/** Throws DataError. */
export const fromConnectSchema = (schema: Schema, options: AvroDataOptions): AvroType => new AvroSchemaConversion(options).convert(schema)

const field = (name: string, type: AvroType): AvroField => ({ name, type: withNull(type, false), default: null, props: {} })

/** The type of values without a schema: a record of which one field is set. */
export const anythingType: RecordType = (() => {
  const fields: AvroField[] = (['boolean', 'bytes', 'double', 'float', 'int', 'long', 'string'] as const).map((name) =>
    field(name, primitive(name)),
  )
  const anything: RecordType = { type: 'record', name: 'Anything', namespace: NAMESPACE, fields, props: {} }
  const entryFields: AvroField[] = ['key', 'value'].map((name) => ({ name, type: anything, props: {} }))
  const entry: RecordType = { type: 'record', name: MAP_ENTRY, namespace: NAMESPACE, fields: entryFields, props: {} }
  fields.push(field('array', { type: 'array', items: anything, props: {} }), field('map', { type: 'array', items: entry, props: {} }))
  return anything
})()
