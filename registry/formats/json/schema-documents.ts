/**
 * The documents that `$ref` can name: the schema itself, its references by their names, embedded schemas with an identifier, and the
 * meta schemas of JSON Schema. Nothing is fetched from a network.
 */
import type { Json, JsonObject } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import { type Draft, metaSchema } from './meta-schemas.ts'

const DEFAULT_BASE = 'mem://input/'

/** A JSON value and the document and base address where it stands. */
export interface Place {
  readonly json: Json
  readonly document: SchemaDocument
}

export interface SchemaDocument {
  readonly root: Json
  readonly base: string
}

export class SchemaDocuments {
  readonly root: SchemaDocument
  readonly #idKeyword: string
  readonly #byAddress = new Map<string, SchemaDocument>()
  readonly #anchors = new Map<string, Json>()

  constructor(root: Json, references: readonly { name: string; json: Json }[], draft: Draft) {
    this.#idKeyword = draft === 'draft-04' ? 'id' : '$id'
    this.root = { root, base: this.#baseOf(root, DEFAULT_BASE) }
    for (const { name, json } of references) {
      const document = { root: json, base: this.#baseOf(json, resolved(name, this.root.base)) }
      for (const address of [name, `./${name}`, resolved(name, this.root.base), resolved(name, DEFAULT_BASE), document.base])
        if (!this.#byAddress.has(address)) this.#byAddress.set(address, document)
      this.#index(json, document.base, document)
    }
    this.#byAddress.set(this.root.base, this.root)
    this.#index(root, this.root.base, this.root)
  }

  #baseOf(json: Json, outer: string): string {
    const id = json instanceof Map ? json.get(this.#idKeyword) : undefined
    return typeof id === 'string' ? withoutFragment(resolved(id, outer)) : withoutFragment(outer)
  }

  /** Embedded schemas with an identifier, and anchors. */
  #index(json: Json, base: string, document: SchemaDocument): void {
    if (Array.isArray(json)) {
      for (const item of json) this.#index(item, base, document)
      return
    }
    if (!(json instanceof Map)) return
    let own = base
    const id = json.get(this.#idKeyword)
    if (typeof id === 'string' && id !== '') {
      const address = resolved(id, base)
      if (id.startsWith('#')) this.#anchors.set(address, json)
      else if (json !== document.root) {
        own = withoutFragment(address)
        if (!this.#byAddress.has(own)) this.#byAddress.set(own, { root: json, base: own })
      }
    }
    for (const keyword of ['$anchor', '$dynamicAnchor']) {
      const anchor = json.get(keyword)
      if (typeof anchor === 'string') this.#anchors.set(`${own}#${anchor}`, json)
    }
    for (const value of json.values()) this.#index(value, own, document)
  }

  /** What a reference means that stands in this document. */
  resolve(reference: string, from: SchemaDocument): Place {
    const hash = reference.indexOf('#')
    const address = hash < 0 ? reference : reference.slice(0, hash)
    const fragment = hash < 0 ? '' : decoded(reference.slice(hash + 1))
    const document = address === '' ? from : this.#document(address, from)
    if (!document) throw unresolved(reference)
    if (fragment === '') return { json: document.root, document }
    const json = fragment.startsWith('/') ? pointed(document.root, fragment) : this.#anchors.get(`${document.base}#${fragment}`)
    if (json === undefined) throw unresolved(reference)
    return { json, document }
  }

  #document(address: string, from: SchemaDocument): SchemaDocument | undefined {
    const absolute = withoutFragment(resolved(address, from.base))
    const known = this.#byAddress.get(absolute) ?? this.#byAddress.get(address) ?? this.#byAddress.get(resolved(address, this.root.base))
    if (known) return known
    const root = metaSchema(absolute)
    if (root === null) return undefined
    const document = { root, base: absolute }
    this.#byAddress.set(absolute, document)
    return document
  }
}

const unresolved = (reference: string) => new InvalidSchemaError(`The reference ${reference} cannot be resolved`)

function resolved(address: string, base: string): string {
  return URL.canParse(address, base) ? new URL(address, base).href : address
}

const withoutFragment = (address: string): string => address.replace(/#.*$/s, '')

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment)
  } catch {
    // A percent sign that is no escape stands for itself.
    return fragment
  }
}

/** `#/$defs/X` also finds what stands in `definitions` at the top. */
function pointed(root: Json, pointer: string): Json | undefined {
  let at: Json | undefined = root
  for (const [index, token] of pointer.slice(1).split('/').entries()) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (at instanceof Map) at = at.get(key) ?? (index === 0 && key === '$defs' ? at.get('definitions') : undefined)
    else if (Array.isArray(at) && /^\d+$/.test(key)) at = at[Number(key)]
    else return undefined
    if (index === 1 && at === undefined && pointer.startsWith('/$defs/')) at = definition(root, key)
  }
  return at
}

function definition(root: Json, name: string): Json | undefined {
  const definitions: Json | undefined = root instanceof Map ? (root as JsonObject).get('definitions') : undefined
  return definitions instanceof Map ? definitions.get(name) : undefined
}
