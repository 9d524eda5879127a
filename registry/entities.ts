/**
 * What the registry stores about schemas, subjects and contexts, and their JSON in Confluent's order of fields: the same for the records
 * of its topic and for the answers of its API.
 */
import type { SchemaReference, SchemaType } from './formats/index.ts'

export type { SchemaReference, SchemaType } from './formats/index.ts'

export interface Metadata {
  tags?: Record<string, string[]>
  properties?: Record<string, string>
  sensitive?: string[]
}

export interface Rule {
  name?: string
  doc?: string
  kind?: string
  mode?: string
  type?: string
  tags?: string[]
  params?: Record<string, string>
  expr?: string
  onSuccess?: string
  onFailure?: string
  disabled: boolean
}

export interface RuleSet {
  migrationRules?: Rule[]
  domainRules?: Rule[]
  encodingRules?: Rule[]
  enableAt?: string
}

/** What makes two schemas the same one: equal contents have one id in a context, and one GUID everywhere. */
export interface SchemaContent {
  readonly schemaType: SchemaType
  readonly schema: string
  readonly references: readonly SchemaReference[]
  readonly metadata: Metadata | null
  readonly ruleSet: RuleSet | null
}

/** A version of a subject. */
export interface StoredSchema extends SchemaContent {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly guid: string
  /** The `md5` of the record, which Confluent writes where it has encrypted a part of the metadata. */
  readonly md5: string | null
  readonly deleted: boolean
  /** When it was written. */
  readonly timestamp: number
}

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const
export type CompatibilityLevel = (typeof compatibilityLevels)[number]

export const modes = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE', 'IMPORT', 'FORWARD'] as const
export type Mode = (typeof modes)[number]
/** Schemas come with their ids and versions, from another registry. */
export const isImport = (mode: Mode): boolean => mode === 'IMPORT' || mode === 'FORWARD'
export const isReadOnly = (mode: Mode): boolean => mode === 'READONLY' || mode === 'READONLY_OVERRIDE'

export interface Config {
  alias?: string
  aliasForDeks?: string
  normalize?: boolean
  validateFields?: boolean
  validateNewSchemas?: boolean
  validateRules?: boolean
  compatibilityLevel?: CompatibilityLevel
  compatibilityPolicy?: string
  compatibilityGroup?: string
  defaultMetadata?: Metadata
  overrideMetadata?: Metadata
  defaultRuleSet?: RuleSet
  overrideRuleSet?: RuleSet
}

/** The fields of a config, in Confluent's order. */
export const configFields = [
  'alias',
  'aliasForDeks',
  'normalize',
  'validateFields',
  'validateNewSchemas',
  'validateRules',
  'compatibilityLevel',
  'compatibilityPolicy',
  'compatibilityGroup',
  'defaultMetadata',
  'overrideMetadata',
  'defaultRuleSet',
  'overrideRuleSet',
] as const satisfies readonly (keyof Config)[]

/** Without the fields that are null or empty, as Jackson's NON_EMPTY leaves them out. */
export function nonEmpty<T extends object>(value: T): Partial<T> {
  const isEmpty = (field: unknown) => field === undefined || field === null || field === '' || (Array.isArray(field) && field.length === 0)
  return Object.fromEntries(Object.entries(value).filter(([, field]) => !isEmpty(field))) as Partial<T>
}

/** The answer for a version of a subject. */
export const schemaAnswer = (stored: StoredSchema) =>
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
    ts: stored.timestamp,
    deleted: stored.deleted,
  })
export type SchemaAnswer = ReturnType<typeof schemaAnswer>
