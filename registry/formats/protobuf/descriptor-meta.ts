/**
 * Confluent's metadata in a compiled file: documentation, parameters, tags and rules, which are extensions with one number in the options
 * of files, messages, fields, enums and enum values.
 */
import type { Message } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { META_FIELD } from './google-types.ts'
import type { OptionMap, OptionValue, ProtoOption } from './proto-file.ts'

/** The name of the extension, by the message that it extends. */
const NAMES: Readonly<Record<string, string>> = {
  'google.protobuf.FileOptions': 'confluent.file_meta',
  'google.protobuf.MessageOptions': 'confluent.message_meta',
  'google.protobuf.FieldOptions': 'confluent.field_meta',
  'google.protobuf.EnumOptions': 'confluent.enum_meta',
  'google.protobuf.EnumValueOptions': 'confluent.enum_value_meta',
}

const RULE_FIELDS = ['name', 'doc', 'expr', 'sql']

export function metaOption(options: Message): ProtoOption[] {
  const name = NAMES[options.$typeName]
  const fields = options.$unknown?.filter((field) => field.no === META_FIELD && field.wireType === WireType.LengthDelimited) ?? []
  if (name === undefined || fields.length === 0) return []
  const value = readMeta(fields.map((field) => new BinaryReader(field.data).bytes()))
  return value.size === 0 ? [] : [{ name, parenthesized: true, value }]
}

function readMeta(parts: readonly Uint8Array[]): OptionMap {
  let doc = ''
  const params = new Map<string, string>()
  const tags: string[] = []
  const rules: OptionMap[] = []
  for (const part of parts)
    readTexts(part, (number, bytes) => {
      if (number === 1) doc = text(bytes)
      else if (number === 2) {
        const entry = named(bytes, ['key', 'value'])
        params.set(String(entry.get('key') ?? ''), String(entry.get('value') ?? ''))
      } else if (number === 3) tags.push(text(bytes))
      else if (number === 4) rules.push(named(bytes, RULE_FIELDS))
    })
  const lists: [string, OptionValue[]][] = [
    ['params', [...params].map(([key, value]) => entryOf(key, value))],
    ['tags', tags],
    ['rules', rules.filter((rule) => rule.size > 0)],
  ]
  return new Map<string, OptionValue>([...(doc === '' ? [] : [['doc', doc] as const]), ...lists.filter(([, values]) => values.length > 0)])
}

/** Confluent writes the value of these two first. */
const entryOf = (key: string, value: string): OptionMap =>
  key === 'precision' || key === 'scale'
    ? new Map([
        ['value', value],
        ['key', key],
      ])
    : new Map([
        ['key', key],
        ['value', value],
      ])

/** The fields of a message of texts, in the order of their numbers. */
function named(bytes: Uint8Array, names: readonly string[]): OptionMap {
  const found = new Map<number, string>()
  readTexts(bytes, (number, value) => found.set(number, text(value)))
  const entries = names.map((name, index) => [name, found.get(index + 1) ?? ''] as const)
  return new Map(entries.filter(([, value]) => value !== ''))
}

function readTexts(bytes: Uint8Array, take: (number: number, bytes: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    if (wireType === WireType.LengthDelimited) take(number, reader.bytes())
    else reader.skip(wireType)
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
