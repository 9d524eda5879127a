/**
 * Goal: a config that would fail is refused where it is created, with the setting to change and what to do; loading the connector loads no
 * client. Method: checks of settings alone, then `checkSystem` with real servers, and a process that only loads the connector.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseSettings, type Settings, type SinkSide } from '../../../connect/sdk/index.ts'
import { aivenSink, confluentSink, httpSink } from '../../../connectors/http-sink/connector.ts'
import { freePort } from '../../running-broker.ts'
import { LOCAL, testServer } from '../http-driver/recording-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: each class has settings of its own
const configOf = (side: SinkSide<any>, config: Record<string, string>) => parseSettings(side.settings as Settings, config)
// biome-ignore lint/suspicious/noExplicitAny: see above
const problems = (config: Record<string, string>, side: SinkSide<any> = httpSink) => side.check!(configOf(side, config))
// biome-ignore lint/suspicious/noExplicitAny: see above
const systemProblems = (config: Record<string, string>, side: SinkSide<any> = httpSink) =>
  side.checkSystem!(configOf(side, config), new AbortController().signal)
const url = { 'http.api.url': 'https://api.example/in' }

test.each([
  ['http.api.url', 'ftp://x/', /http:\/\/ or https/],
  ['http.api.url', 'nothing', /no URL/],
  ['http.api.url', 'https://u:p@x/', /auth\.type=BASIC/],
  ['http.api.url', 'https://${topic}.example/', /name the host/],
  ['http.api.url', 'https://x/${}', /no placeholder/],
  ['retry.on.status.codes', '200', /no range/],
  ['http.allow.private.addresses', '10.0.0.0/99', /no network/],
  ['http.proxy.host', 'http://proxy', /leave out http/],
  ['http.proxy.port', '65536', /between/],
  ['https.ssl.truststore.type', 'BKS', /keytool/],
  ['https.ssl.keystore.type', 'JCEKS', /keytool/],
  ['batch.max.size', '0', /between/],
  ['idempotency.key.header', 'a b', /not the name/],
  ['headers.forward', 'Content-Length', /not the name/],
])('%s=%s is refused', (name, value, why) => {
  expect(() => configOf(httpSink, { ...url, [name]: value })).toThrow(why)
})

test.each([
  [{ 'auth.type': 'BASIC' }, ['connection.user', 'connection.password']],
  [{ 'auth.type': 'bearer' }, ['bearer.token']],
  [{ 'auth.type': 'OAUTH2' }, ['oauth2.token.url', 'oauth2.client.id', 'oauth2.client.secret']],
  [{ headers: 'nonsense' }, ['headers']],
  [{ headers: 'host: other' }, ['headers']],
  [{ 'sensitive.headers': 'a:1|A:2' }, ['sensitive.headers']],
  [{ headers: 'authorization: x', 'auth.type': 'BEARER', 'bearer.token': 't' }, ['headers']],
  [{ 'sensitive.headers': 'idempotency-key: x' }, ['sensitive.headers']],
  [{ 'sensitive.headers': 'authorization: x', 'auth.type': 'BEARER', 'bearer.token': 't' }, ['sensitive.headers']],
  [{ headers: 'idempotency-key: x', 'idempotency.key.header': '' }, []],
  [{ 'headers.forward': 'Idempotency-Key' }, ['headers.forward']],
  [{ 'headers.forward': 'Authorization', 'auth.type': 'BEARER', 'bearer.token': 't' }, ['headers.forward']],
  [{ 'behavior.on.null.values': 'delete' }, ['behavior.on.null.values']],
  [{ 'regex.patterns': 'a~b', 'regex.replacements': 'x' }, ['regex.replacements']],
  [{ 'regex.patterns': '(', 'regex.replacements': 'x' }, ['regex.replacements']],
  [{ 'regex.patterns': 'a', 'regex.replacements': '$1' }, ['regex.replacements']],
])('%o has a problem at %o', (config, settings) => {
  expect(problems({ ...url, ...config } as Record<string, string>).map(({ setting }) => setting)).toEqual(settings)
})

test("Confluent's config is accepted with its license and reporter settings, but not with topics of responses", () => {
  const given = {
    ...url,
    'confluent.topic.bootstrap.servers': 'x:1',
    'reporter.bootstrap.servers': 'x:1',
    'reporter.error.topic.replication.factor': '1',
  }
  expect(problems(given, confluentSink)).toEqual([])
  expect(() => configOf(confluentSink, { ...given, 'reporter.result.topic.name': 'responses' })).toThrow(
    /errors\.deadletterqueue\.topic\.name/,
  )
})

test("Aiven's config is checked as its sink does", () => {
  const aiven = { 'http.url': 'https://x/', 'http.authorization.type': 'static' }
  expect(problems(aiven, aivenSink).map(({ setting }) => setting)).toEqual(['http.headers.authorization'])
  const twice = { ...aiven, 'http.headers.authorization': 'x', 'http.headers.additional': 'Idempotency-Key:1,authorization:2' }
  expect(problems(twice, aivenSink).map(({ setting }) => setting)).toEqual(['http.headers.additional', 'http.headers.additional'])
  expect(() => configOf(aivenSink, { ...aiven, 'http.ssl.trust.all.certs': 'true' })).toThrow(/always checked/)
  expect(() => configOf(aivenSink, { 'http.url': 'https://x/' })).toThrow(/http\.authorization\.type/)
})

test('the server is reached by a HEAD, and what is wrong is said at its setting', async () => {
  const server = await testServer(({ headers }) => ({ status: headers.authorization === 'Bearer good' ? 404 : 401 }))
  const at = (config: Record<string, string>) => systemProblems({ 'http.api.url': `${server.url}/\${topic}`, ...config })
  expect(await at({ ...LOCAL, 'auth.type': 'BEARER', 'bearer.token': 'good' })).toEqual([])
  expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['HEAD /'])
  const [wrong] = await at({ ...LOCAL, 'auth.type': 'BEARER', 'bearer.token': 'bad' })
  expect(wrong).toMatchObject({ setting: 'auth.type', why: expect.stringMatching(/401: check the credentials/) })
  const [refused] = await at({})
  expect(refused).toMatchObject({ setting: 'http.allow.private.addresses', why: expect.stringMatching(/inside of a network/) })
  const [away] = await systemProblems({ ...LOCAL, 'http.api.url': `http://127.0.0.1:${await freePort()}/` })
  expect(away).toMatchObject({ setting: 'http.api.url', why: expect.stringMatching(/Nothing listens/) })
  const [unknown] = await systemProblems({ 'http.api.url': 'http://no-such-host.invalid/' })
  expect(unknown).toMatchObject({ setting: 'http.api.url', why: expect.stringMatching(/unknown|DNS does not answer/) })
})

test('a server that does not answer a HEAD is no reason to refuse the config', async () => {
  const server = await testServer((_request, response) => {
    response.destroy()
    return null
  })
  await expect(systemProblems({ ...LOCAL, 'http.api.url': server.url })).rejects.toThrow(/connection was lost/)
})

test('a token endpoint that refuses the client is a problem of the secret', async () => {
  const tokens = await testServer(() => ({ status: 400, body: '{"error":"invalid_client"}' }))
  const config = { 'auth.type': 'OAUTH2', 'oauth2.token.url': tokens.url, 'oauth2.client.id': 'i', 'oauth2.client.secret': 's' }
  const [wrong] = await systemProblems({ ...LOCAL, 'http.api.url': tokens.url, ...config })
  expect(wrong).toMatchObject({ setting: 'oauth2.client.secret', why: expect.stringMatching(/invalid_client/) })
  const page = await testServer(() => ({ body: '<html>' }))
  const [none] = await systemProblems({ ...LOCAL, 'http.api.url': tokens.url, ...config, 'oauth2.token.url': page.url })
  expect(none).toMatchObject({ setting: 'oauth2.token.url', why: expect.stringMatching(/not answer with JSON/) })
  const aiven = { ...LOCAL, 'http.url': tokens.url, 'http.authorization.type': 'oauth2', 'oauth2.access.token.url': page.url }
  const [ofAiven] = await systemProblems({ ...config, ...aiven }, aivenSink)
  expect(ofAiven).toMatchObject({ setting: 'oauth2.access.token.url' })
})

test.each([
  [{ 'https.ssl.truststore.location': 'trust.jks', 'https.ssl.truststore.password': 'wrong' }, 'https.ssl.truststore.password'],
  [{ 'https.ssl.truststore.location': 'trust.jceks' }, 'https.ssl.truststore.type'],
  [{ 'https.ssl.keystore.location': 'key.jks', 'https.ssl.keystore.password': 'store-secret' }, 'https.ssl.keystore.password'],
  [{ 'https.ssl.keystore.location': 'trust.jks', 'https.ssl.keystore.password': 'store-secret' }, 'https.ssl.keystore.location'],
])('%o is a problem at %s', async (stores, setting) => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-http-stores-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/key-stores.json'), 'utf8')) as Record<string, string>
  const config = Object.fromEntries(
    Object.entries(stores as Record<string, string>).map(([name, value]) => {
      if (!name.endsWith('location')) return [name, value]
      writeFileSync(join(folder, value), Buffer.from(golden[value]!, 'base64'))
      return [name, join(folder, value)]
    }),
  )
  expect((await systemProblems({ ...url, ...config })).map((problem) => problem.setting)).toEqual([setting])
})

test('loading the connector loads no client of HTTP, which its sink does', () => {
  const clientsOf = (file: string) => {
    const path = new URL(`../../../connectors/http-sink/${file}`, import.meta.url).href
    const script = `await import(${JSON.stringify(path)}); const { createRequire } = await import('node:module');
      console.log(Object.keys(createRequire(import.meta.url).cache).filter((name) => name.includes('/undici/')).length)`
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }))
  }
  expect(clientsOf('connector.ts')).toBe(0)
  expect(clientsOf('sink.ts')).toBeGreaterThan(0)
})
