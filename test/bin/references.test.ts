/**
 * Goal: the files of brokers, workers and mirrors may have secrets by reference, and an error of the start does not tell them. Method: the
 * real `bin/tributary` as a process: a broker with SASL whose passwords are in a folder, a file and the environment; a mirror from it to
 * itself under another name that logs in with a password of a file; a worker on it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { clientSecurity, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { writeProperties } from '../properties-file.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'

const program = resolve(import.meta.dirname, '../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'tributary-secrets-'))
const running: ChildProcess[] = []
afterAll(() => {
  for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const SECRET = 'planted-secret'
mkdirSync(join(folder, 'secrets'))
writeFileSync(join(folder, 'secrets/admin'), `${SECRET}-admin`)
writeFileSync(join(folder, 'users.properties'), `mirror=${SECRET}-mirror\nport=${SECRET}-port\n`)
const admin = `\${dir:${folder}/secrets:admin}`
const mirror = `\${file:${folder}/users.properties:mirror}`
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
const provider = 'org.apache.kafka.common.config.provider.'
const providers = {
  'config.providers': 'dir,file,env',
  'config.providers.dir.class': `${provider}DirectoryConfigProvider`,
  'config.providers.file.class': `${provider}FileConfigProvider`,
  'config.providers.file.param.allowed.paths': folder,
  'config.providers.env.class': `${provider}EnvVarConfigProvider`,
}
let files = 0
const fileOf = (lines: Readonly<Record<string, string>>) =>
  writeProperties(join(folder, `${files++}.properties`), { ...providers, ...lines })

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(program, args, { env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'debug', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  let written = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      written += part
    })
  const ended = new Promise<number | null>((done) => child.once('close', done))
  return {
    written: () => written,
    ended,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

const login = (prefix: string, password: string) => ({
  [`${prefix}security.protocol`]: 'SASL_PLAINTEXT',
  [`${prefix}sasl.mechanism`]: 'PLAIN',
  [`${prefix}sasl.jaas.config`]: `${PLAIN} username="mirror" password="${password}";`,
})

test('a broker, a mirror and a worker start with what references stand for, and write nothing of it', async () => {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const env = { TRIBUTARY_TEST_LISTENER: `SASL_PLAINTEXT://${address}` }
  const server = fileOf({
    listeners: '${env:TRIBUTARY_TEST_LISTENER}',
    'log.dirs': join(folder, 'data'),
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN} user_admin="${admin}" user_mirror="${mirror}";`,
  })
  const format = start(['storage', 'format', '--config', server, '--cluster-id', 'MkU3OEVBNTcwNTJENDM2Qg', '--standalone'], env)
  expect(await format.ended, format.written()).toBe(0)
  const broker = start(['broker', server], env)
  await until(() => broker.written().includes(`listens on ${env.TRIBUTARY_TEST_LISTENER}`), 'the broker listens', 30_000)

  const system = realSystem('silent')
  const security = clientSecurity(
    {
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'PLAIN',
      'sasl.jaas.config': `${PLAIN} username="admin" password="${SECRET}-admin";`,
    },
    system,
    {},
  )
  const client = createClient({ bootstrapServers: address, clientId: 'test', security }, system)
  await client.admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 1 }])
  const producer = client.producer({ acks: 'all' })
  expect((await producer.send([{ topic: 'orders', partition: 0, key: null, value: Buffer.from('one') }])).failures).toBeNull()

  const rest = await freePort()
  const mirrors = start([
    'mirror',
    fileOf({
      clusters: 'us, eu',
      'us.bootstrap.servers': address,
      'eu.bootstrap.servers': address,
      'us->eu.enabled': 'true',
      'us->eu.topics': 'orders',
      listeners: `http://127.0.0.1:${rest}`,
      ...login('us.', mirror),
      ...login('eu.', mirror),
    }),
  ])
  const mirrored = async () => (await client.topic('us.orders', { refresh: true })) !== undefined
  await until(mirrored, 'the topic is mirrored', 60_000)
  const shown = await (await fetch(`http://127.0.0.1:${rest}/mirrors`)).text()

  const workerPort = await freePort()
  const storage = Object.fromEntries(['config', 'offset', 'status'].map((kind) => [`${kind}.storage.replication.factor`, '1']))
  const worker = start([
    'connect',
    fileOf({
      'bootstrap.servers': address,
      'group.id': 'w',
      listeners: `http://127.0.0.1:${workerPort}`,
      ...storage,
      ...login('', mirror),
    }),
  ])
  const isUp = async () => (await fetch(`http://127.0.0.1:${workerPort}/connectors`)).ok
  await until(() => isUp().catch(() => false), 'the worker has joined', 60_000)

  await client.close()
  for (const { stop } of [worker, mirrors, broker]) await stop()
  const all = [format, broker, mirrors, worker].map(({ written }) => written()).join('\n') + shown
  expect(all).not.toContain(SECRET)
}, 240_000)

test.each([
  [
    'an invalid value',
    { listeners: `PLAINTEXT://127.0.0.1:\${file:${folder}/users.properties:port}` },
    `users.properties:port}" is not NAME://`,
  ],
  ['a file that is not there', { listeners: `\${file:${folder}/none:a}` }, `Could not read properties from file ${folder}/none\n`],
  ['a provider that is not there', { 'config.providers.env.class': 'com.example.Vault' }, 'config.providers.env.class: Could not load'],
])('%s ends the start, without the value', async (_, lines, message) => {
  const { ended, written } = start(['broker', fileOf({ 'log.dirs': join(folder, 'none'), ...lines })])
  expect(await ended).toBe(1)
  expect(written()).toContain(message)
  expect(written()).not.toContain(SECRET)
})

test('the system property of KAFKA_OPTS says which providers are allowed', async () => {
  const allowed = `${provider}EnvVarConfigProvider`
  const env = { KAFKA_OPTS: `-Dorg.apache.kafka.automatic.config.providers=${allowed}` }
  const { ended, written } = start(['broker', fileOf({ 'log.dirs': join(folder, 'none') })], env)
  expect(await ended).toBe(1)
  expect(written()).toContain(
    `${provider}DirectoryConfigProvider is not allowed. Update System property 'org.apache.kafka.automatic.config.providers' to allow`,
  )
})
