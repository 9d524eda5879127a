/**
 * Goal: a schema has the GUID that Confluent gives it: the MD5 of its text and of everything that belongs to it. Method: digests computed
 * here from the concatenated parts.
 */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseGuid, schemaGuid } from '../../registry/schema-guid.ts'

const md5 = (...parts: readonly (string | Buffer)[]) =>
  createHash('md5')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest('hex')
const plain = { schema: '"string"', references: [], metadata: null, ruleSet: null }
const hex = (guid: string) => guid.replaceAll('-', '')

test('of a text alone, of references, of metadata that is empty', () => {
  expect(schemaGuid(plain)).toBe('095d71cf-1255-6b9d-5e33-0ad575b3df5d')
  expect(hex(schemaGuid({ ...plain, references: [{ name: 'n', subject: 's', version: 258 }] }))).toBe(
    md5('"string"', 'n', 's', Buffer.of(0, 0, 1, 2)),
  )
  expect(hex(schemaGuid({ ...plain, metadata: {} }))).toBe(md5('"string"', Buffer.of(1)))
})

test('of metadata and rules, in the order of their names', () => {
  const metadata = { tags: { b: ['y'], a: ['x', 'z'] }, properties: { '2': 'two', '10': 'ten' }, sensitive: ['s'] }
  const ruleSet = {
    domainRules: [{ name: 'r', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', params: { p: 'v' }, expr: 'e', disabled: true }],
  }
  expect(hex(schemaGuid({ ...plain, metadata, ruleSet }))).toBe(
    md5('"string"', Buffer.of(1), 'axzby', '10ten2two', 's', Buffer.of(1), 'rCONDITIONWRITECEL', 'pv', 'e', Buffer.of(1)),
  )
})

test('it is read with and without hyphens', () => {
  const guid = schemaGuid(plain)
  expect([parseGuid(guid), parseGuid(hex(guid).toUpperCase()), parseGuid('nope')]).toEqual([guid, guid, null])
})
