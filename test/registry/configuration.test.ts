/**
 * Goal: configs and modes have the scopes, defaults and answers of Confluent's registry. Method: stories of decisions, applied to the
 * image.
 */
import { expect, test } from 'vitest'
import {
  decideDeleteConfig,
  decideDeleteMode,
  decideSetMode,
  decideUpdateConfig,
  readConfigOf,
  readModeOf,
} from '../../registry/configuration.ts'
import { decideDeleteSubject } from '../../registry/deletion.ts'
import { avroRecord, RegistryInMemory, refusal } from './registry-in-memory.ts'

const put = (registry: RegistryInMemory, subject: string | null, request: Record<string, unknown>) =>
  registry.decide((context) => decideUpdateConfig(context, subject, request))
const setMode = (registry: RegistryInMemory, subject: string | null, mode: unknown, force = false) =>
  registry.decide((context) => decideSetMode(context, subject, { mode }, force))

test('a subject has its own config, else that of its context, else the global one', () => {
  const registry = new RegistryInMemory()
  const level = (subject: string | null, toGlobal = true) => readConfigOf(registry.context, subject, toGlobal).compatibilityLevel
  expect(level(null, false)).toBe('BACKWARD')
  expect(refusal(() => level('a', false))).toEqual([404, 40408, "Subject 'a' does not have subject-level compatibility configured"])
  put(registry, null, { compatibility: 'full' })
  put(registry, ':.c:', { compatibility: 'NONE' })
  expect([level('a'), level(':.c:a'), level(':.d:a')]).toEqual(['FULL', 'NONE', 'BACKWARD'])
  put(registry, ':.__GLOBAL:', { compatibility: 'FORWARD' })
  expect([level('a'), level(':.d:a')]).toEqual(['FULL', 'FORWARD'])
  put(registry, ':.c:a', { compatibility: 'FULL_TRANSITIVE' })
  expect(level(':.c:a')).toBe('FULL_TRANSITIVE')
  // The default context is named by an empty one too.
  expect(level(':.:')).toBe('FULL')
})

test('a request sets the fields that it names, and removes those that are null', () => {
  const registry = new RegistryInMemory()
  expect(put(registry, 'a', { compatibility: 'NONE', normalize: true, alias: 'b' })).toEqual({
    alias: 'b',
    normalize: true,
    compatibility: 'NONE',
  })
  expect(put(registry, 'a', { compatibilityGroup: 'major', alias: null })).toEqual({
    normalize: true,
    compatibility: 'NONE',
    compatibilityGroup: 'major',
  })
  expect(registry.lines.at(-1)).toEqual([
    '{"keytype":"CONFIG","subject":"a","magic":0}',
    '{"subject":"a","normalize":true,"compatibilityLevel":"NONE","compatibilityGroup":"major"}',
  ])
  expect(put(registry, null, { compatibility: 'FORWARD' })).toEqual({ compatibility: 'FORWARD' })
  expect(registry.lines.at(-1)).toEqual(['{"keytype":"CONFIG","magic":0}', '{"compatibilityLevel":"FORWARD"}'])
  expect(refusal(() => put(registry, 'a', { compatibility: 'SOME' }))?.[1]).toBe(42203)
  expect(refusal(() => put(registry, '__GLOBAL', { compatibility: 'NONE' }))?.[1]).toBe(42208)
})

test('a config that is deleted is answered once more, and the default counts again', () => {
  const registry = new RegistryInMemory()
  const remove = (subject: string | null) => registry.decide((context) => decideDeleteConfig(context, subject))
  expect(refusal(() => remove('a'))).toEqual([404, 40401, "Subject 'a' not found."])
  put(registry, 'a', { compatibility: 'NONE' })
  expect(remove('a')).toEqual({ compatibilityLevel: 'NONE' })
  put(registry, null, { compatibility: 'FULL' })
  expect(remove(null)).toEqual({ compatibilityLevel: 'FULL' })
  expect(readConfigOf(registry.context, 'a', true)).toEqual({ compatibilityLevel: 'BACKWARD' })
})

test('modes have the same scopes', () => {
  const registry = new RegistryInMemory()
  const mode = (subject: string | null, toGlobal = true) => readModeOf(registry.context, subject, toGlobal).mode
  expect(mode(null, false)).toBe('READWRITE')
  expect(refusal(() => mode('a', false))).toEqual([404, 40409, "Subject 'a' does not have subject-level mode configured"])
  setMode(registry, ':.c:', 'readonly')
  expect([mode(':.c:a'), mode('a')]).toEqual(['READONLY', 'READWRITE'])
  setMode(registry, null, 'READONLY_OVERRIDE')
  expect(mode('a')).toBe('READONLY_OVERRIDE')
  expect(registry.lines.at(-1)).toEqual(['{"keytype":"MODE","magic":0}', '{"mode":"READONLY_OVERRIDE"}'])
  expect(refusal(() => setMode(registry, null, 'OFF'))?.[2]).toBe('Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.')
  expect(refusal(() => setMode(registry, 'a', 'FORWARD'))?.[2]).toBe('Forward mode only supported on global level')
})

test('IMPORT needs an empty scope, and removes what was deleted there', () => {
  const registry = new RegistryInMemory()
  registry.register('a', avroRecord('x'))
  expect(refusal(() => setMode(registry, null, 'IMPORT'))).toEqual([422, 42205, 'Cannot import since found existing subjects'])
  setMode(registry, 'b', 'IMPORT')
  registry.decide((context) => decideDeleteSubject(context, 'a', false))
  setMode(registry, null, 'IMPORT')
  expect(registry.lines.slice(-3)).toEqual([
    ['{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}', null],
    ['{"keytype":"CLEAR_SUBJECT","magic":0}', '{}'],
    ['{"keytype":"MODE","magic":0}', '{"mode":"IMPORT"}'],
  ])
  expect(registry.image.hasSubjects(null, true)).toBe(false)
  const other = new RegistryInMemory()
  other.register('a', avroRecord('x'))
  setMode(other, null, 'IMPORT', true)
  expect(other.image.hasSubjects('a', false)).toBe(true)
})

test('a mode is removed, with those of the subjects of a context where that is asked', () => {
  const registry = new RegistryInMemory()
  const remove = (subject: string | null, recursive = false) => registry.decide((context) => decideDeleteMode(context, subject, recursive))
  expect(refusal(() => remove('a'))?.[1]).toBe(40401)
  for (const subject of ['a', ':.c:a', ':.c:b', ':.c:']) setMode(registry, subject, 'READONLY')
  expect(remove(':.c:', true)).toEqual({ mode: 'READONLY' })
  expect(registry.image.subjectsWithMode()).toEqual(['a'])
  setMode(registry, 'a', null)
  expect(registry.image.subjectsWithMode()).toEqual([])
})

test('modes do not change where mode.mutability is false', () => {
  const registry = new RegistryInMemory({}, { modesCanChange: false })
  expect(refusal(() => setMode(registry, null, 'READONLY'))).toEqual([422, 42205, 'Mode changes are not allowed'])
  expect(refusal(() => registry.decide((context) => decideDeleteMode(context, null, false)))?.[1]).toBe(42205)
})
