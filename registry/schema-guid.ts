/**
 * The GUID of a schema: the MD5 of its text, references, metadata and rules, as Confluent computes it. Equal contents have equal GUIDs in
 * every registry.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Metadata, Rule, RuleSet, SchemaContent } from './entities.ts'

/** Distinguishes empty metadata from none. */
const PRESENT = Buffer.of(1)

export function schemaGuid({ schema, references, metadata, ruleSet }: Omit<SchemaContent, 'schemaType'>): string {
  const hash = createHash('md5').update(schema, 'utf8')
  for (const { name, subject, version } of references) {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(version)
    hash.update(name, 'utf8').update(subject, 'utf8').update(bytes)
  }
  if (metadata) hashMetadata(hash.update(PRESENT), metadata)
  if (ruleSet) hashRuleSet(hash.update(PRESENT), ruleSet)
  return guidOf(hash.digest())
}

/** As Java prints a UUID of these 16 bytes. */
export const guidOf = (md5: Buffer): string => md5.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** One spelling for a GUID that was written with or without hyphens; null where it is none. */
export function parseGuid(text: string): string | null {
  const hex = text.replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(hex) ? guidOf(Buffer.from(hex, 'hex')) : null
}

/** In the order of Java's sorted maps; JavaScript has names that are numbers first. */
const sortedEntries = <T>(map: Readonly<Record<string, T>> | undefined): [string, T][] =>
  Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))

function hashMap(hash: Hash, map: Readonly<Record<string, string>> | undefined): void {
  for (const [name, value] of sortedEntries(map)) hash.update(name, 'utf8').update(value, 'utf8')
}

function hashMetadata(hash: Hash, { tags, properties, sensitive }: Metadata): void {
  for (const [path, names] of sortedEntries(tags)) {
    hash.update(path, 'utf8')
    for (const name of names) hash.update(name, 'utf8')
  }
  hashMap(hash, properties)
  for (const name of sensitive ?? []) hash.update(name, 'utf8')
}

function hashRuleSet(hash: Hash, { migrationRules, domainRules, encodingRules, enableAt }: RuleSet): void {
  for (const rules of [migrationRules, domainRules, encodingRules]) for (const rule of rules ?? []) hashRule(hash, rule)
  if (enableAt !== undefined) hash.update(enableAt, 'utf8')
}

function hashRule(hash: Hash, rule: Rule): void {
  for (const text of [rule.name, rule.doc, rule.kind, rule.mode, rule.type]) if (text !== undefined) hash.update(text, 'utf8')
  for (const tag of rule.tags ?? []) hash.update(tag, 'utf8')
  hashMap(hash, rule.params)
  for (const text of [rule.expr, rule.onSuccess, rule.onFailure]) if (text !== undefined) hash.update(text, 'utf8')
  if (rule.disabled) hash.update(PRESENT)
}
