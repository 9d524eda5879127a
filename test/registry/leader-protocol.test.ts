/**
 * Goal: instances of Confluent's registry and of this one elect the same leader. Method: the JSON that each writes into the group, and the
 * rules of the election.
 */
import { expect, test } from 'vitest'
import {
  electLeader,
  type Identity,
  readAssignment,
  readIdentity,
  urlOf,
  writeAssignment,
  writeIdentity,
} from '../../registry/leader-protocol.ts'

const identity = (host: string, more: Partial<Identity> = {}): Identity => ({
  host,
  port: 8081,
  scheme: 'http',
  leaderEligibility: true,
  isLeader: false,
  ...more,
})
const member = (memberId: string, host: string, more?: Partial<Identity>) => ({ memberId, identity: identity(host, more) })

test('an identity is written as Confluent writes it, and read from older versions', () => {
  expect(writeIdentity(identity('a')).toString()).toBe(
    '{"version":1,"host":"a","port":8081,"master_eligibility":true,"scheme":"http","leader":false}',
  )
  expect(readIdentity(writeIdentity(identity('a', { leaderEligibility: false, isLeader: true })))).toEqual(
    identity('a', { leaderEligibility: false, isLeader: true }),
  )
  expect(readIdentity(Buffer.from('{"version":1,"host":"a","port":8081,"master_eligibility":true}'))).toEqual(identity('a'))
  expect(() => readIdentity(Buffer.from('{"version":1}'))).toThrow('has no host or port')
  expect(urlOf(identity('::1'))).toBe('http://[::1]:8081')
})

test('the eligible instance with the smallest URL leads', () => {
  const members = [member('1', 'c'), member('2', 'b'), member('3', 'a', { leaderEligibility: false })]
  expect(electLeader(members, false)?.memberId).toBe('2')
  expect(electLeader([members[2]!], false)).toBeNull()
})

test('a sticky leader stays, unless two say that they lead', () => {
  const [a, b, c] = [member('1', 'a'), member('2', 'b', { isLeader: true }), member('3', 'c', { isLeader: true })]
  expect(electLeader([a, b], true)?.memberId).toBe('2')
  expect(electLeader([a, b], false)?.memberId).toBe('1')
  expect(electLeader([a, b, c], true)?.memberId).toBe('1')
})

test('the assignment names the leader, and says where two instances have one URL', () => {
  const members = [member('1', 'a'), member('2', 'b')]
  const content = writeAssignment(members, members[0]!)
  expect(JSON.parse(content.toString())).toEqual({
    version: 1,
    error: 0,
    master: '1',
    master_identity: { version: 1, host: 'a', port: 8081, master_eligibility: true, scheme: 'http', leader: false },
  })
  expect(readAssignment(content)).toEqual({ error: 0, leader: identity('a') })
  expect(readAssignment(writeAssignment(members, null))).toEqual({ error: 0, leader: null })
  expect(readAssignment(writeAssignment([member('1', 'a'), member('2', 'a')], null)).error).toBe(1)
})
