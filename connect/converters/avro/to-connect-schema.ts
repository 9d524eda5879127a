/**
 * The schema of Connect for an Avro type, as Confluent's AvroData has it: what Connect lacks is in parameters and names, unions of null
 * and a type are optional, other unions are structs, and recursive types are schemas that refer to themselves.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import {
  type AvroDataOptions,
  DECIMAL_PRECISION,
  DEFAULT_FULL_NAME,
  DEFAULT_PRECISION,
  ENUM,
  FIELD_DEFAULT,
  FIXED_SIZE,
  GENERALIZED_ENUM,
  GENERALIZED_UNION,
  isMapEntry,
  NAMESPACE,
  UNION,
  UNION_PREFIX,
  unionFieldName,
} from './avro-names.ts'
import { type AvroType, fullName, isNamed, type RecordType } from './avro-type.ts'
import { defaultFromJson } from './default-value.ts'

type Draft = { -readonly [K in keyof Schema]: Schema[K] } & { parameters?: Record<string, string> }

/** Types that a schema has in all, each as often as it is used (Invariant 13). */
const MAX_TYPES = 100_000

interface Context {
  /** Of a union with null. */
  optional: boolean
  /** The default of the field; undefined where there is none. */
  fieldDefault?: unknown
  fieldDoc?: string | undefined
  /** Of the whole schema in the registry. */
  version?: number | null
}

const logical = (type: Draft['type'], name: string): Draft => ({ type, optional: false, name, version: 1 })

export class ConnectAvroSchemas {
  readonly #options: AvroDataOptions
  readonly #ignored: (message: string, error: Error) => void
  /** Drafts of records that are being built, for types that refer to them: by record, and by whether they are optional. */
  readonly #open = new Map<RecordType, Map<boolean, Draft>>()
  readonly #unions: () => number
  #types = 0

  /** `ignored` is told of defaults that are not valid. */
  constructor(options: AvroDataOptions, unions: () => number, ignored: (message: string, error: Error) => void) {
    this.#options = options
    this.#unions = unions
    this.#ignored = ignored
  }

  convert(type: AvroType, version: number | null): Schema {
    return this.#convert(type, { optional: false, version })
  }

  #convert(type: AvroType, context: Context): Schema {
    if (++this.#types > MAX_TYPES) throw new DataError(`an Avro schema whose records have more than ${MAX_TYPES} types within each other`)
    if (type.type === 'union') {
      const { types } = type
      if (types.length === 1 && this.#options.flattenSingletonUnions)
        return this.#convert(types[0]!, { optional: false, fieldDoc: context.fieldDoc })
      const other = types.find((member) => member.type !== 'null')
      if (types.length === 2 && types.some((member) => member.type === 'null') && other)
        return this.#convert(other, { optional: true, fieldDoc: context.fieldDoc })
    }
    if (type.type === 'record') {
      const open = this.#open.get(type)
      if (open) return this.#reference(open, context.optional)
    }
    const schema = this.#draft(type)
    this.#annotate(schema, type, context)
    if (type.type === 'record') this.#close(type, schema)
    return schema
  }

  /** A draft that gets its content when the record is complete. */
  #reference(open: Map<boolean, Draft>, optional: boolean): Schema {
    let draft = open.get(optional)
    if (!draft) {
      draft = { type: 'struct', optional }
      open.set(optional, draft)
    }
    return draft
  }

  #close(type: RecordType, schema: Draft): void {
    for (const [optional, draft] of this.#open.get(type)!) if (draft !== schema) Object.assign(draft, schema, { optional })
    this.#open.delete(type)
  }

