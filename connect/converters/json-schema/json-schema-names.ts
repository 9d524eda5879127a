/**
 * Names that Confluent's JsonSchemaConverter gives to properties of JSON Schema and to parameters of Connect, and the settings of the
 * conversion. Pure.
 */
import type { Schema } from '../../sdk/index.ts'

export const NAMESPACE = 'io.confluent.connect.json'
export const ID = `${NAMESPACE}.Id`
export const ENUM = `${NAMESPACE}.Enum`
export const ONE_OF = `${NAMESPACE}.OneOf`
export const GENERALIZED_UNION = 'org.apache.kafka.connect.data.Union'
export const GENERALIZED_ENUM = 'org.apache.kafka.connect.data.Enum'
export const UNION_PREFIX = 'connect_union_'
/** The symbol of null in an enum. */
export const NULL_MARKER = '<NULL>'

/** The settings of JsonSchemaConverter that concern schemas. */
export interface JsonSchemaOptions {
  readonly additionalProperties: boolean
  readonly optionalForNonRequired: boolean
  readonly numericDecimals: boolean
  readonly flattenSingletonUnions: boolean
  readonly generalizedSumTypes: boolean
  readonly ignoreDefaultForNullables: boolean
}

export const isUnion = (schema: Schema): boolean => schema.name === ONE_OF || schema.parameters?.[GENERALIZED_UNION] !== undefined

/** Whether a map is an object of JSON; else it is an array of entries with `key` and `value`. */
export const hasNameKeys = (schema: Schema): boolean => schema.keys?.type === 'string' && !schema.keys.optional

export const unionFieldPrefix = (schema: Schema): string =>
  schema.parameters?.[GENERALIZED_UNION] !== undefined ? `${UNION_PREFIX}field_` : `${ONE_OF}.field.`
