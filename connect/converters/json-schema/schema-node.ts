/**
 * JSON Schema as Confluent's converter looks at it: each schema is of one kind, or a combination of several. References are found by
 * pointer, anchor, or the name of another schema of the registry; nothing is loaded from a URL.
 */
import { DataError } from '../../sdk/index.ts'

type Json = Record<string, unknown>

export type Node =
  | { readonly kind: 'null' | 'boolean' | 'string' | 'empty' | 'ref'; readonly json: Json }
  | { readonly kind: 'number'; readonly isInteger: boolean; readonly json: Json }
  | { readonly kind: 'enum'; readonly values: readonly unknown[]; readonly isConst: boolean; readonly json: Json }
  | { readonly kind: 'combined'; readonly criterion: 'oneOf' | 'anyOf' | 'allOf'; readonly parts: readonly Node[]; readonly json: Json }
  | { readonly kind: 'array'; readonly items: Node | null; readonly json: Json }
  | {
      readonly kind: 'object'
      readonly properties: readonly (readonly [string, Node])[]
      readonly required: ReadonlySet<string>
      readonly additional: Node | null
      readonly json: Json
    }

const isObject = (json: unknown): json is Json => typeof json === 'object' && json !== null && !Array.isArray(json)
const NOTHING: Json = {}

/** Keywords that say the type of a schema without `type`. */
const objectKeywords = ['properties', 'required', 'additionalProperties', 'patternProperties', 'minProperties', 'maxProperties']
const arrayKeywords = ['items', 'minItems', 'maxItems', 'uniqueItems', 'contains']
const stringKeywords = ['minLength', 'maxLength', 'pattern', 'format']
const numberKeywords = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']

/** Those that are combined come first, as Confluent's library sorts them. */
const combinedFirst = (nodes: readonly Node[]): Node[] => [
  ...nodes.filter(({ kind }) => kind === 'combined'),
  ...nodes.filter(({ kind }) => kind !== 'combined'),
]

export function nodeOf(given: unknown): Node {
  const json = isObject(given) ? given : NOTHING
  if (typeof json.$ref === 'string') return { kind: 'ref', json }
  const parts: ((own: Json) => Node)[] = []
  if (Array.isArray(json.enum)) parts.push((own) => ({ kind: 'enum', values: json.enum as unknown[], isConst: false, json: own }))
  if ('const' in json) parts.push((own) => ({ kind: 'enum', values: [json.const], isConst: true, json: own }))
  for (const criterion of ['allOf', 'anyOf', 'oneOf'] as const) {
    const schemas = json[criterion]
    if (Array.isArray(schemas)) parts.push((own) => ({ kind: 'combined', criterion, parts: combinedFirst(schemas.map(nodeOf)), json: own }))
  }
  const { type } = json
  if (typeof type === 'string') parts.push((own) => typed(type, json, own))
  else if (Array.isArray(type)) {
    const types = [...new Set(type.filter((one): one is string => typeof one === 'string'))]
    parts.push((own) =>
      types.length === 1
        ? typed(types[0]!, json, own)
        : { kind: 'combined', criterion: 'anyOf', parts: types.map((one) => typed(one, json, withoutCommon(json))), json: own },
    )
  } else {
    const has = (keywords: readonly string[]) => keywords.some((keyword) => keyword in json)
    if (has(objectKeywords)) parts.push((own) => typed('object', json, own))
    if (has(arrayKeywords)) parts.push((own) => typed('array', json, own))
    if (has(stringKeywords)) parts.push((own) => typed('string', json, own))
    if (has(numberKeywords)) parts.push((own) => typed('number', json, own))
  }
  if (parts.length === 0) return { kind: 'empty', json }
  if (parts.length === 1) return parts[0]!(json)
  return { kind: 'combined', criterion: 'allOf', parts: combinedFirst(parts.map((part) => part(withoutCommon(json)))), json }
}

