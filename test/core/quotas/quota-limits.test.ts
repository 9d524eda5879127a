/**
 * Goal: of the eight quotas that may apply to a client, the one that Kafka applies does, and clients share a quota exactly where it does
 * not tell them apart. Method: random sets of quotas against the list of Kafka's documentation, read from the top.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClientQuota } from '../../../core/cluster/image/client-quotas-image.ts'
import { QuotaLimits } from '../../../core/quotas/quota-limits.ts'

/** A part of an entity: a name, the default (null), or none (undefined). */
type Part = string | null | undefined

const quotaOf = (user: Part, clientId: Part, value: number, key = 'producer_byte_rate'): ClientQuota => ({
  entity: [
    ...(user === undefined ? [] : [{ entityType: 'user', entityName: user }]),
    ...(clientId === undefined ? [] : [{ entityType: 'client-id', entityName: clientId }]),
  ],
  quotas: { [key]: value },
})

const precedence = (user: string, clientId: string): [Part, Part][] => [
  [user, clientId],
  [user, null],
  [user, undefined],
  [null, clientId],
  [null, null],
  [null, undefined],
  [undefined, clientId],
  [undefined, null],
]

/** The place in the list, and the limit. */
function expected(quotas: readonly ClientQuota[], user: string, clientId: string): [number, number] {
  for (const [level, [userPart, clientPart]] of precedence(user, clientId).entries()) {
    const wanted = JSON.stringify(quotaOf(userPart, clientPart, 0).entity)
    const found = quotas.find(({ entity }) => JSON.stringify(entity) === wanted)
    if (found) return [level, found.quotas.producer_byte_rate!]
  }
  return [-1, Number.POSITIVE_INFINITY]
}

const users = ['alice', 'bob', 'carol']
const clientIds = ['one', 'two', 'three']
const parts = fc.tuple(fc.constantFrom<Part[]>('alice', 'bob', null, undefined), fc.constantFrom<Part[]>('one', 'two', null, undefined))
const someQuotas = fc
  .uniqueArray(parts, { selector: (pair) => JSON.stringify(pair.map((part) => part ?? `${part}`)), maxLength: 16 })
  .map((pairs) => pairs.filter(([user, clientId]) => user !== undefined || clientId !== undefined))
  .map((pairs) => pairs.map(([user, clientId], index) => quotaOf(user, clientId, index + 1)))

test('the first of the list that exists applies', () => {
  fc.assert(
    fc.property(someQuotas, (quotas) => {
      const limits = new QuotaLimits(quotas, 'producer_byte_rate')
      expect(limits.isEmpty).toBe(quotas.length === 0)
      for (const user of users)
        for (const clientId of clientIds)
          expect(limits.limit(limits.sharedEntity(user, clientId))).toBe(expected(quotas, user, clientId)[1])
    }),
    { numRuns: 2000 },
  )
})

test('a quota of a user is shared by its client ids, one of a client id by its users, and one of both by nobody', () => {
  fc.assert(
    fc.property(someQuotas, (quotas) => {
      const limits = new QuotaLimits(quotas, 'producer_byte_rate')
      const clients = users.flatMap((user) => clientIds.map((clientId) => ({ user, clientId })))
      for (const a of clients)
        for (const b of clients) {
          const [level] = expected(quotas, a.user, a.clientId)
          if (level < 0 || level !== expected(quotas, b.user, b.clientId)[0]) continue
          const isSameUser = a.user === b.user
          const isSameClient = a.clientId === b.clientId
          const isShared = level === 2 || level === 5 ? isSameUser : level > 5 ? isSameClient : isSameUser && isSameClient
          const [shared, other] = [limits.sharedEntity(a.user, a.clientId), limits.sharedEntity(b.user, b.clientId)]
          expect(JSON.stringify(shared) === JSON.stringify(other)).toBe(isShared)
        }
    }),
    { numRuns: 500 },
  )
})

test('quotas of other keys and of addresses do not count', () => {
  const others = [
    quotaOf('alice', undefined, 1, 'consumer_byte_rate'),
    { entity: [{ entityType: 'ip', entityName: null }], quotas: { producer_byte_rate: 1 } },
  ]
  expect(new QuotaLimits(others, 'producer_byte_rate').isEmpty).toBe(true)
})

test('as in Kafka, a client without a client id has the quota of its user only', () => {
  const limits = new QuotaLimits(
    [quotaOf(undefined, null, 5), quotaOf(null, null, 7), quotaOf('alice', undefined, 9)],
    'producer_byte_rate',
  )
  expect(limits.limit(limits.sharedEntity('alice', ''))).toBe(9)
  expect(limits.limit(limits.sharedEntity('bob', ''))).toBe(Number.POSITIVE_INFINITY)
})
