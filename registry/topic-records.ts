/**
 * The records of the registry's topic, in the format of Confluent's Schema Registry: keys and values are JSON with its fields in its order,
 * so that either registry can take over the topic of the other.
 */
import { type Association, type AssociationName, lifecycles } from './association.ts'
import {
  type Config,
  compatibilityLevels,
  configFields,
  type Mode,
  modes,
  nonEmpty,
  type SchemaContent,
  type SchemaReference,
  type SchemaType,
  type StoredSchema,
} from './entities.ts'
import { guidOf, schemaGuid } from './schema-guid.ts'
import { readMetadata, readRuleSet } from './schema-metadata.ts'

const MAGIC = { SCHEMA: 1, CONFIG: 0, MODE: 0, DELETE_SUBJECT: 0, CLEAR_SUBJECT: 0, CONTEXT: 0, ASSOC: 0, NOOP: 0 } as const
/** The tenant of a registry that has no others. */
const TENANT = 'default'
const MD5_BYTES = 16
/** A record of Kafka has four bytes for the id of its schema. */
export const MAX_ID_OR_VERSION = 2 ** 31 - 1

/** The subject is null for the config and the mode of the default context. */
export type RecordKey =
  | { keytype: 'SCHEMA'; subject: string; version: number }
  | { keytype: 'CONFIG' | 'MODE' | 'CLEAR_SUBJECT'; subject: string | null }
  | { keytype: 'DELETE_SUBJECT'; subject: string }
  | { keytype: 'CONTEXT'; context: string }
  | ({ keytype: 'ASSOC' } & AssociationName)
  | { keytype: 'NOOP' }

/** A schema to be written: its GUID and time are known when it is read back. */
export type NewSchema = SchemaContent & Pick<StoredSchema, 'subject' | 'version' | 'id' | 'deleted'> & { md5?: string | null }

/** A change of the image. A value of null deletes. */
export type RegistryRecord =
  | { type: 'SCHEMA'; subject: string; version: number; value: NewSchema | null }
  | { type: 'CONFIG'; subject: string | null; value: Config | null }
  | { type: 'MODE'; subject: string | null; value: Mode | null }
  | { type: 'DELETE_SUBJECT'; subject: string; value: number | null }
  | { type: 'CLEAR_SUBJECT'; subject: string | null; value: true | null }
  | { type: 'CONTEXT'; context: string; value: true | null }
  | { type: 'ASSOC'; name: AssociationName; value: Association | null }
  | { type: 'NOOP' }

export function keyOf(record: RegistryRecord): RecordKey {
  switch (record.type) {
    case 'SCHEMA':
      return { keytype: 'SCHEMA', subject: record.subject, version: record.version }
    case 'CONTEXT':
      return { keytype: 'CONTEXT', context: record.context }
    case 'DELETE_SUBJECT':
      return { keytype: 'DELETE_SUBJECT', subject: record.subject }
    case 'ASSOC': {
      const { resourceName, resourceNamespace, resourceType, associationType, subject } = record.name
      return { keytype: 'ASSOC', resourceName, resourceNamespace, resourceType, associationType, subject }
    }
    case 'NOOP':
      return { keytype: 'NOOP' }
    default:
      return { keytype: record.type, subject: record.subject }
  }
}

export function formatKey(key: RecordKey): string {
  const { keytype, ...rest } = key
  const tenant = keytype === 'CONTEXT' || keytype === 'ASSOC' ? { tenant: TENANT } : {}
  return JSON.stringify({ keytype, ...tenant, ...nonEmpty(rest), magic: MAGIC[keytype] })
}

