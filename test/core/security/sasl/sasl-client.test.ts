/**
 * Goal: a client's settings either work or are refused, in words that say what to do instead. Method: settings as users write them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createSaslClient } from '../../../../core/security/sasl/sasl-client.ts'
import { system } from './connected.ts'

const folder = mkdtempSync(join(tmpdir(), 'sasl-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

const PACKAGE = 'org.apache.kafka.common.security'
const plain = `${PACKAGE}.plain.PlainLoginModule required username="alice" password="hunter2";`
const bearer = `${PACKAGE}.oauthbearer.OAuthBearerLoginModule required`
const secured = { 'sasl.login.callback.handler.class': `${PACKAGE}.oauthbearer.OAuthBearerLoginCallbackHandler` }
const tokenUrl = 'http://127.0.0.1:24001/token'
const allowing = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': `https://x/y, ${tokenUrl}` }

const create = (mechanism: string, jaas: string, settings: Record<string, string> = {}, properties = {}) =>
  createSaslClient({ 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaas, ...settings }, system, properties)

test('PLAIN', async () => {
  const client = create('PLAIN', plain)
  expect((await client.exchange().first()).toString()).toBe('\0alice\0hunter2')
  expect([client.mechanism, client.credentialsEndMs()]).toEqual(['PLAIN', null])
})

test('the entry KafkaClient of a JAAS file, where sasl.jaas.config is not set', async () => {
  const file = join(folder, 'jaas.conf')
  writeFileSync(file, `KafkaClient { ${plain} };`)
  const client = createSaslClient({ 'sasl.mechanism': 'PLAIN' }, system, { 'java.security.auth.login.config': file })
  expect((await client.exchange().first()).toString()).toBe('\0alice\0hunter2')
  expect(() => createSaslClient({ 'sasl.mechanism': 'PLAIN' }, system)).toThrow(
    "Could not find a 'KafkaClient' entry in the JAAS configuration. System property 'java.security.auth.login.config' is not set",
  )
})

test.each<[string, string, string, Record<string, string>, string]>([
  [
    'Kerberos',
    'GSSAPI',
    plain,
    {},
    'Invalid value GSSAPI for configuration sasl.mechanism: Kerberos is not supported: set sasl.mechanism to PLAIN',
  ],
  ['IAM', 'AWS_MSK_IAM', plain, {}, 'IAM is not supported: use SCRAM-SHA-512'],
  ['an unknown mechanism', 'CRAM-MD5', plain, {}, 'the mechanism must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER'],
  ['the module of another mechanism', 'OAUTHBEARER', plain, {}, 'is not for sasl.mechanism=OAUTHBEARER'],
  ['two modules', 'PLAIN', `${plain} ${plain}`, {}, 'JAAS config property contains 2 login modules, should be 1 module'],
  ['no password', 'PLAIN', `${PACKAGE}.plain.PlainLoginModule required username="a";`, {}, 'Could not login: the JAAS option password'],
  [
    'JndiLoginModule (CVE-2023-25194)',
    'PLAIN',
    'com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://x";',
    {},
    'com.sun.security.auth.module.JndiLoginModule is not allowed. The system property',
  ],
  [
    'LdapLoginModule (CVE-2025-27818)',
    'PLAIN',
    'com.sun.security.auth.module.LdapLoginModule required;',
    {},
    'LdapLoginModule is not allowed',
  ],
  ['any other class', 'PLAIN', 'com.example.MyLoginModule required;', {}, 'The login module com.example.MyLoginModule is not available'],
  ['a login class', 'PLAIN', plain, { 'sasl.login.class': 'com.example.Login' }, 'Class com.example.Login could not be found'],
  [
    'a callback handler',
    'PLAIN',
    plain,
    { 'sasl.client.callback.handler.class': 'com.example.H' },
    'Class com.example.H could not be found',
  ],
  ['a token without a source', 'OAUTHBEARER', `${bearer};`, {}, 'OAUTHBEARER has no token: set sasl.login.callback.handler.class'],
  [
    'no token endpoint',
    'OAUTHBEARER',
    `${bearer};`,
    secured,
    'The OAuth configuration option sasl.oauthbearer.token.endpoint.url value is required',
  ],
  [
    'a URL that the process does not allow (CVE-2025-27817)',
    'OAUTHBEARER',
    `${bearer};`,
    { ...secured, 'sasl.oauthbearer.token.endpoint.url': 'file:///etc/passwd' },
    "The URL cannot be accessed due to restrictions. Update the system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls'",
  ],
  [
    'a URL of another protocol',
    'OAUTHBEARER',
    `${bearer};`,
    { ...secured, 'sasl.oauthbearer.token.endpoint.url': 'ftp://x/y' },
    'invalid protocol (ftp)',
  ],
  [
    'no client id',
    'OAUTHBEARER',
    `${bearer};`,
    { ...secured, 'sasl.oauthbearer.token.endpoint.url': tokenUrl },
    'client.credentials.client.id value is required',
  ],
  [
    'a client assertion',
    'OAUTHBEARER',
    `${bearer};`,
    { ...secured, 'sasl.oauthbearer.assertion.private.key.file': '/key' },
    'The setting sasl.oauthbearer.assertion.private.key.file is not supported: set sasl.oauthbearer.client.credentials.client.id',
  ],
  [
    'a factor out of range',
    'OAUTHBEARER',
    `${bearer} unsecuredLoginStringClaim_sub="a";`,
    { 'sasl.login.refresh.window.factor': '0.4' },
    'Invalid value 0.4 for configuration sasl.login.refresh.window.factor: Value must be at least 0.5',
  ],
  [
    'an extension that cannot be sent',
    'OAUTHBEARER',
    `${bearer} unsecuredLoginStringClaim_sub=a unsecuredLoginExtension_auth=x;`,
    {},
    'Extension name auth is invalid',
  ],
])('%s is refused', (_, mechanism, jaas, settings, message) => {
  const attempt = () => create(mechanism, jaas, settings, allowing)
  expect(attempt).toThrow(expect.objectContaining({ error: 'INVALID_CONFIG', message: expect.stringContaining(message) }))
  expect(attempt).not.toThrow(/hunter2/)
})

test('the allowed login modules of the process are a list that others are not on', () => {
  const properties = { 'org.apache.kafka.allowed.login.modules': `${PACKAGE}.scram.ScramLoginModule` }
  expect(() => create('PLAIN', plain, {}, properties)).toThrow(
    `${PACKAGE}.plain.PlainLoginModule is not allowed. Update System property 'org.apache.kafka.allowed.login.modules' to allow ${PACKAGE}.plain.PlainLoginModule`,
  )
})

test('a client cannot allow a URL by its own settings', () => {
  const settings = { ...secured, 'sasl.oauthbearer.token.endpoint.url': tokenUrl, ...allowing }
  expect(() => create('OAUTHBEARER', `${bearer};`, settings)).toThrow('The URL cannot be accessed due to restrictions')
})
