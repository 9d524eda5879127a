/**
 * Story of connect/runtime. Goal: connectors run with what the references of their configs stand for, and nobody sees it: configs are
 * stored and shown as they were written, and no secret is in a response, a status, a trace, a log line or a metric (Invariant 12). What has
 * changed takes effect with a restart. Method: a worker in this process, and a source that stores, quotes and logs what it was given.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../../connect/index.ts'
import { defineConnector, defineSource, setting, sourceRecord } from '../../../connect/sdk/index.ts'
import { realSystem, type System } from '../../../core/system/index.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'
import { failure, inState } from './connect-clusters.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-references-'))
const secrets = join(folder, 'secrets.properties')
const MARK = 'planted'
const write = (password = `${MARK}-p`) =>
  writeFileSync(
    secrets,
    Object.entries({ password, host: `${MARK}.host`, number: '7' })
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
const ref = (key: string) => `\${file:${secrets}:${key}}`

let workers: WorkersInProcess
let worker: Worker
let system: System
const lines: LogLine[] = []
/** What each start of a task was given. */
const given: { password: string; url: string; task: string }[] = []
let fault: ((config: { password: string; url: string }) => Error) | null = null

const connector = defineConnector({
  name: 'open-hearted',
  doc: 'A source that tells what it knows.',
  source: defineSource({
    class: 'test.OpenHeartedConnector',
    settings: {
      password: setting.password({ default: null, doc: 'A password.' }),
      url: setting.string({ default: 'x', doc: 'A URL.', check: (url) => (url.includes('wrong') ? `${url} is wrong` : undefined) }),
      number: setting.int({ default: 1, doc: 'A number.' }),
      task: setting.string({ default: '', doc: 'The task.' }),
    },
    check: ({ url }) => (url.includes('refused') ? [{ setting: 'url', why: `it is ${url}` }] : []),
    tasks: ({ url }, most) =>
      Array.from({ length: most }, (_, task) => {
        if (url.includes('tasks')) throw new Error(`no tasks of ${url}`)
        return { task: String(task), url }
      }),
    async *read({ config, signal, log }) {
      const { password, url, task } = config
      given.push({ password: password ?? '', url, task })
      log.warn(`connecting to ${url}`, { url, deep: { password }, err: new Error(`with ${password}`) })
      if (fault) throw fault({ password: password ?? '', url })
      yield { records: [sourceRecord({ topic: 'told', value: 'x' })], positions: [] }
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  }),
})

beforeAll(async () => {
  workers = await workersInProcess()
})
beforeEach(async () => {
  lines.length = 0
  given.length = 0
  fault = null
  write()
  system = { ...realSystem('silent'), logger: keepingLogger(lines) }
  const provider = 'org.apache.kafka.common.config.provider.'
  const string = 'org.apache.kafka.connect.storage.StringConverter'
  worker = await startWorker(
    workers.settings({
      'key.converter': string,
      'value.converter': string,
      'config.providers': 'file,env',
      'config.providers.file.class': `${provider}FileConfigProvider`,
      'config.providers.file.param.allowed.paths': folder,
      'config.providers.env.class': `${provider}EnvVarConfigProvider`,
    }),
    system,
    { connectors: [connector], environment: { SECRET: `${MARK}-env` } },
  )
})
afterEach(() => worker.close())
afterAll(async () => {
  await workers?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const config = (more: Readonly<Record<string, string>> = {}) => ({
  'connector.class': 'test.OpenHeartedConnector',
  password: ref('password'),
  url: `x://\${env:SECRET}@${ref('host')}/\${topic}`,
  number: ref('number'),
  ...more,
})
const values = () => given.map(({ password, url, task }) => `${task} ${password} ${url}`)
const shown = (value: unknown) => inspect(value, { depth: 12, showHidden: true })

/** All that a user or a log has seen. */
async function seen(name: string): Promise<string> {
  const responses = [
    worker.info(name),
    worker.config(name),
    worker.tasks(name),
    worker.status(name),
    worker.topics(name),
    worker.plugins(false),
    await worker.offsets(name),
    await system.metrics.text(),
  ]
  return shown([responses, lines])
}

test('tasks have the values; configs are stored and shown as they were written', async () => {
  const { info } = await worker.putConfig('a', config({ 'tasks.max': '2' }))
  expect(info.config).toEqual({ ...config({ 'tasks.max': '2' }), name: 'a' })
  await inState(worker, 'a', 'RUNNING RUNNING RUNNING')
  await until(() => given.length === 2, 'both tasks have started')
  expect(values().sort()).toEqual(['0', '1'].map((task) => `${task} ${MARK}-p x://${MARK}-env@${MARK}.host/\${topic}`))
  expect(worker.tasks('a').map(({ config: { password, url, task } }) => [password, url, task])).toEqual(
    ['0', '1'].map((task) => [config().password, config().url, task]),
  )
  expect(lines.map(({ message }) => message)).toContain(`connecting to ${config().url}`)
  expect(await seen('a')).not.toContain(MARK)
})

test('nothing of the values is in an answer to validate, which checks them', async () => {
  const infos = await worker.validate('OpenHearted', { name: 'a', ...config({ number: ref('host'), url: `wrong ${ref('host')}` }) })
  const of = (name: string) => infos.configs.find(({ value }) => value.name === name)!.value
  expect(infos.error_count).toBe(2)
  expect(of('number')).toMatchObject({
    value: null,
    errors: [expect.stringContaining(`Invalid value ${ref('host')} for configuration number`)],
  })
  expect(of('url')).toMatchObject({ value: `wrong ${ref('host')}`, errors: [expect.stringContaining(`wrong ${ref('host')} is wrong`)] })
  const refused = await worker.validate('OpenHearted', { name: 'a', ...config({ url: `refused ${ref('host')}` }) })
  const unknown = await failure(worker.create('b', config({ 'connector.class': ref('host') }), 'RUNNING'))
  const invalid = await failure(worker.create('b', config({ number: ref('password') }), 'RUNNING'))
  expect(invalid).toEqual([400, expect.stringContaining(`Invalid value ${ref('password')} for configuration number`)])
  expect(unknown).toEqual([400, expect.stringContaining(`name matches ${ref('host')}`)])
  expect(shown([infos, refused, unknown, invalid, lines])).not.toContain(MARK)
})

test('nothing of the values is in a trace of a task, of a connector, or in a log line', async () => {
  fault = ({ password, url }) =>
    new Error(`cannot use ${password}`, { cause: new Error(JSON.stringify({ url: encodeURIComponent(url), password })) })
  await worker.putConfig('a', config())
  await inState(worker, 'a', 'RUNNING FAILED')
  expect(worker.status('a').tasks[0]!.trace).toContain(`cannot use ${ref('password')}`)
  await worker.putConfig('b', config({ url: `tasks ${ref('host')}` }))
  await inState(worker, 'b', 'FAILED')
  expect(worker.status('b').connector.trace).toContain(`no tasks of tasks ${ref('host')}`)
  expect((await seen('a')) + (await seen('b'))).not.toContain(MARK)
})

test('what has changed takes effect with a restart of the task, a restart of the connector, or the same config once more', async () => {
  const running = async (expected: string) => {
    await until(() => given.at(-1)?.password === expected, `the task has ${expected}`)
    await inState(worker, 'a', 'RUNNING RUNNING')
  }
  await worker.putConfig('a', config())
  await running(`${MARK}-p`)
  write('second')
  await worker.restartTask('a', 0)
  await running('second')
  write('third')
  await worker.restart('a', { includeTasks: true, onlyFailed: false })
  await running('third')
  write('fourth')
  await worker.putConfig('a', config())
  await running('fourth')
  write('fifth')
  await worker.restart('a', { includeTasks: false, onlyFailed: false })
  await running('fifth')
  const starts = given.length
  await worker.putConfig('a', config())
  await worker.putConfig('b', config())
  await until(() => given.length > starts, 'another connector has started after it')
  await inState(worker, 'b', 'RUNNING RUNNING')
  expect(given).toHaveLength(starts + 1)
})

test('what cannot be read is an error of the request, and of a task that starts; unknown keys and paths stay', async () => {
  const missing = join(folder, 'none')
  const message = `Could not read properties from file ${missing}`
  const broken = config({ password: `\${file:${missing}:a}` })
  expect(await failure(worker.create('a', broken, 'RUNNING'))).toEqual([500, message])
  expect(await failure(worker.validate('OpenHearted', { name: 'a', ...broken }))).toEqual([500, message])
  const unknown = config({ password: ref('none'), url: '${file:/etc/passwd:root}${vault:a}', number: '1' })
  await worker.putConfig('a', unknown)
  await inState(worker, 'a', 'RUNNING RUNNING')
  expect(values()).toEqual([`0 ${unknown.password} ${unknown.url}`])
  expect(lines.map(({ message }) => message)).toContain('The path /etc/passwd is not allowed to be accessed')
  await worker.putConfig('b', config())
  await inState(worker, 'b', 'RUNNING RUNNING')
  expect(await seen('a')).not.toContain(MARK)
  rmSync(secrets)
  await worker.restart('b', { includeTasks: true, onlyFailed: false })
  await inState(worker, 'b', 'FAILED FAILED')
  const { connector: own, tasks } = worker.status('b')
  for (const { trace } of [own, ...tasks]) expect(trace).toContain(`Could not read properties from file ${secrets}`)
  write('again')
  await worker.restart('b', { includeTasks: true, onlyFailed: true })
  await inState(worker, 'b', 'RUNNING RUNNING')
})
