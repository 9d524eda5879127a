/**
 * Goal: what Kafka's controller refuses is refused, in its words. Method: one field at a time; test/peers/acl-apis.test.ts compares.
 */
import { describe, expect, test } from 'vitest'
import type { Acl } from '../../../../core/security/acl/acl.ts'
import type { AclFilter } from '../../../../core/security/acl/acl-filter.ts'
import { checkFilter, checkNewAcl } from '../../../../core/security/acl/acl-validation.ts'

const acl: Acl = { resourceType: 2, resourceName: 'x', patternType: 3, principal: 'User:a', host: '*', operation: 3, permissionType: 3 }

describe('a new entry', () => {
  test.each<Partial<Acl>>([
    {},
    { resourceType: 7 },
    { patternType: 4 },
    { operation: 2 },
    { operation: 15 },
    { permissionType: 2 },
    { host: '' },
  ])('%j is valid', (given) => {
    expect(() => checkNewAcl({ ...acl, ...given })).not.toThrow()
  })

  test.each<[Partial<Acl>, string]>([
    [{ resourceType: 1 }, 'Invalid resourceType ANY'],
    [{ resourceType: 8 }, 'Invalid resourceType UNKNOWN'],
    [{ patternType: 2 }, 'Invalid patternType MATCH'],
    [{ operation: 16 }, 'Invalid operation UNKNOWN'],
    [{ permissionType: 1 }, 'Invalid permissionType ANY'],
    [{ resourceName: '' }, 'Resource name should not be empty'],
    [{ principal: 'a' }, 'Could not parse principal from `a` (no colon is present separating the principal type from the principal name)'],
    [{ resourceType: 1, patternType: 1 }, 'Invalid resourceType ANY'],
  ])('%j is refused', (given, message) => {
    expect(() => checkNewAcl({ ...acl, ...given })).toThrow(expect.objectContaining({ error: 'INVALID_REQUEST', message }))
  })
})

describe('a filter', () => {
  const filter: AclFilter = { ...acl, resourceName: null, principal: null, host: null }
  test('ANY and MATCH are known', () => {
    expect(() => checkFilter({ ...filter, resourceType: 1, patternType: 2, operation: 1, permissionType: 1 })).not.toThrow()
  })

  test.each<[Partial<AclFilter>, string]>([
    [{ resourceType: 99 }, 'Unknown patternFilter.'],
    [{ patternType: 0 }, 'Unknown patternFilter.'],
    [{ operation: 99 }, 'Unknown entryFilter.'],
    [{ permissionType: 4 }, 'Unknown entryFilter.'],
  ])('%j is refused', (given, message) => {
    expect(() => checkFilter({ ...filter, ...given })).toThrow(expect.objectContaining({ error: 'INVALID_REQUEST', message }))
  })
})
