/**
 * Goal: Kafka Connect's REST API path by path: statuses, bodies and messages. Method: Fastify's `inject` against a worker in memory; what
 * the real Kafka Connect answers to the same requests is compared in test/peers/rest.test.ts.
 */
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { MemoryHerder, MemoryMirrors, testSystem } from './fake-services.ts'

let worker: MemoryHerder
let app: FastifyInstance

beforeEach(() => {
  worker = new MemoryHerder()
  app = buildServer({ worker, system: testSystem(), version: '1.2.3' })
})
afterEach(() => app.close())

type Method = NonNullable<InjectOptions['method']>

async function send(method: Method, url: string, payload?: unknown, headers?: Record<string, string>) {
  const answer = await app.inject({
    method,
    url,
    ...(payload === undefined ? {} : { payload: payload as object }),
    ...(headers ? { headers } : {}),
  })
  const { body } = answer
  return { status: answer.statusCode, headers: answer.headers, body: body === '' ? undefined : safe(body) }
}

const safe = (text: string) => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const config = { 'connector.class': 'FileStreamSource', file: '/tmp/in.txt', topic: 'lines' }
const create = (name = 'a') => send('POST', '/connectors', { name, config })

describe('connectors', () => {
  test('GET / returns the version and the cluster id', async () => {
    expect(await send('GET', '/')).toMatchObject({ status: 200, body: { version: '4.3.1', commit: 'abc', kafka_cluster_id: 'cluster' } })
  })

  test('POST creates: 201, Location, the name in the config', async () => {
    const { status, headers, body } = await send('POST', '/connectors', { name: ' a/b ', config, initial_state: 'paused' })
    expect(status).toBe(201)
    expect(headers.location).toMatch(/^http:\/\/[^/]+\/connectors\/a%2Fb$/)
    expect(body).toEqual({ name: 'a/b', config: { ...config, name: 'a/b' }, tasks: [{ connector: 'a/b', task: 0 }], type: 'source' })
    expect(worker.stored.get('a/b')?.state).toBe('PAUSED')
  })

  test('numbers and booleans in a config become text; null is an error in a whole config', async () => {
    const given = { ...config, 'tasks.max': 1, 'errors.log.enable': true, ratio: 1.5 }
    expect((await send('PUT', '/connectors/a/config', given)).body.config).toMatchObject({
      'tasks.max': '1',
      'errors.log.enable': 'true',
      ratio: '1.5',
    })
    const spelt = '{"connector.class":"FileStreamSource","digits":12345678901234567890,"part":1.10,"power":1e3}'
    for (const [method, path, body] of [
      ['PUT', '/connectors/b/config', spelt],
      ['PATCH', '/connectors/b/config', spelt],
      ['POST', '/connectors', `\uFEFF{"name":"c","config":${spelt}}`],
    ] as const)
      expect((await send(method, path, body, { 'content-type': 'application/json' })).body.config).toMatchObject({
        digits: '12345678901234567890',
        part: '1.10',
        power: '1e3',
      })
    const refused = await send('PUT', '/connectors/a/config', { ...config, 'tasks.max': null })
    expect(refused.status).toBe(400)
    expect(refused.body.message).toContain('Null value can not be supplied as the configuration value.')
    expect(refused.body.message).toContain('tasks.max')
  })

  test('POST of an existing name: 409', async () => {
    await create()
    expect(await create()).toMatchObject({ status: 409, body: { error_code: 409, message: 'Connector a already exists' } })
  })

  test('a name in the config that differs from the path: 400', async () => {
    const message = "Connector name configuration (y) doesn't match connector name in the URL (x)"
    expect(await send('POST', '/connectors', { name: 'x', config: { ...config, name: 'y' } })).toMatchObject({
      status: 400,
      body: { message },
    })
    expect(await send('PUT', '/connectors/x/config', { ...config, name: 'y' })).toMatchObject({ status: 400, body: { message } })
  })

  test('PUT config: 201 with Location for a new connector, else 200; PATCH changes and removes settings', async () => {
    const first = await send('PUT', '/connectors/a/config', config)
    expect([first.status, first.headers.location]).toEqual([201, expect.stringMatching(/\/connectors\/a$/)])
    const second = await send('PUT', '/connectors/a/config', config)
    expect([second.status, second.headers.location]).toEqual([200, undefined])
    const patched = await send('PATCH', '/connectors/a/config', { topic: 'other', file: null, extra: 4 })
    expect(patched).toMatchObject({ status: 200, body: { config: { topic: 'other', extra: '4', name: 'a' } } })
    expect(patched.body.config).not.toHaveProperty('file')
    expect((await send('GET', '/connectors/a/config')).body).toEqual(patched.body.config)
  })

  test('the list, without and with expand', async () => {
    await create('a')
    await create('b')
    expect((await send('GET', '/connectors')).body).toEqual(['a', 'b'])
    expect((await send('GET', '/connectors?expand=foo')).body).toEqual({ a: {}, b: {} })
    const { body } = await send('GET', '/connectors?expand=status&expand=info&expand=foo')
    expect(Object.keys(body)).toEqual(['a', 'b'])
    expect(Object.keys(body.a)).toEqual(['status', 'info'])
    expect(Object.keys((await send('GET', '/connectors?expand=info')).body.a)).toEqual(['info'])
  })

  test('a connector that is deleted while the list is read is left out', async () => {
    await create('a')
    worker.connectors = () => ['a', 'deleted']
    expect(Object.keys((await send('GET', '/connectors?expand=status')).body)).toEqual(['a'])
  })

  test('pause and resume 202, stop 204, all of them empty and idempotent', async () => {
    await create()
    for (const [verb, status, state] of [
      ['pause', 202, 'PAUSED'],
      ['pause', 202, 'PAUSED'],
      ['resume', 202, 'RUNNING'],
      ['stop', 204, 'STOPPED'],
      ['stop', 204, 'STOPPED'],
    ] as const) {
      const answer = await send('PUT', `/connectors/a/${verb}`)
      expect([answer.status, answer.body]).toEqual([status, undefined])
      expect((await send('GET', '/connectors/a/status')).body.connector.state).toBe(state)
    }
    expect((await send('PUT', '/connectors/nope/pause')).body.message).toBe('Unknown connector nope')
  })

  test('restart: 204 without flags, 202 with the plan with one; what is not "true" is false', async () => {
    await create()
    expect((await send('POST', '/connectors/a/restart')).status).toBe(204)
    expect((await send('POST', '/connectors/a/restart?includeTasks=yes&onlyFailed=')).status).toBe(204)
    const { status, body } = await send('POST', '/connectors/a/restart?includeTasks=true&onlyFailed=TRUE')
    expect([status, body.name]).toEqual([202, 'a'])
    expect((await send('POST', '/connectors/nope/restart')).status).toBe(404)
  })

  test('DELETE: 204, then 404', async () => {
    await create()
    expect((await send('DELETE', '/connectors/a')).status).toBe(204)
    expect(await send('DELETE', '/connectors/a')).toMatchObject({ status: 404, body: { message: 'Connector a not found' } })
  })

  test('unknown connector: 404 with the message of each path', async () => {
    for (const [path, message] of [
      ['', 'Connector no not found'],
      ['/config', 'Connector no not found'],
      ['/tasks', 'Connector no not found'],
      ['/offsets', 'Connector no not found'],
      ['/status', 'No status found for connector no'],
      ['/tasks/3/status', 'No status found for task no-3'],
    ] as const) {
      expect(await send('GET', `/connectors/no${path}`)).toMatchObject({ status: 404, body: { error_code: 404, message } })
    }
  })
})

