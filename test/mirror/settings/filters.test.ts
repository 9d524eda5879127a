/**
 * Goal: lists of expressions match what MirrorMaker 2 would match, and loops are found before records run in them. Method: examples of Java
 * syntax; flows between a few clusters with both replication policies.
 */
import { describe, expect, test } from 'vitest'
import { createPolicy } from '../../../mirror/policy.ts'
import { compileList, findLoop, includeExclude, type Route, replicates } from '../../../mirror/settings/filters.ts'

const list = (...items: string[]) => compileList('us->central.topics', items)

describe('lists of expressions', () => {
  test('match the whole name, by any of them; an empty list matches nothing', () => {
    const filter = list('orders', 'pay.*')
    expect(['orders', 'payments', 'orders2', 'my-orders', 'repay'].map(filter)).toEqual([true, true, false, false, false])
    expect(list()('orders')).toBe(false)
    expect(list('')('orders')).toBe(false)
    expect(list('a|b')('b')).toBe(true)
  })

  test('the exclude list takes precedence', () => {
    const filter = includeExclude(list('.*'), list('__.*'))
    expect([filter('a'), filter('__consumer_offsets')]).toEqual([true, false])
  })

  test('quotes and flags of Java have their effect; syntax that is not supported is refused by name', () => {
    expect(list('\\Qa.b\\E.*')('a.bc')).toBe(true)
    expect(list('\\Qa.b\\E')('axb')).toBe(false)
    expect(list('(?i)orders')('ORDERS')).toBe(true)
    expect(() => list('a*+b')).toThrow(/us->central\.topics.*possessive/)
    expect(() => list('(')).toThrow(/us->central\.topics: "\(".*not a regular expression/)
  })
})

const route = (source: string, target: string, className: string, topics = '.*'): Route => ({
  source,
  target,
  policy: createPolicy({ className, separator: '.', internalSeparatorEnabled: true, sourceAlias: source }),
  accepts: list(topics),
  heartbeatsReplication: true,
})
const both = (className: string, back = '.*') => [route('a', 'b', className), route('b', 'a', className, back)]

describe('the topics of a flow', () => {
  test('no internal topics, no topics of the target; heartbeats always', () => {
    const flow = route('us', 'central', 'DefaultReplicationPolicy', 'orders')
    expect(
      ['orders', 'other', 'heartbeats', 'central.heartbeats', 'eu.heartbeats', 'us.checkpoints.internal'].map((t) => replicates(flow, t)),
    ).toEqual([true, false, true, false, true, false])
  })
})

describe('loops', () => {
  test('do not exist with the default policy, in pairs and in rings', () => {
    expect(findLoop(both('DefaultReplicationPolicy'), 'a', 't')).toBeNull()
    const ring = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ].map(([x, y]) => route(x!, y!, 'DefaultReplicationPolicy'))
    expect(findLoop(ring, 'a', 't')).toBeNull()
  })

  test('exist with the identity policy: both ways, in a ring, and mixed with the default policy', () => {
    expect(findLoop(both('IdentityReplicationPolicy'), 'a', 't')).toEqual(['a->b', 'b->a'])
    const ring = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ].map(([x, y]) => route(x!, y!, 'IdentityReplicationPolicy'))
    expect(findLoop(ring, 'a', 't')).toEqual(['a->b', 'b->c', 'c->a'])
    expect(findLoop([route('a', 'b', 'DefaultReplicationPolicy'), route('b', 'a', 'IdentityReplicationPolicy')], 'a', 't')).toEqual([
      'a->b',
      'b->a',
    ])
  })

  test('do not exist for topics that are mirrored in one direction only', () => {
    expect(findLoop(both('IdentityReplicationPolicy', 'other'), 'a', 't')).toBeNull()
    expect(findLoop(both('IdentityReplicationPolicy', 'other'), 'b', 'other')).toEqual(['b->a', 'a->b'])
    expect(findLoop(both('IdentityReplicationPolicy'), 'a', 'heartbeats')).toBeNull()
  })
})