/** Null is a tombstone. */
export function formatValue(record: RegistryRecord): string | null {
  if (record.type === 'NOOP' || record.value === null) return null
  switch (record.type) {
    case 'SCHEMA':
      return formatSchema(record.value)
    case 'CONFIG':
      return JSON.stringify({ ...nonEmpty({ subject: record.subject }), ...configJson(record.value) })
    case 'MODE':
      return JSON.stringify({ ...nonEmpty({ subject: record.subject }), mode: record.value })
    case 'DELETE_SUBJECT':
      return JSON.stringify({ subject: record.subject, version: record.value })
    case 'CLEAR_SUBJECT':
      return JSON.stringify(nonEmpty({ subject: record.subject }))
    case 'CONTEXT':
      return JSON.stringify({ tenant: TENANT, context: record.context })
    case 'ASSOC':
      return formatAssociation(record.value)
  }
}

/** The type is left out for Avro: every version of Confluent's registry reads that. */
const formatSchema = ({ subject, version, id, md5, schemaType, references, metadata, ruleSet, schema, deleted }: NewSchema): string =>
  JSON.stringify(
    nonEmpty({
      subject,
      version,
      id,
      md5,
      schemaType: schemaType === 'AVRO' ? null : schemaType,
      references: references.map((reference) => ({ name: reference.name, subject: reference.subject, version: reference.version })),
      metadata,
      ruleSet,
      schema,
      deleted,
    }),
  )

/** In the order in which Confluent writes them; what it leaves out is empty. */
const formatAssociation = (value: Association): string =>
  JSON.stringify(
    nonEmpty({
      guid: value.guid,
      tenant: TENANT,
      resourceName: value.resourceName,
      resourceNamespace: value.resourceNamespace,
      resourceId: value.resourceId,
      resourceType: value.resourceType,
      associationType: value.associationType,
      subject: value.subject,
      lifecycle: value.lifecycle,
      frozen: value.frozen,
      createTs: value.createTs,
    }),
  )

/** A config with its fields in order, without those that are empty. */
export const configJson = (config: Config): Partial<Config> =>
  nonEmpty(Object.fromEntries(configFields.map((name) => [name, config[name]])) as Config)

/** A record that cannot be read. The message says why. */
export class UnreadableRecord extends Error {
  override name = 'UnreadableRecord'
}

type Json = Readonly<Record<string, unknown>>

