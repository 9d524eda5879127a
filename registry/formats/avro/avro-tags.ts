/**
 * The tags of records and fields in an Avro schema: their property `confluent:tags`. A record is named with its namespace, a field with its
 * record.
 */
import { type Json, type JsonObject, readJson } from '../json-text.ts'
import { InvalidSchemaError } from '../parsed-schema.ts'
import { changedTags, noSuchPath, type TagChange, type TaggedEntity } from '../tagged-entities.ts'
import { type AvroSchema, avroName, fullNameOf } from './avro-schema.ts'

const TAGS = 'confluent:tags'
const textsIn = (json: Json | undefined): string[] => (Array.isArray(json) ? json.map(String) : [])

export function avroTags(root: AvroSchema): TaggedEntity[] {
  const found: TaggedEntity[] = []
  const seen = new Set<AvroSchema>()
  const add = (path: string, type: TaggedEntity['type'], props: ReadonlyMap<string, Json>) => {
    const tags = textsIn(props.get(TAGS))
    if (tags.length > 0) found.push({ path, type, tags })
  }
  const waiting = [root]
  for (let schema = waiting.pop(); schema; schema = waiting.pop()) {
    if (seen.has(schema)) continue
    seen.add(schema)
    const inner = [...(schema.branches ?? []), ...(schema.element ? [schema.element] : [])]
    if (schema.type === 'record') {
      const name = fullNameOf(schema)
      add(name, 'sr_record', schema.props)
      for (const field of schema.fields ?? []) {
        add(`${name}.${field.name}`, 'sr_field', field.props)
        inner.push(field.schema)
      }
    }
    waiting.push(...inner.reverse())
  }
  return found
}

/** The text of the schema with other tags. @throws InvalidSchemaError where there is no such record or field. */
export function withAvroTags(text: string, changes: readonly TagChange[], write: (json: Json) => string): string {
  const json = readJson(text)
  for (const change of changes) {
    const entity = entityAt(json, change)
    if (!entity) throw new InvalidSchemaError(noSuchPath(change))
    const tags = changedTags(textsIn(entity.get(TAGS)), change)
    if (tags.length > 0) entity.set(TAGS, tags)
    else entity.delete(TAGS)
  }
  return write(json)
}

/** The first record, from the outside, that the path names; a name without a namespace is that of any. */
function entityAt(root: Json, { path, type }: TagChange): JsonObject | undefined {
  const dot = path.lastIndexOf('.')
  const [record, field] = type === 'sr_record' ? [path, null] : [path.slice(0, Math.max(0, dot)), path.slice(dot + 1)]
  const waiting: [json: Json | undefined, space: string | null][] = [[root, null]]
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [json, space] = next
    if (Array.isArray(json)) waiting.push(...json.map((branch) => [branch, space] as [Json, string | null]))
    if (!(json instanceof Map)) continue
    const kind = json.get('type')
    if (kind === 'record' || kind === 'error') {
      const own = json.get('namespace')
      const name = avroName(String(json.get('name')), typeof own === 'string' ? own : space)
      const fields = (json.get('fields') as Json[]).filter((each) => each instanceof Map)
      if (record === name.full || record === name.name) {
        const found = field === null ? json : fields.find((each) => each.get('name') === field)
        if (found) return found
      }
      waiting.push(...fields.map((each) => [each.get('type'), name.space] as [Json | undefined, string | null]))
    } else waiting.push([json.get(kind === 'array' ? 'items' : kind === 'map' ? 'values' : 'type'), space])
  }
  return undefined
}
