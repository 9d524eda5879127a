/**
 * Goal: a filter matches the entries that KIP-290 says. Method: one entry of each kind, filters by their fields.
 */
import { describe, expect, test } from 'vitest'
import { type Acl, patternTypes, permissionTypes } from '../../../../core/security/acl/acl.ts'
import { type AclFilter, matchesFilter, onlyMatch } from '../../../../core/security/acl/acl-filter.ts'
import { aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'

const { ANY, MATCH, LITERAL, PREFIXED } = patternTypes
const entry = (name: string, resourceName: string, patternType: number, given: Partial<Acl> = {}) => ({
  name,
  resourceType: resourceTypes.Topic,
  resourceName,
  patternType,
  principal: 'User:a',
  host: '*',
  operation: aclOperations.Read,
  permissionType: permissionTypes.ALLOW,
  ...given,
})
const entries = [
  entry('literal', 'foo', LITERAL),
  entry('other', 'food', LITERAL),
  entry('wildcard', '*', LITERAL),
  entry('prefix', 'fo', PREFIXED),
  entry('same prefix', 'foo', PREFIXED),
  entry('other prefix', 'foo-', PREFIXED),
  entry('group', 'foo', LITERAL, { resourceType: resourceTypes.Group }),
  entry('denied', 'bar', LITERAL, { principal: 'User:b', host: 'h', operation: aclOperations.All, permissionType: permissionTypes.DENY }),
]
const any: AclFilter = {
  resourceType: resourceTypes.Any,
  resourceName: null,
  patternType: ANY,
  principal: null,
  host: null,
  operation: aclOperations.Any,
  permissionType: permissionTypes.ANY,
}
const matched = (given: Partial<AclFilter>) => entries.filter((acl) => matchesFilter({ ...any, ...given }, acl)).map(({ name }) => name)
const topic = { resourceType: resourceTypes.Topic }

describe('patterns', () => {
  test('ANY is every pattern of the name', () => {
    expect(matched({})).toEqual(entries.map(({ name }) => name))
    expect(matched({ ...topic, resourceName: 'foo' })).toEqual(['literal', 'same prefix'])
    expect(matched({ resourceName: '*' })).toEqual(['wildcard'])
    expect(matched({ resourceType: resourceTypes.Group })).toEqual(['group'])
  })

  test('MATCH is every pattern that concerns the name', () => {
    expect(matched({ ...topic, resourceName: 'foo', patternType: MATCH })).toEqual(['literal', 'wildcard', 'prefix', 'same prefix'])
    expect(matched({ ...topic, resourceName: 'foo-1', patternType: MATCH })).toEqual(['wildcard', 'prefix', 'same prefix', 'other prefix'])
    expect(matched({ patternType: MATCH })).toEqual(entries.map(({ name }) => name))
  })

  test('LITERAL and PREFIXED are the patterns of that type', () => {
    expect(matched({ ...topic, resourceName: 'foo', patternType: LITERAL })).toEqual(['literal'])
    expect(matched({ resourceName: 'foo', patternType: PREFIXED })).toEqual(['same prefix'])
    expect(matched({ patternType: PREFIXED })).toEqual(['prefix', 'same prefix', 'other prefix'])
  })
})

test('principal, host, operation and permission are exact: ALL is no wildcard of a filter', () => {
  expect(matched({ principal: 'User:b' })).toEqual(['denied'])
  expect(matched({ host: 'h' })).toEqual(['denied'])
  expect(matched({ permissionType: permissionTypes.DENY })).toEqual(['denied'])
  expect(matched({ operation: aclOperations.All })).toEqual(['denied'])
  expect(matched({ operation: aclOperations.Write })).toEqual([])
  expect(matched({ operation: 99 })).toEqual([])
})

test('a filter without ANY, MATCH and null matches one entry', () => {
  const { name: _, ...acl } = entries[0]!
  expect(onlyMatch(acl)).toEqual(acl)
  const open: Partial<AclFilter>[] = [{ resourceType: 1 }, { resourceName: null }, { patternType: ANY }, { patternType: MATCH }, { principal: null }, { host: null }, { operation: 1 }, { permissionType: 1 }] // biome-ignore format: one line
  for (const given of open) expect(onlyMatch({ ...acl, ...given })).toBeNull()
})
