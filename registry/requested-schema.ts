/**
 * A schema as a request asks for it: read from its JSON, put into canonical form, and compared with what a subject has. Registration,
 * lookup and the check of compatibility start from here.
 */
import { type DecisionContext, validatesFields, validatesNewSchemas } from './decision-context.ts'
import {
  type Config,
  isImport,
  type Metadata,
  type RuleSet,
  type SchemaContent,
  type SchemaReference,
  type SchemaType,
  type StoredSchema,
} from './entities.ts'
import type { ParsedSchema } from './formats/index.ts'
import { contextOf } from './qualified-subject.ts'
import { invalidSchema } from './registry-error.ts'
import { schemaGuid } from './schema-guid.ts'
import { confluentVersion, readMetadata, readRuleSet, withoutConfluentVersion } from './schema-metadata.ts'
import { modeInScope } from './scope.ts'

/** A body of POST /subjects/{subject} and of the requests like it. Unknown fields are ignored. */
export interface SchemaRequest {
  version?: number | null
  id?: number | null
  schemaType?: string | null
  references?: readonly { name?: string | null; subject?: string | null; version?: number | null }[] | null
  metadata?: unknown
  ruleSet?: unknown
  schema?: string | null
  schemaTagsToAdd?: unknown
  schemaTagsToRemove?: unknown
  propagateSchemaTags?: boolean | null
}

/** With `schemaType`, which may be none that exists; the text may be empty. */
export interface RequestedSchema extends SchemaContent {
  /** 0 where the request names none, -1 for the latest. */
  readonly version: number
  /** -1 where the request names none. */
  readonly id: number
}

export interface CanonicalSchema extends RequestedSchema {
  readonly parsed: ParsedSchema
}

export const NO_ID = -1
export const NO_VERSION = 0
export const LATEST_VERSION = -1

export function readRequest(request: SchemaRequest): RequestedSchema {
  const references = (request.references ?? []).map((reference): SchemaReference => {
    const { name, subject, version } = reference ?? {}
    if (typeof name !== 'string' || typeof subject !== 'string' || typeof version !== 'number')
      throw invalidSchema(`Invalid reference: {name='${name ?? null}', subject='${subject ?? null}', version=${version ?? null}}`)
    return { name, subject, version }
  })
  return {
    version: request.version ?? NO_VERSION,
    id: request.id ?? NO_ID,
    schemaType: (request.schemaType ?? 'AVRO') as SchemaType,
    references,
    metadata: readMetadata(request.metadata),
    ruleSet: readRuleSet(request.ruleSet),
    schema: request.schema ?? '',
  }
}

export const isEmptySchema = ({ schema }: Pick<SchemaContent, 'schema'>): boolean => schema.trim() === ''

/**
 * The schema in the form in which it is stored; null for an empty one. In IMPORT mode it is stored as its registry had it, without checks.
 * @throws SchemaRegistryError 42201
 */
export function canonicalize(
  context: DecisionContext,
  subject: string,
  config: Config,
  requested: RequestedSchema,
  { isNew, normalize }: { isNew: boolean; normalize: boolean },
): CanonicalSchema | null {
  if (isEmptySchema(requested)) return null
  const imports = isImport(modeInScope(context.image, subject))
  const strict = isNew && requested.id < 0 && !imports && validatesNewSchemas(context, config)
  const parsed = context.parsed.parse(subject, requested, strict)
  // A Protobuf file of comments: its record would have no schema, and no registry reads that.
  if (parsed.canonical === '') return null
  if (!imports && validatesFields(context, config)) checkFields(parsed)
  return {
    ...requested,
    parsed,
    schemaType: parsed.type,
    schema: normalize && !imports ? parsed.normalized() : parsed.canonical,
    references: context.parsed.withVersions(subject, requested.references),
    id: modeInScope(context.image, subject) === 'IMPORT' ? requested.id : NO_ID,
  }
}

/** `schema.validate.fields`: names of properties that Confluent keeps for itself. */
function checkFields(parsed: ParsedSchema): void {
  if (parsed.type === 'JSON' && topFieldsOf(parsed).some((name) => name.startsWith('$$')))
    throw invalidSchema(`Invalid schema ${parsed.canonical}, details: #: Field names cannot start with $$ prefix`)
}

/** The fields of a record, or the properties of an object. A Protobuf schema has none at its top. */
export function topFieldsOf({ type, canonical }: Pick<ParsedSchema, 'type' | 'canonical'>): string[] {
  if (type === 'PROTOBUF') return []
  const schema = JSON.parse(canonical) as { fields?: { name: string }[]; properties?: object } | string | null
  if (typeof schema !== 'object' || schema === null) return []
  return type === 'AVRO' ? (schema.fields ?? []).map(({ name }) => name) : Object.keys(schema.properties ?? {})
}

/** The subject's version that is the same schema, by the GUID of its content. */
export function sameContent(
  { image }: DecisionContext,
  subject: string,
  schema: SchemaContent,
): { id: number; version: number | undefined } | null {
  const context = contextOf(subject)
  const id = image.idOfGuid(context, schemaGuid(schema))
  if (id === undefined || !image.hasId(context, id)) return null
  return { id, version: image.versionWithId(context, id, subject) }
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * Whether a lookup of `schema` finds `stored`: equal but for a version in the metadata that only one of them has, or for references whose
 * texts the request has in place.
 */
export function canLookUp(context: DecisionContext, schema: CanonicalSchema, stored: StoredSchema): boolean {
  if (!sameDescription(schema, stored)) return false
  if (schema.schemaType !== stored.schemaType) return false
  const references = context.parsed.withVersions(stored.subject, stored.references)
  if (sameJson(schema.references, references)) return schema.schema === stored.schema || schema.parsed.canonical === stored.schema
  if (schema.references.length > 0 || stored.schemaType !== 'AVRO') return false
  return context.parsed.parse(stored.subject, stored, false).formatted('resolved') === schema.parsed.canonical
}

interface Described {
  readonly metadata: Metadata | null
  readonly ruleSet: RuleSet | null
}

function sameDescription(schema: Described, stored: StoredSchema): boolean {
  if (!sameJson(schema.ruleSet, stored.ruleSet)) return false
  const [asked, had] = [confluentVersion(schema.metadata), confluentVersion(stored.metadata)]
  if (asked === undefined && had !== undefined) return sameJson(schema.metadata ?? {}, withoutConfluentVersion(stored.metadata))
  if (asked !== undefined && had === undefined)
    return asked === String(stored.version) && sameJson(withoutConfluentVersion(schema.metadata), stored.metadata ?? {})
  return sameJson(schema.metadata, stored.metadata)
}
