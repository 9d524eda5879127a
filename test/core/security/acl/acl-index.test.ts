/**
 * Goal: the index finds the patterns of a name in Kafka's order, follows what is added and removed, and its cost does not grow with the
 * number of entries. Method: patterns by name; comparisons are counted through the names that are visited.
 */
import { expect, test } from 'vitest'
import { patternTypes, permissionTypes, type StoredAcl } from '../../../../core/security/acl/acl.ts'
import { AclIndex } from '../../../../core/security/acl/acl-index.ts'
import { aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'

const { LITERAL, PREFIXED } = patternTypes
const acl = (id: string, resourceName: string, given: Partial<StoredAcl> = {}): StoredAcl => ({
  id,
  resourceType: resourceTypes.Topic,
  resourceName,
  patternType: PREFIXED,
  principal: 'User:alice',
  host: '*',
  operation: aclOperations.Read,
  permissionType: permissionTypes.ALLOW,
  ...given,
})
function indexOf(acls: readonly StoredAcl[]): AclIndex {
  const index = new AclIndex()
  for (const each of acls) index.add(each)
  return index
}
function matching(index: AclIndex, name: string): string[] {
  const names: string[] = []
  index.visitMatching(resourceTypes.Topic, name, (pattern) => {
    names.push(pattern.name)
    return false
  })
  return names
}

test('the name, its prefixes from the longest to the shortest, the wildcard', () => {
  const index = indexOf([
    acl('1', '*', { patternType: LITERAL }),
    acl('2', 'o'),
    acl('3', 'orders'),
    acl('4', 'orders', { patternType: LITERAL }),
    acl('5', 'ord'),
    acl('6', 'ore'),
    acl('7', 'orders-eu'),
    acl('8', ''),
  ])
  expect(matching(index, 'orders')).toEqual(['orders', 'orders', 'ord', 'o', '', '*'])
  expect(matching(index, 'orders-eu-1')).toEqual(['orders-eu', 'orders', 'ord', 'o', '', '*'])
  expect(matching(index, 'orf')).toEqual(['o', '', '*'])
  expect(matching(index, 'z')).toEqual(['', '*'])
  expect(matching(index, '*')).toEqual(['*', ''])
  index.remove(acl('5', 'ord'))
  index.add(acl('9', 'or'))
  expect(matching(index, 'orders')).toEqual(['orders', 'orders', 'or', 'o', '', '*'])
})

test('a pattern has its entries by principal, in order, until the last is removed', () => {
  const index = indexOf([acl('1', 'a', { operation: aclOperations.Write }), acl('2', 'a'), acl('3', 'a', { principal: 'User:bob' })])
  const pattern = index.longestPrefix(resourceTypes.Topic, 'abc')!
  expect(pattern.of('User:alice').map(({ id }) => id)).toEqual(['2', '1'])
  expect(pattern.of('User:carol')).toEqual([])
  index.remove(acl('2', 'a'))
  index.remove(acl('1', 'a', { operation: aclOperations.Write }))
  expect(matching(index, 'abc')).toEqual(['a'])
  index.remove(acl('3', 'a', { principal: 'User:bob' }))
  expect(matching(index, 'abc')).toEqual([])
})

test('of two entries that say the same, one stays when the other is removed', () => {
  const index = indexOf([acl('1', 'a'), acl('2', 'a')])
  index.remove(acl('1', 'a'))
  expect(index.longestPrefix(resourceTypes.Topic, 'a')!.of('User:alice')).toEqual([acl('2', 'a')])
})

test('an entry that is not there cannot be removed', () => {
  expect(() => indexOf([acl('1', 'a')]).remove(acl('2', 'a'))).toThrow('the ACL 2 is in the index')
  expect(() => new AclIndex().remove(acl('1', 'a'))).toThrow('there are ACLs of the resource type 2')
})

test('among 10,000 patterns those that match are found without a look at the others', () => {
  const names = Array.from({ length: 10_000 }, (_, number) => `team-${number}-`)
  const index = indexOf(names.map((name, number) => acl(`${number}`, name)))
  let read = 0
  class Name extends String {
    override startsWith(prefix: string): boolean {
      read++
      return super.startsWith(prefix)
    }
  }
  expect(matching(index, 'team-777-orders')).toEqual(['team-777-'])
  index.visitMatching(resourceTypes.Topic, new Name('team-777-orders') as unknown as string, () => false)
  expect(read).toBeLessThan(5)
})
