/**
 * Story of api. Goal: no input of a client stops the server, reaches a service in a wrong form or returns a stack: every error has Kafka
 * Connect's body, a status that says whose fault it is, and a message with the place. Method: `inject`, and raw sockets where HTTP itself
 * is broken.
 */
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { BODY_LIMIT_BYTES } from '../../api/limits.ts'
import { MemoryHerder, testSystem } from './fake-services.ts'

let worker: MemoryHerder
let app: FastifyInstance

beforeEach(() => {
  worker = new MemoryHerder()
  app = buildServer({ worker, system: testSystem(), version: '1' })
})
afterEach(() => app.close())

const json = { 'content-type': 'application/json' }
const config = { 'connector.class': 'FileStreamSource' }

async function send(method: NonNullable<InjectOptions['method']>, url: string, payload?: string, headers: Record<string, string> = json) {
  const answer = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
  return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() }
}

describe('bodies', () => {
  test.each([
    ['{broken', 'not valid JSON: unexpected "b" at line 1, column 2'],
    ['{"a":\n  x}', 'not valid JSON: unexpected "x"'],
    ['{"a":\n  1 "b"}', 'not valid JSON: unexpected "\\"" at line 2, column 5'],
    ['{"a":"secret', 'not valid JSON'],
    ['', 'A body is required: a JSON object'],
    ['null', 'A body is required: a JSON object'],
    ['[]', 'The body must be an object, not an array'],
    ['"x"', 'The body must be an object, not a string'],
    ['{}', 'The body has no "config"'],
    ['{"name":"x"}', 'The body has no "config"'],
    ['{"name":"x","config":[]}', '"config" in the body must be an object, not an array'],
    ['{"name":{},"config":{}}', '"name" in the body must be'],
    ['{"name":"x","config":{"nested":{"a":1}}}', '"config.nested" in the body must be a string, number, boolean or null, not an object'],
    ['{"name":"x","config":{"list":[1]}}', '"config.list" in the body must be'],
    ['{"name":"x","config":{},"extra":1}', 'unknown field "extra"'],
    [
      '{"name":"x","config":{"connector.class":"FileStreamSource"},"initial_state":"FOO"}',
      '"initial_state" must be one of RUNNING, PAUSED, STOPPED',
    ],
    ['{"name":"x","config":{"__proto__":"y"}}', '__proto__'],
  ])('POST /connectors %s is a 400 that says: %s', async (payload, message) => {
    const { status, body } = await send('POST', '/connectors', payload)
    expect(status).toBe(400)
    expect(body).toEqual({ error_code: 400, message: expect.stringContaining(message) })
    expect(body.message).not.toContain('secret')
    expect(worker.stored.size).toBe(0)
  })

  test.each([
    '{"offsets":{}}',
    '{"offsets":[{"offset":[]}]}',
    '{"offsets":[{"partition":[]}]}',
    '{"offsets":[{"partition":{},"x":1}]}',
    '{"offsets":[{"partition":{"a":{}}}]}',
    'null',
  ])('PATCH offsets %s is a 400', async (payload) => {
    const { status, body } = await send('PATCH', '/connectors/a/offsets', payload)
    expect([status, body.error_code]).toEqual([400, 400])
  })

  test('a body nested 100,000 deep, one of 10,000 settings, and one with the same key twice', async () => {
    const deep = `{"name":"x","config":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`
    expect((await send('POST', '/connectors', deep)).status).toBe(400)
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`setting.${index}`, index]))
    const wide = JSON.stringify({ ...many, ...config })
    expect((await send('PUT', '/connector-plugins/FileStreamSource/config/validate', wide)).status).toBe(200)
    expect(
      (await send('PUT', '/connectors/x/config', '{"connector.class":"FileStreamSource","topic":"a","topic":"b"}')).body.config.topic,
    ).toBe('b')
  })

  test('a body over the limit: 413', async () => {
    const { status, body } = await send('POST', '/connectors', `{"name":"${'x'.repeat(BODY_LIMIT_BYTES)}"}`)
    expect([status, body.error_code]).toEqual([413, 413])
    expect(body.message).toContain(String(BODY_LIMIT_BYTES))
  })

  test('a body of another content type: 415, also on paths without a body; an empty JSON body is allowed', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect((await send('POST', '/connectors', '{}', { 'content-type': type })).body.error_code).toBe(415)
    }
    expect(
      (await send('PUT', '/connectors/x/config', JSON.stringify(config), { 'content-type': 'application/json; charset=utf-8' })).status,
    ).toBe(201)
    expect((await send('PUT', '/connectors/x/pause', 'x', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await send('PUT', '/connectors/x/pause', '')).status).toBe(202)
    expect((await send('PUT', '/connectors/x/pause', '{}')).status).toBe(202)
  })

  test('no JSON value causes a 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/connectors', '/connectors/x/config', '/connectors/x/offsets', '/connectors/x/tasks'),
        fc.json(),
        async (url, text) => {
          for (const method of ['POST', 'PUT', 'PATCH'] as const) {
            const { status, body } = await send(method, url, text)
            expect(status).toBeLessThan(500)
            if (status >= 400) expect(body).toEqual({ error_code: status, message: expect.any(String) })
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('paths and methods', () => {
  test.each([
    'a/b',
    '../../etc/passwd',
    '€ ü 日本',
    ' ',
    'a?b#c',
    'a%b',
    'new\nline',
    '__proto__',
    'constructor',
    'n'.repeat(10_240),
    '\u0000',
  ])('the name %j is used unchanged', async (name) => {
    const url = `/connectors/${encodeURIComponent(name)}`
    expect((await send('PUT', `${url}/config`, JSON.stringify(config))).status).toBe(201)
    expect((await send('GET', url)).body.name).toBe(name)
    expect((await send('GET', `${url}/status`)).body.name).toBe(name)
    expect((await send('DELETE', url)).status).toBe(204)
    expect(worker.stored.size).toBe(0)
  })

  test('trailing slashes are tolerated', async () => {
    for (const path of ['/', '/connectors/', '/connector-plugins/', '/health/', '/admin/loggers/'])
      expect((await send('GET', path)).status).toBe(200)
  })

  test('unknown path: 404; unsupported method: 405 with Allow; OPTIONS lists the methods', async () => {
    expect(await send('GET', '/nope')).toMatchObject({ status: 404, body: { error_code: 404, message: 'HTTP 404 Not Found' } })
    const paths = {
      '/connectors': 'PATCH',
      '/connectors/a': 'POST',
      '/connectors/a/pause': 'GET',
      '/connectors/a/topics/reset': 'GET',
    } as const
    for (const [path, method] of Object.entries(paths)) {
      expect(await send(method, path, '{broken')).toMatchObject({
        status: 405,
        body: { error_code: 405, message: 'HTTP 405 Method Not Allowed' },
      })
    }
    expect((await send('DELETE', '/connectors')).headers.allow?.split(', ').sort()).toEqual(['GET', 'HEAD', 'OPTIONS', 'POST'])
    const options = await app.inject({ method: 'OPTIONS', url: '/connectors/' })
    expect([options.statusCode, options.headers.allow]).toEqual([200, options.body])
  })

  test('a path that is not valid percent-encoding: 400', async () => {
    expect((await send('GET', '/connectors/%zz')).body).toEqual({ error_code: 400, message: expect.stringContaining('percent-encoding') })
  })

  test('an unexpected error of a service: 500 with its message and no stack', async () => {
    worker.info = () => {
      throw new TypeError('no such thing')
    }
    const { status, body } = await send('GET', '/connectors/x')
    expect([status, body]).toEqual([500, { error_code: 500, message: 'no such thing' }])
  })

  test('many concurrent requests for one name: each has a response, and the last state is a requested one', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, turn) =>
        turn % 3 === 0 ? send('DELETE', '/connectors/x') : send('PUT', '/connectors/x/config', JSON.stringify({ ...config, turn })),
      ),
    )
    for (const { status } of answers) expect([200, 201, 204, 404]).toContain(status)
    expect((await send('GET', '/connectors/x')).status).toBeLessThan(500)
  })
})

describe('on the wire', () => {
  async function raw(text: string): Promise<string> {
    if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      let answer = ''
      socket.on('data', (bytes) => {
        answer += bytes
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })
  }

  test('no HTTP, headers that are too long, TRACE, an arrow in the path', async () => {
    expect(await raw('\x00\x00\x00\x12 hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"error_code":400/)
    expect(await raw(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"error_code":431/)
    expect(await raw('TRACE /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 405 /)
    expect(await raw('GET /connectors/us->x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toContain('Connector us->x not found')
  })

  test('a request without Host is refused before any route', async () => {
    const answer = await raw('GET / HTTP/1.1\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  })
})
