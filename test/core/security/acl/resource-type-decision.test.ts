/**
 * Goal: an operation on some resource of a type is allowed exactly where an ALLOW is left that no DENY covers (KIP-679). Method: stories.
 * The comparison with Kafka is in test/peers/acls.test.ts.
 */
import { expect, test } from 'vitest'
import { type Acl, patternTypes, permissionTypes } from '../../../../core/security/acl/acl.ts'
import { AclIndex } from '../../../../core/security/acl/acl-index.ts'
import { allowsSomeResource } from '../../../../core/security/acl/resource-type-decision.ts'
import { aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'

const write: Acl = {
  resourceType: resourceTypes.Topic,
  resourceName: 'orders',
  patternType: patternTypes.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation: aclOperations.Write,
  permissionType: permissionTypes.ALLOW,
}
const prefixed = { patternType: patternTypes.PREFIXED }
const deny = { permissionType: permissionTypes.DENY }

test.each<[string, boolean, Partial<Acl>[]]>([
  ['there is no entry', false, []],
  ['a literal is allowed', true, [{}]],
  ['a prefix is allowed', true, [{ ...prefixed }]],
  ['everything is allowed', true, [{ resourceName: '*' }]],
  ['all operations are allowed', true, [{ operation: aclOperations.All }]],
  ['everybody is allowed', true, [{ principal: 'User:*' }]],
  ['another is allowed', false, [{ principal: 'User:bob' }]],
  ['another host is allowed', false, [{ host: '10.0.0.2' }]],
  ['another operation is allowed', false, [{ operation: aclOperations.Alter }]],
  ['another type is allowed', false, [{ resourceType: resourceTypes.Group }]],
  ['the literal is allowed and denied', false, [{}, deny]],
  ['the literal is allowed, and a prefix of it is denied', false, [{}, { ...prefixed, ...deny, resourceName: 'ord' }]],
  ['the literal is allowed, and a prefix that is longer is denied', true, [{}, { ...prefixed, ...deny, resourceName: 'orders-' }]],
  ['the prefix is allowed and denied', false, [prefixed, { ...prefixed, ...deny }]],
  ['the prefix is allowed, and a literal of it is denied', true, [prefixed, deny]],
  ['a literal is denied, another is allowed', true, [deny, { resourceName: 'other' }]],
  ['a literal is allowed, and everything is denied', false, [{}, { ...deny, resourceName: '*' }]],
  ['everything is allowed, and a prefix is denied', true, [{ resourceName: '*' }, { ...prefixed, ...deny, resourceName: 'o' }]],
  ['the DENY is for another', true, [{}, { ...deny, resourceName: '*', principal: 'User:bob' }]],
])('%s: %s', (_, expected, acls) => {
  const index = new AclIndex()
  for (const [id, acl] of acls.entries()) index.add({ ...write, ...acl, id: `${id}` })
  const question = { operation: aclOperations.Write, resourceType: resourceTypes.Topic, principal: 'User:alice', host: '10.0.0.1' }
  expect(allowsSomeResource(index, question)).toBe(expected)
})
