/**
 * What the registry answers from its image alone: subjects, versions, schemas by id and GUID, and contexts. Every instance answers these,
 * whoever leads.
 */
import type { DecisionContext } from './decision-context.ts'
import { type Metadata, nonEmpty, type StoredSchema, schemaAnswer } from './entities.ts'
import { schemaTypes } from './formats/index.ts'
import { ALL_CONTEXTS, contextOf, DEFAULT_CONTEXT, inContext, parseSubject, qualifyWithParent } from './qualified-subject.ts'
import { invalidVersion, schemaNotFound, subjectNotFound, versionNotFound } from './registry-error.ts'
import type { ContextId, SubjectVersion } from './registry-image.ts'
import { LATEST_VERSION } from './requested-schema.ts'
import { parseGuid } from './schema-guid.ts'

export type DeletedFilter = 'without' | 'with' | 'only'
const MAX_VERSION = 2 ** 31 - 1

/** `latest`, -1 or a version. @throws SchemaRegistryError 42202. */
export function parseVersion(text: string): number {
  const trimmed = text.trim()
  if (trimmed.toLowerCase() === 'latest') return LATEST_VERSION
  const version = Number(trimmed)
  if (!/^[+-]?\d+$/.test(trimmed) || version > MAX_VERSION || (version <= 0 && version !== LATEST_VERSION)) throw invalidVersion(text)
  return version
}

const includes = (deleted: boolean, filter: DeletedFilter): boolean => filter === 'with' || deleted === (filter === 'only')

const find = ({ image }: DecisionContext, subject: string, version: number, deleted: boolean): StoredSchema | undefined => {
  if (version === LATEST_VERSION) return image.latest(subject)
  const stored = image.version(subject, version)
  return stored && (deleted || !stored.deleted) ? stored : undefined
}

/** What a schema is checked against: all versions of a subject, or one of them. @throws SchemaRegistryError 40402. */
export function versionsToCheck(context: DecisionContext, subject: string, version: number | null): StoredSchema[] {
  if (version === null) return context.image.versions(subject).filter(({ deleted }) => !deleted)
  const stored = find(context, subject, version, false)
  if (!stored && version !== LATEST_VERSION) throw versionNotFound(version)
  return stored ? [stored] : []
}

/** In the other contexts too, where the subject names none. @throws SchemaRegistryError 40401 or 40402. */
export function getVersion(context: DecisionContext, subject: string, version: number, deleted: boolean): StoredSchema {
  const own = find(context, subject, version, deleted)
  if (own) return own
  if (contextOf(subject) === DEFAULT_CONTEXT)
    for (const other of context.image.contexts()) {
      const found = find(context, inContext(other, subject), version, deleted)
      if (found) return found
    }
  throw context.image.hasSubjects(subject, deleted) ? versionNotFound(version) : subjectNotFound(subject)
}

export interface AnswerOptions {
  readonly format?: string
  readonly referenceFormat?: string
  /** Of these, the tags that the text has; `*` for all. */
  readonly findTags?: readonly string[]
}

/** With the text in another format, references that name their context, and tags of the text. */
export function formattedAnswer(
  context: DecisionContext,
  stored: StoredSchema,
  { format = '', referenceFormat = '', findTags = [] }: AnswerOptions = {},
) {
  const schema = format.trim() === '' ? stored.schema : context.parsed.parse(stored.subject, stored, false).formatted(format)
  const references =
    referenceFormat === 'qualified'
      ? stored.references.map((reference) => ({ ...reference, subject: qualifyWithParent(stored.subject, reference.subject) }))
      : stored.references
  const { ts, deleted, ...answer } = schemaAnswer({ ...stored, schema, references })
  return { ...answer, ...(findTags.length > 0 ? { schemaTags: tagsIn(context, stored, findTags) } : {}), ts, deleted }
}

function tagsIn(context: DecisionContext, stored: StoredSchema, wanted: readonly string[]) {
  const isAll = wanted.includes('*')
  return context.parsed
    .parse(stored.subject, stored, false)
    .tagged()
    .filter(({ tags }) => isAll || tags.some((tag) => wanted.includes(tag)))
    .map(({ path, type, tags }) => ({ schemaEntity: { entityPath: path, entityType: type }, tags }))
}

/** Deleted versions are negative with `deletedAsNegative`. @throws SchemaRegistryError 40401. */
export function listVersions({ image }: DecisionContext, subject: string, filter: DeletedFilter, deletedAsNegative: boolean): number[] {
  if (!image.hasSubjects(subject, filter !== 'without')) throw subjectNotFound(subject)
  return image
    .versions(subject)
    .filter(({ deleted }) => deletedAsNegative || includes(deleted, filter))
    .map(({ version, deleted }) => (deletedAsNegative && deleted ? -version : version))
}

/** Whether a prefix, which may name a context or all of them, has the subject under it. */
function hasPrefix(prefix: string, subject: string): boolean {
  if (!prefix.startsWith(ALL_CONTEXTS)) return subject.startsWith(prefix)
  return parseSubject(subject).subject.startsWith(prefix.slice(ALL_CONTEXTS.length))
}

export function listSubjects({ image }: DecisionContext, prefix: string, filter: DeletedFilter): string[] {
  return image
    .subjects()
    .filter((subject) => hasPrefix(prefix, subject) && (filter === 'with' || includes(image.isDeleted(subject), filter)))
    .sort()
}

export interface SchemaListing {
  readonly prefix: string
  readonly deleted: boolean
  readonly latestOnly: boolean
  /** Also the subjects that a subject under the prefix is an alias of, with the aliases. */
  readonly aliases: boolean
  /** Only schemas with rules of this type. */
  readonly ruleType: string
}

