/**
 * Texts of an Avro schema: the one that Java's Schema.toString gives, and Confluent's normalized form. A named type is written out where
 * it comes first, and by its name after that.
 */
import { doubleText, type Json, quoted, sortedJson, writeJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import { type AvroField, type AvroName, type AvroSchema, aliasNames, isInt, logicalTypeOf } from './avro-schema.ts'
import { defaultValue } from './default-values.ts'

/** Named types nest in the text where they come first; Jackson writes no deeper than this. */
const MAX_WRITE_DEPTH = 1000

const TYPE_NAMES = new Set('record enum array map union fixed string bytes int long float double boolean null'.split(' '))

const json = (value: Json) => writeJson(value, doubleText)

/** As Java's Schema.toString: `known` are full names that are only named; those that are written out are added. */
export function writeAvro(schema: AvroSchema, known: Set<string>): string {
  const parts: string[] = []
  write(schema, null, known, parts, 0)
  return parts.join('')
}

function write(schema: AvroSchema, space: string | null, known: Set<string>, out: string[], depth: number): void {
  if (depth > MAX_WRITE_DEPTH) throw new InvalidSchemaError(`The schema nests deeper than ${MAX_WRITE_DEPTH}`)
  if (schema.type === 'union') {
    out.push('[')
    schema.branches!.forEach((branch, index) => {
      if (index > 0) out.push(',')
      write(branch, space, known, out, depth + 1)
    })
    out.push(']')
    return
  }
  if (schema.name && known.has(schema.name.full)) {
    out.push(quoted(qualified(schema.name, space)))
    return
  }
  if (!schema.name && !schema.element && schema.props.size === 0) {
    out.push(quoted(schema.type))
    return
  }
  out.push(`{"type":${quoted(schema.isError ? 'error' : schema.type)}`)
  if (schema.name) {
    known.add(schema.name.full)
    writeName(schema.name, space, out)
    if (schema.doc != null) out.push(`,"doc":${quoted(schema.doc)}`)
  }
  if (schema.fields) writeFields(schema.fields, schema.name!.space, known, out, depth)
  if (schema.symbols) out.push(`,"symbols":[${schema.symbols.map(quoted).join(',')}]`)
  if (schema.enumDefault != null) out.push(`,"default":${quoted(schema.enumDefault)}`)
  if (schema.size !== undefined) out.push(`,"size":${schema.size}`)
  if (schema.element) {
    out.push(schema.type === 'array' ? ',"items":' : ',"values":')
    write(schema.element, space, known, out, depth + 1)
  }
  for (const [key, value] of schema.props) out.push(`,${quoted(key)}:${json(value)}`)
  if (schema.aliases && schema.aliases.length > 0)
    out.push(`,"aliases":[${schema.aliases.map((alias) => quoted(qualified(alias, schema.name!.space))).join(',')}]`)
  out.push('}')
}

function writeName(name: AvroName, space: string | null, out: string[]): void {
  out.push(`,"name":${quoted(name.name)}`)
  if (name.space !== null) {
    if (name.space !== space) out.push(`,"namespace":${quoted(name.space)}`)
  } else if (space !== null) out.push(',"namespace":""')
}

/** Without its namespace where that is the one around it; a name such as `int` keeps it. */
const qualified = (name: AvroName, space: string | null): string =>
  name.space !== null && name.space === space && !TYPE_NAMES.has(name.name) ? name.name : name.full

function writeFields(fields: readonly AvroField[], space: string | null, known: Set<string>, out: string[], depth: number): void {
  out.push(',"fields":[')
  fields.forEach((field, index) => {
    out.push(`${index > 0 ? ',' : ''}{"name":${quoted(field.name)},"type":`)
    write(field.schema, space, known, out, depth + 2)
    if (field.doc !== null) out.push(`,"doc":${quoted(field.doc)}`)
    if (field.default !== undefined) out.push(`,"default":${json(field.default)}`)
    if (field.order !== 'ascending') out.push(`,"order":${quoted(field.order)}`)
    if (field.aliases.length > 0) out.push(`,"aliases":[${field.aliases.map(quoted).join(',')}]`)
    for (const [key, value] of field.props) out.push(`,${quoted(key)}:${json(value)}`)
    out.push('}')
  })
  out.push(']')
}

/**
 * Confluent's normalized text before it is parsed and written once more: full names, sorted properties with those of a logical type first,
 * sorted aliases. A key may come twice; the parser keeps its first place.
 */
export function writeNormalized(schema: AvroSchema, known: Set<string>): string {
  const parts: string[] = []
  normalize(schema, known, parts, 0)
  return parts.join('')
}

function normalize(schema: AvroSchema, known: Set<string>, out: string[], depth: number): void {
  if (depth > MAX_WRITE_DEPTH) throw new InvalidSchemaError(`The schema nests deeper than ${MAX_WRITE_DEPTH}`)
  if (schema.type === 'union') {
    out.push('[')
    schema.branches!.forEach((branch, index) => {
      if (index > 0) out.push(',')
      normalize(branch, known, out, depth + 1)
    })
    out.push(']')
    return
  }
  if (schema.name && known.has(schema.name.full)) {
    out.push(quoted(schema.name.full))
    return
  }
  out.push('{')
  if (schema.name) {
    known.add(schema.name.full)
    out.push(`"name":${quoted(schema.name.full)},`)
  }
  out.push(`"type":${quoted(schema.type)}`)
  if (schema.symbols) out.push(`,"symbols":[${schema.symbols.map(quoted).join(',')}]`)
  if (schema.size !== undefined) out.push(`,"size":${schema.size}`)
  if (schema.element) {
    out.push(schema.type === 'array' ? ',"items":' : ',"values":')
    normalize(schema.element, known, out, depth + 1)
  }
  if (schema.fields) {
    out.push(',"fields":[')
    schema.fields.forEach((field, index) => {
      out.push(`${index > 0 ? ',' : ''}{"name":${quoted(field.name)},"type":`)
      normalize(field.schema, known, out, depth + 2)
      normalizeField(field, out)
    })
    out.push(']')
  }
  normalizeLogicalType(schema, out)
  if (schema.doc) out.push(`,"doc":${quoted(schema.doc)}`)
  normalizeAliases(aliasNames(schema), out)
  if (schema.enumDefault != null) out.push(`,"default":${quoted(schema.enumDefault)}`)
  normalizeProps(schema.props, out)
  out.push('}')
}

function normalizeField(field: AvroField, out: string[]): void {
  out.push(`,"order":${quoted(field.order)}`)
  if (field.doc !== null) out.push(`,"doc":${quoted(field.doc)}`)
  normalizeAliases(field.aliases, out)
  const value = field.default === undefined ? undefined : defaultValue(field.default, field.schema)
  if (value !== undefined) out.push(`,"default":${json(value)}`)
  normalizeProps(field.props, out)
  out.push('}')
}

function normalizeLogicalType(schema: AvroSchema, out: string[]): void {
  const logical = logicalTypeOf(schema)
  if (logical === null) return
  out.push(`,"logicalType":${quoted(logical)}`)
  if (logical !== 'decimal') return
  out.push(`,"precision":${json(schema.props.get('precision')!)}`)
  const scale = schema.props.get('scale')
  if (isInt(scale) && scale.value !== 0) out.push(`,"scale":${scale.value}`)
}

function normalizeAliases(aliases: readonly string[], out: string[]): void {
  if (aliases.length > 0) out.push(`,"aliases":[${[...new Set(aliases)].sort(javaOrder).map(quoted).join(',')}]`)
}

function normalizeProps(props: ReadonlyMap<string, Json>, out: string[]): void {
  for (const [key, value] of sortedJson(new Map(props)) as Map<string, Json>) out.push(`,${quoted(key)}:${json(value)}`)
}

const javaOrder = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
