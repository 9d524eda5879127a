/**
 * Goal: a client and a server of SCRAM authenticate each other, and nobody else. Story of core/security/sasl. Method: the two against each
 * other for generated users and passwords; then each against a hostile other side, whose messages are made here.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ScramClientExchange } from '../../../../core/security/sasl/scram-client.ts'
import {
  credentialOf,
  hmac,
  type ScramCredential,
  type ScramMechanism,
  saltedPasswordSync,
  serverKeyOf,
} from '../../../../core/security/sasl/scram-mechanism.ts'
import { ScramServer } from '../../../../core/security/sasl/scram-server.ts'
import type { ScramToken, ScramUsers } from '../../../../core/security/sasl/types.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { converse } from './connected.ts'

const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const salt = Buffer.from('a salt of this test')

const credential = (mechanism: ScramMechanism, password: string, iterations = 4096): ScramCredential =>
  credentialOf(mechanism, saltedPasswordSync(mechanism, password, salt, iterations), salt, iterations)

const users = (found: Record<string, ScramCredential>, tokens: Record<string, ScramToken> = {}): ScramUsers => ({
  credential: (_, user) => found[user] ?? null,
  token: (id) => tokens[id] ?? null,
})

const client = (user: string, password: string, mechanism: ScramMechanism = 'SCRAM-SHA-256', isToken = false) =>
  new ScramClientExchange(mechanism, { user, password, isToken }, realRandom)

const server = (found: Record<string, ScramCredential>, mechanism: ScramMechanism = 'SCRAM-SHA-256', tokens = {}) =>
  new ScramServer(mechanism, users(found, tokens), realRandom)

const REFUSED = 'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256'

/** What the client does with the server's first message. */
async function challenged(challenge: (nonce: string) => string | Buffer) {
  const exchange = client('alice', 'pencil')
  const nonce = /r=(.*)$/.exec((await exchange.first()).toString())![1]!
  return exchange.next(Buffer.from(challenge(nonce) as string))
}

/** What the server does with the client's final message. */
async function answered(final: (message: string, nonce: string) => string, found = { alice: credential('SCRAM-SHA-256', 'pencil') }) {
  const exchange = server(found).exchange()
  const honest = client('alice', 'pencil')
  const { response } = await exchange.respond(await honest.first())
  const message = (await honest.next(response))!.toString()
  return exchange.respond(Buffer.from(final(message, /r=([^,]*)/.exec(message)![1]!)))
}

describe.each(mechanisms)('%s', (mechanism) => {
  test('any user and any password, and no other password', async () => {
    const user = fc
      .string({ unit: fc.integer({ min: 1, max: 127 }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 20 })
      .filter((text) => !Object.hasOwn(Object.prototype, text))
    const password = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(user, password, password, async (name, right, other) => {
        const broker = server({ [name]: credential(mechanism, right) }, mechanism)
        const { authenticated } = await converse(client(name, right, mechanism), broker.exchange())
        expect(authenticated).toEqual({ principal: name, lifetimeEndMs: null, isDelegationToken: false })
        if (other !== right) await expect(converse(client(name, other, mechanism), broker.exchange())).rejects.toThrow(mechanism)
      }),
      { numRuns: 25 },
    )
  })

  test('a delegation token logs in as its owner, until it expires', async () => {
    const tokens = { id1: { password: 'hmac=', owner: 'alice', expiryMs: 1_900_000_000_000 } }
    const broker = server({ id1: credential(mechanism, 'a user of that name') }, mechanism, tokens)
    const { authenticated, messages } = await converse(client('id1', 'hmac=', mechanism, true), broker.exchange())
    expect(authenticated).toEqual({ principal: 'alice', lifetimeEndMs: 1_900_000_000_000, isDelegationToken: true })
    expect(messages[0]!.toString()).toMatch(/^n,,n=id1,r=[^,]+,tokenauth=true$/)
    await expect(converse(client('id1', 'hmac=', mechanism), broker.exchange())).rejects.toThrow(mechanism)
    await expect(converse(client('id1', 'a user of that name', mechanism, true), broker.exchange())).rejects.toThrow(mechanism)
  })

  test('a delegation token that is issued or removed counts from the next login on; its challenge is the same as before', async () => {
    const tokens: Record<string, ScramToken> = {}
    const broker = server({}, mechanism, tokens)
    const challenge = async () => {
      const { response } = await broker.exchange().respond(await client('id1', 'hmac=', mechanism, true).first())
      return /,(s=.*)$/.exec(response.toString())![1]
    }
    const login = () => converse(client('id1', 'hmac=', mechanism, true), broker.exchange())
    const before = await challenge()
    await expect(login()).rejects.toThrow(mechanism)
    tokens.id1 = { password: 'hmac=', owner: 'alice', expiryMs: 1 }
    expect((await login()).authenticated.principal).toBe('alice')
    tokens.id1 = { ...tokens.id1, expiryMs: 2 }
    expect((await login()).authenticated.lifetimeEndMs).toBe(2)
    expect(await challenge()).toBe(before)
    delete tokens.id1
    expect(await challenge()).toBe(before)
    await expect(login()).rejects.toThrow(mechanism)
  })
})

