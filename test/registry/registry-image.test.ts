/**
 * Goal: the image is what the topic says, in whatever order compaction has left its records. Method: records applied one by one, as they
 * are read.
 */
import { expect, test } from 'vitest'
import { listReferencedBy } from '../../registry/queries.ts'
import { MAX_CONTEXTS, RegistryImage } from '../../registry/registry-image.ts'
import type { NewSchema, RegistryRecord } from '../../registry/topic-records.ts'
import { RegistryInMemory } from './registry-in-memory.ts'

const put = (subject: string, version: number, id: number, schema: string, more: Partial<NewSchema> = {}): RegistryRecord => ({
  type: 'SCHEMA',
  subject,
  version,
  value: { subject, version, id, schemaType: 'AVRO', references: [], metadata: null, ruleSet: null, schema, deleted: false, ...more },
})

function image(...records: readonly RegistryRecord[]): RegistryImage {
  const all = new RegistryImage()
  for (const record of records) all.apply(record, 0)
  return all
}

test('a deleted subject deletes the versions up to its own, also where compaction has moved it', () => {
  const all = image(
    put('a', 1, 1, '"int"'),
    put('a', 2, 2, '"long"'),
    { type: 'DELETE_SUBJECT', subject: 'a', value: 2 },
    put('a', 3, 3, '"string"'),
  )
  expect(all.versions('a').map(({ version, deleted }) => [version, deleted])).toEqual([
    [1, true],
    [2, true],
    [3, false],
  ])
  expect(all.latest('a')?.version).toBe(3)
})

test('an id with another schema is not applied', () => {
  const all = image(put('a', 1, 1, '"int"'))
  expect(all.apply(put('b', 1, 1, '"string"'), 0)).toEqual({ id: 1, subject: 'b', version: 1 })
  expect(all.subjects()).toEqual(['a'])
  expect(all.apply(put(':.c:b', 1, 1, '"string"'), 0)).toBeNull()
})

test('ids go on after the largest one that was read, also of a deleted version', () => {
  const registry = new RegistryInMemory()
  registry.apply([put('a', 1, 9, '"int"', { deleted: true })])
  expect(registry.register('b', '"string"').id).toBe(10)
  expect(registry.register('c', '"int"').id).toBe(9)
})

test('a cleared scope forgets what was deleted in it', () => {
  const all = image(put('a', 1, 1, '"int"', { deleted: true }), put('b', 1, 2, '"long"'), put(':.c:a', 1, 1, '"int"', { deleted: true }), {
    type: 'CLEAR_SUBJECT',
    subject: ':.c:',
    value: true,
  })
  expect(all.subjects()).toEqual(['a', 'b'])
})

test('references are known by the version that they name, until the last schema that has them is gone', () => {
  const registry = new RegistryInMemory()
  const references = [{ name: 'R', subject: 'r', version: 1 }]
  registry.apply([put('r', 1, 1, '"int"'), put('u', 1, 2, '"long"', { references }), put('v', 1, 2, '"long"', { references })])
  const referrers = (deleted: boolean) => listReferencedBy(registry.context, { subject: 'r', version: 1 }, deleted)
  expect(referrers(false)).toEqual([2])
  registry.apply([{ type: 'SCHEMA', subject: 'u', version: 1, value: null }])
  expect(referrers(false)).toEqual([2])
  registry.apply([put('v', 1, 2, '"long"', { references, deleted: true })])
  expect([referrers(false), referrers(true)]).toEqual([[], [2]])
  registry.apply([{ type: 'SCHEMA', subject: 'v', version: 1, value: null }])
  expect(referrers(true)).toEqual([])
})

test('subjects, versions and contexts are counted, with those that are deleted', () => {
  const all = image(put(':.c:a', 1, 1, '"int"'), put('b', 1, 1, '"int"', { deleted: true }), put('b', 2, 2, '"long"'))
  expect(all.subjects().sort()).toEqual([':.c:a', 'b'])
  expect(all.counts).toEqual({ subjects: 2, versions: 3, contexts: 1 })
})

test('a version that is written again with another id leaves nothing of its old one', () => {
  const registry = new RegistryInMemory()
  const references = [{ name: 'R', subject: 'r', version: 1 }]
  registry.apply([put('r', 1, 1, '"int"'), put('a', 1, 5, '"long"', { references }), put('a', 1, 6, '"string"')])
  expect(registry.image.hasId('.', 5)).toBe(false)
  expect(registry.image.versionsOfId('.', 6)).toEqual([{ subject: 'a', version: 1 }])
  expect(registry.image.referencedBy('r', 1)).toEqual([])
})

test('rules of a later registry are kept as they are', () => {
  const registry = new RegistryInMemory()
  const rule = '{"name":"r","kind":"LATER","mode":"SOMETIMES","type":"CEL","disabled":false}'
  registry.line(
    '{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}',
    `{"subject":"a","version":1,"id":1,"ruleSet":{"domainRules":[${rule}],"enableAt":"MOON"},"schema":"\\"int\\"","deleted":false}`,
  )
  expect(registry.image.version('a', 1)?.ruleSet).toEqual({ domainRules: [JSON.parse(rule)], enableAt: 'MOON' })
})

test('it has room up to the limits that reading has', () => {
  const all = image(put('a', 1, 1, '"int"'))
  const contexts = (count: number) =>
    Array.from({ length: count }, (_, index): RegistryRecord => ({ type: 'CONTEXT', context: `.${index}`, value: true }))
  expect(all.hasRoomFor(contexts(MAX_CONTEXTS))).toBe(true)
  expect(all.hasRoomFor(contexts(MAX_CONTEXTS + 1))).toBe(false)
  for (const record of contexts(MAX_CONTEXTS)) all.apply(record, 0)
  expect(() => all.apply({ type: 'CONTEXT', context: '.more', value: true }, 0)).toThrow('more than 100000 contexts')
})
