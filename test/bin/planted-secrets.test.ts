/**
 * Story of bin. Goal: no secret of a setting, a login or a user is in anything that a broker, a worker or a mirror writes or serves.
 * Method: the three as processes at debug level, with another random secret in each place where one can stand; logins, requests and
 * connectors that succeed and that are refused; then all output, answers, errors and files but the stores themselves are searched for each
 * secret: as it is, in base64 and in hexadecimal.
 */
import { spawn } from 'node:child_process'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import createDelegationToken from '../../core/apis/38-create-delegation-token.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import describeScram from '../../core/apis/50-describe-user-scram-credentials.ts'
import alterScram from '../../core/apis/51-alter-user-scram-credentials.ts'
import { clientSecurity, createClient } from '../../core/client/index.ts'
import { saltedPasswordSync } from '../../core/security/sasl/scram-mechanism.ts'
import { realSystem } from '../../core/system/index.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { goodClaims, type HttpEndpoint, httpEndpoint, newKey, signed } from '../core/security/sasl/oauth-provider.ts'
import { writeProperties } from '../properties-file.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'

// Three processes start, on a machine with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const program = resolve(import.meta.dirname, '../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'planted-secrets-'))
const path = (name: string) => join(folder, name)

const secrets = new Map<string, Buffer>()
/** A new one, or the one of this name. */
function secret(name: string): string {
  const found = secrets.get(name)?.toString() ?? `plant-${randomBytes(15).toString('hex')}`
  secrets.set(name, Buffer.from(found))
  return found
}

/** As the inside of longer text: base64 begins at each of three places in its group. */
function forms(value: Buffer): string[] {
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), value]).toString('base64')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + value.length) * 8) / 6))
  })
  return [value.toString('latin1'), value.toString('hex'), ...inside]
}

/** All that anybody could read, by where it was. */
const seen: { readonly where: string; readonly text: string }[] = []
const note = (where: string, text: string) => void seen.push({ where, text })
/** Errors and log lines, with what is hidden in them. */
const all = (value: unknown) => inspect(value, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null })
const json = (answer: unknown) => JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? `${value}` : value))

const leaks = (entries: readonly { where: string; text: string }[]) =>
  [...secrets].flatMap(([name, value]) => {
    const searched = forms(value)
    return entries.filter(({ text }) => searched.some((form) => text.includes(form))).map(({ where }) => `${name} is in ${where}`)
  })

const authority = selfSigned({ subject: 'Authority' })
const key = await newKey('k1')
const PACKAGE = 'org.apache.kafka.common.security'
const OAUTH = `${PACKAGE}.oauthbearer.OAuthBearer`
const CLIENT = 'sasl.oauthbearer.client.credentials.client'

