/**
 * Goal: a handler asks the authorizer for what its API declares, and for nothing else; the audit log gets what was asked. Method: an
 * authorizer that keeps its questions.
 */
import { expect, test } from 'vitest'
import { AuthorizedAccess, type Requirement, unrestricted } from '../../../core/apis/access.ts'
import { loadApis } from '../../../core/apis/index.ts'
import { KafkaError } from '../../../core/errors.ts'
import type { Action } from '../../../core/security/authorizer.ts'

const alice = { principal: 'User:alice', host: '/127.0.0.1' }

function accessOf(authorization: readonly Requirement[], allows: (action: Action) => boolean) {
  const actions: Action[] = []
  const authorizer = {
    authorize: (_: unknown, action: Action) => {
      actions.push(action)
      return allows(action)
    },
    authorizeByResourceType: () => false,
  }
  return { access: new AuthorizedAccess(authorizer, alice, { name: 'Produce', authorization }), actions }
}

test('each name is asked for once, with the number of its references', () => {
  const { access, actions } = accessOf(['Write Topic'], ({ resourceName }) => resourceName === 'a')
  expect([...access.allowed('Write Topic', ['a', 'b', 'a'])]).toEqual(['a'])
  expect(actions).toEqual([
    expect.objectContaining({ operation: 'Write', resourceType: 'Topic', resourceName: 'a', api: 'Produce', resourceReferenceCount: 2 }),
    expect.objectContaining({ resourceName: 'b', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true }),
  ])
})

test('what the API does not declare is a bug', () => {
  const { access } = accessOf(['Write Topic'], () => true)
  expect(() => access.allows('Read Topic', 'a')).toThrow('Produce asks for Read Topic, and does not declare it')
})

test('check throws the error of the resource type', () => {
  const { access } = accessOf(['Alter Cluster', 'Read Group'], () => false)
  expect(() => access.check('Alter Cluster')).toThrow(
    new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'Request Produce needs ALTER permission.'),
  )
  expect(() => access.check('Read Group', 'g')).toThrow('GROUP_AUTHORIZATION_FAILED')
})

test('operations of a resource are bits, and leave no trace in the audit log', () => {
  const { access, actions } = accessOf([], ({ operation }) => operation === 'Read' || operation === 'Describe')
  expect(access.operations('Topic', 'a')).toBe((1 << 3) | (1 << 8))
  expect(actions.every(({ logIfAllowed, logIfDenied }) => !logIfAllowed && !logIfDenied)).toBe(true)
  expect([unrestricted.operations('Cluster'), unrestricted.operations('Topic', 'a')]).toEqual([8096, 3576])
})

test('every API declares what it asks for; those of logins are open to everybody, and those for the owners of tokens', async () => {
  const open = (await loadApis()).filter(({ authorization }) => authorization.length === 0)
  expect(open.map(({ name }) => name)).toEqual([
    'SaslHandshake',
    'ApiVersions',
    'SaslAuthenticate',
    'RenewDelegationToken',
    'ExpireDelegationToken',
  ])
})
