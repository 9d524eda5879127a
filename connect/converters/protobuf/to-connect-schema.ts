/**
 * The schema of Connect for a Protobuf message, as Confluent's ProtobufData has it: messages are structs, oneofs are structs of which one
 * field is set, and numbers of fields and types that Connect lacks are in parameters. A message that refers to itself is a schema that
 * does.
 */
import { DataError, logicalTypes, type Schema, type SchemaField } from '../../sdk/index.ts'
import { DATE, DECIMAL, TIME_OF_DAY, TIMESTAMP, wrappedScalars } from './known-files.ts'
import type { ProtoEnum, ProtoField, ProtoMessage, ProtoOneof, ScalarType } from './proto-file.ts'
import {
  DECIMAL_PRECISION,
  ENUM,
  GENERALIZED_ENUM,
  GENERALIZED_UNION,
  mapName,
  type ProtobufOptions,
  TAG,
  TYPE,
  UNION,
  WRAPPER,
} from './proto-names.ts'

type Draft = { -readonly [K in keyof Schema]: Schema[K] }

/** How deep messages may be nested in a schema (Invariant 13). */
const MAX_DEPTH = 200

const scalarTypes: Readonly<Record<ScalarType, Draft['type']>> = {
  double: 'float64',
  float: 'float32',
  int32: 'int32',
  sint32: 'int32',
  sfixed32: 'int32',
  uint32: 'int64',
  fixed32: 'int64',
  int64: 'int64',
  uint64: 'int64',
  sint64: 'int64',
  fixed64: 'int64',
  sfixed64: 'int64',
  bool: 'boolean',
  string: 'string',
  bytes: 'bytes',
}
const plainScalars = new Set<ScalarType>(['double', 'float', 'int32', 'int64', 'bool', 'string', 'bytes'])
const logical = (type: Draft['type'], name: string): Draft => ({ type, optional: false, name, version: 1 })

export const isMap = ({ repeated, type }: ProtoField): boolean => {
  if (!repeated || type.kind !== 'message') return false
  const { name, fields } = type.message
  return (
    name.endsWith('Entry') &&
    fields.length === 2 &&
    fields[0]!.name === 'key' &&
    fields[1]!.name === 'value' &&
    !fields[0]!.repeated &&
    !fields[1]!.repeated
  )
}

/** The name of the field of a oneof. */
export const unionFieldName = ({ name, index }: ProtoOneof, { indexForUnions }: ProtobufOptions): string =>
  indexForUnions ? `${name}_${index}` : name

export class ConnectProtobufSchemas {
  readonly #options: ProtobufOptions
  /** Messages that were seen: a message within another is the same schema with other parameters. */
  readonly #structs = new Map<string, Draft>()
  readonly #references: { draft: Draft; to: Draft }[] = []

  constructor(options: ProtobufOptions) {
    this.#options = options
  }

  convert(message: ProtoMessage, version: number | null): Schema {
    const scalar = this.#options.wrapperForRawPrimitives ? wrappedScalars.get(message.fullName) : undefined
    const schema: Draft = scalar === undefined ? this.#struct(message, 0) : { type: scalarTypes[scalar as ScalarType], optional: false }
    if (version !== null) schema.version = version
    for (const { draft, to } of this.#references) {
      const { optional, parameters } = draft
      Object.assign(draft, to, { optional, parameters: { ...to.parameters, ...parameters } })
    }
    return schema
  }

