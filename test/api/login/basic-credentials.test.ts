/**
 * Goal: a header is read as Kafka Connect reads it, and no header is read as something else. Method: headers that clients send, and broken
 * ones; what Kafka Connect answers to them is compared in test/peers/rest-security.test.ts.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { basicCredentials } from '../../../api/login/basic-credentials.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

test.each([
  [basic('alice:secret'), { user: 'alice', password: 'secret' }],
  [basic('alice:secret').replace('Basic', 'bAsIc'), { user: 'alice', password: 'secret' }],
  [basic('alice:secret').replace(/=+$/, ''), { user: 'alice', password: 'secret' }],
  [basic('alice:se:cret'), { user: 'alice', password: 'se:cret' }],
  [basic('alice:'), { user: 'alice', password: '' }],
  [basic('älice:пароль'), { user: 'älice', password: 'пароль' }],
  [basic('al\0ice:secret'), { user: 'al\0ice', password: 'secret' }],
  [basic('alice:line\nline'), { user: 'alice', password: 'line\nline' }],
  [undefined, null],
  ['', null],
  ['Basic', null],
  ['Basic ', null],
  ['Basic !!!', null],
  [basic('alice:secret').replace(' ', '  '), null],
  [`${basic('alice:secret')} `, null],
  [basic('alice:secret').replace('Basic', 'Bearer'), null],
  [basic('alice'), null],
  [basic(':secret'), null],
  [basic(''), null],
  ['Basic YWxpY2U6c2VjcmV0=', null],
  ['Basic YWxpY2U6_-8=', null],
])('%j is %j', (header, credentials) => {
  expect(basicCredentials(header)).toEqual(credentials)
})

test('any header gives credentials or none, and any user and password come back', () => {
  fc.assert(fc.property(fc.string(), (header) => void basicCredentials(header)))
  const text = fc.string({ unit: 'grapheme' })
  const user = text.filter((name) => name !== '' && !name.includes(':'))
  fc.assert(
    fc.property(user, text, (name, password) => {
      expect(basicCredentials(basic(`${name}:${password}`))).toEqual({ user: name, password })
    }),
  )
})

test('a header as long as HTTP allows is decided at once', () => {
  expect(basicCredentials(`Basic ${'A'.repeat(16_384)}!`)).toBeNull()
  expect(basicCredentials(basic(`alice:${'x'.repeat(12_000)}`))?.password).toHaveLength(12_000)
})
