/**
 * Goal: super.users reads as in Kafka. Method: values as operators write them.
 */
import { expect, test } from 'vitest'
import { superUsersOf, superUsersProblem } from '../../../../core/security/acl/super-users.ts'

test('principals are separated by semicolons: the names of certificates have commas', () => {
  expect([...superUsersOf(' User:admin ;User:CN=kafka,O=Acme;; ')]).toEqual(['User:admin', 'User:CN=kafka,O=Acme'])
  expect(superUsersOf('').size).toBe(0)
})

test('what is no principal has a sentence', () => {
  expect(superUsersProblem('User:admin;Group:a:b;:')).toBeNull()
  expect(superUsersProblem('User:admin;alice')).toBe('expected a string in format principalType:principalName but got alice')
})
