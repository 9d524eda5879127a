/**
 * Goal: no request stops the webhook source for the others: one whose record cannot be converted or produced is answered with what is
 * wrong, and never with success, and the task goes on, also with errors.tolerance=none. Method: workers on a broker in this process, with
 * and without exactly-once support, and requests that no record can be made of.
 * Story of connectors/http-webhook-source.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Worker } from '../../../connect/index.ts'
import { freePort } from '../../running-broker.ts'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'

let workers: WorkersInProcess
beforeAll(async () => {
  workers = await workersInProcess({ 'transaction.state.log.replication.factor': '1', 'offsets.topic.replication.factor': '1' })
})
afterAll(() => workers.stop())

async function receiving(worker: Worker, name: string, config: Record<string, string>) {
  const port = await freePort()
  await worker.putConfig(name, {
    'connector.class': 'WebhookSource',
    'listen.port': String(port),
    'topic.mapping': `/in:${name},/compacted:${name}-compacted`,
    ...config,
  })
  const post = async (body: string, path = '/in') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })
    return { status: response.status, retryAfter: response.headers.get('retry-after'), text: await response.text() }
  }
  await until(
    () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      ),
    'the source listens',
  )
  return post
}

const states = (worker: Worker, name: string) => worker.status(name).tasks.map(({ state }) => state)

test.each(['disabled', 'enabled'])(
  'a body that a transform does not take gets a 422, and the task goes on (exactly-once support %s)',
  { timeout: 60_000 },
  async (support) => {
    const worker = await workers.start({ settings: workers.settings({ 'exactly.once.source.support': support }) })
    const name = `changing-${support}`
    const post = await receiving(worker, name, {
      transforms: 'part',
      'transforms.part.type': 'org.apache.kafka.connect.transforms.ExtractField$Value',
      'transforms.part.field': 'part',
    })
    const all = await Promise.all(['{"part":1}', '"no object"', '{"part":2}', '"none"'].map((body) => post(body)))
    expect(all.map(({ status }) => status)).toEqual([200, 422, 200, 422])
    expect(all[1]).toMatchObject({ retryAfter: null, text: expect.stringContaining('no record') })
    expect((await post('{"part":3}')).status).toBe(200)
    expect(states(worker, name)).toEqual(['RUNNING'])
  },
)

test.each(['disabled', 'enabled'])(
  'a body whose record is too large gets a 413, and the task goes on (exactly-once support %s)',
  { timeout: 60_000 },
  async (support) => {
    const worker = await workers.start({ settings: workers.settings({ 'exactly.once.source.support': support }) })
    const name = `growing-${support}`
    // As JSON the text has an escape for each character.
    const post = await receiving(worker, name, { 'value.format': 'string', 'value.converter.schemas.enable': 'false' })
    const all = await Promise.all(['small', '"'.repeat(700_000), 'small too'].map((body) => post(body)))
    expect(all.map(({ status }) => status)).toEqual([200, 413, 200])
    expect((await post('"'.repeat(400_000))).status).toBe(200)
    expect(states(worker, name)).toEqual(['RUNNING'])
  },
)

test('a record that the cluster refuses gets a 503, and those beside it are written or may be sent again', {
  timeout: 60_000,
}, async () => {
  const worker = await workers.start()
  const name = 'refusing'
  const topic = { name: `${name}-compacted`, partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } }
  await workers.client.admin.createTopics([topic])
  const post = await receiving(worker, name, { 'key.json.pointer': '/id' })
  const all = await Promise.all([post('{"id":"1"}', '/compacted'), post('{}', '/compacted'), post('{}'), post('{"id":"2"}', '/compacted')])
  // The cluster refuses the batch that has it: no sender of a good record must give it up.
  expect(all[1]!.status).toBe(503)
  expect(all[2]!.status).toBe(200)
  for (const beside of [all[0]!, all[3]!]) expect([200, 503]).toContain(beside.status)
  expect((await post('{"id":"3"}', '/compacted')).status).toBe(200)
  expect(states(worker, name)).toEqual(['RUNNING'])
})

test('a record whose topic has no valid name gets a 422, and the other paths go on', { timeout: 60_000 }, async () => {
  const worker = await workers.start()
  const post = await receiving(worker, 'routed', {
    transforms: 'other',
    'transforms.other.type': 'org.apache.kafka.connect.transforms.RegexRouter',
    'transforms.other.regex': 'routed-compacted',
    'transforms.other.replacement': 'no/topic',
  })
  const [bad, good] = await Promise.all([post('{}', '/compacted'), post('{}')])
  expect(bad.status).toBe(422)
  expect(good.status).toBe(200)
  expect(states(worker, 'routed')).toEqual(['RUNNING'])
})
