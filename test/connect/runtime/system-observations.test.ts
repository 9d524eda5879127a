/**
 * Goal: a connector hears of what is acknowledged and stored, shows its work and metrics, and is asked about its system; whatever it
 * does there stops nothing else. Method: a source whose hooks a test drives, on a worker over a real broker, at-least-once, exactly-once
 * and in a thread.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Worker } from '../../../connect/index.ts'
import { defineConnector, defineSource, type Position, type SettingProblem, setting, sourceRecord } from '../../../connect/sdk/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, failure, inState, states } from './connect-clusters.ts'

const clusters = new ConnectClusters()
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

class HookedSource {
  readonly events: string[] = []
  check: (signal: AbortSignal) => Promise<readonly SettingProblem[]> = async () => []
  observation: () => { metrics: Record<string, number>; warnings: string[] } = () => ({ metrics: {}, warnings: [] })
  failsIn = ''
  readonly connector = this.#declare()

  #declare() {
    const hooked = this
    return defineConnector({
      name: 'hooked',
      doc: 'A source whose hooks a test drives.',
      source: defineSource({
        class: 'test.HookedSourceConnector',
        settings: {
          topic: setting.string({ doc: 'The topic.' }),
          password: setting.password({ default: '', doc: 'A secret.' }),
        },
        exactlyOnceSupport: () => 'supported',
        checkSystem: (_config, signal) => hooked.check(signal),
        observe: async () => hooked.observation(),
        async *read({ config, positions, signal, onPositionsStored, progress, gauge }) {
          const partition = { part: 'a' }
          let n = Number((await positions.get(partition))?.n ?? 0)
          onPositionsStored!((stored: readonly Position[]) => {
            hooked.events.push(`stored ${stored.map(({ offset }) => offset.n)}`)
            if (hooked.failsIn === 'stored') throw new Error('the slot is gone')
          })
          try {
            for (; n < 3; ) {
              n++
              const records = n === 2 ? [] : [sourceRecord({ topic: config.topic, partition: 0, value: String(n) })]
              const at = n
              const acknowledged = () => {
                hooked.events.push(`acknowledged ${at}`)
                if (hooked.failsIn === 'acknowledged') throw new Error('the queue is gone')
              }
              yield { records, positions: [{ partition, offset: { n } }], acknowledged }
            }
            progress!({ what: 'snapshot of public.orders', rows: 3, total: null, secret: config.password })
            gauge!('replication-lag-bytes', 42)
            await new Promise<void>((resolve) =>
              signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
            )
          } finally {
            hooked.events.push('closed')
          }
        },
      }),
    })
  }
}

const config = (name: string, more: Record<string, string> = {}) => ({
  name,
  'connector.class': 'HookedSource',
  topic: `topic-${name}`,
  'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
  ...more,
})
const work = (worker: Worker, name: string) => worker.taskStatus(name, 0).progress

test.each<{ what: string; settings: Record<string, string> }>([
  { what: 'at-least-once', settings: {} },
  { what: 'exactly-once', settings: { 'exactly.once.source.support': 'enabled' } },
])('$what: batches are acknowledged in order, and positions told once they are stored, before the source closes', async ({ settings }) => {
  const source = new HookedSource()
  const worker = await clusters.start(clusters.settings({ ...settings, 'offset.flush.interval.ms': '200' }), [source.connector])
  await worker.create('a', config('a'), 'RUNNING')
  await until(() => source.events.includes('stored 3'), 'the last position is stored')
  await worker.stop('a')
  await until(() => source.events.includes('closed'), 'the source has closed')
  const acknowledged = source.events.filter((event) => event.startsWith('acknowledged'))
  expect(acknowledged).toEqual(['acknowledged 1', 'acknowledged 2', 'acknowledged 3'])
  expect(source.events.at(-1)).toBe('closed')
  expect((await worker.offsets('a'))[0]?.offset).toEqual({ n: 3 })
})

test('with transactions at an interval, a stop commits, and the source hears of it before it closes', async () => {
  const source = new HookedSource()
  const worker = await clusters.start(clusters.settings({ 'exactly.once.source.support': 'enabled' }), [source.connector])
  await worker.create('b', config('b', { 'transaction.boundary': 'interval', 'transaction.boundary.interval.ms': '600000' }), 'RUNNING')
  await until(async () => (await clusters.storedIn('topic-b')) >= 2, 'the records are sent')
  expect(source.events).toEqual([])
  await worker.stop('b')
  await until(() => source.events.includes('closed'), 'the source has closed')
  expect(source.events).toEqual(['acknowledged 1', 'acknowledged 2', 'acknowledged 3', 'stored 3', 'closed'])
})

test.each(['acknowledged', 'stored'])('what %s of a source throws fails its task', async (hook) => {
  for (const exactlyOnce of [false, true]) {
    const source = new HookedSource()
    source.failsIn = hook
    const settings = clusters.settings({ 'auto.restart.enable': 'false', ...(exactlyOnce && { 'exactly.once.source.support': 'enabled' }) })
    const worker = await clusters.start(settings, [source.connector])
    await worker.create('c', config('c'), 'RUNNING')
    await inState(worker, 'c', 'RUNNING FAILED')
    expect(worker.taskStatus('c', 0).trace).toMatch(hook === 'stored' ? /^Error: the slot is gone/ : /^Error: the queue is gone/)
  }
})

test('the status of a task shows its work without secrets, and its metrics go with it', async () => {
  const source = new HookedSource()
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'))
  folders.push(folder)
  writeFileSync(join(folder, 'db'), 'password=hunter2\n')
  const providers = {
    'config.providers': 'file',
    'config.providers.file.class': 'org.apache.kafka.common.config.provider.FileConfigProvider',
  }
  const worker = await clusters.start(clusters.settings(providers), [source.connector])
  await worker.create('d', config('d', { password: `\${file:${join(folder, 'db')}:password}` }), 'RUNNING')
  await until(() => work(worker, 'd') !== undefined, 'the work is shown')
  expect(work(worker, 'd')).toMatchObject({ what: 'snapshot of public.orders', rows: 3, total: null })
  expect(JSON.stringify(worker.status('d'))).not.toContain('hunter2')
  const gauge = /tributary_connect_task_replication_lag_bytes\{connector="d",task="0"\} 42/
  expect(await clusters.metrics()).toMatch(gauge)
  await worker.pause('d')
  await until(() => states(worker, 'd') === 'PAUSED PAUSED', 'it is paused')
  expect(work(worker, 'd')).toBeUndefined()
  await worker.resume('d')
  await until(() => work(worker, 'd') !== undefined, 'the work is shown again')
  await worker.stop('d')
  await until(async () => !gauge.test(await clusters.metrics()), 'the metric is gone')
})

test('a config whose system refuses it is refused, at the setting; one whose system does not answer is not', async () => {
  const source = new HookedSource()
  const worker = await clusters.start(clusters.settings(), [source.connector])
  source.check = async () => [{ setting: 'password', why: 'authentication failed for user "etl"' }]
  const refused = await worker.validate('HookedSource', config('e'))
  expect(refused.error_count).toBe(1)
  expect(refused.configs.find(({ definition }) => definition.name === 'password')!.value.errors).toEqual([
    'Invalid value [hidden] for configuration password: authentication failed for user "etl"',
  ])
  expect(await failure(worker.create('e', config('e'), 'RUNNING'))).toEqual([400, expect.stringContaining('authentication failed')])
  // What is wrong by itself is not asked of the system.
  let asked = 0
  source.check = async () => {
    asked++
    throw new Error('connection refused')
  }
  expect((await worker.validate('HookedSource', config('e', { 'tasks.max': '0' }))).error_count).toBe(1)
  expect(asked).toBe(0)
  await worker.create('e', config('e'), 'RUNNING')
  expect(asked).toBe(1)
})

test('other changes go on while a system is asked that does not answer, and the question ends', async () => {
  const source = new HookedSource()
  const worker = await clusters.start(clusters.settings(), [source.connector])
  let aborted = false
  source.check = (signal) =>
    new Promise(() => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
    })
  const created = worker.create('f', config('f'), 'RUNNING')
  await worker.create('other', config('other', { 'connector.class': 'CountingSource' }), 'STOPPED')
  expect(worker.connectors()).toEqual(['other'])
  await created
  expect(aborted).toBe(true)
})

test('a stopped connector is observed too: metrics, warnings in the status, and errors that fail nothing', async () => {
  const source = new HookedSource()
  source.observation = () => ({ metrics: { 'retained-wal-bytes': 7 }, warnings: ['The slot holds back 7 bytes. Start the connector.'] })
  const worker = await clusters.start(clusters.settings(), [source.connector])
  await worker.create('g', config('g'), 'STOPPED')
  await until(() => worker.connectors().includes('g') && states(worker, 'g') === 'STOPPED', 'it is stopped')
  await until(() => worker.status('g').warnings?.length === 1, 'the warning is shown')
  expect(worker.status('g').warnings).toEqual(['The slot holds back 7 bytes. Start the connector.'])
  expect(await clusters.metrics()).toContain('tributary_connect_connector_retained_wal_bytes{connector="g"} 7')
  // It is asked again after a new config.
  source.observation = () => {
    throw new Error('connection refused')
  }
  await worker.putConfig('g', config('g', { topic: 'other' }))
  await until(() => worker.status('g').warnings?.[0] === 'The system could not be observed: connection refused', 'the error is shown')
  expect(await clusters.metrics()).not.toContain('retained_wal_bytes{')
  source.observation = () => ({ metrics: {}, warnings: [] })
  await worker.putConfig('g', config('g'))
  await until(() => worker.status('g').warnings === undefined, 'nothing is wrong')
  expect(states(worker, 'g')).toBe('STOPPED')
})

test('a plugin of plugin.path does all of it from its thread', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plugins-'))
  folders.push(folder)
  const events = join(folder, 'events.txt')
  writeFileSync(events, '')
  const plugins = join(folder, 'plugins')
  mkdirSync(plugins)
  writeFileSync(
    join(plugins, 'hooked.mjs'),
    `
import { appendFileSync } from 'node:fs'
import { defineConnector, defineSource, setting, sourceRecord } from 'tributary/connect/sdk'
const tell = (line) => appendFileSync(${JSON.stringify(events)}, line + '\\n')
export default defineConnector({
  name: 'hooked', doc: 'Hooked.', version: '1.0.0',
  source: defineSource({
    class: 'org.example.HookedSourceConnector',
    settings: { topic: setting.string({ doc: 'The topic.' }), right: setting.string({ default: 'yes', doc: 'Whether all is right.' }) },
    async checkSystem({ right }, signal) {
      return right === 'no' && !signal.aborted ? [{ setting: 'right', why: 'it is not' }] : []
    },
    async observe({ topic }, signal) {
      return { metrics: { 'topic-length': topic.length }, warnings: signal.aborted ? [] : ['Beware of ' + topic + '.'] }
    },
    async *read({ config, signal, onPositionsStored, progress, gauge }) {
      onPositionsStored((positions) => tell('stored ' + positions[0].offset.n))
      yield {
        records: [sourceRecord({ topic: config.topic, partition: 0, value: 'x' })],
        positions: [{ partition: { p: 1 }, offset: { n: 1 } }],
        acknowledged: () => tell('acknowledged'),
      }
      progress({ what: 'a snapshot', done: 1 })
      gauge('lag', 5)
      await new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', resolve, { once: true })))
      tell('closed')
    },
  }),
})
`,
  )
  const worker = await clusters.start(clusters.settings({ 'plugin.path': plugins }))
  const own = (more: Record<string, string> = {}) => config('h', { 'connector.class': 'org.example.HookedSourceConnector', ...more })
  const refused = await worker.validate('org.example.HookedSourceConnector', own({ right: 'no' }))
  expect(refused.configs.find(({ definition }) => definition.name === 'right')!.value.errors).toEqual([
    'Invalid value no for configuration right: it is not',
  ])
  await worker.create('h', own(), 'RUNNING')
  await until(() => work(worker, 'h') !== undefined, 'the work is shown', 30_000)
  expect(work(worker, 'h')).toEqual({ what: 'a snapshot', done: 1 })
  await until(
    async () => (await clusters.metrics()).includes('tributary_connect_task_lag{connector="h",task="0"} 5'),
    'the metric is there',
  )
  await until(() => worker.status('h').warnings?.[0] === 'Beware of topic-h.', 'the warning is shown', 30_000)
  expect(await clusters.metrics()).toContain('tributary_connect_connector_topic_length{connector="h"} 7')
  await worker.stop('h')
  await until(() => readFileSync(events, 'utf8').includes('closed'), 'the task has stopped')
  expect(readFileSync(events, 'utf8').trim().split('\n')).toEqual(['acknowledged', 'stored 1', 'closed'])
  await until(async () => !(await clusters.metrics()).includes('tributary_connect_task_lag{connector="h"'), 'the metric is gone')
}, 90_000)