function parseObject(text: string, what: string): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new UnreadableRecord(`the ${what} is not valid JSON`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UnreadableRecord(`the ${what} is not a JSON object`)
  return value as Json
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isInt = (value: unknown): value is number => Number.isInteger(value) && Math.abs(value as number) <= MAX_ID_OR_VERSION

/** @throws UnreadableRecord; null is a record of a kind that this registry does not have, such as one of a later registry. */
export function readRecord(keyText: string, valueText: string | null): RegistryRecord | null {
  const key = parseObject(keyText, 'key')
  const value = valueText === null ? null : parseObject(valueText, 'value')
  const subject = isText(key.subject) ? key.subject : null
  switch (key.keytype) {
    case 'NOOP':
      return { type: 'NOOP' }
    case 'SCHEMA': {
      if (key.magic !== 0 && key.magic !== 1) throw new UnreadableRecord(`the magic byte ${key.magic} of a schema is unknown`)
      if (subject === null || !isInt(key.version)) throw new UnreadableRecord('the key of a schema has no subject or version')
      return { type: 'SCHEMA', subject, version: key.version, value: value && readSchema(value, subject, key.version) }
    }
    case 'CONFIG':
      return { type: 'CONFIG', subject, value: value && readConfig(value) }
    case 'MODE': {
      const mode = value && modes.find((name) => name === value.mode)
      if (mode === undefined) throw new UnreadableRecord(`the mode ${value?.mode} is unknown`)
      return { type: 'MODE', subject, value: mode }
    }
    case 'CONTEXT':
      if (!isText(key.context)) throw new UnreadableRecord('the key of a context has no context')
      return { type: 'CONTEXT', context: key.context, value: value && true }
    case 'DELETE_SUBJECT': {
      if (subject === null) throw new UnreadableRecord('the key of a deleted subject has no subject')
      const version = value && (value.version ?? 0)
      if (version !== null && !isInt(version)) throw new UnreadableRecord('the value of a deleted subject has no version')
      return { type: 'DELETE_SUBJECT', subject, value: version }
    }
    case 'CLEAR_SUBJECT':
      return { type: 'CLEAR_SUBJECT', subject, value: value && true }
    case 'ASSOC':
      return readAssociation(key, value)
    default:
      return null
  }
}

function readAssociation(key: Json, value: Json | null): RegistryRecord {
  const { resourceName, resourceNamespace, resourceType, associationType, subject } = key
  if (!isText(resourceName) || !isText(resourceNamespace) || !isText(resourceType) || !isText(associationType) || !isText(subject))
    throw new UnreadableRecord('the key of an association has no resource, type or subject')
  const name = { resourceName, resourceNamespace, resourceType, associationType, subject }
  if (!value) return { type: 'ASSOC', name, value: null }
  const lifecycle = lifecycles.find((known) => known === value.lifecycle)
  if (!isText(value.guid) || !isText(value.resourceId) || !lifecycle)
    throw new UnreadableRecord('the value of an association has no GUID, resource or lifecycle')
  const createTs = typeof value.createTs === 'number' ? value.createTs : null
  const association = { ...name, guid: value.guid, resourceId: value.resourceId, lifecycle, frozen: value.frozen === true, createTs }
  return { type: 'ASSOC', name, value: association }
}

function readSchema(value: Json, subject: string, version: number): NewSchema {
  if (!isInt(value.id) || !isText(value.schema)) throw new UnreadableRecord('the value of a schema has no id or no schema')
  return {
    subject,
    version,
    id: value.id,
    md5: isText(value.md5) ? value.md5 : null,
    schemaType: (isText(value.schemaType) ? value.schemaType : 'AVRO') as SchemaType,
    references: readReferences(value.references),
    metadata: readMetadata(value.metadata),
    ruleSet: readRuleSet(value.ruleSet, { strict: false }),
    schema: value.schema,
    deleted: value.deleted === true,
  }
}

function readReferences(value: unknown): SchemaReference[] {
  if (!Array.isArray(value)) return []
  return value.map((reference: Json) => {
    const { name, subject, version } = reference ?? {}
    if (!isText(name) || !isText(subject) || !isInt(version)) throw new UnreadableRecord('a reference has no name, subject or version')
    return { name, subject, version }
  })
}

function readConfig(value: Json): Config {
  const level = compatibilityLevels.find((name) => name === value.compatibilityLevel)
  const texts = ['alias', 'aliasForDeks', 'compatibilityPolicy', 'compatibilityGroup'] as const
  const flags = ['normalize', 'validateFields', 'validateNewSchemas', 'validateRules'] as const
  const parts = {
    defaultMetadata: readMetadata(value.defaultMetadata),
    overrideMetadata: readMetadata(value.overrideMetadata),
    defaultRuleSet: readRuleSet(value.defaultRuleSet, { strict: false }),
    overrideRuleSet: readRuleSet(value.overrideRuleSet, { strict: false }),
  }
  return {
    ...Object.fromEntries(texts.flatMap((name) => (isText(value[name]) ? [[name, value[name]]] : []))),
    ...Object.fromEntries(flags.flatMap((name) => (typeof value[name] === 'boolean' ? [[name, value[name]]] : []))),
    ...(level === undefined ? {} : { compatibilityLevel: level }),
    ...Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== null)),
  }
}

/** The schema as the registry keeps it: the GUID is that of the record's `md5`, where Confluent wrote one. */
export function storedSchema(value: NewSchema, timestamp: number): StoredSchema {
  const md5 = value.md5 ?? null
  const bytes = md5 === null ? null : Buffer.from(md5, 'base64')
  const guid = bytes?.length === MD5_BYTES ? guidOf(bytes) : schemaGuid(value)
  return { ...value, md5, guid, timestamp }
}
