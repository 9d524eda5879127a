/**
 * The text of a .proto file in Confluent's layout: two spaces, one order of sections, no comments. In its normalized form the types are
 * written with their full names, and what has numbers or names is sorted by them.
 */
import { InvalidSchemaError } from '../parsed-schema.ts'
import { normalOptions, optionsText, optionText } from './option-writer.ts'
import {
  MAX_TAG,
  mapTypes,
  type ProtoEnum,
  type ProtoExtend,
  type ProtoExtensions,
  type ProtoField,
  type ProtoFile,
  type ProtoGroup,
  type ProtoMessage,
  type ProtoMethod,
  type ProtoOneof,
  type ProtoOption,
  type ProtoService,
  type ProtoType,
  type Reserved,
  SCALARS,
  type TagRange,
} from './proto-file.ts'
import type { Scope, TypeIndex } from './type-index.ts'

export interface WriteOptions {
  /** Normalizes, with the types that names mean. */
  readonly normalize?: TypeIndex
  /** Leaves out extensions, and options that are extensions, but for Confluent's own. */
  readonly ignoreExtensions?: boolean
}

export const writeProto = (file: ProtoFile, options: WriteOptions = {}): string => new ProtoTextWriter(file, options).file()

const byTag = (a: { tag: number }, b: { tag: number }) => a.tag - b.tag
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const indent = (text: string) => text.split('\n').map((line) => `  ${line}`)
const CONFLUENT_OPTIONS = 'confluent.'

class ProtoTextWriter {
  readonly #file: ProtoFile
  readonly #types: TypeIndex | undefined
  readonly #ignoreExtensions: boolean

  constructor(file: ProtoFile, { normalize, ignoreExtensions = false }: WriteOptions) {
    this.#file = file
    this.#types = normalize
    this.#ignoreExtensions = ignoreExtensions
  }

  file(): string {
    const file = this.#file
    const scope = file.packageName ? file.packageName.split('.') : []
    const head: string[] = []
    if (file.syntax !== null && (!this.#types || file.syntax === 'proto3')) head.push(`syntax = "${file.syntax}";`)
    if (file.packageName !== null) head.push(`package ${file.packageName};`)
    const imports = (given: readonly string[]) => (this.#types ? [...new Set(given)].sort(compare) : given)
    const sections = [
      [
        ...imports(file.imports).map((name) => `import "${name}";`),
        ...imports(file.publicImports).map((name) => `import public "${name}";`),
        ...imports(file.weakImports).map((name) => `import weak "${name}";`),
      ],
      this.#options(file.options, scope),
      this.#typeTexts(file.types, scope),
      this.#extends(file.extends, scope),
      file.services.map((service) => this.#service(service, scope)),
    ]
    let text = head.map((line) => `${line}\n`).join('')
    for (const section of sections) if (section.length > 0) text += `\n${section.join('\n')}\n`
    return text
  }

  /** Options and sections between braces, an empty line before each but the first. */
  #block(header: string, sections: readonly (readonly string[])[]): string {
    const filled = sections.filter((section) => section.length > 0)
    if (filled.length === 0) return `${header} {}`
    const lines = filled.map((section) => section.flatMap(indent).join('\n'))
    return `${header} {\n${lines.join('\n\n')}\n}`
  }

  #options(options: readonly ProtoOption[], scope: Scope): string[] {
    return this.#kept(options, scope).map((option) => `option ${this.#option(option, scope)};`)
  }

  #option(option: ProtoOption, scope: Scope): string {
    return optionText(option, this.#types && { types: this.#types, scope })
  }

  #kept(options: readonly ProtoOption[], scope: Scope): readonly ProtoOption[] {
    const kept = this.#ignoreExtensions
      ? options.filter((option) => !option.parenthesized || option.name.startsWith(CONFLUENT_OPTIONS))
      : options
    return this.#types ? normalOptions(kept, this.#types, scope) : kept
  }

  /** ` [a = 1]`, or nothing. */
  #inline(options: readonly ProtoOption[], scope: Scope): string {
    const kept = this.#kept(options, scope)
    return kept.length === 0 ? '' : ` ${optionsText(kept, this.#types && { types: this.#types, scope })}`
  }

