/**
 * Goal: codes have Kafka's names, and entries that say the same are the same. Method: values that Kafka's records have.
 */
import { expect, test } from 'vitest'
import {
  type Acl,
  aclKey,
  compareEntries,
  describeAcl,
  operationName,
  patternTypeName,
  permissionTypeName,
  resourceTypeName,
} from '../../../../core/security/acl/acl.ts'

const acl: Acl = {
  resourceType: 5,
  resourceName: 'a b',
  patternType: 4,
  principal: 'User:x',
  host: '*',
  operation: 10,
  permissionType: 2,
}

test('codes have the names of Kafka’s constants; others are UNKNOWN', () => {
  expect([2, 8, 9, 10, 13, 15, 99, 0].map(operationName)).toEqual(['ALL', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'CREATE_TOKENS', 'TWO_PHASE_COMMIT', 'UNKNOWN', 'UNKNOWN']) // biome-ignore format: one line
  expect([1, 2, 5, 6, 8].map(resourceTypeName)).toEqual(['ANY', 'TOPIC', 'TRANSACTIONAL_ID', 'DELEGATION_TOKEN', 'UNKNOWN'])
  expect([2, 3, 5].map(patternTypeName)).toEqual(['MATCH', 'LITERAL', 'UNKNOWN'])
  expect([1, 2, 3, 0].map(permissionTypeName)).toEqual(['ANY', 'DENY', 'ALLOW', 'UNKNOWN'])
})

test('an entry reads as in the audit log', () => {
  expect(describeAcl(acl)).toBe(
    'StandardAcl[resourceType=TRANSACTIONAL_ID, resourceName=a b, patternType=PREFIXED, principal=User:x, host=*, ' +
      'operation=DESCRIBE_CONFIGS, permissionType=DENY]',
  )
})

test('the key tells every field apart', () => {
  const others: Acl[] = [
    { ...acl, resourceType: 2 },
    { ...acl, resourceName: 'a' },
    { ...acl, patternType: 3 },
    { ...acl, principal: 'User:y' },
    { ...acl, host: 'h' },
    { ...acl, operation: 3 },
    { ...acl, permissionType: 3 },
    { ...acl, principal: '*', host: 'User:x' },
  ]
  expect(new Set([acl, ...others].map(aclKey)).size).toBe(9)
  expect(aclKey({ ...acl })).toBe(aclKey(acl))
})

test('entries are in the order of operation, principal, host and permission', () => {
  const ordered = [
    { ...acl, operation: 3, principal: 'User:z' },
    { ...acl, operation: 4, principal: 'User:a', host: 'z' },
    { ...acl, operation: 4, principal: 'User:b', host: 'a', permissionType: 3 },
    { ...acl, operation: 4, principal: 'User:b', host: 'b', permissionType: 2 },
    { ...acl, operation: 4, principal: 'User:b', host: 'b', permissionType: 3 },
  ]
  expect([...ordered].reverse().sort(compareEntries)).toEqual(ordered)
})
