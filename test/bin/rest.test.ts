/**
 * Goal: the REST sockets answer 503 until the worker is there, then its routes; a port that is taken is told of; nothing is left open. Method:
 * real sockets on free ports, a worker in memory.
 */
import { createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { openRest, type Rest } from '../../bin/rest.ts'
import { explain } from '../../bin/user-error.ts'
import { MemoryHerder, testSystem } from '../api/fake-services.ts'

const open: Rest[] = []
afterEach(async () => {
  for (const rest of open.splice(0)) await rest.close()
})

async function start(properties: Record<string, string>) {
  const rest = await openRest(properties)
  open.push(rest)
  return rest
}

const doors = () => ({ worker: new MemoryHerder(), system: testSystem(), version: '1' })
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
  await rest.serve(doors())
  for (const url of rest.urls) expect(await json(`${url}/connectors`)).toEqual([200, []])
})

test('what is advertised can be set', async () => {
  const rest = await start({ listeners: 'http://:0', 'rest.advertised.host.name': 'worker-1', 'rest.advertised.port': '80' })
  expect(rest.advertisedUrl).toBe('http://worker-1:80')
  expect(rest.urls[0]).toMatch(/^http:\/\/localhost:\d+$/)
})

test('no listener: the API is off', async () => {
  const rest = await start({ listeners: '' })
  expect([rest.advertisedUrl, rest.urls]).toEqual([null, []])
  await rest.serve(doors())
})

test('admin.listeners has /admin and the others do not', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => free.once('listening', resolve))
  const { port } = free.address() as { port: number }
  await new Promise((resolve) => free.close(resolve))
  const rest = await start({ listeners: 'http://127.0.0.1:0', 'admin.listeners': `http://127.0.0.1:${port}` })
  await rest.serve(doors())
  expect((await json(`${rest.urls[0]}/admin/loggers`))[0]).toBe(404)
  expect((await json(`http://127.0.0.1:${port}/admin/loggers`))[0]).toBe(200)
  expect((await json(`http://127.0.0.1:${port}/connectors`))[0]).toBe(404)
})

test('a port that is taken: the sentence says which, and what to do', async () => {
  const rest = await start({ listeners: 'http://127.0.0.1:0' })
  const { host } = new URL(rest.urls[0]!)
  const error = await openRest({ listeners: `http://127.0.0.1:0,http://${host}` }).catch((caught: unknown) => caught)
  expect(explain(error)).toMatch(new RegExp(`^${host} is taken.*"listeners"`))
})

test('closing waits for no idle connection', async () => {
  const rest = await start({ listeners: 'http://127.0.0.1:0' })
  await rest.serve(doors())
  await json(`${rest.urls[0]}/connectors`)
  const before = performance.now()
  await open.pop()!.close()
  expect(performance.now() - before).toBeLessThan(900)
})
