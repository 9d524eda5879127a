/**
 * Defaults of Avro fields: whether one fits the schema of its field, and its value as Java holds it.
 * The normalized text writes that value, with the kind of number that the field has.
 */
import { type Json, JsonNumber, javaDoubleText, sortedJson } from '../json-text.ts'
import { type AvroSchema, isInt } from './avro-schema.ts'

/** A default that nests in a recursive record comes back to it at every level; no text has more levels. */
const MAX_DEFAULT_DEPTH = 1000

/** Whether a default fits the schema of its field. */
export const isValidDefault = (schema: AvroSchema, given: Json): boolean => isValid(schema, given, 0)

const isLong = (json: Json): boolean => {
  if (!(json instanceof JsonNumber) || !json.integral) return false
  return BigInt.asIntN(64, BigInt(json.text)) === BigInt(json.text)
}

function isValid(schema: AvroSchema, given: Json | undefined, depth: number): boolean {
  if (given === undefined || depth > MAX_DEFAULT_DEPTH) return false
  switch (schema.type) {
    case 'string':
    case 'bytes':
    case 'enum':
    case 'fixed':
      return typeof given === 'string'
    case 'int':
      return isInt(given)
    case 'long':
      return isLong(given)
    case 'float':
    case 'double':
      return given instanceof JsonNumber
    case 'boolean':
      return typeof given === 'boolean'
    case 'null':
      return given === null
    case 'array':
      return Array.isArray(given) && given.every((item) => isValid(schema.element!, item, depth + 1))
    case 'map':
      return given instanceof Map && [...given.values()].every((value) => isValid(schema.element!, value, depth + 1))
    case 'union':
      return schema.branches!.some((branch) => isValid(branch, given, depth + 1))
    case 'record':
      return (
        given instanceof Map && schema.fields!.every((field) => isValid(field.schema, given.get(field.name) ?? field.default, depth + 1))
      )
  }
}

/** The default as Java's defaultVal() gives it, keys sorted; undefined where Java finds no value of the type. */
export function defaultValue(given: Json, schema: AvroSchema | null): Json | undefined {
  if (given === null || typeof given === 'boolean') return given
  if (schema?.type === 'union') {
    for (const branch of schema.branches!) {
      const value = branch.type === 'null' ? undefined : defaultValue(given, branch)
      if (value !== undefined) return value
    }
    return undefined
  }
  if (given instanceof JsonNumber) return numberValue(given, schema)
  if (typeof given === 'string') {
    if (schema === null || schema.type === 'string' || schema.type === 'enum') return given
    // Java writes a character that a byte cannot hold as a question mark.
    return schema.type === 'bytes' || schema.type === 'fixed' ? given.replace(/[\u{100}-\u{10ffff}]/gu, '?') : undefined
  }
  if (Array.isArray(given)) return given.map((item) => defaultValue(item, schema?.element ?? null) ?? item)
  const entries = [...given].map(([key, value]): [string, Json] => [key, defaultValue(value, partOf(schema, key)) ?? value])
  return sortedJson(new Map(entries))
}

function partOf(schema: AvroSchema | null, key: string): AvroSchema | null {
  if (schema?.type === 'map') return schema.element!
  return schema?.fields?.find((field) => field.name === key)?.schema ?? null
}

function numberValue(given: JsonNumber, schema: AvroSchema | null): Json | undefined {
  if (schema === null) return given
  if (!given.integral) {
    if (schema.type === 'double') return given
    return schema.type === 'float' ? floatValue(given.value) : undefined
  }
  if (schema.type === 'float') return floatValue(given.value)
  if (schema.type === 'double') return new JsonNumber(javaDoubleText(given.value))
  if (schema.type === 'long') return isLong(given) ? given : undefined
  return schema.type === 'int' ? given : undefined
}

/** The shortest digits that give the same float again. */
function floatValue(value: number): JsonNumber {
  const float = Math.fround(value)
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(float.toPrecision(digits))
    if (Math.fround(short) === float) return new JsonNumber(javaDoubleText(short))
  }
  return new JsonNumber(javaDoubleText(float))
}
