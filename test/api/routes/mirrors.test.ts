/**
 * Goal: /mirrors lists, shows, pauses, resumes and fails over, and its document declares the statuses that it responds with. Method:
 * `inject` against mirrors in memory.
 */
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildServer } from '../../../api/index.ts'
import { MirrorError } from '../../../mirror/index.ts'
import { MemoryMirrors, testSystem } from '../fake-services.ts'

let mirrors: MemoryMirrors
let app: FastifyInstance
beforeEach(() => {
  mirrors = new MemoryMirrors('us->central', 'eu->central')
  app = buildServer({ mirrors, system: testSystem(), version: '1' })
})
afterEach(() => app.close())

test('the list has no partitions, a mirror has them; the arrow may be encoded or not', async () => {
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

test('failover accepts groups or all, and a dry run; anything else is refused with what is expected', async () => {
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

test('every status that a request may get is declared, and no other', async () => {
  const { paths } = (await app.inject('/docs/openapi.json')).json()
  // "default" stands for an error that no request should get.
  const declared = (path: string, method: string) =>
    Object.keys(paths[path][method].responses)
      .filter((status) => status !== 'default')
      .sort()
  const get = async (url: string) => String((await app.inject(url)).statusCode)
  const put = async (url: string) => String((await app.inject({ method: 'PUT', url })).statusCode)
  const failover = async (name: string, payload: object = { groups: 'all' }) =>
    String((await app.inject({ method: 'POST', url: `/mirrors/${name}/failover`, payload })).statusCode)
  expect(declared('/mirrors/{mirror}', 'get')).toEqual([await get('/mirrors/us->central'), await get('/mirrors/nope')])
  for (const verb of ['pause', 'resume'])
    expect(declared(`/mirrors/{mirror}/${verb}`, 'put')).toEqual([
      await put(`/mirrors/us->central/${verb}`),
      await put(`/mirrors/nope/${verb}`),
    ])
  const statuses = [await failover('us->central'), await failover('us->central', { groups: [] }), await failover('nope')]
  mirrors.failover = async () => {
    throw new MirrorError(503, 'mirror us->central cannot fail over now: the target has not responded yet')
  }
  statuses.push(await failover('us->central'))
  expect(statuses).toEqual(['200', '400', '404', '503'])
  expect(declared('/mirrors/{mirror}/failover', 'post')).toEqual(statuses)
})
