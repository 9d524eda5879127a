/**
 * Tags in the text of schemas, as requests have them: those that a registration adds or removes, those of the version before it, and those
 * of POST /subjects/{subject}/versions/{version}/tags, which registers a new version.
 */
import type { Decision, DecisionContext } from './decision-context.ts'
import type { RuleSet } from './entities.ts'
import { InvalidSchemaError, type ParsedSchema, type TaggedEntity, tagChanges } from './formats/index.ts'
import { getVersion } from './queries.ts'
import { decideRegister, type Registered } from './registration.ts'
import { invalidRuleSet, invalidSchema } from './registry-error.ts'
import { isEmptySchema, LATEST_VERSION, NO_ID, NO_VERSION, type RequestedSchema, type SchemaRequest } from './requested-schema.ts'
import { mergeRuleSets, readMetadata, readRuleSet, validateRuleSet } from './schema-metadata.ts'

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws SchemaRegistryError 42201 for what names no entity. */
function readTags(value: unknown): TaggedEntity[] {
  return (Array.isArray(value) ? value : []).map((item) => {
    const { schemaEntity, tags } = isObject(item) ? item : {}
    const { entityPath, entityType } = isObject(schemaEntity) ? schemaEntity : {}
    const type = (['sr_record', 'sr_field'] as const).find((known) => known === entityType)
    if (typeof entityPath !== 'string' || type === undefined)
      throw invalidSchema('Invalid schema tags: each has a schemaEntity with an entityPath, and with the entityType sr_record or sr_field')
    return { path: entityPath, type, tags: Array.isArray(tags) ? tags.map(String) : [] }
  })
}

function retagged(parsed: ParsedSchema, add: readonly TaggedEntity[], remove: readonly TaggedEntity[]): string {
  try {
    return parsed.retagged(tagChanges(add, remove))
  } catch (error) {
    throw error instanceof InvalidSchemaError ? invalidSchema(error.message, error) : error
  }
}

/** The requested schema with the tags that its request adds or removes; it gets the next version, which is noted in its metadata. */
export function withRequestedTags(
  context: DecisionContext,
  subject: string,
  request: SchemaRequest,
  schema: RequestedSchema,
): RequestedSchema {
  const [add, remove] = [readTags(request.schemaTagsToAdd), readTags(request.schemaTagsToRemove)]
  if ((add.length === 0 && remove.length === 0) || isEmptySchema(schema)) return schema
  const text = retagged(context.parsed.parse(subject, schema, false), add, remove)
  return { ...schema, schema: text, version: schema.version === NO_VERSION ? LATEST_VERSION : schema.version }
}

/** With the tags of the version before, for what the schema still has. */
export function withEarlierTags(context: DecisionContext, subject: string, schema: RequestedSchema): RequestedSchema {
  const previous = context.image.latest(subject)
  if (!previous || isEmptySchema(schema)) return schema
  let text = schema.schema
  for (const entity of context.parsed.parse(subject, previous, false).tagged()) {
    try {
      text = context.parsed.parse(subject, { ...schema, schema: text }, false).retagged(tagChanges([entity], []))
    } catch (error) {
      // The schema has no such record or field any more.
      if (!(error instanceof InvalidSchemaError)) throw error
    }
  }
  return text === schema.schema ? schema : { ...schema, schema: text }
}

/** A body of POST /subjects/{subject}/versions/{version}/tags. */
export interface TagsRequest {
  newVersion?: number | null
  tagsToAdd?: unknown
  tagsToRemove?: unknown
  metadata?: unknown
  ruleSet?: unknown
  rulesToMerge?: unknown
  rulesToRemove?: unknown
}

/** Registers the version with other tags as a new one. */
export function decideModifyTags(context: DecisionContext, subject: string, version: number, request: TagsRequest): Decision<Registered> {
  const stored = getVersion(context, subject, version, false)
  const changesRules = (request.rulesToMerge ?? null) !== null || (request.rulesToRemove ?? null) !== null
  if (changesRules && (request.ruleSet ?? null) !== null)
    throw invalidRuleSet('ruleSet should be omitted if specifying rulesToMerge or rulesToRemove')
  const [rulesToMerge, ruleSet] = [readRuleSet(request.rulesToMerge), readRuleSet(request.ruleSet)]
  validateRuleSet(rulesToMerge)
  validateRuleSet(ruleSet)
  const newVersion = request.newVersion ?? LATEST_VERSION
  const parsed = context.parsed.parse(stored.subject, stored, false)
  const requested: RequestedSchema = {
    schemaType: stored.schemaType,
    references: stored.references,
    schema: retagged(parsed, readTags(request.tagsToAdd), readTags(request.tagsToRemove)),
    metadata: readMetadata(request.metadata) ?? stored.metadata,
    ruleSet: changesRules ? changedRules(context, subject, newVersion, rulesToMerge, request.rulesToRemove) : ruleSet,
    id: NO_ID,
    version: newVersion,
  }
  return decideRegister(context, subject, requested, { normalize: false, force: false })
}

/** The rules of the version before, with some more and some less. */
function changedRules(
  context: DecisionContext,
  subject: string,
  newVersion: number,
  merge: RuleSet | null,
  remove: unknown,
): RuleSet | null {
  const before = newVersion > 0 ? context.image.version(subject, newVersion - 1) : context.image.latest(subject)
  const merged = mergeRuleSets(before && !before.deleted ? before.ruleSet : null, merge)
  if (!merged || !Array.isArray(remove)) return merged
  const kept = (rules: RuleSet['domainRules']) => rules?.filter(({ name }) => !remove.includes(name))
  return readRuleSet(
    {
      ...merged,
      migrationRules: kept(merged.migrationRules),
      domainRules: kept(merged.domainRules),
      encodingRules: kept(merged.encodingRules),
    },
    { strict: false },
  )
}
