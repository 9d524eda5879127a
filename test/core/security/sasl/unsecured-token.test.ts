/**
 * Goal: unsecured tokens are made and accepted as by Kafka's handlers for development. Method: tokens of every kind against the rules.
 */
import { describe, expect, test } from 'vitest'
import { newUnsecuredToken, unsecuredRules, validateUnsecured } from '../../../../core/security/sasl/unsecured-token.ts'

const now = 1_700_000_000_000
const rules = unsecuredRules(new Map())
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (claims: object, header: object = { alg: 'none' }) =>
  `${part(header)}.${part({ sub: 'alice', exp: now / 1000 + 60, ...claims })}.`

test('what a client makes, a server accepts', () => {
  const made = newUnsecuredToken(new Map([['unsecuredLoginStringClaim_sub', 'alice']]), now)
  expect(made).toMatchObject({ principal: 'alice', startMs: now, endMs: now + 3_600_000 })
  expect(validateUnsecured(made.value, rules, now)).toEqual({ token: made })
  expect(validateUnsecured(made.value, rules, now + 3_600_000)).toMatchObject({ error: { status: 'invalid_token' } })
})

test.each([
  [{ unsecuredLoginStringClaim_sub: 'a', unsecuredLoginNumberClaim_exp: '1' }, "Cannot explicitly set the 'exp' claim"],
  [{ unsecuredLoginStringClaim_sub: 'a', unsecuredLoginNumberClaim_x: 'y' }, 'unsecuredLoginNumberClaim_x must be a number'],
  [{ unsecuredLoginStringClaim_sub: 'a', unsecuredLoginLifetimeSeconds: '-1' }, 'unsecuredLoginLifetimeSeconds must be a whole number'],
  [{ unsecuredLoginStringClaim_user: 'a' }, 'No principal name in JWT claim: sub'],
])('%j cannot make one', (options, message) => {
  expect(() => newUnsecuredToken(new Map(Object.entries(options)), now)).toThrow(message)
})

describe('a server refuses', () => {
  test.each([
    ['a signature', `${token({})}abc`, 'must not contain a digital signature'],
    ['another algorithm', token({}, { alg: 'RS256' }), "must have 'none' for an algorithm"],
    ['no algorithm', token({}, {}), "must have 'none' for an algorithm"],
    ['no end', token({ exp: undefined }), 'No expiration time in JWT'],
    ['an end that is no number', token({ exp: '1' }), "The 'exp' claim was not of type Number"],
    ['no user', token({ sub: undefined }), 'No principal name in JWT claim: sub'],
    ['a user that is no text', token({ sub: 7 }), 'No principal name in JWT claim: sub'],
    ['issued in the future', token({ iat: now / 1000 + 1 }), 'in the future'],
    ['an end before the beginning', token({ iat: now / 1000, exp: now / 1000 - 1 }), 'expired'],
    ['two parts', 'a.b', 'Malformed JWT'],
    ['no JSON', 'a.b.', 'malformed JSON'],
    ['a list', `${part([])}.${part([])}.`, 'malformed JSON'],
  ])('%s', (_, value, reason) => {
    expect(validateUnsecured(value, rules, now)).toEqual({
      error: { status: 'invalid_token', scope: null, reason: expect.stringContaining(reason) },
    })
  })

  test('a missing scope, with the required ones in its answer', () => {
    const strict = unsecuredRules(new Map([['unsecuredValidatorRequiredScope', 'a b']]))
    expect(validateUnsecured(token({ scope: ['a'] }), strict, now)).toMatchObject({
      error: { status: 'insufficient_scope', scope: '[a, b]' },
    })
    expect(validateUnsecured(token({ scope: ['b', 'a'] }), strict, now)).toHaveProperty('token')
  })
})

test('the clock skew and the names of claims are options', () => {
  const options = { unsecuredValidatorAllowableClockSkewMs: '5000', unsecuredValidatorPrincipalClaimName: 'user' }
  const loose = unsecuredRules(new Map(Object.entries(options)))
  expect(validateUnsecured(token({ user: 'bob', exp: now / 1000 - 4 }), loose, now)).toHaveProperty('token.principal', 'bob')
  expect(validateUnsecured(token({ user: 'bob', exp: now / 1000 - 5 }), loose, now)).toHaveProperty('error')
  expect(() => unsecuredRules(new Map([['unsecuredValidatorRequiredScope', 'a "b"']]))).toThrow('Invalid scope value')
})