  #struct({ name, fullName, oneofs, fields }: ProtoMessage, depth: number): Draft {
    if (depth > MAX_DEPTH) throw new DataError(`messages nested deeper than ${MAX_DEPTH}`)
    const ofFields: SchemaField[] = []
    const struct: Draft = { type: 'struct', optional: false, name: this.#options.enhanced ? fullName : name, fields: ofFields }
    this.#structs.set(fullName, struct)
    for (const oneof of oneofs) {
      if (this.#options.flattenUnions)
        for (const field of oneof.fields) ofFields.push({ name: field.name, schema: this.#field(field, true, depth) })
      else ofFields.push({ name: unionFieldName(oneof, this.#options), schema: this.#union(oneof, fullName, depth) })
    }
    for (const field of fields) if (!field.oneof) ofFields.push({ name: field.name, schema: this.#field(field, false, depth) })
    return struct
  }

  #union({ name, fields }: ProtoOneof, message: string, depth: number): Schema {
    const { generalizedSumTypes, enhanced } = this.#options
    const union: Draft = {
      type: 'struct',
      optional: true,
      name: generalizedSumTypes ? name : `${UNION}.${enhanced ? `${message}.${name}` : name}`,
    }
    if (generalizedSumTypes) union.parameters = { [GENERALIZED_UNION]: name }
    union.fields = fields.map((field) => ({ name: field.name, schema: this.#field(field, true, depth) }))
    return union
  }

  #field(field: ProtoField, inOneof: boolean, depth: number): Schema {
    const { optionalForNullables, wrapperForNullables } = this.#options
    let schema = this.#single(field, depth)
    if (field.repeated && schema.type !== 'map') {
      schema.optional = true
      schema = { type: 'array', optional: true, values: schema }
    }
    const parameters: Record<string, string> = {}
    if (inOneof) {
      schema.optional = true
      if (wrapperForNullables && field.type.kind === 'message' && wrappedScalars.has(field.type.message.fullName))
        parameters[WRAPPER] = 'true'
    } else if (optionalForNullables) {
      if (field.isOptional) schema.optional = true
    } else if (!wrapperForNullables) schema.optional = true
    parameters[TAG] = String(field.number)
    schema.parameters = { ...schema.parameters, ...parameters }
    return schema
  }

  #single(field: ProtoField, depth: number): Draft {
    const { type } = field
    if (type.kind === 'scalar') return scalarSchema(type.scalar, field)
    if (type.kind === 'enum') return this.#enum(type.enum)
    const schema = this.#message(field, type.message, depth)
    schema.optional = true
    return schema
  }

  #enum({ name, fullName, values }: ProtoEnum): Draft {
    const { intForEnums, enhanced, generalizedSumTypes } = this.#options
    const prefix = generalizedSumTypes ? GENERALIZED_ENUM : ENUM
    const parameters: Record<string, string> = { [prefix]: name }
    for (const [symbol, number] of values) parameters[`${prefix}.${symbol}`] = String(number)
    return { type: intForEnums ? 'int32' : 'string', optional: true, name: enhanced ? fullName : name, parameters }
  }

  #message(field: ProtoField, message: ProtoMessage, depth: number): Draft {
    switch (message.fullName) {
      case DECIMAL:
        return decimalSchema(field)
      case DATE:
        return logical('int32', logicalTypes.date)
      case TIME_OF_DAY:
        return logical('int32', logicalTypes.time)
      case TIMESTAMP:
        return logical('int64', logicalTypes.timestamp)
    }
    const scalar = this.#options.wrapperForNullables ? wrappedScalars.get(message.fullName) : undefined
    if (scalar !== undefined) return { type: scalarTypes[scalar as ScalarType], optional: false }
    if (isMap(field)) {
      const [key, value] = message.fields
      const name = mapName(this.#options.enhanced ? message.fullName : message.name)
      return {
        type: 'map',
        optional: false,
        name,
        keys: this.#field(key!, false, depth + 1),
        values: this.#field(value!, false, depth + 1),
      }
    }
    const known = this.#structs.get(message.fullName)
    if (!known) return { ...this.#struct(message, depth + 1) }
    // It gets the content of the struct when that is complete.
    const draft: Draft = { type: 'struct', optional: true }
    this.#references.push({ draft, to: known })
    return draft
  }
}

function scalarSchema(scalar: ScalarType, { meta }: ProtoField): Draft {
  const type = scalarTypes[scalar]
  const connectType = meta['connect.type']
  if (type === 'int32' && (connectType === 'int8' || connectType === 'int16')) return { type: connectType, optional: false }
  return plainScalars.has(scalar) ? { type, optional: false } : { type, optional: false, parameters: { [TYPE]: scalar } }
}

function decimalSchema({ meta }: ProtoField): Draft {
  const whole = (text: string | undefined) => (text !== undefined && /^-?\d+$/.test(text) ? text : undefined)
  const precision = whole(meta.precision)
  const parameters = { scale: whole(meta.scale) ?? '0', ...(precision !== undefined && { [DECIMAL_PRECISION]: precision }) }
  return { ...logical('bytes', logicalTypes.decimal), parameters }
}
