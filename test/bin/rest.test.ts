/**
 * Goal: the REST sockets answer 503 until the worker is ready, then its routes; a port in use is reported; nothing is left open. Method:
 * real sockets on free ports, a worker in memory.
 */
import { get } from 'node:http'
import { hostname } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { freePort } from '../../bin/demo/postgres-server.ts'
import { openRest, type Rest } from '../../bin/rest.ts'
import { explain } from '../../bin/user-error.ts'
import { MemoryHerder, testSystem } from '../api/fake-services.ts'

const open: Rest[] = []
afterEach(async () => {
  for (const rest of open.splice(0)) await rest.close()
})

async function start(properties: Record<string, string>) {
  const rest = await openRest(properties, testSystem())
  open.push(rest)
  return rest
}

const services = () => ({ worker: new MemoryHerder(), system: testSystem(), version: '1' })
const json = async (url: string) => {
  const answer = await fetch(url)
  return [answer.status, await answer.json()]
}

test('503 while starting, then the routes, on every listener', async () => {
  const rest = await start({ listeners: 'http://127.0.0.1:0,http://localhost:0' })
  expect(rest.urls).toHaveLength(2)
  expect(rest.advertisedUrl).toBe(rest.urls[0])
  expect(await json(`${rest.urls[0]}/connectors`)).toEqual([503, { error_code: 503, message: expect.stringContaining('starting') }])
  expect(await json(`${rest.urls[0]}/health`)).toEqual([503, { status: 'starting', message: expect.any(String) }])
  // Nobody has logged in: nobody holds a connection.
  expect((await fetch(`${rest.urls[0]}/connectors`)).headers.get('connection')).toBe('close')
  await rest.serve(services())
  for (const url of rest.urls) expect(await json(`${url}/connectors`)).toEqual([200, []])
})

test('the advertised URL can be set', async () => {
  const rest = await start({ listeners: 'http://:0', 'rest.advertised.host.name': 'worker-1', 'rest.advertised.port': '80' })
  expect(rest.advertisedUrl).toBe('http://worker-1:80')
  expect(rest.urls[0]).toMatch(/^http:\/\/localhost:\d+$/)
})

test('no listener: the API is off', async () => {
  const rest = await start({ listeners: '' })
  expect([rest.advertisedUrl, rest.urls]).toEqual([null, []])
  await rest.serve(services())
})

test('admin.listeners serves /admin and the other listeners do not', async () => {
  const port = await freePort()
  const rest = await start({ listeners: 'http://127.0.0.1:0', 'admin.listeners': `http://127.0.0.1:${port}` })
  await rest.serve(services())
  expect((await json(`${rest.urls[0]}/admin/loggers`))[0]).toBe(404)
  expect((await json(`http://127.0.0.1:${port}/admin/loggers`))[0]).toBe(200)
  expect((await json(`http://127.0.0.1:${port}/connectors`))[0]).toBe(404)
})

test('every port refuses pages of other origins, and serves browsers under the names that its settings and the machine give', async () => {
  const adminUrl = `http://localhost:${await freePort()}`
  const rest = await start({
    listeners: 'http://:0',
    'admin.listeners': adminUrl,
    'rest.advertised.host.name': 'worker-1',
    'access.control.allow.hosts': 'connect.example.com, connect.example.org',
  })
  await rest.serve(services())
  const status = (base: string, path: string, headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(base)
      get({ host: hostname, port, path, headers: { 'accept-language': 'en', ...headers } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).once('error', reject)
    })
  for (const [base, path] of [
    [rest.urls[0]!, '/connectors'],
    [adminUrl, '/admin/loggers'],
  ] as const) {
    for (const host of ['localhost', hostname(), 'worker-1:80', 'connect.example.com', 'connect.example.org:443'])
      expect([host, await status(base, path, { host })]).toEqual([host, 200])
    expect(await status(base, path, { host: 'evil.example' })).toBe(403)
    expect(await status(base, path, { origin: 'http://evil.example' })).toBe(403)
    expect(await status(base, path, { 'sec-fetch-site': 'cross-site' })).toBe(403)
  }
})

test('a port in use: the message says which, and what to do', async () => {
  const rest = await start({ listeners: 'http://127.0.0.1:0' })
  const { host } = new URL(rest.urls[0]!)
  const error = await openRest({ listeners: `http://127.0.0.1:0,http://${host}` }, testSystem()).catch((caught: unknown) => caught)
  expect(explain(error)).toMatch(new RegExp(`^${host} is in use.*"listeners"`))
})

test('closing does not wait for idle connections', async () => {
  const rest = await start({ listeners: 'http://127.0.0.1:0' })
  await rest.serve(services())
  await json(`${rest.urls[0]}/connectors`)
  // The time that requests in progress have does not pass: only a close that waits for none of them resolves.
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    await expect(open.pop()!.close()).resolves.toBeUndefined()
  } finally {
    vi.useRealTimers()
  }
})
