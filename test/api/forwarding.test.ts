/**
 * Goal: a follower passes on what only the leader may do, in two hops at most, and answers what the leader answered. Method: several real
 * servers on loopback whose workers say who leads.
 */
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { NotLeader } from '../../connect/types.ts'
import { MemoryHerder, testSystem } from './fake-services.ts'

const running: FastifyInstance[] = []
afterEach(async () => {
  for (const app of running.splice(0)) await app.close()
})

async function start() {
  const worker = new MemoryHerder()
  const app = buildServer({ worker, system: testSystem(), version: '1' })
  running.push(app)
  const asked: string[] = []
  app.addHook('onRequest', async (request) => void asked.push(`${request.method} ${request.url}`))
  return { worker, app, asked, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

const config = { 'connector.class': 'FileStreamSource' }

test('a follower asks the leader, and hands on status, body and Location', async () => {
  const [follower, leader] = [await start(), await start()]
  follower.worker.refusal = new NotLeader(leader.url)
  const answer = await follower.app.inject({ method: 'POST', url: '/connectors', payload: { name: 'a b', config } })
  expect(answer.statusCode).toBe(201)
  expect(answer.headers.location).toBe(`${leader.url}/connectors/a%20b`)
  expect(answer.json().name).toBe('a b')
  expect(leader.asked).toEqual(['POST /connectors?forward=true'])
  expect([...leader.worker.stored.keys()]).toEqual(['a b'])

  const gone = await follower.app.inject({ method: 'DELETE', url: '/connectors/a%20b?x=1' })
  expect([gone.statusCode, gone.body]).toEqual([204, ''])
  expect(leader.asked.at(-1)).toBe('DELETE /connectors/a%20b?x=1&forward=true')
  const missing = await follower.app.inject({ method: 'DELETE', url: '/connectors/a%20b' })
  expect([missing.statusCode, missing.json().message]).toEqual([404, 'Connector a b not found'])
})

test('two hops and no more: who is asked last says that a rebalance is under way', async () => {
  const [first, second, third] = [await start(), await start(), await start()]
  first.worker.refusal = new NotLeader(second.url)
  second.worker.refusal = new NotLeader(third.url)
  third.worker.refusal = new NotLeader(first.url)
  const answer = await first.app.inject({ method: 'PUT', url: '/connectors/x/config', payload: config })
  expect([answer.statusCode, answer.json()]).toEqual([
    409,
    { error_code: 409, message: 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)' },
  ])
  expect(second.asked).toEqual(['PUT /connectors/x/config?forward=true'])
  expect(third.asked).toEqual(['PUT /connectors/x/config?forward=false'])
})

test('no leader is known: 409; a leader that does not answer: 500', async () => {
  const follower = await start()
  follower.worker.refusal = new NotLeader(null)
  const unknown = await follower.app.inject({ method: 'DELETE', url: '/connectors/x' })
  expect([unknown.statusCode, unknown.json().message]).toEqual([
    409,
    'Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.',
  ])
  const gone = await start()
  await gone.app.close()
  follower.worker.refusal = new NotLeader(gone.url)
  const silent = await follower.app.inject({ method: 'DELETE', url: '/connectors/x' })
  expect([silent.statusCode, silent.json().message]).toEqual([500, expect.stringContaining('IO Error trying to forward REST request')])
})

test('where the request goes is the leader alone, whatever the path and the Host say', async () => {
  const [follower, leader] = [await start(), await start()]
  follower.worker.refusal = new NotLeader(leader.url)
  const answer = await follower.app.inject({
    method: 'DELETE',
    url: '/connectors/%2F%2Fevil.example%2Fx',
    headers: { host: 'evil.example', authorization: 'Basic x' },
  })
  expect(answer.json().message).toBe('Connector //evil.example/x not found')
  expect(leader.asked).toEqual(['DELETE /connectors/%2F%2Fevil.example%2Fx?forward=true'])
})
