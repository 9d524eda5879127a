/**
 * Goal: a worker with Kafka's security settings runs its connectors on a secured Apache Kafka, each client as its own user; what may not
 * log in says so and ends; no secret is written anywhere. Method: one Kafka with SASL_SSL (SCRAM-SHA-512) and mutual TLS whose ACLs
 * give each user no more than its client needs, and our worker as a process with debug logs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatProperties } from '../../core/system/java-properties.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaScript, kafkaTool, startApacheKafka } from './apache-kafka.ts'
import { launch } from './launch.ts'
import { temporaryFolder } from './workers.ts'

const folder = temporaryFolder()
const file = (name: string) => join(folder, name)

const users = ['worker', 'producer', 'consumer', 'admin'] as const
type User = (typeof users)[number]
const passwordOf = (user: User) => `secret-of-${user}`
const secrets = [...users.map(passwordOf), 'secret-that-is-wrong', 'secret-of-the-key']

const authority = selfSigned({ subject: 'Test CA' })
const broker = authority.issue({ subject: 'broker', names: ['localhost'] })
const consumerKey = authority.issue({ subject: 'consumer' })
const bundle = ({ key, certificate }: TestCertificate) => key + certificate + authority.certificate

const scramLogin = (user: string, password: string) =>
  `org.apache.kafka.common.security.scram.ScramLoginModule required username="${user}" password="${password}";`

let kafka: KafkaBroker
let sasl: string
let mutual: string

/** Under a prefix, as Kafka's documentation gives it: each client of a worker has its own. */
function scramSettings(prefix: string, user: User, password = passwordOf(user)): Record<string, string> {
  return {
    [`${prefix}security.protocol`]: 'SASL_SSL',
    [`${prefix}sasl.mechanism`]: 'SCRAM-SHA-512',
    [`${prefix}sasl.jaas.config`]: scramLogin(user, password),
    [`${prefix}ssl.truststore.type`]: 'PEM',
    [`${prefix}ssl.truststore.location`]: file('ca.pem'),
  }
}

const workerFile = (port: number, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'bootstrap.servers': sasl,
  'group.id': 'sec-group',
  'config.storage.topic': 'sec-configs',
  'offset.storage.topic': 'sec-offsets',
  'status.storage.topic': 'sec-status',
  'config.storage.replication.factor': '1',
  'offset.storage.replication.factor': '1',
  'status.storage.replication.factor': '1',
  'offset.storage.partitions': '1',
  'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
  'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  listeners: `http://127.0.0.1:${port}`,
  ...scramSettings('', 'worker'),
  ...scramSettings('producer.', 'producer'),
  ...scramSettings('consumer.', 'consumer'),
  ...scramSettings('admin.', 'admin'),
  ...more,
})

