/**
 * Names that Confluent's ProtobufConverter gives to parameters and schemas of Connect, how it makes valid names of others, and the settings
 * of the conversion. Pure.
 */
import { logicalTypes, type Schema } from '../../sdk/index.ts'
import { DATE, DECIMAL, TIME_OF_DAY, TIMESTAMP } from './known-files.ts'

export const NAMESPACE = 'io.confluent.connect.protobuf'
export const DEFAULT_NAME = 'ConnectDefault'
export const ENUM = `${NAMESPACE}.Enum`
export const UNION = `${NAMESPACE}.Union`
export const TAG = `${NAMESPACE}.Tag`
export const TYPE = `${NAMESPACE}.Type`
export const WRAPPER = `${NAMESPACE}.Wrapper`
export const GENERALIZED_UNION = 'org.apache.kafka.connect.data.Union'
export const GENERALIZED_ENUM = 'org.apache.kafka.connect.data.Enum'
export const DECIMAL_PRECISION = 'connect.decimal.precision'

/** The settings of ProtobufConverter that concern schemas. */
export interface ProtobufOptions {
  readonly enhanced: boolean
  readonly scrub: boolean
  readonly intForEnums: boolean
  readonly optionalForNullables: boolean
  readonly optionalForProto2: boolean
  readonly wrapperForNullables: boolean
  readonly wrapperForRawPrimitives: boolean
  readonly structForNulls: boolean
  readonly indexForUnions: boolean
  readonly flattenUnions: boolean
  readonly generalizedSumTypes: boolean
  readonly ignoreDefaultForNullables: boolean
}

export const isUnion = (schema: Schema): boolean =>
  schema.type === 'struct' && (schema.name?.startsWith(UNION) === true || schema.parameters?.[GENERALIZED_UNION] !== undefined)

export const enumName = (schema: Schema): string | undefined =>
  schema.type === 'string' || schema.type === 'int32' ? (schema.parameters?.[GENERALIZED_ENUM] ?? schema.parameters?.[ENUM]) : undefined

/** The messages that stand for logical types. */
export const logicalMessages: Readonly<Record<string, string>> = {
  [logicalTypes.decimal]: DECIMAL,
  [logicalTypes.date]: DATE,
  [logicalTypes.time]: TIME_OF_DAY,
  [logicalTypes.timestamp]: TIMESTAMP,
}

const VALID = /^[A-Za-z][A-Za-z0-9_]*$/
export const isValidName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/** As java.net.URLEncoder, with an underscore for what a name of Protobuf may not have. */
export function scrubbed(name: string): string {
  if (name === '' || VALID.test(name)) return name
  const encoded = encodeURIComponent(name.toWellFormed())
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
  return (/^[0-9_]/.test(encoded) ? `x${encoded}` : encoded).replace(/[^A-Za-z0-9_]/g, '_')
}

/** The name of the entries of a map: `my_map` has `MyMapEntry`. */
export function mapEntryName(name: string): string {
  const camel = name.includes('_')
    ? name
        .split('_')
        .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
        .join('')
    : name
  return `${camel}Entry`
}

/** The name of a map by that of its entries. */
export function mapName(entryName: string): string {
  const parts = entryName.split('.')
  const last = parts.pop()!
  if (!last.endsWith('Entry')) return entryName
  const name = last.slice(0, -'Entry'.length).replace(/[A-Z]/g, (char, at: number) => `${at === 0 ? '' : '_'}${char.toLowerCase()}`)
  return [...parts, name].join('.')
}
