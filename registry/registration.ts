/**
 * Registers a schema under a subject: the decision of the leader. The same schema has one id in a context, however many subjects have it;
 * in IMPORT mode it keeps the id and the version that the request names.
 */
import { incompatibilities } from './compatibility-levels.ts'
import { type Decision, type DecisionContext, scopeOf, validatesFields } from './decision-context.ts'
import { type Config, isImport, isReadOnly, nonEmpty, type SchemaContent, type StoredSchema } from './entities.ts'
import type { ParsedSchema } from './formats/index.ts'
import { contextOf, contextPrefix, DEFAULT_CONTEXT, isValidSubject } from './qualified-subject.ts'
import { incompatibleSchema, invalidSchema, invalidSubject, notPermitted, SchemaRegistryError } from './registry-error.ts'
import {
  type CanonicalSchema,
  canLookUp,
  canonicalize,
  isEmptySchema,
  LATEST_VERSION,
  NO_VERSION,
  type RequestedSchema,
  readRequest,
  type SchemaRequest,
  sameContent,
  topFieldsOf,
} from './requested-schema.ts'
import { schemaGuid } from './schema-guid.ts'
import { findUnderSubject } from './schema-lookup.ts'
import { hasDefaultsOrOverrides, metadataInScope, reservedFields, validateRuleSet } from './schema-metadata.ts'
import { modeInScope } from './scope.ts'
import { MAX_ID_OR_VERSION, type RegistryRecord } from './topic-records.ts'

export interface RegisterOptions {
  readonly normalize: boolean
  /** Without the check of compatibility. */
  readonly force: boolean
}

export interface Registered extends SchemaContent {
  readonly id: number
  readonly version: number
}

/** The answer of POST /subjects/{subject}/versions. */
export const registeredAnswer = (schema: Registered) =>
  nonEmpty({
    id: schema.id,
    version: schema.version > 0 ? schema.version : null,
    guid: schemaGuid(schema),
    schemaType: schema.schemaType,
    references: schema.references,
    metadata: schema.metadata,
    ruleSet: schema.ruleSet,
    schema: schema.schema,
  })

/** @throws SchemaRegistryError for a subject or for rules that no registry accepts. */
export function checkRegisterRequest(subject: string, request: SchemaRequest): RequestedSchema {
  const requested = readRequest(request)
  validateRuleSet(requested.ruleSet)
  if (!isValidSubject(subject, { isConfigOrMode: false })) throw invalidSubject(subject)
  return requested
}

/** The schema where it is registered already: every instance of the registry can answer that. */
export function findRegistered(
  context: DecisionContext,
  subject: string,
  requested: RequestedSchema,
  normalize: boolean,
): StoredSchema | undefined {
  const config = scopeOf(context, subject)
  if (hasDefaultsOrOverrides(config)) return undefined
  const existing = findUnderSubject(context, config, subject, requested, { normalize, deleted: false })
  if (!existing) return undefined
  const { id, version } = requested
  if (version === NO_VERSION || version === LATEST_VERSION) return id < 0 || id === existing.id ? existing : undefined
  if (id !== existing.id) return undefined
  if (version === existing.version) return existing
  // The same schema may have been imported as several versions.
  const named = context.image.version(subject, version)
  return named && !named.deleted && named.id === existing.id && named.guid === existing.guid ? named : undefined
}

export const normalizes = (context: DecisionContext, subject: string, asked: boolean): boolean =>
  asked || scopeOf(context, subject).normalize === true