beforeAll(async () => {
  writeFileSync(file('ca.pem'), authority.certificate)
  writeFileSync(file('broker.pem'), bundle(broker))
  const settings: Record<string, string> = {}
  const scram = users.map((user) => `--add-scram SCRAM-SHA-512=[name=${user},password=${passwordOf(user)}]`).join(' ')
  kafka = await startApacheKafka(settings, scram, async (_, port) => {
    sasl = `localhost:${await freePort()}`
    mutual = `localhost:${await freePort()}`
    const own = [`PLAINTEXT://127.0.0.1:${port}`, `SASL://${sasl}`, `MUTUAL://${mutual}`].join(',')
    Object.assign(settings, {
      listeners: `${own},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': own,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.mutual.ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1/',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': file('broker.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': file('ca.pem'),
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
      'auto.create.topics.enable': 'false',
    })
  })
  const allow = (user: User, ...rest: string[]) =>
    kafkaTool(['kafka-acls', '--bootstrap-server', kafka.address, '--add', '--force', '--allow-principal', `User:${user}`, ...rest])
  const prefixed = (...rest: string[]) => ['--resource-pattern-type', 'prefixed', ...rest]
  await allow('worker', ...prefixed('--topic', 'sec-', '--group', 'sec-', '--operation', 'All'))
  await allow('producer', ...prefixed('--topic', 'lines', '--operation', 'Write'))
  await allow('consumer', ...prefixed('--topic', 'lines', '--group', 'connect-', '--operation', 'Read'))
  await allow('admin', ...prefixed('--topic', 'lines', '--operation', 'Create', '--operation', 'Describe'))
  await allow('admin', ...prefixed('--group', 'connect-', '--operation', 'Describe'))
}, 240_000)

const lines = Array.from({ length: 1_000 }, (_, n) => `line ${n}`)

interface Addressed {
  readonly address: string
}

interface WorkerProcess extends Addressed {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  /** All that it has written. */
  output(): string
}
const started: WorkerProcess[] = []
/** All that anybody could read, besides the config that a user gets back as it was given. */
let seen = ''

afterAll(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGTERM')
    await ended
  }
  await kafka?.stop()
})

async function startOurs(more: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> {
  const port = await freePort()
  const path = file(`worker-${port}.properties`)
  writeFileSync(path, formatProperties(Object.entries(workerFile(port, more))))
  const child = spawn(resolve(import.meta.dirname, '../../bin/tributary'), ['connect', path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'debug' },
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk
    seen += chunk
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const worker = {
    address: `127.0.0.1:${port}`,
    child,
    ended: new Promise<number | null>((done) => child.once('close', (code) => done(code))),
    output: () => output,
  }
  started.push(worker)
  return worker
}

const isReady = (worker: WorkerProcess) =>
  until(
    async () => {
      if (worker.child.exitCode !== null) throw new Error(worker.output())
      return (await fetch(`http://${worker.address}/connectors`)).ok
    },
    'the worker is ready',
    60_000,
  )

async function ask(worker: Addressed, method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://${worker.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!/^\/connectors\/[^/]+\/config$|^\/connectors$/.test(path)) seen += text
  return { status: response.status, text }
}

const stateOf = async (worker: Addressed, name: string, state: 'RUNNING' | 'FAILED') =>
  until(
    async () => {
      const { text } = await ask(worker, 'GET', `/connectors/${name}/status`)
      const [task] = (JSON.parse(text) as { tasks?: { state: string; trace?: string }[] }).tasks ?? []
      if (task?.state !== state) throw new Error(text)
      return task as { state: string; trace?: string }
    },
    `${name} is ${state}`,
    30_000,
  )

async function put(worker: Addressed, name: string, config: Readonly<Record<string, string>>): Promise<void> {
  const { status, text } = await ask(worker, 'PUT', `/connectors/${name}/config`, config)
  expect(status, text).toBeLessThan(300)
}

const sourceConfig = (topic: string, input: string): Record<string, string> => ({
  'connector.class': 'FileStreamSource',
  file: input,
  topic,
  'topic.creation.default.partitions': '1',
  'topic.creation.default.replication.factor': '1',
})
const sinkConfig = (topics: string, output: string): Record<string, string> => ({
  'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
  file: output,
  topics,
})
const linesOf = (path: string) => {
  const text = readFileSync(path, 'utf8')
  return text.split('\n').slice(0, -1)
}

test('our worker goes on with the file and the connectors of a Kafka Connect', async () => {
  const port = await freePort()
  writeFileSync(file('kafka-connect.properties'), formatProperties(Object.entries(workerFile(port))))
  const address = `127.0.0.1:${port}`
  const kafkaConnect = await launch('Kafka Connect', kafkaScript(), ['connect-distributed', file('kafka-connect.properties')], {
    env: { KAFKA_HEAP_OPTS: '-Xmx256m', KAFKA_LOG_LEVEL: 'WARN' },
    ready: async () => (await fetch(`http://${address}/connectors`)).ok,
  })
  try {
    writeFileSync(file('in'), `${lines.slice(0, 500).join('\n')}\n`)
    await put({ address }, 'source', sourceConfig('lines', file('in')))
    await put({ address }, 'sink', sinkConfig('lines', file('out')))
    await until(() => linesOf(file('out')).length >= 500, 'the lines have arrived', 60_000)
  } finally {
    await kafkaConnect.end('SIGTERM')
  }
  const ours = await startOurs()
  await isReady(ours)
  appendFileSync(file('in'), `${lines.slice(500).join('\n')}\n`)
  await until(() => linesOf(file('out')).length >= 1_000, 'the other lines have arrived', 60_000)
  expect(linesOf(file('out'))).toEqual(lines)
}, 240_000)

test('each client of a worker is its own user, and what it may not do no other does for it', async () => {
  const worker = started.at(-1)!
  // The admin client reads the group of the sink, which the worker's user may not.
  await until(
    async () => (await ask(worker, 'GET', '/connectors/sink/offsets')).text.includes('"kafka_offset":1000'),
    'the offsets are committed',
    30_000,
  )
  // The worker's user has no access to the topic: a client without settings of its own is refused by the broker, not helped out.
  await put(worker, 'stranger', { ...sourceConfig('strange', file('in')), ...scramSettings('admin.override.', 'worker') })
  expect((await stateOf(worker, 'stranger', 'FAILED')).trace).toContain('TOPIC_AUTHORIZATION_FAILED')

  // Mutual TLS at another listener of the cluster, in one connector.
  await put(worker, 'mutual', {
    ...sinkConfig('lines', file('mutual-out')),
    'consumer.override.bootstrap.servers': mutual,
    'consumer.override.security.protocol': 'SSL',
    'consumer.override.ssl.keystore.type': 'PEM',
    'consumer.override.ssl.keystore.key': consumerKey.key,
    'consumer.override.ssl.keystore.certificate.chain': consumerKey.certificate,
  })
  await until(() => linesOf(file('mutual-out')).length >= 1_000, 'the lines have arrived over mutual TLS', 60_000)

  await put(worker, 'wrong', {
    ...sinkConfig('lines', file('wrong-out')),
    ...scramSettings('consumer.override.', 'consumer', 'secret-that-is-wrong'),
  })
  const { trace } = await stateOf(worker, 'wrong', 'FAILED')
  expect(trace).toContain(`${sasl} (SASL_SSL, SCRAM-SHA-512)`)
  expect(trace).toContain('Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512')
  await ask(worker, 'POST', '/connectors/wrong/restart?includeTasks=true')
  await stateOf(worker, 'wrong', 'FAILED')
  await put(worker, 'wrong', { ...sinkConfig('lines', file('wrong-out')) })
  await ask(worker, 'POST', '/connectors/wrong/restart?includeTasks=true')
  await stateOf(worker, 'wrong', 'RUNNING')

  await put(worker, 'wrong-producer', {
    ...sourceConfig('lines', file('in')),
    'errors.tolerance': 'all',
    ...scramSettings('producer.override.', 'producer', 'secret-that-is-wrong'),
  })
  expect((await stateOf(worker, 'wrong-producer', 'FAILED')).trace).toContain('invalid credentials')

  // The broker and its users come back: nobody has to restart a task.
  await kafka.kill()
  appendFileSync(file('in'), 'after the outage\n')
  await kafka.start()
  await until(() => linesOf(file('out')).at(-1) === 'after the outage', 'the line has arrived', 60_000)
}, 240_000)

test('a password that is changed while the worker runs fails the tasks of that user, when they have to log in again', async () => {
  const worker = started.at(-1)!
  const change = (password: string) =>
    kafkaTool([
      ...['kafka-configs', '--bootstrap-server', kafka.address, '--alter', '--entity-type', 'users', '--entity-name', 'producer'],
      ...['--add-config', `SCRAM-SHA-512=[password=${password}]`],
    ])
  await change('another')
  await kafka.kill()
  await kafka.start()
  appendFileSync(file('in'), 'not sent\n')
  expect((await stateOf(worker, 'source', 'FAILED')).trace).toContain('invalid credentials')
  await change(passwordOf('producer'))
  await ask(worker, 'POST', '/connectors/source/restart?includeTasks=true')
  await until(() => linesOf(file('out')).at(-1) === 'not sent', 'the line has arrived', 60_000)
}, 240_000)

test('a worker that may not log in ends, and says which settings', async () => {
  const worker = await startOurs({ 'sasl.jaas.config': scramLogin('worker', 'secret-that-is-wrong') })
  expect(await worker.ended).toBe(1)
  expect(worker.output()).toContain('Failed to connect to and describe Kafka cluster')
  expect(worker.output()).toContain('sasl.jaas.config')
  expect(worker.output()).toContain('invalid credentials with SASL mechanism SCRAM-SHA-512')
}, 60_000)

test('no secret is in a log, a trace or a response', () => {
  expect(seen).toContain('invalid credentials')
  const keyLines = consumerKey.key.split('\n').filter((line) => line.length > 20 && !line.startsWith('---'))
  for (const secret of [...secrets, ...keyLines]) expect(seen.includes(secret), secret).toBe(false)
})
