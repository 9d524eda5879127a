/**
 * Goal: lint finds all that a worker would refuse and all that nothing would read, at once, and says how to mend it. Method: configs with
 * mistakes, on the plugins that the scan finds.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lint } from '../../../connect/offline/lint.ts'
import type { OfflineWorker } from '../../../connect/offline/offline-worker.ts'
import { offlineWorker } from './offline-fixture.ts'

let worker: OfflineWorker
beforeAll(async () => {
  worker = await offlineWorker({
    'config.providers': 'env',
    'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
  })
})
afterAll(() => worker.close())

const source = { name: 'lines', 'connector.class': 'FileStreamSource', file: '/tmp/in.txt', topic: 'lines' }

test('a config without mistakes has no problems, also where it names a secret by reference', async () => {
  expect(await lint(source, worker)).toEqual([])
  expect(await lint({ ...source, file: '${env:SECRET_FILE}' }, worker)).toEqual([])
})

test('errors and settings that nothing reads come at once', async () => {
  const problems = await lint({ ...source, topic: '', 'tasks.max': 'two', 'batch.sise': '5' }, worker)
  expect(problems).toContainEqual({
    level: 'error',
    setting: 'topic',
    message: expect.stringContaining('String must be non-empty'),
    mend: null,
  })
  expect(problems).toContainEqual({ level: 'error', setting: 'tasks.max', message: expect.stringContaining('Not a number'), mend: null })
  expect(problems).toContainEqual({
    level: 'warning',
    setting: 'batch.sise',
    message: expect.any(String),
    mend: 'Did you mean batch.size?',
  })
})

test('the settings of transforms are known by their class', async () => {
  const transform = { transforms: 't', 'transforms.t.type': 'org.apache.kafka.connect.transforms.HoistField$Value' }
  expect(await lint({ ...source, ...transform, 'transforms.t.field': 'line' }, worker)).toEqual([])
  const [missing, unread] = await lint({ ...source, ...transform, 'transforms.t.feld': 'line' }, worker)
  expect(missing).toMatchObject({ level: 'error', message: expect.stringContaining('transforms.t.field') })
  expect(unread).toMatchObject({ level: 'warning', setting: 'transforms.t.feld', mend: 'Did you mean transforms.t.field?' })
})

test.each([
  [{}, 'connector.class is missing.', /FileStreamSourceConnector/],
  [
    { 'connector.class': 'FileStreamSurceConnector' },
    'There is no connector FileStreamSurceConnector.',
    /Did you mean .*FileStreamSourceConnector\?/,
  ],
  [{ 'connector.class': 'org.elsewhere.Unheard' }, 'There is no connector org.elsewhere.Unheard.', /The connectors are /],
])('a class that does not exist: %o', async (config, message, mend) => {
  expect(await lint(config as Record<string, string>, worker)).toEqual([
    { level: 'error', setting: 'connector.class', message, mend: expect.stringMatching(mend) },
  ])
})

test('settings with a part that users choose are known by their form', async () => {
  const postgres = {
    name: 'orders',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': '127.0.0.1',
    'database.user': 'orders',
    'database.dbname': 'orders',
    'topic.prefix': 'orders',
  }
  const unread = async (setting: string) => (await lint({ ...postgres, [setting]: 'public.a.b' }, worker)).map((problem) => problem.setting)
  expect(await unread('column.mask.with.5.chars')).toEqual([])
  expect(await unread('column.mask.with.five.chars')).toEqual(['column.mask.with.five.chars'])
})