/** `requested` passed `checkRegisterRequest`. */
export function decideRegister(
  context: DecisionContext,
  subject: string,
  requested: RequestedSchema,
  options: RegisterOptions,
): Decision<Registered> {
  checkMode(context, subject, requested)
  const { image } = context
  const all = image.versions(subject)
  const current = all.filter(({ deleted }) => !deleted)
  const nextVersion = (all.at(-1)?.version ?? 0) + 1
  const config = scopeOf(context, subject)
  const imports = isImport(modeInScope(image, subject))
  const populated = imports ? requested : populate(config, requested, current.at(-1), nextVersion)
  const schema = canonicalize(context, subject, config, populated, { isNew: true, normalize: options.normalize })
  if (!schema) throw invalidSchema('Empty schema')

  const same = sameContent(context, subject, schema)
  const isSame = same !== null && (schema.id < 0 || schema.id === same.id)
  if (isSame && schema.version === NO_VERSION && same.version !== undefined && image.version(subject, same.version)?.deleted === false)
    return { records: [], answer: { ...schema, id: same.id, version: same.version } }
  const knownId = isSame ? same.id : schema.id
  if (schema.version === NO_VERSION) {
    const equal = current.findLast((stored) => (knownId < 0 || knownId === stored.id) && canLookUp(context, schema, stored))
    if (equal) return { records: [], answer: { ...schema, id: equal.id, version: equal.version } }
  }

  if (!imports && !options.force) {
    const messages = compatibilityMessages(context, config, schema, current)
    if (messages.length > 0) throw incompatibleSchema(subject, messages)
  }
  const version = versionOf(schema, nextVersion, imports)
  if (knownId >= 0) checkImportedId(context, subject, schema, knownId)
  const id = knownId >= 0 ? knownId : image.maxId(contextOf(subject)) + 1
  checkLeft(subject, id, version)
  const answer = { ...schema, id, version }
  return { records: recordsOf(context, subject, answer, all), answer }
}

/** @throws SchemaRegistryError 42205 */
export function checkWritable({ image }: DecisionContext, subject: string | null): void {
  if (!isReadOnly(modeInScope(image, subject))) return
  throw notPermitted(`Subject ${subject} in context ${contextPrefix(contextOf(subject ?? ''))} is in read-only mode`)
}

function checkMode(context: DecisionContext, subject: string, { id }: RequestedSchema): void {
  checkWritable(context, subject)
  const mode = modeInScope(context.image, subject)
  const where = `Subject ${subject} in context ${contextPrefix(contextOf(subject))}`
  if (id >= 0 && !isImport(mode)) throw notPermitted(`${where} is not in import mode`)
  if (id < 0 && mode !== 'READWRITE') throw notPermitted(`${where} is not in read-write mode`)
}

/** A request without a schema registers the latest one again, with other metadata or rules. */
function populate(config: Config, requested: RequestedSchema, previous: StoredSchema | undefined, nextVersion: number): RequestedSchema {
  if (isEmptySchema(requested) && !previous) throw invalidSchema('Empty schema')
  const text = isEmptySchema(requested) ? pick(previous!) : {}
  const version = { next: nextVersion, isRequested: requested.version !== NO_VERSION }
  return { ...requested, ...text, ...metadataInScope(config, requested, previous ?? null, version) }
}

const pick = ({ schema, schemaType, references }: StoredSchema) => ({ schema, schemaType, references })

function versionOf({ version }: RequestedSchema, nextVersion: number, imports: boolean): number {
  if (version <= 0) return nextVersion
  if (version !== nextVersion && !imports) throw invalidSchema('Version is not one more than previous version')
  return version
}

/** After the largest one was imported there is no next. */
function checkLeft(subject: string, id: number, version: number): void {
  const used = (what: string) => `The ${what} ${MAX_ID_OR_VERSION} was imported, so there is no next one.`
  if (id > MAX_ID_OR_VERSION) throw notPermitted(`${used('id')} Register the schema in another context.`)
  if (version > MAX_ID_OR_VERSION) throw notPermitted(`${used('version')} Permanently delete this version of ${subject}.`)
}

/** An id that has another schema keeps it. */
function checkImportedId({ image }: DecisionContext, subject: string, schema: CanonicalSchema, id: number): void {
  const context = contextOf(subject)
  const existing = image.firstWithId(context, id)
  if (existing && (existing.guid !== schemaGuid(schema) || existing.schemaType !== schema.schemaType))
    throw notPermitted(`Overwrite new schema with id ${id} in context ${contextPrefix(context)} is not permitted.`)
}

