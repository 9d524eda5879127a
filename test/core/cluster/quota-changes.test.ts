/**
 * Goal: AlterClientQuotas accepts and refuses what Kafka's controller does, in its words. Method: the pure decision as a table; the names
 * of hosts with a resolver of the test.
 */
import { describe, expect, test } from 'vitest'
import { hostsOf, type QuotaAlteration, quotaChanges } from '../../../core/cluster/quota-changes.ts'
import { LOOKUP_LIMIT_MS, resolvableHosts } from '../../../core/cluster/resolvable-hosts.ts'
import { realClock } from '../../../core/system/clock.ts'

type Parts = Record<string, string | null>
const entityOf = (parts: Parts) => Object.entries(parts).map(([entityType, entityName]) => ({ entityType, entityName }))
const alteration = (parts: Parts, ops: Record<string, number | null>): QuotaAlteration => ({
  entity: entityOf(parts),
  ops: Object.entries(ops).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
})
const state = { quotas: () => ({ producer_byte_rate: 10 }), isHost: (name: string) => name === 'known' }

describe('one alteration', () => {
  test.each<[Parts, Record<string, number | null>, string | number]>([
    [{ user: 'alice' }, { producer_byte_rate: 20 }, 1],
    [{ user: null, 'client-id': null }, { request_percentage: 0.5, consumer_byte_rate: 7 }, 2],
    [{ 'client-id': 'app' }, { controller_mutation_rate: 0.1 }, 1],
    [{ ip: '127.0.0.1' }, { connection_creation_rate: 5 }, 1],
    [{ ip: '::1' }, { connection_creation_rate: 5 }, 1],
    [{ ip: null }, { connection_creation_rate: 2 ** 31 - 1 }, 1],
    [{ ip: 'known' }, { connection_creation_rate: 5 }, 1],
    // What is so already, and what is not there, is no change.
    [{ user: 'alice' }, { producer_byte_rate: 10, consumer_byte_rate: null, nonsense: null }, 0],
    [{ user: 'alice' }, { producer_byte_rate: null }, 1],
    [{}, { producer_byte_rate: 1 }, 'Invalid empty client quota entity'],
    [{ user: '' }, { producer_byte_rate: 1 }, 'Empty user not supported'],
    [{ group: 'g' }, { producer_byte_rate: 1 }, 'Unhandled client quota entity type: group'],
    [{ user: 'a', ip: '::1' }, {}, 'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId'],
    [{ ip: 'unknown' }, {}, 'unknown is not a valid IP or resolvable host.'],
    [{ ip: null }, { producer_byte_rate: 1 }, 'Invalid configuration key producer_byte_rate'],
    [{ user: 'a' }, { connection_creation_rate: 1 }, 'Invalid configuration key connection_creation_rate'],
    [{ user: 'a' }, { toString: 1 }, 'Invalid configuration key toString'],
    [{ user: 'a' }, { producer_byte_rate: 0 }, 'Quota producer_byte_rate must be greater than 0'],
    [{ user: 'a' }, { request_percentage: -1 }, 'Quota request_percentage must be greater than 0'],
    [{ user: 'a' }, { producer_byte_rate: 1.5 }, 'producer_byte_rate cannot be a fractional value.'],
    [{ user: 'a' }, { consumer_byte_rate: 1e19 }, 'Proposed value for consumer_byte_rate is too large for a LONG.'],
    [{ ip: null }, { connection_creation_rate: 2 ** 31 }, 'Proposed value for connection_creation_rate is too large for an INT.'],
    // The valid quotas of an entity wait for the invalid one.
    [{ user: 'a' }, { producer_byte_rate: 1, consumer_byte_rate: -1 }, 'Quota consumer_byte_rate must be greater than 0'],
  ])('%j %j', (parts, ops, expected) => {
    const { outcomes, records } = quotaChanges([alteration(parts, ops)], state)
    expect(outcomes).toHaveLength(1)
    if (typeof expected === 'string') {
      expect(outcomes[0]!.error).toMatchObject({ error: 'INVALID_REQUEST', message: expected })
      expect(records).toEqual([])
    } else {
      expect(outcomes[0]!.error).toBeNull()
      expect(records).toHaveLength(expected)
    }
  })
})

test('one entity twice, or one quota twice: the first change stays, and the outcome is an error', () => {
  const pair = { user: 'a', 'client-id': 'b' }
  const turned = { 'client-id': 'b', user: 'a' }
  const twice = [alteration(pair, { producer_byte_rate: 1 }), alteration(turned, { producer_byte_rate: 2 })]
  const message = 'Ignoring duplicate entity ClientQuotaEntity(entries={client-id=b, user=a})'
  const { outcomes, records } = quotaChanges(twice, state)
  expect(outcomes).toMatchObject([{ error: { message } }])
  expect(records).toMatchObject([{ key: 'producer_byte_rate', value: 1, remove: false }])
  const op = { key: 'producer_byte_rate', value: 1, remove: false }
  const repeated = quotaChanges([{ entity: entityOf({ user: 'a' }), ops: [op, op] }, alteration({ user: 'b' }, {})], state)
  expect(repeated.outcomes).toMatchObject([
    { error: { message: 'Ignoring duplicate entity ClientQuotaEntity(entries={user=a})' } },
    { error: null },
  ])
  expect(repeated.records).toEqual([])
})

test('names of hosts are looked up once each, and only for so long', async () => {
  const names = hostsOf([
    alteration({ ip: 'one' }, {}),
    alteration({ ip: 'one' }, {}),
    alteration({ ip: '10.0.0.1' }, {}),
    alteration({ user: 'u' }, {}),
  ])
  expect([...names]).toEqual(['one'])
  let now = 0
  const asked: string[] = []
  const clock = { ...realClock, monotonic: () => now }
  const address = async (name: string) => {
    asked.push(name)
    now += LOOKUP_LIMIT_MS / 2
    return name === 'lost' ? null : '127.0.0.1'
  }
  expect([...(await resolvableHosts(['one', 'lost', 'late'], { clock, hostNames: { address } }))]).toEqual(['one'])
  expect(asked).toEqual(['one', 'lost'])
  const silent = { clock: { ...realClock, sleep: () => Promise.resolve() }, hostNames: { address: () => new Promise<null>(() => {}) } }
  expect((await resolvableHosts(['one', 'two'], silent)).size).toBe(0)
})
