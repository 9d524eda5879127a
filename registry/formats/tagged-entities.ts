/**
 * Tags that a schema has in its own text: of records and of fields, which are named by a path. What the formats have in common; where the
 * tags are in the text is in theirs.
 */

/** As Confluent's API names them. */
export type EntityType = 'sr_record' | 'sr_field'

export interface TaggedEntity {
  /** In dots; the name of an Avro record begins with its namespace. */
  readonly path: string
  readonly type: EntityType
  readonly tags: readonly string[]
}

/** What is done to the tags of one entity: the ones to add, then the ones to remove. */
export interface TagChange {
  readonly path: string
  readonly type: EntityType
  readonly add: ReadonlySet<string>
  readonly remove: ReadonlySet<string>
}

/** One change for each entity, in the order in which they are named. */
export function tagChanges(add: readonly TaggedEntity[], remove: readonly TaggedEntity[]): TagChange[] {
  const changes = new Map<string, { path: string; type: EntityType; add: Set<string>; remove: Set<string> }>()
  for (const [entities, kind] of [[add, 'add'] as const, [remove, 'remove'] as const])
    for (const { path: given, type, tags } of entities) {
      const path = given.replace(/^\./, '')
      const key = `${type} ${path}`
      const change = changes.get(key) ?? { path, type, add: new Set(), remove: new Set() }
      changes.set(key, change)
      for (const tag of tags) change[kind].add(tag)
    }
  return [...changes.values()]
}

/** The tags of an entity after a change. */
export const changedTags = (tags: readonly string[], { add, remove }: TagChange): string[] =>
  [...new Set([...tags, ...add])].filter((tag) => !remove.has(tag))

/** What is wrong with a change of what a schema does not have. */
export const noSuchPath = ({ path }: TagChange): string => `No matching path '${path}' found in the schema`
