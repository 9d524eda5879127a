/**
 * The tags of objects and properties in a JSON schema: their keyword `confluent:tags`. A path has a word for each step: `object.address`,
 * `object.items.array.object.sku`, `object.definitions.Item.object.sku`, `oneof.0.object.id`.
 */
import { type Json, type JsonObject, readJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import { changedTags, noSuchPath, type TagChange, type TaggedEntity } from '../tagged-entities.ts'

const TAGS = 'confluent:tags'
const combinations = [
  ['oneOf', 'oneof'],
  ['anyOf', 'anyof'],
  ['allOf', 'allof'],
] as const
const definitions = ['definitions', '$defs'] as const
/** In the order in which Confluent sorts the schemas of a combination. */
const kinds = [
  'array',
  'boolean',
  'combined',
  'const',
  'empty',
  'enum',
  'false',
  'not',
  'null',
  'number',
  'object',
  'reference',
  'string',
  'true',
]

const textsIn = (json: Json | undefined): string[] => (Array.isArray(json) ? json.map(String) : [])
const textOr = (json: Json | undefined): string => (typeof json === 'string' ? json : '')

function kindOf(json: Json): string {
  if (!(json instanceof Map)) return json === false ? 'false' : 'true'
  if (json.has('$ref')) return 'reference'
  if (combinations.some(([keyword]) => json.has(keyword)) || Array.isArray(json.get('type'))) return 'combined'
  for (const keyword of ['const', 'enum', 'not']) if (json.has(keyword)) return keyword
  const type = json.get('type')
  if (typeof type === 'string') return type === 'integer' ? 'number' : type
  return json.has('properties') ? 'object' : json.has('items') ? 'array' : 'empty'
}

/** The schemas of a combination as paths number them. */
function sorted(schemas: Json | undefined): Json[] {
  const rank = (json: Json) => kinds.indexOf(kindOf(json))
  const text = (json: Json, keyword: string) => (json instanceof Map ? textOr(json.get(keyword)) : '')
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return (Array.isArray(schemas) ? schemas : []).toSorted(
    (a, b) => rank(a) - rank(b) || byText(text(a, 'title'), text(b, 'title')) || byText(text(a, 'description'), text(b, 'description')),
  )
}

interface Step {
  readonly json: Json | undefined
  readonly path: string
  /** Its own tags are those of the property that it is. */
  readonly isProperty: boolean
}

/** The schemas inside one, each with the path to it. */
function inside({ json, path }: Step): Step[] {
  if (!(json instanceof Map)) return []
  const at = (inner: Json | undefined, ...words: (string | number)[]): Step => ({
    json: inner,
    path: [path, ...words].filter((word) => word !== '').join('.'),
    isProperty: false,
  })
  const combination = combinations.find(([keyword]) => json.has(keyword))
  if (combination) return sorted(json.get(combination[0])).map((inner, index) => at(inner, combination[1], index))
  if (json.has('not')) return [at(json.get('not'), 'not')]
  if (kindOf(json) === 'array') return [at(json.get('items'), 'array')]
  const union = unionStep(json)
  if (!isObject(json) && union === null) return []
  const words = union === null ? ['object'] : ['anyof', union, 'object']
  const properties = entriesOf(json.get('properties')).map(([name, inner]) => ({ ...at(inner, ...words, name), isProperty: true }))
  return [
    ...properties,
    ...definitions.flatMap((keyword) => entriesOf(json.get(keyword)).map(([name, inner]) => at(inner, 'object', keyword, name))),
  ]
}

/** Of `"type": ["null", "object"]`: the number of the object among the types. */
function unionStep(json: JsonObject): number | null {
  const types = json.get('type')
  if (!Array.isArray(types) || !types.includes('object')) return null
  const named = types.map((type) => (type === 'integer' ? 'number' : textOr(type)))
  return named.toSorted((a, b) => kinds.indexOf(a) - kinds.indexOf(b)).indexOf('object')
}

const isObject = (json: JsonObject): boolean => kindOf(json) === 'object' || definitions.some((keyword) => json.has(keyword))
const entriesOf = (json: Json | undefined): [string, Json][] => (json instanceof Map ? [...json] : [])

/** The tagged entity that a schema is: a property, or an object that is none. */
const entityOf = ({ json, path, isProperty }: Step): { path: string; type: TaggedEntity['type'] } | null => {
  if (!(json instanceof Map)) return null
  if (isProperty) return { path, type: 'sr_field' }
  return isObject(json) ? { path: path === '' ? 'object' : `${path}.object`, type: 'sr_record' } : null
}

function* stepsOf(root: Json): Generator<Step> {
  const waiting: Step[] = [{ json: root, path: '', isProperty: false }]
  for (let step = waiting.pop(); step; step = waiting.pop()) {
    yield step
    waiting.push(...inside(step).reverse())
  }
}

export function jsonTags(root: Json): TaggedEntity[] {
  const found: TaggedEntity[] = []
  for (const step of stepsOf(root)) {
    const entity = entityOf(step)
    const tags = entity ? textsIn((step.json as JsonObject).get(TAGS)) : []
    if (tags.length > 0) found.push({ ...entity!, tags })
  }
  return found
}

/** The text of the schema with other tags. @throws InvalidSchemaError where there is no such object or property. */
export function withJsonTags(text: string, changes: readonly TagChange[], write: (json: Json) => string): string {
  const root = readJson(text, { nonNumeric: true })
  const entities = new Map<string, JsonObject>()
  for (const step of stepsOf(root)) {
    const entity = entityOf(step)
    if (entity) entities.set(`${entity.type} ${entity.path}`, step.json as JsonObject)
  }
  for (const change of changes) {
    const entity = entities.get(`${change.type} ${change.path}`)
    if (!entity) throw new InvalidSchemaError(noSuchPath(change))
    const tags = changedTags(textsIn(entity.get(TAGS)), change)
    if (tags.length > 0) entity.set(TAGS, tags)
    else entity.delete(TAGS)
  }
  return write(root)
}
