/**
 * Which version of a subject is the schema of a request: by its content, by the metadata that it would be registered with, and in the other
 * contexts where the subject names none.
 */
import { type DecisionContext, scopeOf } from './decision-context.ts'
import { type Config, nonEmpty, type StoredSchema } from './entities.ts'
import { contextOf, DEFAULT_CONTEXT, inContext } from './qualified-subject.ts'
import { SchemaRegistryError, schemaNotFound, subjectNotFound } from './registry-error.ts'
import {
  type CanonicalSchema,
  canLookUp,
  canonicalize,
  LATEST_VERSION,
  type RequestedSchema,
  readRequest,
  type SchemaRequest,
  sameContent,
} from './requested-schema.ts'
import { metadataInScope } from './schema-metadata.ts'

export interface LookupOptions {
  readonly normalize: boolean
  readonly deleted: boolean
}

/** The version with the schema; undefined where the subject has none. */
export function findUnderSubject(
  context: DecisionContext,
  config: Config,
  subject: string,
  requested: RequestedSchema,
  { normalize, deleted }: LookupOptions,
): StoredSchema | undefined {
  const schema = canonicalize(context, subject, config, requested, { isNew: false, normalize })
  if (!schema) return undefined
  const { image } = context
  if (requested.version === LATEST_VERSION) {
    const latest = image.latest(subject)
    return latest && canLookUp(context, schema, latest) ? latest : undefined
  }
  return withSameContent(context, subject, schema, deleted) ?? withEqual(context, subject, schema, deleted)
}

function withSameContent(context: DecisionContext, subject: string, schema: CanonicalSchema, deleted: boolean): StoredSchema | undefined {
  const version = sameContent(context, subject, schema)?.version
  const stored = version === undefined ? undefined : context.image.version(subject, version)
  return stored && (deleted || !stored.deleted) ? stored : undefined
}

const withEqual = (context: DecisionContext, subject: string, schema: CanonicalSchema, deleted: boolean): StoredSchema | undefined =>
  context.image.versions(subject).findLast((stored) => (deleted || !stored.deleted) && canLookUp(context, schema, stored))

/** As registration would find it: a second time with the metadata and rules that the config and the latest version give it. */
function find(context: DecisionContext, subject: string, requested: RequestedSchema, options: LookupOptions): StoredSchema | undefined {
  const config = scopeOf(context, subject)
  const found = findUnderSubject(context, config, subject, requested, options)
  if (found) return found
  const latest = context.image.latest(subject)
  if (!latest) return undefined
  const described = metadataInScope(config, requested, latest, null)
  if (JSON.stringify(described) === JSON.stringify({ metadata: requested.metadata, ruleSet: requested.ruleSet })) return undefined
  return findUnderSubject(context, config, subject, { ...requested, ...described }, options)
}

/** POST /subjects/{subject}. @throws SchemaRegistryError 40401 or 40403. */
export function lookUpSchema(context: DecisionContext, subject: string, request: SchemaRequest, options: LookupOptions) {
  const requested = readRequest(request)
  const normalize = options.normalize || scopeOf(context, subject).normalize === true
  const found =
    find(context, subject, requested, { ...options, normalize }) ?? findElsewhere(context, subject, requested, { ...options, normalize })
  if (!found) throw context.image.hasSubjects(subject, options.deleted) ? schemaNotFound() : subjectNotFound(subject)
  return found
}

function findElsewhere(
  context: DecisionContext,
  subject: string,
  requested: RequestedSchema,
  options: LookupOptions,
): StoredSchema | undefined {
  if (contextOf(subject) !== DEFAULT_CONTEXT) return undefined
  for (const other of context.image.contexts()) {
    try {
      const found = find(context, inContext(other, subject), requested, options)
      if (found) return found
    } catch (error) {
      // What the schema references may not exist in that context.
      if (!(error instanceof SchemaRegistryError) || error.code !== 42201) throw error
    }
  }
  return undefined
}

/** What a lookup answers: the version that was found, without what only the record of a version has. */
export const lookupAnswer = (stored: StoredSchema) =>
  nonEmpty({
    subject: stored.subject,
    version: stored.version,
    id: stored.id,
    guid: stored.guid,
    schemaType: stored.schemaType,
    references: stored.references,
    metadata: stored.metadata,
    ruleSet: stored.ruleSet,
    schema: stored.schema,
  })