  #typeTexts(types: readonly ProtoType[], scope: Scope): string[] {
    const shown = types.filter((type) => !this.#types?.find(type.name, scope)?.mapType || type.kind === 'enum')
    return [
      ...shown.flatMap((type) => (type.kind === 'message' ? this.#message(type, [...scope, type.name]) : [])),
      ...shown.flatMap((type) => (type.kind === 'enum' ? this.#enum(type, [...scope, type.name]) : [])),
    ]
  }

  #message(message: ProtoMessage, scope: Scope): string {
    const normal = this.#types !== undefined
    const fields = normal ? [...message.fields].sort(byTag) : message.fields
    const groups = normal ? [...message.groups].sort(byTag) : message.groups
    const extensions = normal ? splitExtensions(message.extensions) : message.extensions
    return this.#block(`message ${message.name}`, [
      this.#reserved(message.reserved),
      this.#options(message.options, scope),
      fields.map((field) => this.#field(field, scope)),
      this.#oneofs(message.oneofs).map((oneof) => this.#oneof(oneof, scope)),
      groups.map((group) => this.#group(group, scope)),
      this.#ignoreExtensions
        ? []
        : extensions.map((each) => `extensions ${this.#values(each.ranges)}${this.#inline(each.options, scope)};`),
      this.#extends(message.extends, scope),
      this.#typeTexts(message.types, scope),
    ])
  }

  #reserved(reserved: readonly Reserved[]): string[] {
    const lists = this.#types ? splitReserved(reserved) : reserved
    return lists.map((values) => `reserved ${this.#values(values)};`)
  }

  #values(values: Reserved): string {
    return values
      .map((value) => {
        if (typeof value === 'string') return `"${value}"`
        if (typeof value === 'number') return String(value)
        if (this.#types && value.from === value.to) return String(value.from)
        return `${value.from} to ${value.to < MAX_TAG ? value.to : 'max'}`
      })
      .join(', ')
  }

  #oneofs(oneofs: readonly ProtoOneof[]): readonly ProtoOneof[] {
    if (!this.#types) return oneofs
    return oneofs
      .filter((oneof) => oneof.fields.length > 0)
      .map((oneof) => ({ ...oneof, fields: [...oneof.fields].sort(byTag), groups: [...oneof.groups].sort(byTag) }))
      .sort((a, b) => byTag(a.fields[0]!, b.fields[0]!))
  }

  #oneof(oneof: ProtoOneof, scope: Scope): string {
    return this.#block(`oneof ${oneof.name}`, [
      this.#options(oneof.options, scope),
      oneof.fields.map((field) => this.#field(field, scope)),
      oneof.groups.map((group) => this.#group(group, scope)),
    ])
  }

  #group(group: ProtoGroup, scope: Scope): string {
    const fields = this.#types ? [...group.fields].sort(byTag) : group.fields
    const label = group.label === null ? '' : `${group.label} `
    return this.#block(`${label}group ${group.name} = ${group.tag}`, [fields.map((field) => this.#field(field, scope))])
  }

