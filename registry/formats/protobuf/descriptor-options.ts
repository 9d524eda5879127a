/**
 * Options in compiled files: those of protobuf itself are set by their names, extensions are written with the types that the schema's
 * imports define for them. What has no definition is left out, as Confluent does.
 */
import { type DescField, ScalarType } from '@bufbuild/protobuf'
import type { ReflectMessage } from '@bufbuild/protobuf/reflect'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { allFields, isOption, isWord, mapTypes, type OptionMap, type OptionValue, type ProtoField, type ProtoOption } from './proto-file.ts'
import type { Scope, TypeIndex } from './type-index.ts'

export function setOptions(message: ReflectMessage, options: readonly ProtoOption[], types: TypeIndex, scope: Scope): void {
  const extensions: OptionEncoder[] = []
  for (const option of options)
    if (option.parenthesized) extensions.push(new OptionEncoder(option, types, scope))
    else setOption(message, option.name.split('.'), option.value)
  const unknown = extensions.flatMap((encoder) => encoder.encode())
  if (unknown.length > 0) message.message.$unknown = unknown
}

/** `a.b = value`, or `a = { b: value }`. */
function setOption(message: ReflectMessage, path: readonly string[], value: OptionValue): void {
  const field = message.desc.fields.find((each) => each.name === path[0])
  if (!field) return
  if (path.length > 1 || isOption(value) || value instanceof Map) {
    if (field.fieldKind !== 'message') return
    const nested = message.get(field) as ReflectMessage
    if (isOption(value)) setOption(nested, [...path.slice(1), value.name], value.value)
    else if (path.length > 1) setOption(nested, path.slice(1), value)
    else for (const [key, each] of value as OptionMap) setOption(nested, [key], each)
    message.set(field, nested)
    return
  }
  const values = Array.isArray(value) ? value : [value]
  for (const each of values) {
    const given = fieldValue(field, each)
    if (given === undefined) continue
    if (field.fieldKind === 'list') message.get(field).add(given)
    else message.set(field, given as never)
  }
}

function fieldValue(field: DescField, value: OptionValue): unknown {
  const word = typeof value === 'string' ? value : isWord(value) ? value.word : undefined
  if (word === undefined) return undefined
  if (field.enum) return field.enum.values.find((each) => each.name === word)?.number
  if (field.scalar === ScalarType.BOOL) return word === 'true'
  if (field.scalar === ScalarType.STRING) return word
  return field.scalar === undefined ? undefined : Number(word)
}

type UnknownField = NonNullable<ReflectMessage['message']['$unknown']>[number]

/** Writes one option that is an extension. */
class OptionEncoder {
  readonly #option: ProtoOption
  readonly #types: TypeIndex
  readonly #scope: Scope

  constructor(option: ProtoOption, types: TypeIndex, scope: Scope) {
    this.#option = option
    this.#types = types
    this.#scope = scope
  }

  encode(): UnknownField[] {
    const full = this.#types.resolveExtension(this.#option.name, this.#scope)
    const field = full === null ? undefined : this.#types.extension(full)
    if (!field) return []
    const scope = full!.split('.').slice(0, -1)
    const values = field.label === 'repeated' && Array.isArray(this.#option.value) ? this.#option.value : [this.#option.value]
    return values.flatMap((value) => {
      const writer = new BinaryWriter()
      const wireType = this.#value(writer, field.type, value, scope)
      return wireType === null ? [] : [{ no: field.tag, wireType, data: writer.finish() }]
    })
  }

  /** Writes a value without its tag; null where it does not fit the type. */
  #value(writer: BinaryWriter, type: string, value: OptionValue, scope: Scope): WireType | null {
    const word = typeof value === 'string' ? value : isWord(value) ? value.word : null
    if (type === 'string' || type === 'bytes') {
      if (typeof value !== 'string') return null
      if (type === 'string') writer.string(value)
      else writer.bytes(Buffer.from(value, 'latin1'))
      return WireType.LengthDelimited
    }
    if (word !== null && typeof value !== 'string' && numbers[type]) return writeNumber(writer, type, word)
    const found = this.#types.find(type, scope)
    if (found?.type.kind === 'enum') {
      const tag = found.type.values.find((each) => each.name === word)?.tag
      if (tag === undefined) return null
      writer.int32(tag)
      return WireType.Varint
    }
    if (found?.type.kind !== 'message') return null
    const entries: [string, OptionValue][] = isOption(value) ? [[value.name, value.value]] : value instanceof Map ? [...value] : []
    const inner = new BinaryWriter()
    const inside = found.fullName.split('.')
    for (const [name, each] of entries) this.#member(inner, allFields(found.type), name, each, inside)
    writer.bytes(inner.finish())
    return WireType.LengthDelimited
  }

  #member(writer: BinaryWriter, fields: readonly ProtoField[], name: string, value: OptionValue, scope: Scope): void {
    const field = fields.find((each) => each.name === name)
    if (!field) return
    const map = mapTypes(field.type)
    for (const each of Array.isArray(value) ? value : [value]) {
      const own = new BinaryWriter()
      const wireType = map ? this.#entry(own, map, each, scope) : this.#value(own, field.type, each, scope)
      if (wireType !== null) writer.tag(field.tag, wireType).raw(own.finish())
    }
  }

  /** An entry of a map is a message of key and value. */
  #entry(writer: BinaryWriter, map: { key: string; value: string }, value: OptionValue, scope: Scope): WireType | null {
    if (!(value instanceof Map)) return null
    const inner = new BinaryWriter()
    const part = (name: string, tag: number, type: string): ProtoField => ({
      label: null,
      type,
      name,
      tag,
      defaultValue: null,
      jsonName: null,
      options: [],
    })
    for (const [name, each] of value) this.#member(inner, [part('key', 1, map.key), part('value', 2, map.value)], name, each, scope)
    writer.bytes(inner.finish())
    return WireType.LengthDelimited
  }
}

const numbers: Readonly<Record<string, WireType>> = {
  bool: WireType.Varint,
  int32: WireType.Varint,
  int64: WireType.Varint,
  uint32: WireType.Varint,
  uint64: WireType.Varint,
  sint32: WireType.Varint,
  sint64: WireType.Varint,
  fixed32: WireType.Bit32,
  sfixed32: WireType.Bit32,
  float: WireType.Bit32,
  fixed64: WireType.Bit64,
  sfixed64: WireType.Bit64,
  double: WireType.Bit64,
}

function writeNumber(writer: BinaryWriter, type: string, word: string): WireType | null {
  if (type === 'bool') {
    writer.bool(word === 'true')
    return numbers[type]!
  }
  const value = Number(word.replace(/^-?inf$/, (inf) => inf.replace('inf', 'Infinity')))
  if (Number.isNaN(value) && word !== 'nan') return null
  if (type === 'float' || type === 'double') {
    writer[type](value)
    return numbers[type]!
  }
  try {
    if (type.endsWith('64')) writer[type as 'int64'](BigInt(word))
    else writer[type as 'int32'](value)
    return numbers[type]!
  } catch {
    // The number does not fit the type of the option.
    return null
  }
}
