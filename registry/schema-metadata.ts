/**
 * Metadata and rule sets of schemas: reads them out of JSON, puts them into Confluent's one order (names are sorted), merges those of a
 * config with those of a schema, and refuses rules that Confluent refuses.
 */
import type { Config, Metadata, Rule, RuleSet, SchemaContent } from './entities.ts'
import { invalidRuleSet } from './registry-error.ts'

/** The property with the version of the subject that a schema was registered for. */
export const CONFLUENT_VERSION = 'confluent:version'
const RESERVED_FIELDS = 'confluent:reserved'
const RULE_NAME_LIMIT = 256

const migrationModes = ['UPGRADE', 'DOWNGRADE', 'UPDOWN']
const domainModes = ['WRITE', 'READ', 'WRITEREAD']
const environments = ['ALL', 'CLIENT', 'GATEWAY', 'SERVER', 'NONE']
const kinds = ['TRANSFORM', 'CONDITION']

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isScalar = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)

const sortedTexts = (value: unknown): string[] => (Array.isArray(value) ? [...new Set(value.filter(isScalar).map(String))].sort() : [])

function sortedMap<T>(value: unknown, read: (field: unknown) => T | undefined): Record<string, T> {
  if (!isObject(value)) return {}
  const entries = Object.entries(value).flatMap(([name, field]) => {
    const read_ = read(field)
    return read_ === undefined ? [] : [[name, read_] as const]
  })
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const sortedProperties = (value: unknown) => sortedMap(value, (field) => (isScalar(field) ? String(field) : undefined))
const hasFields = (value: object): boolean => Object.keys(value).length > 0

/** Null for what is no object. */
export function readMetadata(value: unknown): Metadata | null {
  if (!isObject(value)) return null
  const tags = sortedMap(value.tags, (field) => (Array.isArray(field) ? sortedTexts(field) : undefined))
  const properties = sortedProperties(value.properties)
  const sensitive = sortedTexts(value.sensitive)
  return {
    ...(hasFields(tags) ? { tags } : {}),
    ...(hasFields(properties) ? { properties } : {}),
    ...(sensitive.length > 0 ? { sensitive } : {}),
  }
}

function readRule(value: unknown, strict: boolean): Rule {
  const given: Json = isObject(value) ? value : {}
  const text = (name: string) => (isScalar(given[name]) ? { [name]: String(given[name]) } : {})
  const oneOf = (name: string, allowed: readonly string[], fallback: string) => {
    const chosen = given[name] === undefined || given[name] === null ? fallback : String(given[name])
    if (strict && !allowed.includes(chosen)) throw invalidRuleSet(`Rule ${name} ${chosen} is not one of ${allowed.join(', ')}`)
    return { [name]: chosen }
  }
  const tags = sortedTexts(given.tags)
  const params = sortedProperties(given.params)
  return {
    ...text('name'),
    ...text('doc'),
    ...oneOf('kind', kinds, 'TRANSFORM'),
    ...oneOf('mode', [...migrationModes, ...domainModes], 'WRITEREAD'),
    ...text('type'),
    ...(tags.length > 0 ? { tags } : {}),
    ...(hasFields(params) ? { params } : {}),
    ...text('expr'),
    ...text('onSuccess'),
    ...text('onFailure'),
    disabled: given.disabled === true,
  }
}

const readRules = (value: unknown, strict: boolean): Rule[] => (Array.isArray(value) ? value.map((rule) => readRule(rule, strict)) : [])

/**
 * Null for what is no object. Where it is not `strict`, as for what is stored already, kinds and modes may be those of a later registry.
 * @throws SchemaRegistryError for an unknown kind, mode or environment.
 */
export function readRuleSet(value: unknown, { strict = true } = {}): RuleSet | null {
  if (!isObject(value)) return null
  const [migrationRules, domainRules, encodingRules] = [value.migrationRules, value.domainRules, value.encodingRules].map((rules) =>
    readRules(rules, strict),
  )
  const enableAt = typeof value.enableAt === 'string' ? value.enableAt : undefined
  if (strict && enableAt !== undefined && !environments.includes(enableAt))
    throw invalidRuleSet(`enableAt ${enableAt} is not one of ${environments.join(', ')}`)
  return {
    ...(migrationRules!.length > 0 ? { migrationRules: migrationRules! } : {}),
    ...(domainRules!.length > 0 ? { domainRules: domainRules! } : {}),
    ...(encodingRules!.length > 0 ? { encodingRules: encodingRules! } : {}),
    ...(enableAt === undefined ? {} : { enableAt }),
  }
}

/** @throws SchemaRegistryError 42210 with Confluent's sentence. */
export function validateRuleSet(ruleSet: RuleSet | null | undefined): void {
  if (!ruleSet) return
  const names = new Set<string | undefined>()
  const groups = [
    [ruleSet.migrationRules, migrationModes, 'Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN'],
    [ruleSet.domainRules, domainModes, 'Domain rules can only be WRITE, READ, WRITEREAD'],
    [ruleSet.encodingRules, domainModes, 'Encoding rules can only be WRITE, READ, WRITEREAD'],
  ] as const
  for (const [rules, allowed, sentence] of groups)
    for (const rule of rules ?? []) {
      if (names.has(rule.name)) throw invalidRuleSet(`Found rule with duplicate name '${rule.name}'`)
      names.add(rule.name)
      validateRule(rule)
      if (!allowed.includes(rule.mode ?? '')) throw invalidRuleSet(sentence)
    }
}

function validateRule({ name, type, mode, onSuccess, onFailure }: Rule): void {
  if (name === undefined) throw invalidRuleSet('Missing rule name')
  if (name === '') throw invalidRuleSet('Empty rule name')
  if (name.length > RULE_NAME_LIMIT) throw invalidRuleSet('Rule name too long')
  if (!/^[\p{L}_]/u.test(name)) throw invalidRuleSet(`Illegal initial character in rule name: ${name}`)
  if (!/^[\p{L}\p{Nd}_-]*$/u.test(name)) throw invalidRuleSet(`Illegal character in rule name: ${name}`)
  if (type === undefined) throw invalidRuleSet('Missing rule type')
  const isSingle = mode !== 'WRITEREAD' && mode !== 'UPDOWN'
  if (isSingle && [onSuccess, onFailure].some((action) => action?.includes(',')))
    throw invalidRuleSet('Multiple actions only valid with WRITEREAD and UPDOWN')
}

function mergeMetadata(older: Metadata | null, newer: Metadata | null): Metadata | null {
  if (!older || !newer) return newer ?? older
  return readMetadata({
    tags: { ...older.tags, ...newer.tags },
    properties: { ...older.properties, ...newer.properties },
    sensitive: [...(older.sensitive ?? []), ...(newer.sensitive ?? [])],
  })
}

function mergeRules(older: readonly Rule[] = [], newer: readonly Rule[] = []): Rule[] {
  const names = new Set(newer.map(({ name }) => name))
  return [...older.filter(({ name }) => !names.has(name)), ...newer]
}

export function mergeRuleSets(older: RuleSet | null, newer: RuleSet | null): RuleSet | null {
  if (!older || !newer) return newer ?? older
  return readRuleSet(
    {
      migrationRules: mergeRules(older.migrationRules, newer.migrationRules),
      domainRules: mergeRules(older.domainRules, newer.domainRules),
      encodingRules: mergeRules(older.encodingRules, newer.encodingRules),
      enableAt: newer.enableAt ?? older.enableAt,
    },
    { strict: false },
  )
}

export const withConfluentVersion = (metadata: Metadata | null, version: number): Metadata =>
  readMetadata({ ...metadata, properties: { ...metadata?.properties, [CONFLUENT_VERSION]: String(version) } })!

export const confluentVersion = (metadata: Metadata | null): string | undefined => metadata?.properties?.[CONFLUENT_VERSION]

export function withoutConfluentVersion(metadata: Metadata | null): Metadata {
  const { [CONFLUENT_VERSION]: _, ...properties } = metadata?.properties ?? {}
  return readMetadata({ ...metadata, properties })!
}

/** The fields that a JSON or Avro schema promises never to have at its top. */
export const reservedFields = (metadata: Metadata | null): string[] =>
  (metadata?.properties?.[RESERVED_FIELDS] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

type Described = Pick<SchemaContent, 'metadata' | 'ruleSet'>

/**
 * The metadata and rules with which a schema is registered: its own, or else those of the version before it, between the defaults and the
 * overrides of the config. `version` is written into them where the request asked for one, or where they have one already.
 */
export function metadataInScope(
  config: Config,
  schema: Described,
  previous: Described | null,
  version: { next: number; isRequested: boolean } | null,
): Described {
  const own = schema.metadata ?? previous?.metadata ?? null
  const ownRules = schema.ruleSet ?? previous?.ruleSet ?? null
  const merged = mergeMetadata(mergeMetadata(config.defaultMetadata ?? null, own), config.overrideMetadata ?? null)
  const rules = mergeRuleSets(mergeRuleSets(config.defaultRuleSet ?? null, ownRules), config.overrideRuleSet ?? null)
  const setsVersion = version !== null && (version.isRequested || confluentVersion(merged) !== undefined)
  return { metadata: setsVersion ? withConfluentVersion(merged, version.next) : merged, ruleSet: rules }
}

export const hasDefaultsOrOverrides = (config: Config): boolean =>
  [config.defaultMetadata, config.overrideMetadata, config.defaultRuleSet, config.overrideRuleSet].some((part) => part !== undefined)
