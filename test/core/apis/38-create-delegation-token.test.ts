/**
 * Goal: who may issue a delegation token for whom, and what the client is told otherwise, in Kafka's order. Method: the handler with the
 * services of a real broker, a client of the test and an authorizer that keeps its questions.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import createToken from '../../../core/apis/38-create-delegation-token.ts'
import describeTokens from '../../../core/apis/41-describe-delegation-token.ts'
import { AuthorizedAccess } from '../../../core/apis/access.ts'
import type { Peer, RequestContext } from '../../../core/apis/request-context.ts'
import { errorName } from '../../../core/errors.ts'
import type { Action } from '../../../core/security/authorizer.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'

let secured: SecuredListeners
let broker: BrokerInProcess
beforeAll(async () => {
  secured = securedListenersIn()
  broker = await brokerInProcess({ ...secured.properties, 'delegation.token.secret.key': 'key' })
})
afterAll(async () => {
  await broker.stop()
  secured.remove()
})

const user = (principalName: string, principalType = 'User') => ({ principalType, principalName })

interface Client {
  readonly principal?: string
  readonly listener?: string
  readonly tokenAuthenticated?: boolean
  readonly allowed?: readonly string[]
}

/** `allowed` are questions as `CreateTokens User User:bob`. */
function ask<Q>(api: typeof createToken | typeof describeTokens, request: Q, client: Client = {}) {
  const { principal = 'User:alice', listener = 'SASL_SSL', tokenAuthenticated = false, allowed = [] } = client
  const asked: string[] = []
  const authorize = (_: unknown, { operation, resourceType, resourceName }: Action) => {
    const question = `${operation} ${resourceType} ${resourceName}`
    asked.push(question)
    return allowed.includes(question)
  }
  const authorizer = { authorize, authorizeByResourceType: () => false }
  const access = new AuthorizedAccess(authorizer, { principal, host: '/127.0.0.1' }, api)
  const peer = { principal, listener, tokenAuthenticated } as Peer
  const context = { request, version: 3, clientId: 'test', peer, broker: broker.broker, access }
  return { asked, answer: api.handle(context as unknown as RequestContext<never>) as unknown }
}

const request = { ownerPrincipalType: null, ownerPrincipalName: null, renewers: [], maxLifetimeMs: -1 }
async function create(over: object, client: Client = {}) {
  const { asked, answer } = ask(createToken, { ...request, ...over }, client)
  const { errorCode, principalName } = (await answer) as { errorCode: number; principalName: string }
  return { error: errorName(errorCode), owner: principalName, asked }
}
const ofBob = { ownerPrincipalType: 'User', ownerPrincipalName: 'bob' }
const renewedByGroup = { renewers: [user('bob'), user('staff', 'Group')] }

test('for oneself nobody is asked, not even where one names oneself', async () => {
  for (const owner of [{}, { ownerPrincipalType: 'User', ownerPrincipalName: 'alice' }, { ...ofBob, ownerPrincipalName: '' }])
    expect(await create(owner)).toEqual({ error: 'NONE', owner: 'alice', asked: [] })
})

test('for others one must be allowed to create tokens for them', async () => {
  const asked = ['CreateTokens User User:bob']
  expect(await create(ofBob)).toEqual({ error: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', owner: 'bob', asked })
  expect(await create(ofBob, { allowed: asked })).toEqual({ error: 'NONE', owner: 'bob', asked })
  expect((await create({ ownerPrincipalType: 'Group', ownerPrincipalName: 'bob' }, { allowed: asked })).error).toBe(
    'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  )
})

test('the order of the errors: the connection, the permission, the renewers', async () => {
  const both = { ...ofBob, ...renewedByGroup }
  expect(await create(both, { listener: 'PLAINTEXT' })).toMatchObject({ error: 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', asked: [] })
  expect((await create(both)).error).toBe('DELEGATION_TOKEN_AUTHORIZATION_FAILED')
  expect((await create(both, { allowed: ['CreateTokens User User:bob'] })).error).toBe('INVALID_PRINCIPAL_TYPE')
})

test.each<[Client, boolean]>([
  [{ listener: 'PLAINTEXT' }, false],
  [{ listener: 'SSL', principal: 'User:ANONYMOUS' }, false],
  [{ listener: 'MTLS', principal: 'User:CN=client' }, true],
  [{ listener: 'SASL_PLAINTEXT' }, true],
  [{ listener: 'SASL_SSL' }, true],
  // A user may have this name.
  [{ listener: 'SASL_SSL', principal: 'User:ANONYMOUS' }, true],
  [{ listener: 'SASL_SSL', tokenAuthenticated: true }, false],
  [{ listener: 'absent' }, false],
])('a client %o may ask: %s', async (client, isAllowed) => {
  expect((await create({}, client)).error).toBe(isAllowed ? 'NONE' : 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
})

test('an owner without a type is the error that Kafka has, about nobody', async () => {
  await expect(create({ ...ofBob, ownerPrincipalType: null })).rejects.toMatchObject({ error: 'UNKNOWN_SERVER_ERROR' })
  expect(createToken.errorResponse!(-1, request, 3, null)).toMatchObject({ errorCode: -1, principalName: 'ANONYMOUS', maxTimestampMs: -1 })
})

test('DescribeDelegationToken: everyone sees their own; others need a permission for the token or for its owner', async () => {
  const renewers = [user('rita')]
  const carol = { ownerPrincipalType: 'User', ownerPrincipalName: 'carol' }
  await create({ ...carol, renewers }, { principal: 'User:admin', allowed: ['CreateTokens User User:carol'] })
  const token = [...broker.broker.cluster.delegationTokens.all()].find(({ owner }) => owner === 'User:carol')!
  const describe = (client: Client, owners: object[] | null = [user('carol')]) => {
    const { asked, answer } = ask(describeTokens, { owners }, client)
    const { errorCode, tokens } = answer as { errorCode: number; tokens: readonly { tokenId: string }[] }
    expect(errorCode).toBe(0)
    return { sees: tokens.some(({ tokenId }) => tokenId === token.tokenId), asked }
  }
  for (const principal of ['User:carol', 'User:admin', 'User:rita']) expect(describe({ principal })).toEqual({ sees: true, asked: [] })
  const questions = [`Describe DelegationToken ${token.tokenId}`, 'DescribeTokens User User:carol']
  const principal = 'User:other'
  expect(describe({ principal })).toEqual({ sees: false, asked: questions })
  expect(describe({ principal, allowed: questions.slice(0, 1) })).toEqual({ sees: true, asked: questions.slice(0, 1) })
  expect(describe({ principal, allowed: questions.slice(1) })).toEqual({ sees: true, asked: questions })
  // What was not asked for is not even looked at.
  expect(describe({ principal, allowed: questions }, [user('nobody')])).toEqual({ sees: false, asked: [] })
  expect(describe({ principal, allowed: questions }, [])).toEqual({ sees: false, asked: [] })
  expect(describe({ principal, allowed: questions }, null).sees).toBe(true)
})