describe('a client refuses a server', () => {
  test.each<[string, (nonce: string) => string, string]>([
    ['that does not extend the nonce', () => 'r=other,s=c2FsdA==,i=4096', 'Invalid server nonce: does not start with client nonce'],
    ['that adds nothing to the nonce', (nonce) => `r=${nonce},s=c2FsdA==,i=4096`, 'Invalid server nonce'],
    [
      'that asks for one iteration',
      (nonce) => `r=${nonce}x,s=c2FsdA==,i=1`,
      'Requested iterations 1 is less than the minimum 4096 for SCRAM_SHA_256',
    ],
    [
      'that asks for a billion iterations',
      (nonce) => `r=${nonce}x,s=c2FsdA==,i=1000000000`,
      'Requested iterations 1000000000 is more than the maximum',
    ],
    [
      'that asks for more iterations than a number holds',
      (nonce) => `r=${nonce}x,s=c2FsdA==,i=99999999999999999999`,
      'Invalid SCRAM server first',
    ],
    ['whose salt is no base64', (nonce) => `r=${nonce}x,s=*,i=4096`, 'Invalid SCRAM server first message format'],
    ['whose salt is too long', (nonce) => `r=${nonce}x,s=${'A'.repeat(4096)},i=4096`, 'Invalid SCRAM server first message format'],
    ['whose nonce is too long', (nonce) => `r=${nonce}${'x'.repeat(2000)},s=c2FsdA==,i=4096`, 'Invalid SCRAM server first message format'],
    ['that needs an extension', (nonce) => `m=x,r=${nonce}x,s=c2FsdA==,i=4096`, 'Invalid SCRAM server first message format'],
    ['that says nothing', () => '', 'Invalid SCRAM server first message format'],
    ['whose message has a megabyte', (nonce) => `r=${nonce}x,s=c2FsdA==,i=4096,x=${'y'.repeat(1 << 20)}`, 'Invalid SCRAM server first'],
  ])('%s', async (_, challenge, message) => {
    await expect(challenged(challenge)).rejects.toThrow(message)
  })

  test('that cannot sign, whatever it sends instead', async () => {
    const impostor = async (final: string) => {
      const exchange = client('alice', 'pencil')
      const nonce = /r=(.*)$/.exec((await exchange.first()).toString())![1]!
      await exchange.next(Buffer.from(`r=${nonce}x,s=${salt.toString('base64')},i=4096`))
      return exchange.next(Buffer.from(final))
    }
    const wrongKey = serverKeyOf('SCRAM-SHA-256', saltedPasswordSync('SCRAM-SHA-256', 'guess', salt, 4096))
    const forged = hmac('SCRAM-SHA-256', wrongKey, 'anything').toString('base64')
    for (const final of [`v=${forged}`, 'v=', 'v=AAAA'])
      await expect(impostor(final)).rejects.toThrow('Invalid server signature in server final message')
    for (const final of ['', 'v', 'ok', `v=${forged},`, 'v=*'])
      await expect(impostor(final)).rejects.toThrow('Invalid SCRAM server final message format')
    await expect(impostor('e=unknown-user')).rejects.toThrow('Sasl authentication using SCRAM_SHA_256 failed with error: unknown-user')
  })

  test('that goes on after the end', async () => {
    const exchange = client('alice', 'pencil')
    await converse(exchange, server({ alice: credential('SCRAM-SHA-256', 'pencil') }).exchange())
    await expect(exchange.next(Buffer.alloc(0))).rejects.toThrow('Unexpected challenge in Sasl client state COMPLETE')
  })
})

