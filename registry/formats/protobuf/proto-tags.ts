/**
 * The tags of messages and fields in a .proto file: `tags` of Confluent's options `confluent.message_meta` and `confluent.field_meta`, in
 * whatever form the options are written.
 */
import { InvalidSchemaError } from '../parsed-schema.ts'
import { changedTags, noSuchPath, type TagChange, type TaggedEntity } from '../tagged-entities.ts'
import type { OptionMap, OptionValue, ProtoField, ProtoFile, ProtoMessage, ProtoOption, ProtoType } from './proto-file.ts'

const META = { sr_record: 'confluent.message_meta', sr_field: 'confluent.field_meta' } as const
const TAGS = 'tags'

const isOption = (value: OptionValue): value is ProtoOption =>
  typeof value === 'object' && !Array.isArray(value) && !(value instanceof Map) && 'parenthesized' in value
const listOf = (value: OptionValue | undefined): OptionValue[] => (value === undefined ? [] : Array.isArray(value) ? [...value] : [value])

/** One option of metadata as a map: `(meta) = { a: 1 }` and `(meta).a = 1` are the same. */
function mapOf(value: OptionValue): OptionMap {
  if (value instanceof Map) return value
  return isOption(value) ? new Map([[value.name.replace(/^\./, ''), value.value]]) : new Map()
}

/** All metadata of an entity; a field that is there twice is a list. */
function metaOf(options: readonly ProtoOption[], name: string): OptionMap {
  const merged: OptionMap = new Map()
  for (const option of options)
    if (option.parenthesized && option.name.replace(/^\./, '') === name)
      for (const [key, value] of mapOf(option.value)) {
        const before = merged.get(key)
        merged.set(key, before === undefined ? value : [...listOf(before), ...listOf(value)])
      }
  return merged
}

const tagsOf = (options: readonly ProtoOption[], type: TaggedEntity['type']): string[] =>
  listOf(metaOf(options, META[type]).get(TAGS)).filter((tag) => typeof tag === 'string')

export function protoTags(file: ProtoFile): TaggedEntity[] {
  const found: TaggedEntity[] = []
  const add = (path: string, type: TaggedEntity['type'], options: readonly ProtoOption[]) => {
    const tags = tagsOf(options, type)
    if (tags.length > 0) found.push({ path, type, tags })
  }
  const visit = (types: readonly ProtoType[], scope: string): void => {
    for (const message of types) {
      if (message.kind !== 'message') continue
      const path = scope + message.name
      add(path, 'sr_record', message.options)
      for (const field of [...message.oneofs.flatMap((oneof) => oneof.fields), ...message.fields])
        add(`${path}.${field.name}`, 'sr_field', field.options)
      visit(message.types, `${path}.`)
    }
  }
  visit(file.types, '')
  return found
}

/** The file with other tags. @throws InvalidSchemaError where there is no such message or field. */
export function withProtoTags(file: ProtoFile, changes: readonly TagChange[]): ProtoFile {
  const left = new Map(changes.map((change) => [`${change.type} ${change.path}`, change]))
  const changed = (options: readonly ProtoOption[], type: TaggedEntity['type'], path: string): readonly ProtoOption[] => {
    const key = `${type} ${path}`
    const change = left.get(key)
    if (!change) return options
    left.delete(key)
    return withTags(options, type, change)
  }
  const message = (given: ProtoMessage, scope: string): ProtoMessage => {
    const path = scope + given.name
    const fields = (all: readonly ProtoField[]) =>
      all.map((field) => ({ ...field, options: changed(field.options, 'sr_field', `${path}.${field.name}`) }))
    return {
      ...given,
      options: changed(given.options, 'sr_record', path),
      fields: fields(given.fields),
      oneofs: given.oneofs.map((oneof) => ({ ...oneof, fields: fields(oneof.fields) })),
      types: types(given.types, `${path}.`),
    }
  }
  const types = (all: readonly ProtoType[], scope: string): ProtoType[] =>
    all.map((type) => (type.kind === 'message' ? message(type, scope) : type))
  const result = { ...file, types: types(file.types, '') }
  for (const change of left.values()) throw new InvalidSchemaError(noSuchPath(change))
  return result
}

function withTags(options: readonly ProtoOption[], type: TaggedEntity['type'], change: TagChange): ProtoOption[] {
  const name = META[type]
  const meta = metaOf(options, name)
  const tags = changedTags(tagsOf(options, type), change)
  if (tags.length > 0) meta.set(TAGS, tags)
  else meta.delete(TAGS)
  const others = options.filter((option) => !option.parenthesized || option.name.replace(/^\./, '') !== name)
  return meta.size === 0 ? others : [...others, { name, parenthesized: true, value: meta }]
}
