/**
 * Goal: no password, token, salt or proof is in an error or a log line (Invariant 12). Story of core/security/sasl. Method: every secret
 * has the same mark; each way to fail is taken, and all that was thrown and logged, causes and properties included, is searched for the
 * mark, as it is and in base64.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { createSaslClient } from '../../../../core/security/sasl/sasl-client.ts'
import { createSaslServer } from '../../../../core/security/sasl/sasl-server.ts'
import { credentialOf, saltedPasswordSync } from '../../../../core/security/sasl/scram-mechanism.ts'
import type { SaslMechanism, SaslSystem, ScramUsers } from '../../../../core/security/sasl/types.ts'
import { type Logger, silentLogger } from '../../../../core/system/logger.ts'
import { converse, system as real } from './connected.ts'
import { goodClaims, httpEndpoint, newKey, signed } from './oauth-provider.ts'

const MARK = 'hunter2hunter2hunter2'
const seen: unknown[] = []
const note = (...values: unknown[]) => void seen.push(...values)
const logger: Logger = { ...silentLogger, error: note, warn: note, info: note, debug: note, child: () => logger }
const system: SaslSystem = { ...real, logger }

const folder = mkdtempSync(join(tmpdir(), 'sasl-secrets-'))
const jwks = join(folder, 'jwks.json')
const key = await newKey('k1')
const marked = await signed(key, { ...goodClaims(), sub: MARK, scope: [MARK, MARK] })
const forged = await signed(await newKey('k1'), { ...goodClaims(), sub: MARK })
const provider = await httpEndpoint('/token', (response, index) => {
  const answers = [MARK, `{"access_token":"${MARK}"}`, `{"access_token":"a.${MARK}.c"}`, `{"access_token":"${marked}"}`]
  if (index < answers.length) response.end(answers[index])
  else response.writeHead(400).end(`{"error":"invalid_grant","error_description":"${MARK}"}`)
})
afterAll(async () => {
  await provider.close()
  rmSync(folder, { recursive: true })
})

const PACKAGE = 'org.apache.kafka.common.security'
const SECURED = `${PACKAGE}.oauthbearer.OAuthBearer`
const properties = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': `${provider.url},${pathToFileURL(jwks).href}` }
const salt = Buffer.from(MARK)
const users: ScramUsers = {
  credential: (mechanism, user) =>
    user === 'alice' ? credentialOf(mechanism, saltedPasswordSync(mechanism, MARK, salt, 4096), salt, 4096) : null,
  token: () => null,
}

async function attempt(task: () => unknown): Promise<void> {
  try {
    await task()
  } catch (error) {
    note(error)
    return
  }
  throw new Error('it should have failed')
}

const client = (mechanism: string, jaas: string, settings = {}) =>
  createSaslClient({ 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaas, ...settings }, system, properties)
const server = (mechanism: SaslMechanism, jaas: string, settings = {}) =>
  createSaslServer({ mechanism, listener: 'L', settings: { 'sasl.jaas.config': jaas, ...settings }, users, system, properties })
const plain = (options: string) => `${PACKAGE}.plain.PlainLoginModule required ${options};`
const scram = (options: string) => `${PACKAGE}.scram.ScramLoginModule required ${options};`
const bearer = (options: string) => `${SECURED}LoginModule required ${options};`

/** The mark as bytes of base64 have it, wherever it begins. */
const forms = [
  MARK,
  ...[0, 1, 2].map((before) =>
    Buffer.from(`${'x'.repeat(before)}${MARK}`)
      .toString('base64')
      .slice(4, 24),
  ),
]

test('nothing that was thrown or logged has a secret', async () => {
  // Configurations that are wrong somewhere else.
  for (const options of [
    `password=${MARK}`,
    `username=a password="${MARK}`,
    `username=a password=12${MARK}`,
    `username=a password=x ${MARK}`,
  ])
    await attempt(() => client('PLAIN', plain(options)))
  await attempt(() => client('GSSAPI', plain(`username=a password=${MARK}`)))
  await attempt(() => client('PLAIN', `com.example.Other required password=${MARK};`))
  await attempt(() => server('PLAIN', scram(`user_a="${MARK}"`)))

  // Exchanges that fail.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const broker = await server(mechanism, scram(''))
    for (const user of ['alice', 'bob'])
      await attempt(() => converse(client(mechanism, scram(`username=${user} password=x${MARK}`)).exchange(), broker.exchange()))
    await attempt(() => broker.exchange().respond(Buffer.from(`n,,n=alice,r=${MARK},${MARK}`)))
    const exchange = client(mechanism, scram(`username=alice password=${MARK}`)).exchange()
    await exchange.first()
    await attempt(() => exchange.next(Buffer.from(`r=x,s=${salt.toString('base64')},i=4096,${MARK}`)))
  }
  const listener = await server('PLAIN', plain(`user_alice="${MARK}"`))
  for (const message of [`\0alice\0x${MARK}`, `\0bob\0${MARK}`, `root\0alice\0${MARK}`, `${MARK}`, `\0a\0${MARK}\0`])
    await attempt(() => listener.exchange().respond(Buffer.from(message)))

  // Token endpoints: the answers are wrong in one way after another.
  const login = {
    'sasl.login.callback.handler.class': `${SECURED}LoginCallbackHandler`,
    'sasl.oauthbearer.token.endpoint.url': provider.url,
  }
  for (let answer = 0; answer < 5; answer++)
    await attempt(() =>
      client('OAUTHBEARER', bearer(`clientId=a clientSecret=${MARK}`), login)
        .exchange()
        .first(),
    )
  expect(provider.requests).toHaveLength(5)
  const handler = {
    'sasl.server.callback.handler.class': `${SECURED}ValidatorCallbackHandler`,
    'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(jwks).href,
  }
  writeFileSync(jwks, MARK)
  await attempt(() => server('OAUTHBEARER', bearer(''), handler))
  writeFileSync(jwks, JSON.stringify({ keys: [key.publicJwk] }))
  const tokens = await server('OAUTHBEARER', bearer(''), handler)
  for (const token of [MARK, `${MARK}.${MARK}.${MARK}`, forged, marked]) {
    const exchange = tokens.exchange()
    note((await exchange.respond(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`))).response.toString())
    await attempt(() => exchange.respond(Buffer.from([1])))
  }
  await attempt(() => tokens.exchange().respond(Buffer.from(`n,,\x01auth=${MARK}\x01\x01`)))

  expect(seen.length).toBeGreaterThan(35)
  const texts = seen.map((value) => inspect(value, { depth: 10, showHidden: true, maxStringLength: null, maxArrayLength: null }))
  for (const form of [...forms, forged.split('.')[2]!, marked.split('.')[2]!])
    expect(texts.filter((text) => text.includes(form))).toEqual([])
})