/** Title, default and Connect's properties belong to the combination, not to each of its parts. */
const withoutCommon = ({ title: _title, description: _description, default: _default, ...json }: Json): Json =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !name.startsWith('connect.')))

function typed(type: string, json: Json, own: Json): Node {
  switch (type) {
    case 'null':
    case 'boolean':
    case 'string':
      return { kind: type, json: own }
    case 'integer':
    case 'number':
      return { kind: 'number', isInteger: type === 'integer', json: own }
    case 'array':
      return { kind: 'array', items: isObject(json.items) ? nodeOf(json.items) : null, json: own }
    case 'object':
      return {
        kind: 'object',
        properties: isObject(json.properties)
          ? Object.entries(json.properties).map(([name, schema]) => [name, nodeOf(schema)] as const)
          : [],
        required: new Set(Array.isArray(json.required) ? json.required.filter((name): name is string => typeof name === 'string') : []),
        additional: isObject(json.additionalProperties) ? nodeOf(json.additionalProperties) : null,
        json: own,
      }
    default:
      throw new DataError(`Unsupported schema type ${type}`)
  }
}

/** A schema with those that it refers to by name. */
export class JsonSchemas {
  readonly root: Json
  readonly #documents = new Map<string, Json>()
  /** The document that each schema is in. */
  readonly #documentOf = new WeakMap<Json, Json>()
  readonly #anchors = new WeakMap<Json, Map<string, Json>>()

  constructor(text: string, referenced: readonly { readonly name: string; readonly schema: string }[]) {
    this.root = this.#add(text, null)
    for (const { name, schema } of referenced) this.#add(schema, name)
  }

  #add(text: string, name: string | null): Json {
    const parsed: unknown = JSON.parse(text)
    const document = isObject(parsed) ? parsed : {}
    const anchors = new Map<string, Json>()
    this.#anchors.set(document, anchors)
    // Without recursion: the text may be nested deeper than the stack.
    const pending: unknown[] = [document]
    while (pending.length > 0) {
      const json = pending.pop()
      if (Array.isArray(json)) pending.push(...json)
      if (!isObject(json)) continue
      this.#documentOf.set(json, document)
      for (const id of [json.$id, json.id]) if (typeof id === 'string') anchors.set(id, json)
      if (typeof json.$anchor === 'string') anchors.set(`#${json.$anchor}`, json)
      pending.push(...Object.values(json))
    }
    if (name !== null) this.#documents.set(name, document)
    const id = document.$id ?? document.id
    if (typeof id === 'string') this.#documents.set(id, document)
    return document
  }

  /** The schema that `ref` in `from` names. Throws DataError. */
  resolve(ref: string, from: Json): Json {
    const here = this.#documentOf.get(from) ?? this.root
    const anchored = this.#anchors.get(here)!.get(ref)
    if (anchored) return anchored
    const hash = ref.indexOf('#')
    const name = hash < 0 ? ref : ref.slice(0, hash)
    const fragment = hash < 0 ? '' : ref.slice(hash + 1)
    const document = name === '' ? here : this.#document(name)
    const found =
      fragment === '' ? document : fragment.startsWith('/') ? pointed(document, fragment) : this.#anchors.get(document)!.get(`#${fragment}`)
    if (!isObject(found)) throw new DataError(`the JSON Schema refers to ${ref}, which neither it nor its references have`)
    return found
  }

  #document(name: string): Json {
    const known =
      this.#documents.get(name) ?? [...this.#documents].find(([other]) => name.endsWith(`/${other}`) || other.endsWith(`/${name}`))?.[1]
    if (!known) throw new DataError(`the JSON Schema refers to ${name}, which is not in its references`)
    return known
  }
}

function pointed(document: Json, pointer: string): unknown {
  let at: unknown = document
  for (const part of pointer.slice(1).split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Json)[key] : undefined
  }
  return at
}
