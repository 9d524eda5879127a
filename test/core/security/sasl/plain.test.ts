/**
 * Goal: PLAIN lets in who has the password, with Kafka's messages for all others. Story of core/security/sasl. Method: our client and our
 * server for generated users; then messages that no honest client sends.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PlainClientExchange } from '../../../../core/security/sasl/plain-client.ts'
import { PlainServer } from '../../../../core/security/sasl/plain-server.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { converse } from './connected.ts'

const server = (users: Record<string, string>) => new PlainServer(new Map(Object.entries(users)), realRandom)
const respond = (message: string, users: Record<string, string> = { alice: 'secret' }) =>
  server(users).exchange().respond(Buffer.from(message))

test('any user and any password, and no other password', async () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => !value.includes('\0'))
  await fc.assert(
    fc.asyncProperty(text, text, text, async (user, right, other) => {
      const broker = server({ [user]: right })
      const { authenticated } = await converse(new PlainClientExchange(user, right), broker.exchange())
      expect(authenticated).toEqual({ principal: user, lifetimeEndMs: null, isDelegationToken: false })
      if (other !== right)
        await expect(converse(new PlainClientExchange(user, other), broker.exchange())).rejects.toThrow('Invalid username or password')
    }),
    { numRuns: 50 },
  )
})

test('the authorization id is empty or the user (CVE-2017-12610)', async () => {
  expect((await respond('alice\0alice\0secret')).authenticated).toMatchObject({ principal: 'alice' })
  await expect(respond('root\0alice\0secret')).rejects.toThrow(
    'Authentication failed: Client requested an authorization id that is different from username',
  )
  // Who does not know the password does not learn more.
  await expect(respond('root\0alice\0guess')).rejects.toThrow('Authentication failed: Invalid username or password')
})

test.each([
  ['\0bob\0', 'Authentication failed: password not specified'],
  ['\0\0secret', 'Authentication failed: username not specified'],
  ['\0bob\0secret', 'Authentication failed: Invalid username or password'],
  ['\0__proto__\0secret', 'Authentication failed: Invalid username or password'],
  ['', 'Invalid SASL/PLAIN response: expected 3 tokens, got 1'],
  ['\0alice', 'Invalid SASL/PLAIN response: expected 3 tokens, got 2'],
  ['\0alice\0secret\0', 'Invalid SASL/PLAIN response: expected 3 tokens, got 4'],
  ['\0a\0b\0c\0d\0e\0f', 'Invalid SASL/PLAIN response: expected 3 tokens, got 4'],
  [`\0alice\0${'x'.repeat(1 << 20)}`, 'Invalid SASL/PLAIN response: longer than'],
])('%j gets Kafka’s message', async (message, expected) => {
  await expect(respond(message)).rejects.toThrow(expected)
})

test('an exchange has one answer', async () => {
  const exchange = server({ alice: 'secret' }).exchange()
  await exchange.respond(Buffer.from('\0alice\0secret'))
  await expect(exchange.respond(Buffer.from('\0alice\0secret'))).rejects.toThrow('already ended')
})