  #extends(extended: readonly ProtoExtend[], scope: Scope): string[] {
    if (this.#ignoreExtensions) return []
    return this.#merged(extended, scope).map(({ name, fields }) =>
      this.#block(`extend ${name}`, [(this.#types ? [...fields].sort(byTag) : fields).map((field) => this.#field(field, scope))]),
    )
  }

  /** Extensions of one message are together in the normalized form. */
  #merged(extended: readonly ProtoExtend[], scope: Scope): readonly ProtoExtend[] {
    if (!this.#types) return extended
    const byName = new Map<string, ProtoField[]>()
    for (const { name, fields } of extended)
      for (const field of fields) {
        const full = this.#resolved(name, scope)
        byName.set(full, [...(byName.get(full) ?? []), field])
      }
    return [...byName].map(([name, fields]) => ({ name, fields }))
  }

  #resolved(type: string, scope: Scope): string {
    if (!this.#types) return type
    const full = this.#types.resolve(type, scope)
    if (full === null) throw new InvalidSchemaError(`Could not resolve type: ${type}`)
    return `.${full}`
  }

  #field(field: ProtoField, scope: Scope): string {
    const { type, isMap } = this.#fieldType(field.type, scope)
    const label = field.label === null || isMap ? '' : `${field.label} `
    const options = [...field.options]
    if (field.defaultValue !== null)
      options.push({ name: 'default', parenthesized: false, value: defaultOption(field, field.defaultValue) })
    if (field.jsonName !== null) options.push({ name: 'json_name', parenthesized: false, value: field.jsonName })
    return `${label}${type} ${field.name} = ${field.tag}${this.#inline(options, scope)};`
  }

  #fieldType(given: string, scope: Scope): { type: string; isMap: boolean } {
    const types = this.#types
    if (!types) return { type: given, isMap: false }
    let type = given
    if (!SCALARS.has(given) && !mapTypes(given)) {
      type = this.#resolved(given, scope)
      type = types.type(type.slice(1))?.mapType ?? type
    }
    const map = mapTypes(type)
    if (!map) return { type, isMap: false }
    const value = SCALARS.has(map.value) ? null : types.resolve(map.value, scope)
    return { type: `map<${map.key}, ${value === null ? map.value : `.${value}`}>`, isMap: true }
  }

  #enum(declared: ProtoEnum, scope: Scope): string {
    const values = this.#types ? [...declared.values].sort((a, b) => byTag(a, b) || compare(a.name, b.name)) : declared.values
    return this.#block(`enum ${declared.name}`, [
      [
        ...this.#reserved(declared.reserved),
        ...this.#options(declared.options, scope),
        ...values.map((value) => `${value.name} = ${value.tag}${this.#inline(value.options, scope)};`),
      ],
    ])
  }

  #service(service: ProtoService, scope: Scope): string {
    const methods = service.methods.map((method) => this.#method(method, scope))
    return this.#block(`service ${service.name}`, [this.#options(service.options, scope), methods])
  }

  #method(method: ProtoMethod, scope: Scope): string {
    const request = `${method.requestStreams ? 'stream ' : ''}${this.#resolved(method.request, scope)}`
    const response = `${method.responseStreams ? 'stream ' : ''}${this.#resolved(method.response, scope)}`
    const options = this.#options(method.options, scope)
    const block = options.length === 0 ? '' : ` {\n${options.flatMap(indent).join('\n')}\n}`
    return `rpc ${method.name} (${request}) returns (${response})${block};`
  }
}

/** Texts are quoted, all other defaults are words. */
function defaultOption(field: ProtoField, value: string): ProtoOption['value'] {
  if (field.type === 'string' || field.type === 'bytes') return value
  if (field.type === 'bool') return { kind: 'boolean', word: value }
  return { kind: SCALARS.has(field.type) ? 'number' : 'enum', word: value }
}

const startOf = (value: string | number | TagRange): number =>
  typeof value === 'string' ? 2 ** 31 - 1 : typeof value === 'number' ? value : value.from

const rangeText = (value: string | number | TagRange): string => (typeof value === 'object' ? `${value.from}..${value.to}` : String(value))

const splitReserved = (reserved: readonly Reserved[]): Reserved[] =>
  reserved
    .flat()
    .sort((a, b) => startOf(a) - startOf(b) || compare(rangeText(a), rangeText(b)))
    .map((value) => [value])

const splitExtensions = (extensions: readonly ProtoExtensions[]): ProtoExtensions[] =>
  extensions
    .flatMap(({ ranges, options }) => ranges.map((range) => ({ ranges: [range], options })))
    .sort((a, b) => startOf(a.ranges[0]!) - startOf(b.ranges[0]!))
