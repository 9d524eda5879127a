/**
 * Goal: whoever has not logged in holds neither memory nor the places of others, by slow bodies and by responses that are not read; other
 * workers and probes are served meanwhile. Method: raw sockets against a server with a login.
 */
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { buildServer } from '../../../api/index.ts'
import { ANONYMOUS_BODIES_LIMIT_BYTES, BODY_LIMIT_BYTES, INTERNAL_REQUEST_LIMIT, OPEN_REQUEST_LIMIT } from '../../../api/limits.ts'
import type { PropertyFileUsers } from '../../../api/login/property-file-users.ts'
import { RestLogin } from '../../../api/login/rest-login.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { until } from '../../until.ts'
import { MemoryHerder, testSystem } from '../fake-services.ts'

const users = { isPassword: () => false } as unknown as PropertyFileUsers
let herder: MemoryHerder
let app: FastifyInstance
let port: number
let arrived = 0
const lines: LogLine[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await app.close()
})

async function start(): Promise<void> {
  arrived = 0
  lines.length = 0
  const system = { ...testSystem(), logger: keepingLogger(lines) }
  herder = new MemoryHerder()
  app = buildServer({ worker: herder, system, version: '1', login: new RestLogin([users], system), openPaths: ['/metrics'] })
  // A response that no buffer of a socket takes.
  system.metrics.counter({ name: 'long_total', help: 'x'.repeat(16 * 1024 * 1024), labels: [] })
  await app.listen({ port: 0, host: '127.0.0.1' })
  app.server.on('request', () => arrived++)
  port = (app.server.address() as AddressInfo).port
}

const signed = 'X-Connect-Authorization: AAAA\r\nX-Connect-Request-Signature-Algorithm: HmacSHA256\r\n'
const post = (length: string) =>
  `POST /connectors/x/tasks HTTP/1.1\r\nHost: localhost\r\n${signed}Content-Type: application/json\r\n${length}\r\n\r\n`

async function send(text: string): Promise<Socket> {
  const before = arrived
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  sockets.push(socket)
  socket.write(text)
  await until(() => arrived > before, 'the head has arrived')
  return socket
}

async function statusOf(text: string): Promise<string> {
  const socket = await send(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1', 9, 12)
}

const open = () => sockets.filter(({ closed }) => !closed).length

test('slow bodies of requests between workers are bounded in number, and others are served', async () => {
  await start()
  const slow: Socket[] = []
  for (let index = 0; index < INTERNAL_REQUEST_LIMIT; index++) slow.push((await send(`${post('Content-Length: 1000')}[`)).resume())
  expect(open()).toBe(INTERNAL_REQUEST_LIMIT)
  expect(await statusOf(`${post('Content-Length: 2')}[]`)).toBe('204')
  await until(() => slow[0]!.closed, 'the one that has waited longest is closed')
  expect(slow.filter(({ closed }) => closed)).toHaveLength(1)
  await until(() => lines.some(({ message }) => message === 'the client of a REST request has gone'), 'the worker knows')
  expect(lines.filter(({ level }) => level !== 'debug')).toEqual([])
})

test.each([`Content-Length: ${BODY_LIMIT_BYTES}`, 'Transfer-Encoding: chunked'])(
  'slow bodies with %s are bounded in bytes',
  async (length) => {
    await start()
    const fit = ANONYMOUS_BODIES_LIMIT_BYTES / BODY_LIMIT_BYTES
    const slow: Socket[] = []
    for (let index = 0; index < fit + 2; index++) slow.push((await send(post(length))).resume())
    await until(() => slow.filter(({ closed }) => closed).length === 2, 'the first two are closed')
    expect(slow.map(({ closed }) => closed)).toEqual([true, true, ...Array(fit).fill(false)])
  },
)

test('requests between workers that the herder still works on are not closed: further ones get 503', async () => {
  await start()
  const done = Promise.withResolvers<void>()
  herder.putTaskConfigs = () => done.promise
  const waiting = Array.from({ length: INTERNAL_REQUEST_LIMIT }, () => statusOf(`${post('Content-Length: 2')}[]`))
  await until(() => arrived === INTERNAL_REQUEST_LIMIT, 'all have arrived')
  expect(await statusOf(`${post('Content-Length: 2')}[]`)).toBe('503')
  done.resolve()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['204']))
  for (let index = 0; index < 2 * INTERNAL_REQUEST_LIMIT; index++) expect(await statusOf(`${post('Content-Length: 2')}[]`)).toBe('204')
})

test('responses that are not read are bounded in number where a path is open to everybody', async () => {
  await start()
  const get = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
  for (let index = 0; index < OPEN_REQUEST_LIMIT + 4; index++) (await send(get)).pause()
  const count = () =>
    new Promise<number>((resolve, reject) => app.server.getConnections((error, n) => (error ? reject(error) : resolve(n))))
  await until(async () => (await count()) <= OPEN_REQUEST_LIMIT, 'those that have waited longest are closed')
  expect(await statusOf(get)).toBe('200')
})
