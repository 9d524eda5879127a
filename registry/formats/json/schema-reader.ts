/**
 * Reads JSON schemas into nodes: the keywords of each type become one node of that type, and a schema with several nodes is an allOf of
 * them. Up to draft 7 a `$ref` hides all keywords beside it; from 2019-09 on it is one more constraint.
 */

import { javaSetOrder } from '../java-order.ts'
import { bigDecimalText, type Json, JsonNumber, type JsonObject, sortedJson, writeJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import type { Draft } from './meta-schemas.ts'
import type { Place, SchemaDocument, SchemaDocuments } from './schema-documents.ts'
import type { Additional, ArrayNode, Common, Criterion, NumberNode, ObjectNode, SchemaNode, StringNode } from './schema-node.ts'

const ARRAY_KEYWORDS = ['items', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'contains']
const MODERN_ARRAY_KEYWORDS = [...ARRAY_KEYWORDS, 'prefixItems', 'unevaluatedItems']
const OBJECT_KEYWORDS = ['properties', 'required', 'minProperties', 'maxProperties', 'patternProperties', 'additionalProperties']
const OLD_OBJECT_KEYWORDS = [...OBJECT_KEYWORDS, 'dependencies', 'propertyNames']
const MODERN_OBJECT_KEYWORDS = [...OBJECT_KEYWORDS, 'propertyNames', 'dependentRequired', 'dependentSchemas', 'unevaluatedProperties']
const NUMBER_KEYWORDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const STRING_KEYWORDS = ['minLength', 'maxLength', 'pattern']
const CONDITIONAL_KEYWORDS = ['if', 'then', 'else']
const REFERENCE_KEYWORDS = ['$ref', '$dynamicRef', '$recursiveRef']

type Parts = SchemaNode extends infer Node ? (Node extends Common ? Omit<Node, keyof Common> : never) : never

export class SchemaReader {
  readonly #documents: SchemaDocuments
  readonly #draft: Draft
  readonly #modern: boolean
  readonly #read = new Map<JsonObject, SchemaNode>()
  /** References that were read and not yet followed. */
  readonly #pending: (() => unknown)[] = []

  constructor(documents: SchemaDocuments, draft: Draft) {
    this.#documents = documents
    this.#draft = draft
    this.#modern = draft === '2019-09' || draft === '2020-12'
  }

  /** Reads the schema and all that it refers to; a reference that leads nowhere throws. */
  all(): SchemaNode {
    const root = this.#place({ json: this.#documents.root.root, document: this.#documents.root })
    for (let follow = this.#pending.pop(); follow; follow = this.#pending.pop()) follow()
    return root
  }

  #place({ json, document }: Place): SchemaNode {
    if (typeof json === 'boolean')
      return { kind: json ? 'true' : 'false', hasDefault: false, isConnectBytes: false, text: () => String(json) }
    if (!(json instanceof Map)) throw new InvalidSchemaError(`Invalid JSON schema: expected an object or boolean, found ${text(json)}`)
    const known = this.#read.get(json)
    if (known) return known
    const node = this.#object(json, document)
    this.#read.set(json, node)
    return node
  }

  #object(json: JsonObject, document: SchemaDocument): SchemaNode {
    const common: Common = {
      hasDefault: json.has('default'),
      isConnectBytes: json.get('connect.type') === 'bytes',
      text: once(() => text(sortedJson(json))),
    }
    const parts = new KeywordReader(json, (child) => this.#place({ json: child, document }), this.#draft, this.#modern)
    const nodes = this.#references(json, document, common)
    if (nodes.length === 0 || this.#modern) nodes.push(...parts.nodes())
    if (nodes.length === 0) return { kind: 'empty', ...common }
    if (nodes.length === 1) return { ...nodes[0]!, ...common } as SchemaNode
    const subschemas = nodes.map((node, index) => ({
      ...node,
      hasDefault: false,
      isConnectBytes: false,
      text: () => `${index} ${common.text()}`,
    }))
    return { kind: 'combined', criterion: 'allOf', subschemas: subschemas as SchemaNode[], ...common }
  }

  #references(json: JsonObject, document: SchemaDocument, common: Common): Parts[] {
    const found: Parts[] = []
    for (const keyword of this.#modern ? REFERENCE_KEYWORDS : ['$ref']) {
      const reference = json.get(keyword)
      if (reference === undefined) continue
      if (typeof reference !== 'string') throw new InvalidSchemaError(`Invalid JSON schema: ${keyword} is no text: ${common.text()}`)
      const target = once(() => this.#place(this.#documents.resolve(reference, document)))
      this.#pending.push(target)
      found.push({ kind: 'reference', target })
    }
    return found
  }
}

/** The nodes of one schema object, each of the keywords of one type. */
class KeywordReader {
  readonly #json: JsonObject
  readonly #child: (json: Json) => SchemaNode
  readonly #draft: Draft
  readonly #modern: boolean

  constructor(json: JsonObject, child: (json: Json) => SchemaNode, draft: Draft, modern: boolean) {
    this.#json = json
    this.#child = child
    this.#draft = draft
    this.#modern = modern
  }

  nodes(): Parts[] {
    const json = this.#json
    const found: Parts[] = []
    const values = json.get('enum')
    if (values !== undefined) found.push({ kind: 'enum', values: new Set(list(values, 'enum').map((value) => text(sortedJson(value)))) })
    for (const criterion of javaSetOrder(
      [],
      ['allOf', 'anyOf', 'oneOf'].filter((key) => json.has(key)),
    ) as Criterion[]) {
      const subschemas = list(json.get(criterion)!, criterion).map(this.#child)
      found.push({ kind: 'combined', criterion, subschemas })
    }
    const not = json.get('not')
    if (not !== undefined) found.push({ kind: 'not', schema: this.#child(not) })
    const constant = json.get('const')
    if (constant !== undefined && this.#draft !== 'draft-04') found.push({ kind: 'const', value: text(sortedJson(constant)) })
    const types = this.#types()
    if (types) found.push(this.#typed(types))
    for (const type of ['array', 'object', 'number', 'string'])
      if (!types?.some((given) => given === type || (given === 'integer' && type === 'number')) && this.#has(this.#keywords(type)))
        found.push(this.#typeNode(type))
    if (this.#draft !== 'draft-04' && this.#draft !== 'draft-06' && this.#has(CONDITIONAL_KEYWORDS)) {
      for (const keyword of CONDITIONAL_KEYWORDS) if (json.has(keyword)) this.#child(json.get(keyword)!)
      found.push({ kind: 'conditional' })
    }
    return found
  }

  #has(keywords: readonly string[]): boolean {
    return keywords.some((keyword) => this.#json.has(keyword))
  }

  #keywords(type: string): readonly string[] {
    if (type === 'array') return this.#modern ? MODERN_ARRAY_KEYWORDS : ARRAY_KEYWORDS
    if (type === 'object') return this.#modern ? MODERN_OBJECT_KEYWORDS : OLD_OBJECT_KEYWORDS
    if (type === 'number') return NUMBER_KEYWORDS
    return this.#modern ? STRING_KEYWORDS : [...STRING_KEYWORDS, 'format']
  }

  #types(): string[] | null {
    const type = this.#json.get('type')
    if (type === undefined) return null
    const given = Array.isArray(type) ? type : [type]
    return given.map((name) => {
      if (typeof name !== 'string') throw new InvalidSchemaError(`Invalid JSON schema: type is no text: ${text(name)}`)
      return name
    })
  }

  #typed(types: readonly string[]): Parts {
    if (!Array.isArray(this.#json.get('type'))) return this.#typeNode(types[0]!)
    const own = once(() => text(sortedJson(this.#json)))
    const subschemas = types.map(
      (type) => ({ ...this.#typeNode(type), hasDefault: false, isConnectBytes: false, text: () => `${type} ${own()}` }) as SchemaNode,
    )
    return { kind: 'combined', criterion: 'anyOf', subschemas }
  }

  #typeNode(type: string): Parts {
    if (type === 'string') return this.#string()
    if (type === 'number' || type === 'integer') return this.#number(type === 'integer')
    if (type === 'boolean' || type === 'null') return { kind: type }
    if (type === 'array') return this.#array()
    if (type === 'object') return this.#object()
    throw new InvalidSchemaError(`Invalid JSON schema: unknown type: [${type}]`)
  }

  #string(): Omit<StringNode, keyof Common> {
    const pattern = this.#json.get('pattern')
    return {
      kind: 'string',
      maxLength: this.#amount('maxLength'),
      minLength: this.#amount('minLength'),
      pattern: typeof pattern === 'string' ? pattern : null,
    }
  }

  #number(integer: boolean): Omit<NumberNode, keyof Common> {
    const multipleOf = this.#json.get('multipleOf')
    const [maximum, minimum] = [this.#amount('maximum'), this.#amount('minimum')]
    // In draft 4 the exclusive limit is a boolean beside the limit.
    const excludes = (keyword: string) => this.#draft === 'draft-04' && this.#json.get(keyword) === true
    const exclusive = (keyword: string, limit: number | null) => (excludes(keyword) ? limit : this.#amount(keyword))
    return {
      kind: 'number',
      integer,
      maximum: excludes('exclusiveMaximum') ? null : maximum,
      minimum: excludes('exclusiveMinimum') ? null : minimum,
      exclusiveMaximum: exclusive('exclusiveMaximum', maximum),
      exclusiveMinimum: exclusive('exclusiveMinimum', minimum),
      multipleOf: multipleOf instanceof JsonNumber ? multipleOf : null,
    }
  }

  #amount(keyword: string): number | null {
    const value = this.#json.get(keyword)
    return value instanceof JsonNumber ? value.value : null
  }

  #array(): Omit<ArrayNode, keyof Common> {
    const items = this.#json.get('items')
    const prefix = this.#json.get('prefixItems')
    const tuple = Array.isArray(items) ? items : this.#modern && Array.isArray(prefix) ? prefix : []
    const contains = this.#json.get('contains')
    if (contains !== undefined && this.#draft !== 'draft-04') this.#child(contains)
    const unevaluated = this.#modern ? this.#json.get('unevaluatedItems') : undefined
    return {
      kind: 'array',
      ...this.#items(items, tuple.length > 0),
      tuple: tuple.map(this.#child),
      unevaluated: unevaluated === undefined ? null : this.#child(unevaluated),
      maxItems: this.#amount('maxItems'),
      minItems: this.#amount('minItems'),
      uniqueItems: this.#json.get('uniqueItems') === true,
      maxContains: this.#amount('maxContains'),
      minContains: this.#amount('minContains') ?? (this.#modern && contains !== undefined ? 1 : null),
    }
  }

  /** From 2020-12 on `items` is what comes after the first items. */
  #items(items: Json | undefined, hasTuple: boolean): { items: SchemaNode | null; additional: Additional } {
    if (!this.#modern || Array.isArray(items)) {
      const all = items === undefined || Array.isArray(items) ? null : this.#child(items)
      return { items: all, additional: this.#additional(this.#json.get('additionalItems')) }
    }
    if (items === undefined || items === true) return { items: null, additional: true }
    if (items === false) return { items: null, additional: false }
    return hasTuple ? { items: null, additional: this.#child(items) } : { items: this.#child(items), additional: true }
  }

  #additional(given: Json | undefined): Additional {
    if (given === undefined || given === true) return true
    return given === false ? false : this.#child(given)
  }

  #object(): Omit<ObjectNode, keyof Common> {
    const required = this.#json.get('required')
    const names = this.#json.get('propertyNames')
    if (names !== undefined && this.#draft !== 'draft-04') this.#child(names)
    const unevaluated = this.#modern ? this.#json.get('unevaluatedProperties') : undefined
    return {
      kind: 'object',
      properties: this.#children('properties'),
      required: new Set(required === undefined ? [] : texts(required, 'required')),
      additional: this.#additional(this.#json.get('additionalProperties')),
      unevaluated: unevaluated === undefined ? null : this.#child(unevaluated),
      patterns: this.#children('patternProperties'),
      ...this.#dependencies(),
      maxProperties: this.#amount('maxProperties'),
      minProperties: this.#amount('minProperties'),
    }
  }

  #children(keyword: string): Map<string, SchemaNode> {
    const given = this.#json.get(keyword)
    if (given === undefined) return new Map()
    if (!(given instanceof Map)) throw new InvalidSchemaError(`Invalid JSON schema: ${keyword} is no object: ${text(given)}`)
    return new Map([...given].map(([name, schema]) => [name, this.#child(schema)]))
  }

  #dependencies(): Pick<ObjectNode, 'propertyDependencies' | 'schemaDependencies'> {
    const propertyDependencies = new Map<string, ReadonlySet<string>>()
    const schemaDependencies = this.#modern ? this.#children('dependentSchemas') : new Map<string, SchemaNode>()
    const given = this.#json.get(this.#modern ? 'dependentRequired' : 'dependencies')
    if (given instanceof Map)
      for (const [name, value] of given)
        if (Array.isArray(value)) propertyDependencies.set(name, new Set(texts(value, 'dependencies')))
        else schemaDependencies.set(name, this.#child(value))
    return { propertyDependencies, schemaDependencies }
  }
}

const text = (json: Json): string => writeJson(json, bigDecimalText)

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function list(json: Json, keyword: string): Json[] {
  if (Array.isArray(json)) return json
  throw new InvalidSchemaError(`Invalid JSON schema: ${keyword} is no array: ${text(json)}`)
}

const texts = (json: Json, keyword: string): string[] =>
  list(json, keyword).map((value) => {
    if (typeof value === 'string') return value
    throw new InvalidSchemaError(`Invalid JSON schema: ${keyword} has what is no text: ${text(value)}`)
  })
