/**
 * Goal: the index decides as a reading of the whole list does, whatever is added and removed before. Method: stories of single rules, and
 * random lists against the naive reading.
 */
import { describe, expect, test } from 'vitest'
import { type Acl, patternTypes, permissionTypes } from '../../../../core/security/acl/acl.ts'
import { AclIndex } from '../../../../core/security/acl/acl-index.ts'
import { DEFAULT_ALLOW, DEFAULT_DENY, decide, describeRule, type Rule, SUPER_USER } from '../../../../core/security/acl/decision.ts'
import { aclOperations, resourceTypes } from '../../../../core/security/authorizer.ts'
import { randomFrom } from '../../../random.ts'
import { type SampleQuestion, Samples } from './acl-samples.ts'
import { naiveDecision } from './naive-decision.ts'

const base: Acl = {
  resourceType: resourceTypes.Topic,
  resourceName: 'orders',
  patternType: patternTypes.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation: aclOperations.Read,
  permissionType: permissionTypes.ALLOW,
}
const asked = { operation: 'Read', resourceType: 'Topic', resourceName: 'orders', principal: 'User:alice', host: '10.0.0.1' } as const

function indexOf(acls: readonly Partial<Acl>[]): AclIndex {
  const index = new AclIndex()
  for (const [id, acl] of acls.entries()) index.add({ ...base, ...acl, id: `${id}` })
  return index
}
const decideIn = (index: AclIndex, question: SampleQuestion, withoutAcls: Rule = DEFAULT_DENY) =>
  decide(
    index,
    { ...question, operation: aclOperations[question.operation], resourceType: resourceTypes[question.resourceType] },
    withoutAcls,
  )
const allowed = (acls: readonly Partial<Acl>[], question: Partial<SampleQuestion> = {}) =>
  decideIn(indexOf(acls), { ...asked, ...question }).isAllowed

const deny = { permissionType: permissionTypes.DENY }
const prefixed = { patternType: patternTypes.PREFIXED }

describe('rules', () => {
  test('an entry allows its principal, its host, its operation and its resource, and nothing else', () => {
    expect(allowed([{}])).toBe(true)
    expect(allowed([{}], { principal: 'User:bob' })).toBe(false)
    expect(allowed([{}], { principal: 'User:Alice' })).toBe(false)
    expect(allowed([{}], { operation: 'Write' })).toBe(false)
    expect(allowed([{}], { resourceName: 'orders2' })).toBe(false)
    expect(allowed([{}], { resourceType: 'Group' })).toBe(false)
    expect(allowed([{ host: '10.0.0.2' }])).toBe(false)
    expect(allowed([{ host: '10.0.0.1' }])).toBe(true)
  })

  test.each<[string, Partial<Acl>]>([
    ['the literal name', {}],
    ['a prefix', { ...prefixed, resourceName: 'ord' }],
    ['the prefix of one letter', { ...prefixed, resourceName: 'o' }],
    ['the whole name as a prefix', prefixed],
    ['the wildcard', { resourceName: '*' }],
    ['everybody', { principal: 'User:*' }],
    ['all operations', { operation: aclOperations.All }],
  ])('DENY of %s is before every ALLOW', (_, given) => {
    const allows = [{}, { ...prefixed, resourceName: 'o' }, prefixed, { resourceName: '*' }, { operation: aclOperations.All }]
    expect(allowed(allows)).toBe(true)
    expect(allowed([...allows, { ...given, ...deny }])).toBe(false)
  })

  test('a prefix is no wildcard, and a star in a prefix is a letter', () => {
    expect(allowed([{ ...prefixed, resourceName: 'orders-' }])).toBe(false)
    expect(allowed([{ ...prefixed, resourceName: '*' }])).toBe(false)
    expect(allowed([{ ...prefixed, resourceName: '*' }], { resourceName: '*orders' })).toBe(true)
  })

  test('the wildcard concerns names that begin with a star too', () => {
    expect(allowed([{ resourceType: resourceTypes.Group, resourceName: '*' }], { resourceType: 'Group', resourceName: '*g' })).toBe(true)
    expect(allowed([{ resourceName: '*' }, { resourceName: '*', ...deny }], { resourceName: '*' })).toBe(false)
  })

  test.each(['Read', 'Write', 'Delete', 'Alter'] as const)('ALLOW for %s allows Describe, and DENY does not deny it', (operation) => {
    expect(allowed([{ operation: aclOperations[operation] }], { operation: 'Describe' })).toBe(true)
    const denied = { operation: aclOperations[operation], ...deny }
    expect(allowed([{ operation: aclOperations.Describe }, denied], { operation: 'Describe' })).toBe(true)
  })

  test('AlterConfigs allows DescribeConfigs; Create, ClusterAction and IdempotentWrite allow nothing else', () => {
    expect(allowed([{ operation: aclOperations.AlterConfigs }], { operation: 'DescribeConfigs' })).toBe(true)
    expect(allowed([{ operation: aclOperations.AlterConfigs }], { operation: 'Describe' })).toBe(false)
    for (const operation of ['Create', 'ClusterAction', 'IdempotentWrite'] as const)
      expect(allowed([{ operation: aclOperations[operation] }], { operation: 'Describe' })).toBe(false)
  })

  test('the rule without entries is that of a resource without entries, of whomever', () => {
    const rule = (acls: readonly Partial<Acl>[]) => decideIn(indexOf(acls), asked, DEFAULT_ALLOW)
    expect(rule([])).toBe(DEFAULT_ALLOW)
    expect(rule([{ resourceName: 'other' }, { ...prefixed, resourceName: 'orders-' }])).toBe(DEFAULT_ALLOW)
    expect(rule([{ principal: 'User:bob' }])).toBe(DEFAULT_DENY)
    expect(rule([{ ...prefixed, resourceName: 'o', operation: aclOperations.Write }])).toBe(DEFAULT_DENY)
    expect(rule([{ resourceName: '*', principal: 'User:bob' }])).toBe(DEFAULT_DENY)
  })

  test('the rule is named as Kafka names it', () => {
    expect([SUPER_USER, DEFAULT_ALLOW, DEFAULT_DENY].map(describeRule)).toEqual(['SuperUser', 'DefaultAllow', 'DefaultDeny'])
    expect(describeRule(decideIn(indexOf([{ ...prefixed, ...deny, operation: aclOperations.All }]), asked))).toBe(
      'MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=orders, patternType=PREFIXED, principal=User:alice, host=*, ' +
        'operation=ALL, permissionType=DENY])',
    )
  })
})

test('random lists that grow and shrink decide as a naive reading of them', () => {
  const random = randomFrom(4711)
  const samples = new Samples(random)
  const decisions = { true: 0, false: 0, null: 0 }
  for (let run = 0; run < 300; run++) {
    const index = new AclIndex()
    const listed = samples.acls(60)
    const present = new Map<string, Acl>()
    for (let step = 0; step < 60; step++) {
      const acl = listed[Math.floor(random() * listed.length)]!
      if (present.delete(acl.id)) index.remove(acl)
      else {
        present.set(acl.id, acl)
        index.add(acl)
      }
      const question = samples.question()
      const expected = naiveDecision([...present.values()], question)
      decisions[`${expected}`]++
      const given = JSON.stringify({ question, acls: [...present.values()] })
      expect(decideIn(index, question, DEFAULT_ALLOW).isAllowed, given).toBe(expected ?? true)
      expect(decideIn(index, question, DEFAULT_DENY).isAllowed, given).toBe(expected ?? false)
    }
  }
  for (const count of Object.values(decisions)) expect(count).toBeGreaterThan(1000)
})
