/**
 * Goal: the hooks around the routes: metrics, log levels, CORS, the time limit of requests. Method: `inject`, with a real logger that
 * writes nothing.
 */
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { buildServer, type ServerOptions } from '../../api/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { until } from '../until.ts'
import { MemoryHerder, testSystem } from './fake-services.ts'

let app: FastifyInstance
afterEach(() => app.close())
const start = (more: Partial<ServerOptions> = {}) => {
  app = buildServer({ worker: new MemoryHerder(), system: testSystem(), version: '1', ...more })
  return app
}

test('metrics count requests by route, never by path', async () => {
  start()
  for (let index = 0; index < 5; index++) await app.inject(`/connectors/${index}`)
  await app.inject('/nope')
  const { headers, body } = await app.inject('/metrics')
  expect(headers['content-type']).toContain('text/plain')
  expect(body).toContain('tributary_rest_request_seconds_count{method="GET",route="/connectors/:connector",status="404"} 5')
  expect(body).toContain('process_resident_memory_bytes')
  expect(body).not.toContain('/connectors/3')
})

test('log levels: read, changed for one name and for all, and wrong ones', async () => {
  const system = realSystem('silent')
  start({ system })
  const child = system.logger.child({ part: 'worker' })
  expect((await app.inject('/admin/loggers')).json()).toEqual({
    root: { level: 'OFF', last_modified: null },
    worker: { level: 'OFF', last_modified: null },
  })
  const put = (name: string, payload: object) => app.inject({ method: 'PUT', url: `/admin/loggers/${name}`, payload })
  expect((await put('worker', { level: 'fatal' })).json()).toEqual(['worker'])
  expect((child as unknown as { level: string }).level).toBe('error')
  expect((await app.inject('/admin/loggers/worker')).json()).toEqual({ level: 'ERROR', last_modified: expect.any(Number) })
  expect((await put('root', { level: 'OFF' })).json()).toEqual(['worker'])
  expect((child as unknown as { level: string }).level).toBe('silent')
  expect((await put('org.apache.kafka', { level: 'OFF' })).json()).toEqual([])
  expect((await put('root?scope=cluster', { level: 'OFF' })).statusCode).toBe(204)
  expect((await app.inject('/admin/loggers/nope')).json()).toEqual({ error_code: 404, message: 'Logger nope not found.' })
  expect((await put('root', {})).json()).toEqual({ error_code: 400, message: "Desired 'level' parameter was not specified in request." })
  expect((await put('root', { level: 'LOUD' })).json()).toEqual({ error_code: 404, message: "invalid log level 'LOUD'." })
  expect((await put('root', { level: 'toString' })).statusCode).toBe(404)
})

test('CORS: off by default, then for the origins that are named', async () => {
  start()
  const preflight = {
    method: 'OPTIONS',
    url: '/connectors',
    headers: { origin: 'http://a', 'access-control-request-method': 'GET' },
  } as const
  expect((await app.inject(preflight)).headers).not.toHaveProperty('access-control-allow-origin')
  await app.close()
  start({ crossOrigin: { origins: 'http://a, http://b', methods: '' } })
  const allowed = (await app.inject(preflight)).headers
  expect([allowed['access-control-allow-origin'], allowed['access-control-allow-methods']]).toEqual(['http://a', 'GET, POST, HEAD'])
  const put = await app.inject({ ...preflight, headers: { ...preflight.headers, 'access-control-request-method': 'PUT' } })
  expect(put.headers).not.toHaveProperty('access-control-allow-methods')
  expect((await app.inject({ url: '/connectors', headers: { origin: 'http://c' } })).headers).not.toHaveProperty(
    'access-control-allow-origin',
  )
})

test('a request that takes too long gets an error, also if it has a body', async () => {
  const timers: (() => void)[] = []
  const system = testSystem()
  const clock = {
    ...system.clock,
    after: (_delayMs: number, task: () => void) => {
      timers.push(task)
      return { cancel: () => {} }
    },
  }
  const worker = new MemoryHerder()
  worker.putConfig = () => new Promise(() => {})
  worker.stage = () => 'The worker is currently writing a config, which began at 2026-01-31T10:00:00.000Z'
  start({ worker, system: { ...system, clock } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const headers = { 'content-type': 'application/json' }
  const answer = fetch(`${url}/connectors/x/config`, { method: 'PUT', headers, body: '{"connector.class":"FileStreamSource"}' })
  await until(() => timers.length === 1, 'the request is being answered')
  timers[0]?.()
  const { status, body } = await answer.then(async (given) => ({ status: given.status, body: await given.json() }))
  expect([status, body]).toEqual([
    500,
    { error_code: 500, message: expect.stringMatching(/^Request timed out\. The worker is currently writing a config, .*Z\. /) },
  ])
})

test('only the selected resources are served', async () => {
  start({ serves: (tag) => tag === 'Loggers' })
  expect((await app.inject('/connectors')).statusCode).toBe(404)
  expect((await app.inject('/admin/loggers')).statusCode).toBe(200)
})
