/**
 * Goal: a follower forwards to the leader what only the leader may do, in two hops at most, and returns its response. Method: several real
 * servers on loopback whose herders name the leader.
 */
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { buildServer } from '../../../api/index.ts'
import { NotLeader } from '../../../connect/types.ts'
import { MemoryHerder, testSystem } from '../fake-services.ts'

const running: FastifyInstance[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.close()
})

async function start() {
  const worker = new MemoryHerder()
  const app = buildServer({ worker, system: testSystem(), version: '1' })
  running.push(app)
  const requests: string[] = []
  app.addHook('onRequest', async (request) => void requests.push(`${request.method} ${request.url}`))
  return { worker, app, requests, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

const config = { 'connector.class': 'FileStreamSource' }

test('a follower forwards the request, and returns status, body and Location', async () => {
  const [follower, leader] = [await start(), await start()]
  follower.worker.refusal = new NotLeader(leader.url)
  const answer = await follower.app.inject({ method: 'POST', url: '/connectors', payload: { name: 'a b', config } })
  expect(answer.statusCode).toBe(201)
  expect(answer.headers.location).toBe(`${leader.url}/connectors/a%20b`)
  expect(answer.json().name).toBe('a b')
  expect(leader.requests).toEqual(['POST /connectors?forward=true'])
  expect([...leader.worker.stored.keys()]).toEqual(['a b'])

  const deleted = await follower.app.inject({ method: 'DELETE', url: '/connectors/a%20b?x=1' })
  expect([deleted.statusCode, deleted.body]).toEqual([204, ''])
  expect(leader.requests.at(-1)).toBe('DELETE /connectors/a%20b?x=1&forward=true')
  const missing = await follower.app.inject({ method: 'DELETE', url: '/connectors/a%20b' })
  expect([missing.statusCode, missing.json().message]).toEqual([404, 'Connector a b not found'])
})

test('two hops at most: the last worker answers 409, because a rebalance is in progress', async () => {
  const [first, second, third] = [await start(), await start(), await start()]
  first.worker.refusal = new NotLeader(second.url)
  second.worker.refusal = new NotLeader(third.url)
  third.worker.refusal = new NotLeader(first.url)
  const answer = await first.app.inject({ method: 'PUT', url: '/connectors/x/config', payload: config })
  expect([answer.statusCode, answer.json()]).toEqual([
    409,
    { error_code: 409, message: 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)' },
  ])
  expect(second.requests).toEqual(['PUT /connectors/x/config?forward=true'])
  expect(third.requests).toEqual(['PUT /connectors/x/config?forward=false'])
})

test('no known leader: 409; a leader that cannot be reached: 500', async () => {
  const follower = await start()
  follower.worker.refusal = new NotLeader(null)
  const unknown = await follower.app.inject({ method: 'DELETE', url: '/connectors/x' })
  expect([unknown.statusCode, unknown.json().message]).toEqual([
    409,
    'Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.',
  ])
  const stopped = await start()
  await stopped.app.close()
  follower.worker.refusal = new NotLeader(stopped.url)
  const silent = await follower.app.inject({ method: 'DELETE', url: '/connectors/x' })
  expect([silent.statusCode, silent.json().message]).toEqual([500, expect.stringContaining('IO Error trying to forward REST request')])
})

test('a request is forwarded only to the leader, whatever its path and its Host header are', async () => {
  const [follower, leader] = [await start(), await start()]
  follower.worker.refusal = new NotLeader(leader.url)
  const answer = await follower.app.inject({
    method: 'DELETE',
    url: '/connectors/%2F%2Fevil.example%2Fx',
    headers: { host: 'evil.example', authorization: 'Basic x' },
  })
  expect(answer.json().message).toBe('Connector //evil.example/x not found')
  expect(leader.requests).toEqual(['DELETE /connectors/%2F%2Fevil.example%2Fx?forward=true'])
})
