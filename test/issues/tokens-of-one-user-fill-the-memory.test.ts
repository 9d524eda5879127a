/**
 * Issue: whoever was logged in could request delegation tokens without end, each with as many renewers as a request holds; the broker has
 * all of them in memory and in its metadata log. Goal: a user without permissions gets so many and no more, others still get theirs.
 * Method: a broker with PLAIN and raw requests; tokens of the user are written without a wire, as it takes 5,000 of them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import createToken from '../../core/apis/38-create-delegation-token.ts'
import { MAX_PRINCIPAL_CHARACTERS, MAX_TOKENS_PER_REQUESTER } from '../../core/cluster/token-changes.ts'
import { errorName } from '../../core/errors.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { logIn, plainLogin } from '../raw-login.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'

let server: BrokerInProcess
const clients: RawClient[] = []
beforeAll(async () => {
  server = await brokerInProcess({
    listeners: 'SASL_PLAINTEXT://127.0.0.1:0',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required user_greedy="secret" user_other="secret";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'delegation.token.secret.key': 'key of the tokens',
  })
})
afterAll(async () => {
  for (const client of clients) client.close()
  await server.stop()
})

async function loggedIn(user: string): Promise<RawClient> {
  const client = await rawClient(server.port)
  clients.push(client)
  expect((await logIn(client, plainLogin(user, 'secret'))).errorCode).toBe(0)
  return client
}

async function request(client: RawClient, renewers: readonly string[] = []): Promise<string> {
  const named = renewers.map((principalName) => ({ principalType: 'User', principalName }))
  const nobody = { ownerPrincipalType: '', ownerPrincipalName: '' }
  return errorName((await client.send(createToken, 3, { ...nobody, renewers: named, maxLifetimeMs: -1 })).errorCode)
}

/** Each is flushed to the disk. */
test('a user has so many tokens', { timeout: 120_000 }, async () => {
  const greedy = await loggedIn('greedy')
  const { delegationTokens } = server.broker.cluster
  const mine = { requester: 'User:greedy', owner: 'User:greedy', renewers: [], maxLifetimeMs: -1 }
  const tokens = await Promise.all(Array.from({ length: MAX_TOKENS_PER_REQUESTER - 1 }, () => delegationTokens.create(mine)))
  expect(await request(greedy)).toBe('NONE')
  expect(await request(greedy)).toBe('POLICY_VIOLATION')
  expect(await request(await loggedIn('other'))).toBe('NONE')
  await delegationTokens.expire(delegationTokens.hmacOf(tokens[0]!.tokenId), 'User:greedy', -1)
  expect(await request(greedy)).toBe('NONE')
})

test('a token has no more than so many characters of renewers', async () => {
  const other = await loggedIn('other')
  const tokens = () => [...server.broker.cluster.delegationTokens.all()].length
  const before = tokens()
  expect(
    await request(
      other,
      Array.from({ length: 1000 }, (_, index) => 'r'.repeat(30_000) + index),
    ),
  ).toBe('INVALID_REQUEST')
  expect(await request(other, ['r'.repeat(MAX_PRINCIPAL_CHARACTERS)])).toBe('INVALID_REQUEST')
  expect(tokens()).toBe(before)
  expect(
    await request(
      other,
      Array.from({ length: 100 }, (_, index) => `CN=renewer-${index},O=Example`),
    ),
  ).toBe('NONE')
})