describe('tasks', () => {
  test('their configs, states and restarts', async () => {
    await create()
    expect((await send('GET', '/connectors/a/tasks')).body).toEqual([{ id: { connector: 'a', task: 0 }, config: { ...config, name: 'a' } }])
    expect((await send('GET', '/connectors/a/tasks/0/status')).body).toMatchObject({ id: 0, state: 'RUNNING' })
    expect((await send('POST', '/connectors/a/tasks/0/restart')).status).toBe(204)
    expect(await send('POST', '/connectors/a/tasks/9/restart')).toMatchObject({ status: 404, body: { message: 'Unknown task: a-9' } })
    expect(await send('GET', '/connectors/a/tasks/x/status')).toMatchObject({ status: 404, body: { message: 'HTTP 404 Not Found' } })
  })

  test("followers' task configs are passed on with their signature and the bytes of the body", async () => {
    const payload = '[ {"a":"1"} ]'
    expect((await send('POST', '/connectors/a/tasks', [])).body.message).toBe('Internal request missing required signature')
    const answer = await send('POST', '/connectors/a/tasks', payload, {
      'content-type': 'application/json',
      'x-connect-authorization': 'c2ln',
      'x-connect-request-signature-algorithm': 'HmacSHA256',
    })
    expect(answer.status).toBe(204)
    expect(worker.signatures).toEqual([{ name: 'a', configs: [{ a: '1' }], key: 'c2ln', algorithm: 'HmacSHA256', body: payload }])
  })
})