function recordsOf({ image }: DecisionContext, subject: string, schema: Registered, all: readonly StoredSchema[]): RegistryRecord[] {
  const { id, version, schemaType, references, metadata, ruleSet } = schema
  const context = contextOf(subject)
  // A deleted version with the same id would come back when the newer one is deleted for good.
  const replaced = all.filter(
    (stored) => stored.deleted && stored.id === id && stored.version < version && image.referencedBy(subject, stored.version).length === 0,
  )
  return [
    ...(context !== DEFAULT_CONTEXT && !image.hasContext(context) ? [{ type: 'CONTEXT', context, value: true } as const] : []),
    ...replaced.map((stored) => ({ type: 'SCHEMA', subject, version: stored.version, value: null }) as const),
    {
      type: 'SCHEMA',
      subject,
      version,
      value: { subject, version, id, schemaType, references, metadata, ruleSet, schema: schema.schema, deleted: false },
    },
  ]
}

/** Why the schema is incompatible with these versions; empty where it is compatible. */
export function compatibilityMessages(
  context: DecisionContext,
  config: Config,
  schema: CanonicalSchema,
  versions: readonly StoredSchema[],
): string[] {
  const level = config.compatibilityLevel ?? context.defaults.compatibilityLevel
  const checksFields = validatesFields(context, config)
  const group = config.compatibilityGroup
  const groupOf = ({ metadata }: Pick<SchemaContent, 'metadata'>) => (group === undefined ? undefined : metadata?.properties?.[group])
  const inGroup = versions.filter((version) => groupOf(version) === groupOf(schema))
  const messages = [
    ...(checksFields ? reservedFieldMessages(schema, versions.at(-1)) : []),
    ...incompatibilities(
      level,
      schema.parsed,
      inGroup.map((stored) => ({ version: stored.version, parsed: () => parsedVersion(context, stored) })),
      context.compare,
      config.compatibilityPolicy?.toUpperCase() === 'LENIENT',
    ),
  ]
  return messages.length === 0 ? [] : [...messages, `{validateFields: '${checksFields}', compatibility: '${level}'}`]
}

function parsedVersion(context: DecisionContext, stored: StoredSchema): ParsedSchema {
  try {
    return context.parsed.parse(stored.subject, stored, false)
  } catch (error) {
    if (!(error instanceof SchemaRegistryError)) throw error
    // Without this the reader would look for the mistake in the new schema.
    throw invalidSchema(`Version ${stored.version} of subject ${stored.subject} cannot be compared with it: ${error.message}`, error)
  }
}

function reservedFieldMessages(schema: CanonicalSchema, previous: StoredSchema | undefined): string[] {
  const reserved = reservedFields(schema.metadata)
  const fields = topFieldsOf(schema.parsed)
  const removed = reservedFields(previous?.metadata ?? null).filter((name) => !reserved.includes(name))
  const conflicting = reserved.filter((name) => fields.includes(name))
  return [
    ...removed.map(
      (name) => `The new schema has reserved field ${name} removed from its metadata which is present in the old schema's metadata.`,
    ),
    ...conflicting.map((name) => `The new schema has field that conflicts with the reserved field ${name}.`),
  ]
}

/** POST /compatibility: against the versions of a subject, or one of them. @throws SchemaRegistryError 42201. */
export function checkCompatibility(
  context: DecisionContext,
  subject: string,
  request: SchemaRequest,
  versions: readonly StoredSchema[],
  options: { normalize: boolean; verbose: boolean },
): string[] {
  try {
    const config = scopeOf(context, subject)
    const normalize = options.normalize || config.normalize === true
    const schema = canonicalize(context, subject, config, readRequest(request), { isNew: true, normalize })
    if (!schema) throw invalidSchema('Empty schema')
    return compatibilityMessages(context, config, schema, versions)
  } catch (error) {
    if (options.verbose && error instanceof SchemaRegistryError && error.code === 42201) return [error.message]
    throw error
  }
}