/** An encrypted key with its certificate; the password is planted. */
function keyStore(name: string, { certificate, key: pem }: TestCertificate): Record<string, string> {
  const passphrase = secret(`key of ${name}`)
  const encrypted = createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
  writeFileSync(path(`${name}.pem`), `${encrypted}${certificate}`)
  return { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': path(`${name}.pem`), 'ssl.key.password': passphrase }
}

const trust = () => ({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': path('ca.pem') })
const under = (prefix: string, settings: Record<string, string>) =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [prefix + name, value]))

const users = ['worker', 'producers', 'consumers', 'connector', 'central', 'central-admin', 'client']
const plainLogin = (user: string, password = secret(`password of ${user}`)) => ({
  'security.protocol': 'SASL_SSL',
  ...trust(),
  'sasl.mechanism': 'PLAIN',
  'sasl.jaas.config': `${PACKAGE}.plain.PlainLoginModule required username="${user}" password="${password}";`,
})
const scramLogin = (password = secret('password of carol')) => ({
  ...plainLogin(''),
  'sasl.mechanism': 'SCRAM-SHA-512',
  'sasl.jaas.config': `${PACKAGE}.scram.ScramLoginModule required username="carol" password="${password}";`,
})
const bearerLogin = (endpoint: HttpEndpoint, name: string) => ({
  'security.protocol': 'SASL_SSL',
  ...trust(),
  'sasl.mechanism': 'OAUTHBEARER',
  'sasl.jaas.config': `${OAUTH}LoginModule required;`,
  'sasl.login.callback.handler.class': `${OAUTH}LoginCallbackHandler`,
  'sasl.oauthbearer.token.endpoint.url': endpoint.url,
  'sasl.login.retry.backoff.max.ms': '10',
  [`${CLIENT}.id`]: name,
  [`${CLIENT}.secret`]: secret(`client secret of ${name}`),
})

interface Process {
  readonly output: () => string
  stop(): Promise<void>
}
const running: Process[] = []
let [port, saslPort]: number[] = []
let tokens: HttpEndpoint
let refusing: HttpEndpoint

async function start(command: string, file: string, ready: RegExp): Promise<RegExpExecArray> {
  const allowed = [tokens.url, refusing.url, pathToFileURL(path('jwks.json')).href].join(',')
  const jaas = `-Djava.security.auth.login.config=${path('jaas.conf')}`
  const child = spawn(program, [command, file], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TRIBUTARY_LOG_LEVEL: 'debug',
      KAFKA_OPTS: `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${allowed} ${jaas}`,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  running.push({
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  })
  const found = await until(
    () => {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}:\n${output}`)
      return ready.exec(output)
    },
    `${command} says ${ready}`,
    60_000,
  )
  return found!
}

interface RestApi {
  readonly name: string
  readonly url: string
}
let worker: RestApi
let mirror: RestApi

function ask({ name, url }: RestApi, method: string, where: string, body?: unknown, password = secret('password of alice')) {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`
  return new Promise<{ status: number; text: string }>((done, reject) => {
    const headers = { authorization, ...(text === undefined ? {} : { 'content-type': 'application/json' }) }
    const sent = request(`${url}${where}`, { method, headers, ca: authority.certificate, agent: false, servername: 'localhost' })
    sent.once('error', reject).once('response', (response) => {
      let got = ''
      response.on('data', (chunk) => {
        got += chunk
      })
      response.once('end', () => {
        const status = response.statusCode!
        // The config of a connector is shown to who may change it, as in Kafka Connect.
        const shown = !(/^\/connectors(\?|$)|\/config$/.test(where) && (method === 'POST' || method === 'PUT') && status < 300)
        if (shown || where.endsWith('/validate')) note(`${method} ${where} of the ${name} (${status})`, got + all(response.headers))
        done({ status, text: got })
      })
    })
    sent.end(text)
  })
}

const storage = Object.fromEntries(
  ['config', 'offset', 'status'].flatMap((kind) => [
    [`${kind}.storage.topic`, `connect-${kind}`],
    [`${kind}.storage.replication.factor`, '1'],
  ]),
)

const rest = (name: string) => ({
  listeners: 'https://localhost:0',
  ...under('listeners.https.', keyStore(`rest-of-${name}`, authority.issue({ subject: name, names: ['localhost'] }))),
  'rest.extension.classes': 'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension',
})

async function startBroker(): Promise<void> {
  const plain = users.map((user) => `user_${user}="${secret(`password of ${user}`)}"`).join(' ')
  const listener = 'listener.name.sasl_ssl'
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${port}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${saslPort}`,
    'log.dirs': path('data'),
    'offsets.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'delegation.token.secret.key': secret('delegation.token.secret.key'),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512,OAUTHBEARER',
    ...keyStore('broker', authority.issue({ subject: 'broker', names: ['localhost'] })),
    [`${listener}.plain.sasl.jaas.config`]: `${PACKAGE}.plain.PlainLoginModule required username="admin" password="${secret("the listener's own password")}" ${plain};`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${PACKAGE}.scram.ScramLoginModule required username="admin" password="${secret('password of SCRAM in JAAS')}";`,
    [`${listener}.oauthbearer.sasl.jaas.config`]: `${OAUTH}LoginModule required clientId="broker" clientSecret="${secret('client secret in JAAS')}";`,
    [`${listener}.oauthbearer.sasl.server.callback.handler.class`]: `${OAUTH}ValidatorCallbackHandler`,
    'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(path('jwks.json')).href,
    'unknown.password': secret('an unknown setting'),
  }
  await start('broker', writeProperties(path('server.properties'), settings), /listens on/)
}

async function startWorker(): Promise<void> {
  const settings = {
    'bootstrap.servers': `localhost:${saslPort}`,
    'group.id': 'planted',
    ...storage,
    'offset.storage.partitions': '1',
    ...plainLogin('worker'),
    ...under('producer.', plainLogin('producers')),
    ...under('consumer.', plainLogin('consumers')),
    ...rest('worker'),
    'ssl.unknown.password': secret('an unknown setting of the worker'),
  }
  const [, url] = await start('connect', writeProperties(path('worker.properties'), settings), /REST API: (https:\/\/[^\s/]+)/)
  worker = { name: 'worker', url: url!.replace(/127\.0\.0\.1|\[::1\]/, 'localhost') }
}

async function startMirror(): Promise<void> {
  const settings = {
    clusters: 'us, central, lost',
    'us.bootstrap.servers': `localhost:${saslPort}`,
    'central.bootstrap.servers': `localhost:${saslPort}`,
    ...under('us.', bearerLogin(tokens, 'mirror')),
    ...under('central.', plainLogin('central')),
    ...under('central.admin.', plainLogin('central-admin')),
    'lost.bootstrap.servers': `localhost:${saslPort}`,
    ...under('lost.', plainLogin('central', secret('a wrong password of a cluster'))),
    'us->lost.enabled': 'true',
    'us->central.enabled': 'true',
    'us->central.topics': 'lines',
    'replication.factor': '1',
    ...rest('mirror'),
  }
  const [, url] = await start('mirror', writeProperties(path('mm2.properties'), settings), /REST API: (https:\/\/[^\s/]+)/)
  mirror = { name: 'mirror', url: url!.replace(/127\.0\.0\.1|\[::1\]/, 'localhost') }
}

let raw: RawClient

beforeAll(async () => {
  writeFileSync(path('ca.pem'), authority.certificate)
  writeFileSync(path('jwks.json'), JSON.stringify({ keys: [key.publicJwk] }))
  writeFileSync(path('users.properties'), `alice=${secret('password of alice')}\n`)
  const module = 'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule'
  writeFileSync(path('jaas.conf'), `KafkaConnect { ${module} required file="${path('users.properties')}"; };`)
  const token = await signed(key, goodClaims())
  secrets.set('a token', Buffer.from(token))
  tokens = await httpEndpoint('/token', (response) => response.end(JSON.stringify({ access_token: token })))
  refusing = await httpEndpoint('/token', (response) =>
    response.writeHead(401).end(`{"error":"invalid_client","error_description":"${secret('told by the provider')}"}`),
  )
  ;[port, saslPort] = [await freePort(), await freePort()]
  await startBroker()
  raw = await rawClient(port!)
  await startWorker()
  await startMirror()
})

afterAll(async () => {
  raw?.close()
  for (const one of running.splice(0).reverse()) await one.stop()
  await tokens?.close()
  await refusing?.close()
  rmSync(folder, { recursive: true, force: true })
})

function clientOf(settings: Record<string, string>, lines: LogLine[]) {
  const system = { ...realSystem('silent'), logger: keepingLogger(lines) }
  const allowed = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': `${tokens.url},${refusing.url}` }
  const security = clientSecurity(settings, system, allowed)
  return createClient({ bootstrapServers: `localhost:${saslPort}`, clientId: 'test', requestTimeoutMs: 5_000, security }, system)
}

/** What a client of the broker says and logs that describes the cluster. */
async function attempt(name: string, settings: Record<string, string>): Promise<string | null> {
  const lines: LogLine[] = []
  const client = clientOf(settings, lines)
  const error = await client.admin.describeCluster().then(
    () => null,
    (thrown: Error) => thrown,
  )
  await client.close()
  note(`the error of ${name}`, all(error))
  note(`the log of ${name}`, all(lines))
  return error?.message ?? null
}

describe('the broker', () => {
  test('logs clients in and refuses them', async () => {
    const salt = randomBytes(16)
    const saltedPassword = saltedPasswordSync('SCRAM-SHA-512', secret('password of carol'), salt, 4096)
    const upsertions = [{ name: 'carol', mechanism: 2, iterations: 4096, salt, saltedPassword }]
    const altered = await raw.send(alterScram, 0, { deletions: [], upsertions })
    expect(altered.results[0]!.errorCode).toBe(0)
    note('AlterUserScramCredentials', json(altered))
    secrets.set('the salted password of carol', saltedPassword)
    note('DescribeUserScramCredentials', json(await raw.send(describeScram, 0, { users: null })))
    expect(await attempt('PLAIN', plainLogin('client'))).toBeNull()
    expect(await attempt('SCRAM', scramLogin())).toBeNull()
    expect(await attempt('OAUTHBEARER', bearerLogin(tokens, 'client'))).toBeNull()
    expect(await attempt('PLAIN, refused', plainLogin('client', secret('a wrong password')))).toContain('Invalid username or password')
    expect(await attempt('PLAIN, unknown', plainLogin(secret('a password in the place of the user')))).toContain('Invalid username')
    expect(await attempt('SCRAM, refused', scramLogin(secret('a wrong password of SCRAM')))).toContain('invalid credentials')
    expect(await attempt('OAUTHBEARER, no token', bearerLogin(refusing, 'refused'))).toContain('invalid_client')
  })

  test('gives a token of delegation, and logs a client in with it', async () => {
    const client = clientOf(plainLogin('client'), [])
    const request = { ownerPrincipalType: null, ownerPrincipalName: null, renewers: [], maxLifetimeMs: -1 }
    const { errorCode, tokenId, hmac } = await client.send('any', createDelegationToken, request)
    await client.close()
    expect(errorCode).toBe(0)
    secrets.set('a token of delegation', hmac)
    secrets.set('a token of delegation in base64', Buffer.from(hmac.toString('base64')))
    const login = (password: string) => ({
      ...scramLogin(),
      'sasl.jaas.config': `${PACKAGE}.scram.ScramLoginModule required username="${tokenId}" password="${password}" tokenauth=true;`,
    })
    expect(await attempt('a token of delegation', login(hmac.toString('base64')))).toBeNull()
    expect(await attempt('a wrong token of delegation', login(secret('a wrong token of delegation')))).toContain('invalid credentials')
  })

  test('describes and alters its settings', async () => {
    const resources = [{ resourceType: 4, resourceName: '1', configurationKeys: null }]
    const described = await raw.send(describeConfigs, 4, { resources, includeSynonyms: true, includeDocumentation: true })
    expect(described.results[0]!.configs.length).toBeGreaterThan(50)
    note('DescribeConfigs', json(described))
    const alter = async (name: string, value: string) => {
      const altered = [{ resourceType: 4, resourceName: '1', configs: [{ name, configOperation: 0, value }] }]
      note(`the answer for ${name}`, json(await raw.send(incrementalAlterConfigs, 1, { resources: altered, validateOnly: false })))
    }
    await alter('listener.name.sasl_ssl.ssl.key.password', secret('a key password that is not the right one'))
    await alter('ssl.key.password', secret('a key password without a listener'))
    await alter('listener.name.sasl_ssl.plain.sasl.jaas.config', secret('a JAAS configuration that is altered'))
    await alter('delegation.token.secret.key', secret('a secret key that is altered'))
    const again = await raw.send(describeConfigs, 4, { resources, includeSynonyms: true, includeDocumentation: true })
    note('DescribeConfigs, again', json(again))
  })
})

describe('the worker', () => {
  const source = (more: Record<string, string> = {}) => ({
    'connector.class': 'FileStreamSource',
    file: path('lines.txt'),
    topic: 'lines',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    ...more,
  })
  const paths = ['', '/status', '/topics', '/offsets', '/tasks/0/status'].flatMap((suffix) =>
    ['good', 'bad'].map((name) => [name, suffix] as const),
  )
  const state = async (name: string) => JSON.parse((await ask(worker, 'GET', `/connectors/${name}/status`)).text).tasks?.[0]?.state

  test('runs connectors with secrets of their own, and fails those whose secrets are wrong', async () => {
    writeFileSync(path('lines.txt'), 'one\ntwo\n')
    const good = source(under('producer.override.', plainLogin('connector')))
    const bad = source(under('producer.override.', plainLogin('connector', secret('a wrong password of a connector'))))
    const put = (name: string, config: object) =>
      until(async () => (await ask(worker, 'PUT', `/connectors/${name}/config`, config)).status === 201, `${name} is created`, 30_000)
    await put('good', good)
    await put('bad', bad)
    await until(async () => (await state('good')) === 'RUNNING', 'the connector runs', 30_000)
    await until(async () => (await state('bad')) === 'FAILED', 'the connector fails', 60_000)
    for (const [name, suffix] of paths) if (suffix !== '') await ask(worker, 'GET', `/connectors/${name}${suffix}`)
    for (const where of ['/', '/connectors', '/connectors?expand=status', '/connector-plugins', '/metrics', '/health', '/admin/loggers'])
      await ask(worker, 'GET', where)
    await ask(worker, 'POST', '/connectors/bad/restart?includeTasks=true')
  })

  test('validates and refuses configs', async () => {
    const validate = (config: object) => ask(worker, 'PUT', '/connector-plugins/FileStreamSource/config/validate', { name: 'v', ...config })
    const login = plainLogin('connector', secret('a password that is validated'))
    expect((await validate(source(under('producer.override.', login)))).status).toBe(200)
    await validate(source({ 'producer.override.sasl.jaas.config': secret('no JAAS configuration') }))
    await validate(source({ 'producer.override.ssl.keystore.key': secret('no key'), 'producer.override.ssl.keystore.type': 'PEM' }))
    await validate(source({ [`producer.override.${CLIENT}.secret`]: secret('a client secret that is validated') }))
    const refused = source({ 'tasks.max': 'x', 'producer.override.ssl.key.password': secret('a config that is refused') })
    expect((await ask(worker, 'PUT', '/connectors/refused/config', refused)).status).toBe(400)
    const postgres = { 'connector.class': 'PostgresSource', 'connection.url': 'jdbc:postgresql://127.0.0.1:9/none' }
    await ask(worker, 'PUT', '/connectors/postgres-sink/config', { ...postgres, 'connection.password': secret('password of a database') })
  })

  test('refuses a wrong password of the REST API', async () => {
    expect((await ask(worker, 'GET', '/connectors', undefined, secret('a wrong password of the REST API'))).status).toBe(401)
  })
})

test('the mirror mirrors, fails with a wrong password, and shows both', async () => {
  const status = async (flow: string) => JSON.parse((await ask(mirror, 'GET', `/mirrors/${encodeURIComponent(flow)}`)).text).state
  await until(async () => (await status('us->central')) === 'RUNNING', 'the flow runs', 60_000)
  await until(async () => (await status('us->lost')) === 'FAILED', 'the other flow fails', 60_000)
  for (const where of ['/mirrors', '/metrics', '/health', '/docs/openapi.json', '/none']) await ask(mirror, 'GET', where)
  await ask(mirror, 'POST', '/mirrors/us-%3Ecentral/failover', { groups: 'all', dryRun: true })
  expect((await ask(mirror, 'GET', '/mirrors', undefined, secret('a wrong password of the mirror'))).status).toBe(401)
})

/** All files but what holds the secrets: the files of settings, the metadata log, and the topic of connector configs. */
function files(under: string): string[] {
  return readdirSync(under, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\.properties$|__cluster_metadata|connect-config-/.test(file))
}

test('nothing that was written or served has a secret', () => {
  const outputs = running.map((one) => one.output())
  for (const [index, output] of outputs.entries()) note(`the output of process ${index}`, output)
  for (const level of ['debug', 'info', 'warn', 'error']) expect(outputs.join('')).toContain(`{"level":"${level}"`)
  // Who was refused is told, so logins are in what is searched.
  expect(outputs[0]).toContain('carol')
  for (const file of files(folder)) note(file, readFileSync(file).toString('latin1'))
  expect(secrets.size).toBeGreaterThan(35)
  expect(seen.length).toBeGreaterThan(60)
  expect(leaks(seen)).toEqual([])
})

test('the search finds a secret in each form', () => {
  const value = secret('a secret that is found')
  const basic = Buffer.from(`alice:${value}`).toString('base64')
  for (const text of [`x${value}y`, `Basic ${basic}`, Buffer.from(value).toString('hex')])
    expect(leaks([{ where: 'text', text }])).toEqual(['a secret that is found is in text'])
  // The stores have them, where the search does not look.
  const stores = readdirSync(folder).filter((name) => name.endsWith('.properties'))
  expect(leaks(stores.map((where) => ({ where, text: readFileSync(path(where), 'latin1') }))).length).toBeGreaterThan(15)
})