  #draft(type: AvroType): Draft {
    const logicalType = typeof type.props.logicalType === 'string' ? type.props.logicalType.toLowerCase() : undefined
    const connectType = type.props['connect.type']
    switch (type.type) {
      case 'boolean':
      case 'string':
        return { type: type.type, optional: false }
      case 'bytes':
      case 'fixed': {
        const schema: Draft = logicalType === 'decimal' ? this.#decimal(type) : { type: 'bytes', optional: false }
        if (type.type === 'fixed') schema.parameters = { ...schema.parameters, [FIXED_SIZE]: String(type.size) }
        return schema
      }
      case 'double':
        return { type: 'float64', optional: false }
      case 'float':
        return { type: 'float32', optional: false }
      case 'int':
        if (logicalType === 'date') return logical('int32', logicalTypes.date)
        if (logicalType === 'time-millis') return logical('int32', logicalTypes.time)
        if (logicalType !== undefined || connectType === undefined) return { type: 'int32', optional: false }
        if (connectType !== 'int8' && connectType !== 'int16') throw new DataError('Connect type annotation for Avro int field is null')
        return { type: connectType, optional: false }
      case 'long':
        return logicalType === 'timestamp-millis' ? logical('int64', logicalTypes.timestamp) : { type: 'int64', optional: false }
      case 'array':
        return this.#array(type.items)
      case 'map':
        return {
          type: 'map',
          optional: false,
          keys: { type: 'string', optional: false },
          values: this.#convert(type.values, { optional: false }),
        }
      case 'record':
        return this.#record(type)
      case 'enum': {
        const { metaData, generalizedSumTypes, discardTypeDocDefault } = this.#options
        const parameters: Record<string, string> = {}
        if (metaData && type.doc !== undefined)
          parameters[discardTypeDocDefault ? 'connect.enum.doc' : `${NAMESPACE}.enum.doc.${type.name}`] = type.doc
        if (metaData && !discardTypeDocDefault && type.default !== undefined)
          parameters[`${NAMESPACE}.enum.default.${type.name}`] = type.default
        const name = generalizedSumTypes ? GENERALIZED_ENUM : ENUM
        parameters[name] = fullName(type)
        type.symbols.forEach((symbol, index) => {
          parameters[`${name}.${symbol}`] = generalizedSumTypes ? String(index) : symbol
        })
        return { type: 'string', optional: false, parameters }
      }
      case 'union':
        return this.#union(type.types)
      case 'null':
        throw new DataError('Standalone null schemas are not supported by this converter')
    }
  }

  #decimal(type: AvroType): Draft {
    const { scale, precision } = type.props
    const parameters: Record<string, string> = { scale: String(typeof scale === 'number' ? Math.trunc(scale) : 0) }
    if (precision !== undefined) {
      if (typeof precision !== 'number') throw new DataError('precision property must be a JSON Integer.')
      if (precision !== DEFAULT_PRECISION) parameters[DECIMAL_PRECISION] = String(precision)
    }
    return { ...logical('bytes', logicalTypes.decimal), parameters }
  }

  #array(items: AvroType): Draft {
    if (!isMapEntry(items)) return { type: 'array', optional: false, values: this.#convert(items, { optional: false }) }
    const fields = items.type === 'record' ? items.fields : []
    const [key, value] = ['key', 'value'].map((name) => fields.find((field) => field.name === name)?.type)
    if (fields.length !== 2 || !key || !value)
      throw new DataError('Found map encoded as array of key-value pairs, but array elements do not match the expected format.')
    return {
      type: 'map',
      optional: false,
      keys: this.#convert(key, { optional: false }),
      values: this.#convert(value, { optional: false }),
    }
  }

  #record(type: RecordType): Draft {
    const { metaData, discardTypeDocDefault } = this.#options
    this.#open.set(type, new Map())
    const parameters: Record<string, string> = {}
    const keepsDocs = metaData && !discardTypeDocDefault
    if (keepsDocs && type.doc !== undefined) parameters[`${NAMESPACE}.record.doc`] = type.doc
    const fields = type.fields.map((field) => {
      if (keepsDocs && field.doc !== undefined) parameters[`${NAMESPACE}.field.doc.${field.name}`] = field.doc
      const schema = this.#convert(field.type, { optional: false, fieldDefault: field.default, fieldDoc: field.doc })
      const own = field.props['connect.parameters']
      return { name: field.name, schema: metaData && isTexts(own) ? withParameters(schema, own) : schema }
    })
    return { type: 'struct', optional: false, fields, ...(Object.keys(parameters).length > 0 && { parameters }) }
  }

  #union(types: readonly AvroType[]): Draft {
    const name = this.#options.generalizedSumTypes ? `${UNION_PREFIX}${this.#unions()}` : UNION
    const schema: Draft = { type: 'struct', optional: types.some((member) => member.type === 'null'), name }
    if (this.#options.generalizedSumTypes) schema.parameters = { [GENERALIZED_UNION]: name }
    const names = new Set<string>()
    const fields: { name: string; schema: Schema }[] = []
    types.forEach((member, index) => {
      if (member.type === 'null') return
      const ofField = unionFieldName(member, index, this.#options)
      if (names.has(ofField)) throw new DataError('Multiple union schemas map to the Connect union field name')
      names.add(ofField)
      fields.push({ name: ofField, schema: this.#convert(member, { optional: true }) })
    })
    schema.fields = fields
    return schema
  }

  #annotate(schema: Draft, type: AvroType, { optional, fieldDefault, fieldDoc, version }: Context): void {
    const { metaData, discardTypeDocDefault } = this.#options
    const { props } = type
    const set = (name: string, value: string) => {
      schema.parameters = { ...schema.parameters, [name]: value }
    }
    const ownDoc = typeof props['connect.doc'] === 'string' ? props['connect.doc'] : undefined
    if (discardTypeDocDefault) {
      const typeDoc = isNamed(type) ? type.doc : undefined
      schema.doc = fieldDoc ?? typeDoc ?? ownDoc
      if (metaData && typeDoc !== undefined) set('connect.record.doc', typeDoc)
    } else if (metaData && ownDoc !== undefined) schema.doc = ownDoc
    this.#version(schema, props['connect.version'], version ?? null)
    const parameters = props['connect.parameters']
    if (metaData && parameters !== undefined) {
      if (!isTexts(parameters)) throw new DataError('Expected JSON object for schema parameters, with strings as values')
      schema.parameters = { ...schema.parameters, ...parameters }
    }
    for (const [name, value] of Object.entries(props))
      if (name.startsWith('avro')) set(name, typeof value === 'string' ? value : JSON.stringify(value))
    if (fieldDefault !== undefined && !discardTypeDocDefault && metaData && props['connect.default'] === undefined)
      set(FIELD_DEFAULT, 'true')
    this.#name(schema, type)
    this.#default(schema, type, fieldDefault === undefined ? props['connect.default'] : fieldDefault)
    if (optional) schema.optional = true
  }

  #version(schema: Draft, own: unknown, ofRegistry: number | null): void {
    if (own !== undefined && typeof own !== 'number') throw new DataError(`Invalid Connect version found: ${JSON.stringify(own)}`)
    if (schema.version === undefined) {
      const version = own ?? ofRegistry
      if (version !== null) schema.version = version
    } else if (own !== undefined && own !== schema.version)
      throw new DataError(
        `Mismatched versions: version already added to SchemaBuilder (${schema.version}) differs from version in source schema (${own})`,
      )
  }

  #default(schema: Draft, type: AvroType, json: unknown): void {
    if (json === undefined || json === null) return
    try {
      schema.default = defaultFromJson(schema, type, json, this.#options)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.#ignored(`the default of a field of type ${type.type} is not valid, and is ignored`, error)
    }
  }

  #name(schema: Draft, type: AvroType): void {
    const own = type.props['connect.name']
    if (own !== undefined && typeof own !== 'string') throw new DataError(`Invalid schema name: ${JSON.stringify(own)}`)
    const isAnonymous = !isNamed(type) || (type.type === 'fixed' && schema.name === logicalTypes.decimal)
    const name = own ?? (isAnonymous ? undefined : fullName(type))
    if (name === undefined || name.startsWith(DEFAULT_FULL_NAME)) return
    if (schema.name !== undefined && schema.name !== name)
      throw new DataError(
        `Mismatched names: name already added to SchemaBuilder (${schema.name}) differs from name in source schema (${name})`,
      )
    schema.name = name
  }
}

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((item) => typeof item === 'string')

/** The type is in the schema once, with the parameters of its first use: others have their own at the field. */
function withParameters(schema: Schema, parameters: Record<string, string>): Schema {
  const isSame = Object.entries(parameters).every(([name, value]) => schema.parameters?.[name] === value)
  return isSame ? schema : { ...schema, parameters: { ...schema.parameters, ...parameters } }
}