describe('a server refuses a client', () => {
  test('with a wrong final nonce (CVE-2024-56128)', async () => {
    await expect(answered((message, nonce) => message.replace(nonce, `${nonce}x`))).rejects.toMatchObject({
      message: REFUSED,
      reason: 'Invalid client nonce in the final client message.',
    })
  })

  test.each(['', 'p=', 'c=biws', 'c=biws,r=n,p=*', 'n,,n=alice,r=x'])('whose final message is %j', async (final) => {
    await expect(answered(() => final)).rejects.toMatchObject({ message: REFUSED, reason: 'Invalid SCRAM client final message format' })
  })

  test('whose final message is cut anywhere', async () => {
    let whole = ''
    await answered((message) => {
      whole = message
      return message
    })
    for (let length = 0; length < whole.length; length += 3)
      await expect(answered((message) => message.slice(0, length))).rejects.toThrow(REFUSED)
  })

  test('that replays a proof', async () => {
    const broker = server({ alice: credential('SCRAM-SHA-256', 'pencil') })
    const { messages } = await converse(client('alice', 'pencil'), broker.exchange())
    const replay = broker.exchange()
    await replay.respond(messages[0]!)
    await expect(replay.respond(messages[2]!)).rejects.toMatchObject({ message: REFUSED })
  })

  test.each([
    '',
    'y,,n=alice,r=x',
    'p=tls-unique,,n=alice,r=x',
    'n,,m=x,n=alice,r=x',
    'n,,n=a=b,r=x',
    'n,,n=é,r=x',
    'n,,n=alice,r=',
    'n,,n=alice,r=x,y',
  ])('whose first message is %j', async (first) => {
    await expect(server({}).exchange().respond(Buffer.from(first))).rejects.toMatchObject({ message: REFUSED })
  })

  test('who wants to act for another user', async () => {
    const exchange = server({ alice: credential('SCRAM-SHA-256', 'pencil') }).exchange()
    await expect(exchange.respond(Buffer.from('n,a=root,n=alice,r=x'))).rejects.toThrow(
      'Authentication failed: Client requested an authorization id that is different from username',
    )
  })

  test('whose credential has too few iterations', async () => {
    const exchange = server({ alice: credential('SCRAM-SHA-256', 'pencil', 4095) }).exchange()
    await expect(exchange.respond(Buffer.from('n,,n=alice,r=x'))).rejects.toMatchObject({
      message: REFUSED,
      reason: /less than the minimum/,
    })
  })

  test('who does not exist, after as many messages as one whose password is wrong, and with the same salt each time', async () => {
    const broker = server({ alice: credential('SCRAM-SHA-256', 'pencil') })
    const attempt = async (user: string) => {
      const exchange = broker.exchange()
      const guess = client(user, 'guess')
      const { response } = await exchange.respond(await guess.first())
      const final = (await guess.next(response))!
      const error = await exchange.respond(final).catch((thrown: Error) => thrown.message)
      return { error, challenge: response.toString().replace(/^r=[^,]*/, '') }
    }
    const [known, unknown, again, other] = [await attempt('alice'), await attempt('bob'), await attempt('bob'), await attempt('carol')]
    expect(unknown!.error).toBe(known!.error)
    expect(Buffer.from(/^,s=([^,]*),i=4096$/.exec(unknown!.challenge)![1]!, 'base64').toString()).toMatch(/^[0-9a-z]{20,26}$/)
    expect(again!.challenge).toBe(unknown!.challenge)
    expect(other!.challenge).not.toBe(unknown!.challenge)
  })

  test('in other words where a session is renewed', async () => {
    const exchange = server({}).exchange('re-authentication')
    await expect(exchange.respond(Buffer.from('x'))).rejects.toThrow(REFUSED.replace('during authentication', 'during re-authentication'))
  })
})
