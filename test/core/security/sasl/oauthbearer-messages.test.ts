/**
 * Goal: the messages of OAUTHBEARER are those of RFC 7628 and of Kafka. Method: the RFC's example, generated ones, and damaged ones.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extensionProblem, initialResponse, parseInitialResponse } from '../../../../core/security/sasl/oauthbearer-messages.ts'

test('the example of RFC 7628 is read', () => {
  const message =
    'n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01'
  expect(parseInitialResponse(Buffer.from(message))).toEqual({
    token: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==',
    authorizationId: 'user@example.com',
  })
})

test('what is written is read', () => {
  const letters = fc.string({ unit: fc.constantFrom(...'abcXYZ'), minLength: 1, maxLength: 8 }).filter((name) => name !== 'auth')
  const token = fc.string({ unit: fc.constantFrom(...'abc-_~+/.019'), minLength: 1, maxLength: 40 })
  const value = fc.string({ unit: fc.constantFrom(...'a b,=;{}~\t'), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(token, fc.dictionary(letters, value, { maxKeys: 5 }), (bearer, extensions) => {
      const message = initialResponse(bearer, new Map(Object.entries(extensions)))
      expect(parseInitialResponse(message)).toEqual({ token: bearer, authorizationId: '' })
      expect(message.toString().startsWith('n,,\x01auth=Bearer ')).toBe(true)
    }),
  )
})

describe('a first message is refused', () => {
  const auth = 'auth=Bearer abc'
  test.each([
    ['', ''],
    ['n,,', ''],
    [`n,,\x01${auth}`, ''],
    [`n,,\x01${auth}\x01`, ''],
    [`y,,\x01${auth}\x01\x01`, ''],
    [`n,a=,\x01${auth}\x01\x01`, ''],
    [`n,a=é,\x01${auth}\x01\x01`, ''],
    [`n,,\x01${auth}\x01x\x01\x01`, ''],
    [`n,,\x01${auth}\x01x=\x01\x01`, ''],
    [`n,,\x01${auth}\x01\x01more`, ''],
    ['n,,\x01\x01', ": 'auth' not specified"],
    ['n,,\x01host=x\x01\x01', ": 'auth' not specified"],
    ['n,,\x01auth=Bearer\x01\x01', ": invalid 'auth' format"],
    ['n,,\x01auth=Bearer a b\x01\x01', ": invalid 'auth' format"],
    [`n,,\x01${auth}${'\x01x=y'.repeat(100)}\x01\x01`, ''],
    [`n,,\x01auth=Bearer ${'x'.repeat(1 << 20)}\x01\x01`, ': longer than 524288 bytes'],
  ])('%.60j', (message, suffix) => {
    expect(parseInitialResponse(Buffer.from(message))).toEqual({ reason: `Invalid OAUTHBEARER client first message${suffix}` })
  })

  test('of another scheme', () => {
    expect(parseInitialResponse(Buffer.from('n,,\x01auth=Basic abc\x01\x01'))).toMatchObject({
      reason: expect.stringContaining('Invalid scheme'),
    })
  })

  test('cut anywhere', () => {
    const whole = initialResponse('abc.def.ghi', new Map([['traceId', '7']]))
    for (let length = 0; length < whole.length; length++)
      expect(parseInitialResponse(whole.subarray(0, length)), `${length}`).toHaveProperty('reason')
  })
})

test.each([
  ['traceId', 'a b', null],
  ['auth', 'x', 'Extension name auth is invalid'],
  ['trace-id', 'x', 'Extension name trace-id is invalid'],
  ['x', 'a\x01b', 'Extension value for extension x is invalid'],
])('extension %s=%j', (name, value, problem) => {
  expect(extensionProblem(name, value)).toBe(problem)
})
