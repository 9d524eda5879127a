/**
 * Goal: a broker accepts the tokens that its OAuth provider signed for it, and no others. Method: a provider with keys of its own; each
 * test changes one thing about a good token.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openJwtValidator } from '../../../../core/security/sasl/jwt-validator.ts'
import { selfSigned } from '../../../certificates.ts'
import { until } from '../../../until.ts'
import { system } from './connected.ts'
import { goodClaims, httpEndpoint, inSeconds, newKey, type SigningKey, signed } from './oauth-provider.ts'

const key = await newKey('k1')
const stranger = await newKey('k1')
const settings = { 'sasl.oauthbearer.expected.audience': 'kafka, other', 'sasl.oauthbearer.expected.issuer': 'https://issuer' }
const good = () => ({ ...goodClaims(), aud: 'kafka', iss: 'https://issuer' })

let folder: string
let file: string
const endings: (() => unknown)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sasl-jwks-'))
  file = join(folder, 'jwks.json')
})
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
  rmSync(folder, { recursive: true })
})

const jwksOf = (keys: readonly SigningKey[]) => JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) })

async function validator(url: string, given: Record<string, string> = settings, options: Record<string, string> = {}, on = system) {
  const properties = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': url }
  const jwks = { 'sasl.oauthbearer.jwks.endpoint.url': url, ...given }
  const found = await openJwtValidator(jwks, new Map(Object.entries(options)), on, properties)
  endings.push(() => found.close())
  return found
}

async function fromFile(keys: readonly SigningKey[] = [key], given?: Record<string, string>) {
  writeFileSync(file, jwksOf(keys))
  return validator(pathToFileURL(file).href, given)
}

const invalid = (reason: string) => ({ error: { status: 'invalid_token', scope: null, reason: expect.stringContaining(reason) } })

describe('keys in a file', () => {
  test('a good token', async () => {
    const claims = good()
    expect(await (await fromFile()).validate(await signed(key, claims))).toEqual({
      token: { value: expect.any(String), principal: 'alice', scopes: ['kafka'], startMs: claims.iat! * 1000, endMs: claims.exp! * 1000 },
    })
  })

  test.each(['PS256', 'ES256', 'ES384', 'EdDSA'])('signed by %s', async (alg) => {
    const other = await newKey('k2', alg)
    expect(await (await fromFile([key, other])).validate(await signed(other, good()))).toHaveProperty('token')
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://other' }, 'unexpected "iss" claim value'],
    ['no issuer', { iss: undefined }, '"iss"'],
    ['another audience', { aud: 'web' }, 'unexpected "aud" claim value'],
    ['no audience', { aud: undefined }, '"aud"'],
    ['expired, beyond the clock skew', { exp: inSeconds(-31), iat: inSeconds(-60) }, '"exp" claim timestamp check failed'],
    ['not valid yet', { nbf: inSeconds(60) }, '"nbf" claim timestamp check failed'],
    ['no end', { exp: undefined }, 'missing required "exp" claim'],
    ['no beginning', { iat: undefined }, 'missing required "iat" claim'],
    ['it ends before it begins', { iat: inSeconds(7200) }, 'exp is before iat'],
    ['no user', { sub: undefined }, 'sub value must be non-null'],
    ['a blank user', { sub: '  ' }, 'sub value must be non-empty'],
    ['a user that is no text', { sub: 7 }, 'sub'],
    ['an empty scope', { scope: '' }, 'scope value must be non-empty'],
    ['a scope twice', { scope: ['a', 'a'] }, 'scope value must not contain duplicates'],
  ])('%s: refused', async (_, change, reason) => {
    expect(await (await fromFile()).validate(await signed(key, { ...good(), ...change }))).toEqual(invalid(reason))
  })

  test.each<[string, Record<string, unknown>]>([
    ['expired within the clock skew', { exp: inSeconds(-20), iat: inSeconds(-60) }],
    ['one of several audiences', { aud: ['web', 'other'] }],
    ['scopes as a list', { scope: ['a', 'b'] }],
    ['no scope', { scope: undefined }],
  ])('%s: accepted', async (_, change) => {
    expect(await (await fromFile()).validate(await signed(key, { ...good(), ...change }))).toHaveProperty('token.principal', 'alice')
  })

  test('alg none, and a signature with a public key as a shared secret', async () => {
    const open = await fromFile()
    const none = new UnsecuredJWT(good()).encode()
    expect(await open.validate(none)).toEqual(invalid('Could not validate the access token'))
    const secret = new TextEncoder().encode(JSON.stringify(key.publicJwk).padEnd(64))
    const confused = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret)
    expect(await open.validate(confused)).toEqual(invalid('"alg"'))
  })

  test('a key that is not in the list, changed claims, a changed signature', async () => {
    const open = await fromFile()
    expect(await open.validate(await signed(stranger, good()))).toEqual(invalid('signature verification failed'))
    const unknown = await newKey('k9')
    expect(await open.validate(await signed(unknown, good()))).toEqual(invalid('no applicable key found'))
    const [header, , signature] = (await signed(key, good())).split('.')
    const forged = Buffer.from(JSON.stringify({ ...good(), sub: 'root' })).toString('base64url')
    expect(await open.validate(`${header}.${forged}.${signature}`)).toEqual(invalid('signature verification failed'))
  })

  test.each(['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', 'e30.e30.', `a.${'b'.repeat(600_000)}.c`])('%.20s is no token', async (token) => {
    expect(await (await fromFile()).validate(token)).toHaveProperty('error.status', 'invalid_token')
  })

  test('without an expected audience a token for others is refused, one without an audience is not', async () => {
    const open = await fromFile([key], {})
    expect(await open.validate(await signed(key, good()))).toEqual(invalid('The token has an audience'))
    expect(await open.validate(await signed(key, goodClaims()))).toHaveProperty('token')
  })

  test('keys without ids are tried one after another', async () => {
    const [one, two] = [await newKey(undefined), await newKey(undefined)]
    const open = await fromFile([one, two])
    for (const signer of [one, two]) expect(await open.validate(await signed(signer, good()))).toHaveProperty('token')
    expect(await open.validate(await signed(await newKey(undefined), good()))).toEqual(invalid('signature verification failed'))
  })

  test('a new file is read; without one, or with a damaged one, no token is accepted', async () => {
    const open = await fromFile()
    const next = await newKey('k2')
    writeFileSync(file, jwksOf([next]))
    utimesSync(file, 2_000_000_000, 2_000_000_000)
    expect(await open.validate(await signed(next, good()))).toHaveProperty('token')
    expect(await open.validate(await signed(key, good()))).toEqual(invalid('no applicable key found'))
    writeFileSync(file, '{"keys":')
    expect(await open.validate(await signed(next, good()))).toEqual(invalid('is not JSON'))
    rmSync(file)
    expect(await open.validate(await signed(next, good()))).toEqual(invalid("doesn't exist"))
  })

  test.each(['', '[]', '{}', '{"keys":7}', '{"keys":[7]}'])('a listener does not start with the keys %j', async (text) => {
    writeFileSync(file, text)
    await expect(validator(pathToFileURL(file).href)).rejects.toThrow(file)
  })
})

describe('keys of an endpoint', () => {
  const rotating = async (state: { keys: SigningKey[]; status: number }) => {
    const provider = await httpEndpoint('/jwks', (response) => response.writeHead(state.status).end(jwksOf(state.keys)))
    endings.push(() => provider.close())
    return provider
  }
  const quick = {
    ...settings,
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms': '20',
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms': '1',
  }

  test('an unknown key id makes them be read again, once for many tokens', async () => {
    const next = await newKey('k2')
    const state = { keys: [key], status: 200 }
    const provider = await rotating(state)
    const open = await validator(provider.url, quick)
    state.keys = [key, next]
    const token = await signed(next, good())
    const early = await Promise.all(Array.from({ length: 20 }, () => open.validate(token)))
    expect(early).toContainEqual(invalid('no applicable key found'))
    await until(async () => 'token' in (await open.validate(token)), 'the new key is known')
    expect(provider.requests).toHaveLength(2)
  })

  test('a key id that the provider does not have is looked for once a minute', async () => {
    let passedMs = 0
    const provider = await rotating({ keys: [key], status: 200 })
    const open = await validator(provider.url, settings, {}, { ...system, clock: { ...system.clock, monotonic: () => passedMs } })
    const token = await signed(await newKey('k9'), good())
    for (let attempt = 0; attempt < 10; attempt++) expect(await open.validate(token)).toEqual(invalid('no applicable key found'))
    await until(() => provider.requests.length === 2, 'the key is looked for')
    for (let attempt = 0; attempt < 10; attempt++) await open.validate(token)
    expect(provider.requests).toHaveLength(2)
    passedMs = 60_000
    await open.validate(token)
    await until(() => provider.requests.length === 3, 'the key is looked for again')
  })

  test('a flood of key ids that nobody has becomes one request a second, and a key among them is found', async () => {
    let passedMs = 0
    const waiting: (() => void)[] = []
    const clock = {
      ...system.clock,
      monotonic: () => passedMs,
      after(delayMs: number, task: () => void) {
        if (delayMs !== 1_000) return system.clock.after(delayMs, task)
        waiting.push(task)
        return { cancel() {} }
      },
    }
    const next = await newKey('k2')
    const state = { keys: [key], status: 200 }
    const provider = await rotating(state)
    const open = await validator(provider.url, settings, {}, { ...system, clock })
    const flood = async () => {
      const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => signed(next, good(), { kid: `${passedMs}-${index}` })))
      for (const token of tokens) expect(await open.validate(token)).toEqual(invalid('no applicable key found'))
    }
    await flood()
    await until(() => provider.requests.length === 2, 'the first key id is looked for')
    state.keys = [key, next]
    const rotated = await signed(next, good())
    expect(await open.validate(rotated)).toEqual(invalid('no applicable key found'))
    await flood()
    expect(waiting).toHaveLength(1)
    expect(provider.requests).toHaveLength(2)
    passedMs = 1_000
    waiting.pop()!()
    await until(async () => 'token' in (await open.validate(rotated)), 'the new key is known')
    expect(provider.requests).toHaveLength(3)
  })

  test('a key that is added while the keys are on their way is found by the next request', async () => {
    const next = await newKey('k2')
    const held: ServerResponse[] = []
    const state = { keys: [key] }
    const provider = await httpEndpoint('/jwks', (response, index) => {
      if (index === 1) held.push(response)
      else response.end(jwksOf(state.keys))
    })
    endings.push(() => provider.close())
    const open = await validator(provider.url)
    expect(await open.validate(await signed(next, good(), { kid: 'made up' }))).toHaveProperty('error')
    await until(() => held.length === 1, 'the keys are on their way')
    const rotated = await signed(next, good())
    expect(await open.validate(rotated)).toHaveProperty('error')
    held[0]!.end(jwksOf([key]))
    state.keys = [key, next]
    await until(async () => 'token' in (await open.validate(rotated)), 'the new key is known')
  })

  test.each<[string, (response: ServerResponse) => void]>([
    ['a redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
    ['a page', (response) => response.end('<html></html>')],
    ['a list without an end', (response) => response.end(`{"keys":[${'{"kty":"RSA"},'.repeat(100_000)}`)],
    ['too many keys', (response) => response.end(`{"keys":[${Array(1001).fill('{"kty":"RSA"}')}]}`)],
    ['nothing', (response) => response.destroy()],
  ])('%s in the place of the keys: a listener does not start, and one that has keys keeps them', async (_, answer) => {
    let broken = true
    const provider = await httpEndpoint('/jwks', (response) => (broken ? answer(response) : response.end(jwksOf([key]))))
    endings.push(() => provider.close())
    await expect(validator(provider.url, quick)).rejects.toThrow(new URL(provider.url).host)
    broken = false
    const open = await validator(provider.url, { ...quick, 'sasl.oauthbearer.jwks.endpoint.refresh.ms': '20' })
    broken = true
    const before = provider.requests.length
    await until(() => provider.requests.length > before + 2, 'attempts to read them again')
    expect(await open.validate(await signed(key, good()))).toHaveProperty('token')
  })

  test('they are read from time to time; while that fails the old ones count', async () => {
    const next = await newKey('k2')
    const state = { keys: [key], status: 200 }
    const provider = await rotating(state)
    const open = await validator(provider.url, { ...quick, 'sasl.oauthbearer.jwks.endpoint.refresh.ms': '20' })
    state.status = 500
    await until(() => provider.requests.length > 3, 'failed attempts')
    expect(await open.validate(await signed(key, good()))).toHaveProperty('token')
    state.keys = [next]
    state.status = 200
    const removed = await signed(key, good())
    await until(async () => 'error' in (await open.validate(removed)), 'the old key is gone')
    expect(await open.validate(await signed(next, good()))).toHaveProperty('token')
  })

  test('by TLS, with the trust store that the login module names', async () => {
    const authority = selfSigned({ subject: 'Test Authority' })
    const trusted = join(folder, 'ca.pem')
    writeFileSync(trusted, authority.certificate)
    const options = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': trusted }
    const serve = async (names: string[]) => {
      const certificate = authority.issue({ subject: 'provider', names })
      const provider = await httpEndpoint('/jwks', (response) => response.end(jwksOf([key])), certificate)
      endings.push(() => provider.close())
      return provider.url
    }
    const url = await serve(['127.0.0.1'])
    const open = await validator(url, quick, options)
    expect(await open.validate(await signed(key, good()))).toHaveProperty('token')
    await expect(validator(url, quick)).rejects.toThrow('its certificate is not accepted (UNABLE_TO_GET_ISSUER_CERT_LOCALLY)')
    await expect(validator(await serve(['elsewhere']), quick, options)).rejects.toThrow('(ERR_TLS_CERT_ALTNAME_INVALID)')
    await expect(validator(url, quick, { ...options, 'ssl.truststore.location': join(folder, 'none.pem') })).rejects.toThrow(
      'ssl.truststore.location',
    )
  })

  test('a listener does not start without them', async () => {
    const provider = await rotating({ keys: [key], status: 503 })
    await expect(validator(provider.url, quick)).rejects.toThrow(`${provider.url} responded with 503`)
  })
})

test('a listener does not start without a place for its keys (CVE-2026-33557)', async () => {
  await expect(openJwtValidator({}, new Map(), system, {})).rejects.toThrow(
    'The OAuth validator for the broker requires "sasl.oauthbearer.jwks.endpoint.url" to be configured so that JWT signatures can be verified, but it was not set.',
  )
})
