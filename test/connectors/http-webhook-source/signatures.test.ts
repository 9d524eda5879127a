/**
 * Goal: only who knows the secret is let in, by each scheme. Method: the published example of GitHub, and signatures that are made here,
 * each also with one thing wrong.
 */
import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { settings } from '../../../connectors/http-webhook-source/settings.ts'
import { signatureVerifier } from '../../../connectors/http-webhook-source/signatures.ts'

const verifierOf = (config: Record<string, string>) =>
  signatureVerifier(parseSettings(settings, { 'listen.port': '1', 'topic.mapping': '/a:a', ...config }))
const body = Buffer.from('{"a":"ü"}')
const hmac = (algorithm: string, secret: string, encoding: 'hex' | 'base64', signed: Buffer | string = body) =>
  createHmac(algorithm, secret).update(signed).digest(encoding)

test("GitHub's example is accepted, and nothing else", () => {
  const verify = verifierOf({ 'signature.scheme': 'github', 'signature.secret': "It's a Secret to Everybody" })
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
  const hello = Buffer.from('Hello, World!')
  expect(verify({ 'x-hub-signature-256': signature }, hello, 0)).toBeNull()
  expect(verify({ 'x-hub-signature-256': signature }, Buffer.from('Hello, World'), 0)).toMatch(/wrong/)
  expect(verify({ 'x-hub-signature-256': signature.slice(0, -2) }, hello, 0)).toMatch(/wrong/)
  expect(verify({ 'x-hub-signature-256': signature.slice(7) }, hello, 0)).toMatch(/wrong/)
  expect(verify({ 'x-hub-signature-256': 'sha256=' }, hello, 0)).toMatch(/wrong/)
  expect(verify({}, hello, 0)).toMatch(/missing/)
})

test('an empty previous secret lets nobody in', () => {
  const empty = { 'signature.secret': 's', 'signature.secret.previous': '' }
  const verify = verifierOf({ ...empty, 'signature.scheme': 'hmac' })
  expect(verify({ 'x-signature': hmac('sha256', '', 'hex') }, body, 0)).toMatch(/wrong/)
  expect(verify({ 'x-signature': hmac('sha256', 's', 'hex') }, body, 0)).toBeNull()
  const token = verifierOf({ ...empty, 'signature.scheme': 'token', 'signature.prefix': 'token=' })
  expect(token({ 'x-signature': 'token=' }, body, 0)).toMatch(/wrong/)
})

test.each([
  ['sha256', 'hex', ''],
  ['sha1', 'hex', 'sha1='],
  ['sha512', 'base64', ''],
] as const)('an hmac of %s as %s with the prefix "%s"', (algorithm, encoding, prefix) => {
  const verify = verifierOf({
    'signature.scheme': 'hmac',
    'signature.secret': 'new',
    'signature.secret.previous': 'old',
    'signature.header': 'X-My-Signature',
    'signature.algorithm': algorithm,
    'signature.encoding': encoding,
    'signature.prefix': prefix,
  })
  for (const secret of ['new', 'old']) expect(verify({ 'x-my-signature': prefix + hmac(algorithm, secret, encoding) }, body, 0)).toBeNull()
  expect(verify({ 'x-my-signature': prefix + hmac(algorithm, 'other', encoding) }, body, 0)).toMatch(/wrong/)
  expect(verify({ 'x-signature': prefix + hmac(algorithm, 'new', encoding) }, body, 0)).toMatch(/missing/)
})

test('Stripe: one of several signatures, and a time that is near', () => {
  const verify = verifierOf({ 'signature.scheme': 'stripe', 'signature.secret': 'whsec_x' })
  const time = 1_700_000_000
  const now = time * 1000
  const signed = (at: number, secret = 'whsec_x') => hmac('sha256', secret, 'hex', Buffer.concat([Buffer.from(`${at}.`), body]))
  const header = (text: string) => ({ 'stripe-signature': text })
  expect(verify(header(`t=${time},v1=${signed(time)},v0=x`), body, now)).toBeNull()
  expect(verify(header(`t=${time},v1=${signed(time, 'old')},v1=${signed(time)}`), body, now + 299_000)).toBeNull()
  expect(verify(header(`t=${time},v1=${signed(time)}`), body, now + 301_000)).toMatch(/too far/)
  expect(verify(header(`t=${time},v1=${signed(time)}`), body, now - 301_000)).toMatch(/too far/)
  // The time is signed too.
  expect(verify(header(`t=${time + 1},v1=${signed(time)}`), body, now)).toMatch(/wrong/)
  expect(verify(header(`t=${time},v0=${signed(time)}`), body, now)).toMatch(/wrong/)
  expect(verify(header(`v1=${signed(time)}`), body, now)).toMatch(/wrong/)
  expect(verify(header(`t=${time}`), body, now)).toMatch(/wrong/)
})

test('a token in a header, with and without a prefix', () => {
  const plain = verifierOf({ 'signature.scheme': 'token', 'signature.secret': 's', 'signature.header': 'X-Gitlab-Token' })
  expect(plain({ 'x-gitlab-token': 's' }, body, 0)).toBeNull()
  expect(plain({ 'x-gitlab-token': 'S' }, body, 0)).toMatch(/wrong/)
  const bearer = verifierOf({
    'signature.scheme': 'token',
    'signature.secret': 's',
    'signature.header': 'Authorization',
    'signature.prefix': 'Bearer',
  })
  expect(bearer({ authorization: 'Bearer s' }, body, 0)).toBeNull()
  expect(bearer({ authorization: 's' }, body, 0)).toMatch(/wrong/)
})
