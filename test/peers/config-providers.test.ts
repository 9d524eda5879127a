/**
 * Goal: a worker file and connectors with secrets by reference do on our worker what they do on Kafka Connect. Method: the same file and
 * the same requests to both, on one Apache Kafka; answers are equal, and the connectors move the same records, before and after what they
 * refer to has changed. Kafka's answer to validate has the secrets, and ours has not: there, what is wrong is compared.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../until.ts'
import { startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder, writeFile } from './workers.ts'

const START_MS = 240_000
const folder = temporaryFolder()
const provider = 'org.apache.kafka.common.config.provider.'
const strings = 'org.apache.kafka.connect.storage.StringConverter'
const secrets = join(folder, 'secrets.properties')
const ref = (key: string) => `\${file:${secrets}:${key}}`
const writeSecrets = (topic: string) =>
  writeFile(folder, 'secrets.properties', `topic=${topic}\ninput=${folder}/in.txt\nreset=earliest\nconverter=${strings}\n`)
writeSecrets('first')
writeFile(folder, 'topic-file', 'first')
writeFile(folder, 'in.txt', 'one\ntwo\n')
process.env.TRIBUTARY_TEST_SINK = 'FileStreamSink'

const started: Running[] = []
const stops: (() => Promise<void>)[] = []

beforeAll(async () => {
  const kafka = await startApacheKafka()
  stops.push(kafka.stop)
  writeFile(folder, 'worker-secrets.properties', `servers=${kafka.address}\n`)
  const settings = {
    'bootstrap.servers': `\${file:${folder}/worker-secrets.properties:servers}`,
    'config.providers': 'file,env,dir',
    'config.providers.file.class': `${provider}FileConfigProvider`,
    'config.providers.file.param.allowed.paths': folder,
    'config.providers.env.class': `${provider}EnvVarConfigProvider`,
    'config.providers.env.param.allowlist.pattern': 'TRIBUTARY_.*',
    'config.providers.dir.class': `${provider}DirectoryConfigProvider`,
    'value.converter': ref('converter'),
  }
  for (const start of [startKafkaConnect, startOurWorker]) {
    const worker = await start(folder, kafka.address, undefined, settings)
    started.push(worker)
    stops.push(worker.stop)
  }
}, START_MS)
afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
}, 60_000)

async function ask({ address }: Running, request: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const [method = '', path = ''] = request.split(' ')
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`http://${address}${path}`, { method, ...init })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

/** Without what differs from worker to worker. */
const comparable = (answer: unknown, { name }: Running) =>
  JSON.parse(
    JSON.stringify(answer)
      .replaceAll(/"worker_id":"[^"]*"/g, '"worker_id":""')
      .replaceAll(/,"version":"[^"]*"/g, '')
      .replaceAll(name === 'Kafka Connect' ? '-theirs' : '-ours', '-own'),
  )

async function askBoth(request: string, bodyOf?: (worker: Running) => unknown) {
  const answers = []
  for (const worker of started) answers.push(comparable(await ask(worker, request, bodyOf?.(worker)), worker))
  expect(answers[1], request).toEqual(answers[0])
  return answers[0]
}

const running = async (name: string, tasks = 1) => {
  for (const worker of started)
    await until(
      async () => {
        const { body } = await ask(worker, `GET /connectors/${name}/status`)
        const states = (body as { tasks?: { state: string }[] }).tasks?.map(({ state }) => state) ?? []
        return states.length === tasks && states.every((state) => state === 'RUNNING')
      },
      `${name} runs on ${worker.name}`,
      60_000,
    )
}

const own = ({ name }: Running) => (name === 'Kafka Connect' ? 'theirs' : 'ours')
const source = (worker: Running) => ({
  'connector.class': 'FileStreamSource',
  file: ref('input'),
  topic: `${ref('topic')}-${own(worker)}`,
  'tasks.max': '1',
})
const sink = (worker: Running) => ({
  'connector.class': '${env:TRIBUTARY_TEST_SINK}',
  file: `${folder}/\${dir:${folder}:topic-file}-${own(worker)}.txt`,
  'topics.regex': `(first|second)-${own(worker)}`,
  'consumer.override.auto.offset.reset': ref('reset'),
  // Both are on one cluster.
  'consumer.override.group.id': `connect-b-${own(worker)}`,
  'consumer.override.metadata.max.age.ms': '1000',
})
const outputOf = (worker: Running) => readFileSync(join(folder, `first-${own(worker)}.txt`), 'utf8')

