/**
 * The seven compatibility levels: which earlier versions a new schema is checked against, and in which direction. The messages are
 * Confluent's; the pairwise check is that of the format.
 */
import type { CompatibilityLevel } from './entities.ts'
import type { ParsedSchema } from './formats/index.ts'

/** Why `reader` cannot read what `writer` wrote; `names` are those of the two in the messages. */
export type Compare = (
  writer: ParsedSchema,
  reader: ParsedSchema,
  names: { readonly reader: string; readonly writer: string; readonly isLenient?: boolean },
) => readonly string[]

export interface EarlierSchema {
  /** Null where it has no version, as in a check of two texts. */
  readonly version: number | null
  parsed(): ParsedSchema
}

/** The names of the two in messages. */
const NEW_READS_OLD = { reader: 'new', writer: 'old' } as const
const OLD_READS_NEW = { reader: 'old', writer: 'new' } as const

/** Longer texts are cut off in messages. */
const QUOTED_SCHEMA_LIMIT = 10 * 1024
const DIFFERENT_TYPE = 'Incompatible because of different schema type'

function describeOld(earlier: EarlierSchema): string[] {
  const { canonical } = earlier.parsed()
  const version = earlier.version === null ? [] : [`{oldSchemaVersion: ${earlier.version}}`]
  return canonical.length <= QUOTED_SCHEMA_LIMIT
    ? [...version, `{oldSchema: '${canonical}'}`]
    : [...version, `{oldSchema: <truncated> '${canonical.slice(0, QUOTED_SCHEMA_LIMIT)}...'}`]
}

/** Why the schema is incompatible with the earlier ones, which are given in their order; empty where it is compatible. */
export function incompatibilities(
  level: CompatibilityLevel,
  schema: ParsedSchema,
  earlier: readonly EarlierSchema[],
  compare: Compare,
  isLenient = false,
): string[] {
  if (level === 'NONE') return []
  const checked = level.endsWith('_TRANSITIVE') ? earlier.toReversed() : earlier.slice(-1)
  for (const one of checked) {
    const messages = incompatibilityWith(level, schema, one, (writer, reader, names) => compare(writer, reader, { ...names, isLenient }))
    if (messages.length > 0) return messages
  }
  return []
}

function incompatibilityWith(level: CompatibilityLevel, schema: ParsedSchema, earlier: EarlierSchema, compare: Compare): string[] {
  const old = earlier.parsed()
  if (old.type !== schema.type) return [DIFFERENT_TYPE]
  const forward = level.startsWith('BACKWARD') ? [] : compare(schema, old, OLD_READS_NEW)
  const backward = level.startsWith('FORWARD') ? [] : compare(old, schema, NEW_READS_OLD)
  // FULL describes the old schema only beside what the new one cannot read, as Confluent does.
  const describes = level.startsWith('FORWARD') ? forward.length > 0 : backward.length > 0
  return [...forward, ...backward, ...(describes ? describeOld(earlier) : [])]
}
