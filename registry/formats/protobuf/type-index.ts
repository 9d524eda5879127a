/**
 * The types and extensions that a .proto file can name: its own, those of its references, and those that every registry knows. Names are
 * resolved from the innermost scope outwards, as protoc does.
 */
import { allFields, mapTypes, type ProtoExtend, type ProtoField, type ProtoFile, type ProtoMessage, type ProtoType } from './proto-file.ts'

export interface TypeInfo {
  readonly packageName: string
  readonly fullName: string
  readonly type: ProtoType
  /** The text that defines it: '' for the schema itself, null for a file that every registry knows. */
  readonly source: string | null
  /** The `map<k, v>` that this message stands for in a compiled file; null for others. */
  readonly mapType: string | null
}

export type Scope = readonly string[]

export class TypeIndex {
  readonly #types = new Map<string, TypeInfo>()
  readonly #extensions = new Map<string, ProtoField>()
  readonly #outer: TypeIndex | null

  constructor(outer: TypeIndex | null) {
    this.#outer = outer
  }

  add(file: ProtoFile, source: string | null): void {
    const packageName = file.packageName ?? ''
    const scope = packageName === '' ? [] : packageName.split('.')
    this.#addExtensions(file.extends, scope)
    for (const type of file.types) this.#addType(type, packageName, scope, source)
  }

  #addType(type: ProtoType, packageName: string, scope: Scope, source: string | null): void {
    const own = [...scope, type.name]
    const fullName = own.join('.')
    const mapType = type.kind === 'message' ? mapOf(type) : null
    this.#types.set(fullName, { packageName, fullName, type, source, mapType })
    if (type.kind === 'enum') return
    this.#addExtensions(type.extends, own)
    for (const nested of type.types) this.#addType(nested, packageName, own, source)
  }

  #addExtensions(extended: readonly ProtoExtend[], scope: Scope): void {
    for (const { fields } of extended) for (const field of fields) this.#extensions.set([...scope, field.name].join('.'), field)
  }

  type(fullName: string): TypeInfo | undefined {
    return this.#types.get(fullName) ?? this.#outer?.type(fullName)
  }

  extension(fullName: string): ProtoField | undefined {
    return this.#extensions.get(fullName) ?? this.#outer?.extension(fullName)
  }

  /** The full name of a type that is named in this scope; null for none. */
  resolve(name: string, scope: Scope): string | null {
    return resolved(name, scope, (full) => this.type(full) !== undefined)
  }

  resolveExtension(name: string, scope: Scope): string | null {
    return resolved(name, scope, (full) => this.extension(full) !== undefined)
  }

  find(name: string, scope: Scope): TypeInfo | undefined {
    const full = this.resolve(name, scope)
    return full === null ? undefined : this.type(full)
  }
}

function resolved(name: string, scope: Scope, known: (full: string) => boolean): string | null {
  if (name.startsWith('.')) return known(name.slice(1)) ? name.slice(1) : null
  for (let length = scope.length; length > 0; length--) {
    const full = `${scope.slice(0, length).join('.')}.${name}`
    if (known(full)) return full
  }
  return known(name) ? name : null
}

/** A compiled file has a message with the option map_entry for each map. */
function mapOf(message: ProtoMessage): string | null {
  const entry = message.options.find((option) => option.name === 'map_entry')?.value
  if (typeof entry !== 'object' || !('word' in entry) || entry.word !== 'true') return null
  const typeOf = (name: string) => allFields(message).find((field) => field.name === name)?.type
  const text = `map<${typeOf('key')}, ${typeOf('value')}>`
  return mapTypes(text) ? text : null
}
