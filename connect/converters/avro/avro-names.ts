/**
 * Names that Confluent's AvroConverter gives to Avro's types and Connect's parameters, how it makes valid names of others, and the settings
 * of the conversion. Pure.
 */
import { logicalTypes, type Schema } from '../../sdk/index.ts'
import { type AvroType, fullName, isNamed } from './avro-type.ts'

export const NAMESPACE = 'io.confluent.connect.avro'
export const DEFAULT_NAME = 'ConnectDefault'
export const DEFAULT_FULL_NAME = `${NAMESPACE}.${DEFAULT_NAME}`
export const MAP_ENTRY = 'MapEntry'
export const UNION = `${NAMESPACE}.Union`
export const ENUM = `${NAMESPACE}.Enum`
export const ANYTHING = `${NAMESPACE}.Anything`
export const GENERALIZED_UNION = 'org.apache.kafka.connect.data.Union'
export const GENERALIZED_ENUM = 'org.apache.kafka.connect.data.Enum'
export const UNION_PREFIX = 'connect_union_'
export const FIXED_SIZE = 'connect.fixed.size'
export const DECIMAL_PRECISION = 'connect.decimal.precision'
export const DEFAULT_PRECISION = 64
export const FIELD_DEFAULT = `${NAMESPACE}.field.default`

/** The settings of AvroConverter that concern schemas. */
export interface AvroDataOptions {
  readonly enhanced: boolean
  readonly scrub: boolean
  readonly metaData: boolean
  readonly discardTypeDocDefault: boolean
  readonly optionalMapKeys: boolean
  readonly flattenSingletonUnions: boolean
  readonly generalizedSumTypes: boolean
  readonly ignoreDefaultForNullables: boolean
}

/** Those of an AvroConverter without settings. */
export const avroDataDefaults: AvroDataOptions = {
  enhanced: false,
  scrub: false,
  metaData: true,
  discardTypeDocDefault: false,
  optionalMapKeys: false,
  flattenSingletonUnions: true,
  generalizedSumTypes: false,
  ignoreDefaultForNullables: false,
}

const VALID = /^[A-Za-z_][A-Za-z0-9_]*$/

export const isValidName = (name: string): boolean => VALID.test(name)

/** As java.net.URLEncoder, with an underscore for what a name of Avro may not have. */
export function scrubbed(name: string): string {
  if (name === '' || VALID.test(name)) return name
  const encoded = encodeURIComponent(name.toWellFormed())
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
  return (/^[0-9]/.test(encoded) ? `x${encoded}` : encoded).replace(/[^A-Za-z0-9_]/g, '_')
}

export function splitName(name: string, scrub: boolean): { namespace: string | null; name: string } {
  const parts = name.split('.').map((part) => (scrub ? scrubbed(part) : part))
  const last = parts.pop()!
  return { namespace: parts.length === 0 ? null : parts.join('.'), name: last }
}

export const isUnion = (schema: Schema): boolean => schema.name === UNION || schema.parameters?.[GENERALIZED_UNION] !== undefined
export const enumName = (schema: Schema): string | undefined => schema.parameters?.[GENERALIZED_ENUM] ?? schema.parameters?.[ENUM]
export const isFixed = (schema: Schema): boolean =>
  schema.type === 'bytes' && schema.name !== undefined && schema.parameters?.[FIXED_SIZE] !== undefined
export const isDecimal = (schema: Schema): boolean => schema.name === logicalTypes.decimal

export function isMapEntry(type: AvroType): boolean {
  if (type.type !== 'record') return false
  return (type.namespace === NAMESPACE && type.name === MAP_ENTRY) || type.props['connect.internal.type'] === MAP_ENTRY
}

/** Whether a map of Connect is a map of Avro; else it is an array of entries. */
export const hasNameKeys = (schema: Schema, options: AvroDataOptions): boolean =>
  schema.keys!.type === 'string' && (!schema.keys!.optional || options.optionalMapKeys)

/** The field of a union's struct for one of its types. */
export function unionFieldName(type: AvroType, index: number, options: AvroDataOptions): string {
  if (options.generalizedSumTypes) return `${UNION_PREFIX}field_${index}`
  if (isNamed(type)) return options.enhanced ? fullName(type) : type.name
  return type.type
}
