/** Goal: /mirrors lists, tells, pauses, resumes and fails over. Method: `inject` against mirrors in memory. */
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { MemoryMirrors, testSystem } from './fake-services.ts'

let mirrors: MemoryMirrors
let app: FastifyInstance
beforeEach(() => {
  mirrors = new MemoryMirrors('us->central', 'eu->central')
  app = buildServer({ mirrors, system: testSystem(), version: '1' })
})
afterEach(() => app.close())

test('the list leaves partitions out, a mirror has them; the arrow may be encoded or not', async () => {
  const list = (await app.inject('/mirrors')).json()
  expect(list.map((mirror: { name: string }) => mirror.name)).toEqual(['us->central', 'eu->central'])
  expect(list[0]).toMatchObject({ source: 'us', target: 'central', state: 'RUNNING', lagRecords: 2, lagMs: 40 })
  expect(list[0]).not.toHaveProperty('partitions')
  for (const name of ['us->central', 'us-%3Ecentral', 'us%2D%3Ecentral/']) {
    expect((await app.inject(`/mirrors/${name}`)).json().partitions).toHaveLength(1)
  }
  const missing = await app.inject('/mirrors/nope')
  expect([missing.statusCode, missing.json().message]).toEqual([404, expect.stringContaining('us->central')])
})

test('pause and resume: 202', async () => {
  expect((await app.inject({ method: 'PUT', url: '/mirrors/us->central/pause' })).statusCode).toBe(202)
  expect(mirrors.status('us->central').state).toBe('PAUSED')
  expect((await app.inject({ method: 'PUT', url: '/mirrors/us->central/resume' })).statusCode).toBe(202)
  expect(mirrors.status('us->central').state).toBe('RUNNING')
})

test('failover takes groups or all, and a dry run; anything else is told how to ask', async () => {
  const failover = (payload?: object) =>
    app.inject({ method: 'POST', url: '/mirrors/us-%3Ecentral/failover', ...(payload ? { payload } : {}) })
  expect((await failover({ groups: 'all', dryRun: true })).json()).toMatchObject({ mirror: 'us->central', dryRun: true })
  expect((await failover({ groups: ['a', 'b'] })).statusCode).toBe(200)
  expect(mirrors.failovers).toEqual([
    { name: 'us->central', groups: 'all', dryRun: true },
    { name: 'us->central', groups: ['a', 'b'], dryRun: false },
  ])
  for (const payload of [
    undefined,
    {},
    { groups: [] },
    { groups: 'some' },
    { groups: [1] },
    { groups: 'all', dryRun: 'yes' },
    { groups: 'all', dry: true },
  ]) {
    const answer = await failover(payload)
    expect([answer.statusCode, answer.json()]).toEqual([400, { error_code: 400, message: expect.any(String) }])
  }
  expect(mirrors.failovers).toHaveLength(2)
  for (const [groups, message] of [
    ['ALL', '"groups" in the body must be an array or "all", not "ALL".'],
    [7, '"groups" in the body must be an array or "all", not a number.'],
    [[1], '"groups.0" in the body must be a string, not a number.'],
    [[], '"groups" in the body must NOT have fewer than 1 items.'],
  ])
    expect((await failover({ groups })).json().message).toBe(message)
})