export interface ListedSchema {
  readonly stored: StoredSchema
  readonly aliases: readonly string[]
}

export function listSchemas({ image }: DecisionContext, { prefix, deleted, latestOnly, aliases, ruleType }: SchemaListing): ListedSchema[] {
  const aliasesOf = new Map<string, string[]>()
  if (aliases)
    for (const subject of image.configuredSubjects()) {
      const alias = subject !== null && hasPrefix(prefix, subject) ? image.config(subject)?.alias : undefined
      if (!alias) continue
      const target = qualifyWithParent(subject!, alias)
      aliasesOf.set(target, [...(aliasesOf.get(target) ?? []), subject!].sort())
    }
  return image
    .subjects()
    .filter((subject) => hasPrefix(prefix, subject) || aliasesOf.has(subject))
    .sort()
    .flatMap((subject) => {
      const versions = image.versions(subject).filter((stored) => deleted || !stored.deleted)
      return (latestOnly ? versions.slice(-1) : versions).filter((stored) => ruleType === '' || hasRuleType(stored, ruleType))
    })
    .map((stored) => ({ stored, aliases: aliasesOf.get(stored.subject) ?? [] }))
}

/** The answer for a schema of a list: made for those of a page only. */
export const listedAnswer = ({ stored, aliases }: ListedSchema) => ({ ...schemaAnswer(stored), ...nonEmpty({ aliases }) })

const hasRuleType = ({ ruleSet }: StoredSchema, type: string): boolean =>
  [ruleSet?.migrationRules, ruleSet?.domainRules, ruleSet?.encodingRules].some((rules) => rules?.some((rule) => rule.type === type))

/** The version that has an id: under the subject, in its context, or under the subject in another context. */
function versionOfId({ image }: DecisionContext, id: number, given: string | null): StoredSchema | undefined {
  const { context, subject } = parseSubject(given ?? '')
  const inContextOf = (name: string): StoredSchema | undefined => {
    if (subject === '') return image.firstWithId(name, id)
    const qualified = inContext(name, subject)
    const version = image.versionWithId(name, id, qualified)
    return version === undefined ? undefined : image.version(qualified, version)
  }
  const own = inContextOf(context)
  if (own || subject === '' || context !== DEFAULT_CONTEXT) return own
  for (const other of image.contexts()) {
    const found = inContextOf(other)
    if (found) return found
  }
  return image.firstWithId(context, id)
}

export interface IdQuery extends AnswerOptions {
  readonly subject: string | null
  readonly fetchMaxId?: boolean
}

/** GET /schemas/ids/{id}. @throws SchemaRegistryError 40403. */
export function getById(context: DecisionContext, id: number, query: IdQuery) {
  const stored = versionOfId(context, id, query.subject)
  if (!stored) throw schemaNotFound(id)
  const { subject, version, id: _, ...answer } = formattedAnswer(context, stored, query)
  return {
    ...(query.subject === null ? {} : { subject, version }),
    ...answer,
    ...(query.fetchMaxId ? { maxId: Math.max(1, context.image.maxId(contextOf(stored.subject))) } : {}),
  }
}

/** The subjects and versions with the same schema as this id. @throws SchemaRegistryError 40403. */
export function listVersionsOfId(context: DecisionContext, id: number, subject: string | null, deleted: boolean): SubjectVersion[] {
  const { image } = context
  const stored = versionOfId(context, id, subject)
  if (!stored) throw schemaNotFound()
  return image
    .versionsOfId(contextOf(stored.subject), id)
    .filter((one) => deleted || image.version(one.subject, one.version)?.deleted === false)
}

/** The contexts that have a schema of this GUID, and its id in each. */
export function listIdsOfGuid({ image }: DecisionContext, text: string): ContextId[] {
  const guid = parseGuid(text)
  if (guid === null) return []
  return [DEFAULT_CONTEXT, ...image.contexts()].flatMap((context) => {
    const id = image.idOfGuid(context, guid)
    return id === undefined ? [] : [{ context, id }]
  })
}

/** @throws SchemaRegistryError 40403. */
export function getByGuid(context: DecisionContext, guid: string, format: string) {
  const [first] = listIdsOfGuid(context, guid)
  if (!first) throw schemaNotFound(guid)
  const found = getById(context, first.id, { subject: inContext(first.context, ''), format })
  return { ...found, subject: undefined, version: undefined }
}

/** The ids of the schemas that reference a version. */
export function listReferencedBy(context: DecisionContext, { subject, version }: SubjectVersion, deleted: boolean): number[] {
  const { image } = context
  const isThere = ({ context: name, id }: ContextId) =>
    deleted || image.versionsOfId(name, id).some((one) => image.version(one.subject, one.version)?.deleted === false)
  return image
    .referencedBy(subject, version)
    .filter(isThere)
    .sort((a, b) => (a.context === b.context ? a.id - b.id : a.context < b.context ? -1 : 1))
    .map(({ id }) => id)
}

/** The newest version with all of these properties in its metadata. @throws SchemaRegistryError 40401 or 40403. */
export function latestWithMetadata(
  { image }: DecisionContext,
  subject: string,
  properties: Readonly<Record<string, string>>,
  deleted: boolean,
): StoredSchema {
  const has = (metadata: Metadata | null) =>
    metadata !== null && Object.entries(properties).every(([name, value]) => metadata.properties?.[name] === value)
  const found = image.versions(subject).findLast((stored) => (deleted || !stored.deleted) && has(stored.metadata))
  if (!found) throw image.hasSubjects(subject, deleted) ? schemaNotFound() : subjectNotFound(subject)
  return found
}

export const listContexts = ({ image }: DecisionContext): string[] => [DEFAULT_CONTEXT, ...image.contexts()]
export const listTypes = (): readonly string[] => schemaTypes