test('connectors run with the values, and show the references', async () => {
  await askBoth('POST /connectors', (worker) => ({ name: 'a', config: source(worker) }))
  await running('a')
  await askBoth('PUT /connectors/b/config', sink)
  await running('b')
  for (const name of ['a', 'b']) for (const path of ['', '/config', '/tasks', '/status']) await askBoth(`GET /connectors/${name}${path}`)
  for (const worker of started) await until(() => outputOf(worker) === 'one\ntwo\n', `${worker.name} has written the lines`, 60_000)
  await askBoth('GET /connectors/a/topics')
  await askBoth('GET /connectors/b/offsets')
}, 120_000)

test.each([
  ['a restart of the task', 'second', 'POST /connectors/a/tasks/0/restart'],
  ['a restart with tasks', 'first', 'POST /connectors/a/restart?includeTasks=true'],
])(
  'what has changed takes effect with %s',
  async (what, topic, request) => {
    writeSecrets(topic)
    for (const worker of started) expect((await ask(worker, request)).status).toBeLessThan(300)
    await running('a')
    const line = what.replaceAll(' ', '-')
    const topicsOf = async (worker: Running) => {
      appendFileSync(join(folder, 'in.txt'), `${line}\n`)
      return JSON.stringify((await ask(worker, 'GET /connectors/a/topics')).body)
    }
    // The active topics are those since the last reset.
    for (const worker of started) {
      await ask(worker, 'PUT /connectors/a/topics/reset')
      await until(async () => (await topicsOf(worker)).includes(`"${topic}-${own(worker)}"`), `${worker.name} writes to ${topic}`, 60_000)
    }
  },
  180_000,
)

describe('requests that are refused, and references that stay', () => {
  const config = { 'connector.class': 'FileStreamSource', topic: 't', file: '/none' }
  test.each([
    ['a file that is not there', { topic: `\${file:${folder}/none:a}` }],
    ['a folder instead of a file', { topic: `\${file:${folder}:a}` }],
    ['a path of the environment', { topic: '${env:a:b}' }],
    ['a file that is not allowed', { topic: '${file:/etc/passwd:root}' }],
    ['a key that is not there', { topic: ref('none') }],
    ['a variable that is not allowed', { topic: '${env:PATH}' }],
    ['a provider that is not there', { topic: '${vault:a:b}' }],
    ['a folder that is not there', { topic: '${dir:/none:b}' }],
    ['a value that is invalid', { 'errors.tolerance': '${vault:a}' }],
    ['a file that is not there, in a setting that nobody has', { nobody: `\${file:${folder}/none:a}` }],
  ])('%s', async (name, more) => {
    const path = `/connectors/${name.replaceAll(/\W/g, '-')}`
    const { status } = await askBoth(`PUT ${path}/config`, () => ({ ...config, ...more }))
    if (status === 201) await running(path.slice('/connectors/'.length))
    await askBoth(`GET ${path}`)
    await askBoth(`DELETE ${path}`)
  })

  test('validate finds the same errors; ours does not tell the values', async () => {
    const invalid = {
      ...config,
      name: 'v',
      'config.action.reload': ref('topic'),
      'errors.tolerance': ref('reset'),
      'value.converter': ref('converter'),
    }
    const found = []
    for (const worker of started) {
      const { status, body } = await ask(worker, 'PUT /connector-plugins/FileStreamSource/config/validate', invalid)
      const { error_count, configs } = body as { error_count: number; configs: { value: { name: string; errors: string[] } }[] }
      const wrong = configs.filter(({ value }) => value.errors.length > 0).map(({ value }) => value.name)
      found.push({ status, error_count, wrong: wrong.sort() })
      expect(JSON.stringify(body).includes('earliest'), worker.name).toBe(worker.name === 'Kafka Connect')
    }
    expect(found[1]).toEqual(found[0])
    expect(found[0]!.error_count).toBe(2)
  })
})