test("followers' requests to fence older tasks are passed on with their signature, which is over an empty body", async () => {
  expect((await send('PUT', '/connectors/a/fence')).body.message).toBe('Internal request missing required signature')
  const headers = { 'x-connect-authorization': 'c2ln', 'x-connect-request-signature-algorithm': 'HmacSHA256' }
  expect((await send('PUT', '/connectors/a/fence', undefined, headers)).status).toBe(204)
  expect(worker.signatures).toEqual([{ name: 'a', key: 'c2ln', algorithm: 'HmacSHA256', body: '' }])
})

describe('offsets and topics', () => {
  const offsets = [{ partition: { filename: 'f' }, offset: { position: 3 } }]

  test('offsets are listed, altered and reset, the latter two only for a stopped connector', async () => {
    await create()
    expect((await send('PATCH', '/connectors/a/offsets', { offsets })).body.message).toContain('must be in the STOPPED state')
    await send('PUT', '/connectors/a/stop')
    expect(await send('PATCH', '/connectors/a/offsets', { offsets })).toMatchObject({
      status: 200,
      body: { message: 'The offsets for this connector have been altered successfully' },
    })
    expect((await send('GET', '/connectors/a/offsets')).body).toEqual({ offsets })
    expect((await send('DELETE', '/connectors/a/offsets')).status).toBe(200)
    expect((await send('GET', '/connectors/a/offsets')).body).toEqual({ offsets: [] })
  })

  test.each([[{}], [{ offsets: [] }]])('PATCH %j says that offsets are needed', async (body) => {
    expect(await send('PATCH', '/connectors/a/offsets', body)).toMatchObject({
      status: 400,
      body: { message: 'Partitions / offsets need to be provided for an alter offsets request' },
    })
  })

  test('topics, under the name of the connector; 403 if topic tracking is off', async () => {
    await create()
    expect((await send('GET', '/connectors/a/topics')).body).toEqual({ a: { topics: ['t1'] } })
    expect((await send('GET', '/connectors/__proto__/topics')).body).toEqual(JSON.parse('{"__proto__":{"topics":[]}}'))
    expect((await send('PUT', '/connectors/a/topics/reset')).status).toBe(202)
    worker.topicTracking = false
    expect(await send('GET', '/connectors/a/topics')).toMatchObject({ status: 403, body: { message: 'Topic tracking is disabled.' } })
    expect((await send('PUT', '/connectors/a/topics/reset')).status).toBe(403)
  })
})

describe('plugins', () => {
  test('the list, the settings and the validation of a config', async () => {
    expect((await send('GET', '/connector-plugins')).body).toHaveLength(1)
    expect((await send('GET', '/connector-plugins?connectorsOnly=false')).body).toHaveLength(2)
    expect((await send('GET', '/connector-plugins/FileStreamSource/config')).body[0]).toMatchObject({ name: 'file', order_in_group: -1 })
    expect(await send('GET', '/connector-plugins/Nope/config')).toMatchObject({ status: 404, body: { message: 'Unknown plugin Nope.' } })
    const checked = await send('PUT', '/connector-plugins/FileStreamSource/config/validate', { ...config, 'tasks.max': 7, topic: null })
    expect(checked).toMatchObject({ status: 200, body: { error_count: 0, configs: [{ value: { value: '/tmp/in.txt' } }] } })
    expect(await send('PUT', '/connector-plugins/Other/config/validate', config)).toMatchObject({
      status: 400,
      body: { message: 'Included connector type FileStreamSource does not match request type Other' },
    })
    expect((await send('PUT', '/connector-plugins/FileStreamSource/config/validate', {})).body.message).toContain(
      'contains no connector type',
    )
  })
})

describe('health', () => {
  test.each([
    ['healthy', 200],
    ['starting', 503],
    ['unhealthy', 500],
  ] as const)('a worker that is %s: %i', async (state, status) => {
    worker.state = state
    expect(await send('GET', '/health')).toMatchObject({ status, body: { status: state, message: `It is ${state}.` } })
  })

  test('mirrors are listed beside a worker, and decide without one', async () => {
    const mirrors = new MemoryMirrors('us->central', 'eu->central')
    mirrors.all.set('us->central', { ...mirrors.status('us->central'), state: 'FAILED' })
    const both = buildServer({ worker, mirrors, system: testSystem(), version: '1' })
    const alone = buildServer({ mirrors, system: testSystem(), version: '1' })
    expect((await both.inject('/health')).json()).toMatchObject({
      status: 'healthy',
      mirrors: { 'us->central': 'FAILED', 'eu->central': 'RUNNING' },
    })
    const answer = await alone.inject('/health')
    expect([answer.statusCode, answer.json().status]).toEqual([500, 'unhealthy'])
    expect((await alone.inject('/connectors')).statusCode).toBe(404)
    await both.close()
    await alone.close()
  })
})
