/**
 * Goal: deletes do what Confluent's registry does, softly first and for good then, and never take away what another schema references.
 * Method: stories of decisions, applied to the image; the records are compared where another registry reads them.
 */
import { expect, test } from 'vitest'
import { decideSetMode, decideUpdateConfig } from '../../registry/configuration.ts'
import { decideDeleteContext, decideDeleteSubject, decideDeleteVersion } from '../../registry/deletion.ts'
import { getById, listVersions } from '../../registry/queries.ts'
import { avroRecord, RegistryInMemory, refusal } from './registry-in-memory.ts'

function twoVersions(): RegistryInMemory {
  const registry = new RegistryInMemory()
  registry.register('a', avroRecord('x'))
  registry.register('a', avroRecord('x', 'y?'))
  return registry
}
const version = (registry: RegistryInMemory, number: number, permanent = false) =>
  registry.decide((context) => decideDeleteVersion(context, 'a', number, permanent))
const subject = (registry: RegistryInMemory, permanent = false, name = 'a') =>
  registry.decide((context) => decideDeleteSubject(context, name, permanent))

test('a version that was deleted softly is still found by its id', () => {
  const registry = twoVersions()
  expect(version(registry, 1)).toBe(1)
  expect(listVersions(registry.context, 'a', 'without', false)).toEqual([2])
  expect(listVersions(registry.context, 'a', 'with', false)).toEqual([1, 2])
  expect(listVersions(registry.context, 'a', 'only', false)).toEqual([1])
  expect(listVersions(registry.context, 'a', 'with', true)).toEqual([-1, 2])
  expect(getById(registry.context, 1, { subject: null })).toMatchObject({ schema: avroRecord('x'), deleted: true })
  expect(registry.lines.at(-1)).toEqual([
    '{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}',
    JSON.stringify({ subject: 'a', version: 1, id: 1, schema: avroRecord('x'), deleted: true }),
  ])
})

test('a version is deleted for good after it was deleted softly', () => {
  const registry = twoVersions()
  expect(refusal(() => version(registry, 1, true))).toEqual([
    404,
    40407,
    "Subject 'a' Version 1 was not deleted first before being permanently deleted",
  ])
  version(registry, 1)
  expect(refusal(() => version(registry, 1))).toEqual([
    404,
    40406,
    "Subject 'a' Version 1 was soft deleted.Set permanent=true to delete permanently",
  ])
  expect(version(registry, 1, true)).toBe(1)
  expect(refusal(() => getById(registry.context, 1, { subject: null }))?.[1]).toBe(40403)
  expect(refusal(() => version(registry, 1))).toEqual([404, 40402, 'Version 1 not found.'])
  // The latest one is meant by -1.
  expect(version(registry, -1)).toBe(2)
})

test('a subject is deleted with one record, and for good with tombstones from the last version on', () => {
  const registry = twoVersions()
  registry.decide((context) => decideUpdateConfig(context, 'a', { compatibility: 'NONE' }))
  expect(refusal(() => subject(registry, true))).toEqual([404, 40405, "Subject 'a' was not deleted first before being permanently deleted"])
  expect(subject(registry)).toEqual([1, 2])
  expect(registry.lines.at(-1)).toEqual(['{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}', '{"subject":"a","version":2}'])
  expect(refusal(() => subject(registry))).toEqual([404, 40404, "Subject 'a' was soft deleted.Set permanent=true to delete permanently"])
  expect(subject(registry, true)).toEqual([1, 2])
  expect(registry.lines.slice(-3)).toEqual([
    ['{"keytype":"SCHEMA","subject":"a","version":2,"magic":1}', null],
    ['{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}', null],
    ['{"keytype":"CONFIG","subject":"a","magic":0}', null],
  ])
  expect(refusal(() => subject(registry))).toEqual([404, 40401, "Subject 'a' not found."])
})

test('what another schema references is not deleted; after the other one is gone it is', () => {
  const registry = new RegistryInMemory()
  registry.register('a', avroRecord('x'))
  const user = {
    schema: '{"type":"record","name":"U","fields":[{"name":"r","type":"R"}]}',
    references: [{ name: 'R', subject: 'a', version: -1 }],
  }
  registry.register('u', user)
  const sentence = 'One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=a,version=1}.'
  expect(refusal(() => subject(registry))).toEqual([422, 42206, sentence])
  expect(refusal(() => version(registry, 1))).toEqual([422, 42206, sentence])
  subject(registry, false, 'u')
  expect(subject(registry)).toEqual([1])
  // For good, the schema that was deleted softly counts: it may come back.
  expect(refusal(() => subject(registry, true))?.[1]).toBe(42206)
  subject(registry, true, 'u')
  expect(subject(registry, true)).toEqual([1])
})

test('nothing is deleted in READONLY mode', () => {
  const registry = twoVersions()
  registry.decide((context) => decideSetMode(context, null, { mode: 'READONLY' }, false))
  expect(refusal(() => subject(registry))?.[2]).toBe('Subject a in context  is in read-only mode')
  expect(refusal(() => version(registry, 1))?.[1]).toBe(42205)
})

test('a context is deleted when it is empty', () => {
  const registry = new RegistryInMemory()
  registry.register(':.c:a', avroRecord('x'))
  const remove = () => registry.decide((context) => decideDeleteContext(context, ':.c:'))
  expect(refusal(remove)).toEqual([422, 42211, "The specified context ':.c:' is not empty."])
  subject(registry, false, ':.c:a')
  subject(registry, true, ':.c:a')
  remove()
  expect(registry.image.contexts()).toEqual([])
})
