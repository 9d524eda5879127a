/**
 * Goal: the server counts every socket once, however it ends, and closes those that Kafka closes. Method: a server without a broker, whose
 * clock the test advances, and sockets of node:net.
 */
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import type { BrokerServices } from '../../../core/broker-services.ts'
import type { ConnectionLimits } from '../../../core/network/connection-quotas.ts'
import { RequestDispatcher } from '../../../core/network/request-dispatcher.ts'
import { SocketServer } from '../../../core/network/socket-server.ts'
import { readBrokerSettings } from '../../../core/settings.ts'
import { realSystem } from '../../../core/system/index.ts'
import { handClock } from '../../hand-clock.ts'
import { encodeRequest } from '../../raw-client.ts'
import { until } from '../../until.ts'

const MAX = 2 ** 31 - 1
const none: ConnectionLimits = {
  maxConnections: MAX,
  maxCreationRate: MAX,
  maxPerIp: MAX,
  perIpOverrides: new Map(),
  listeners: new Map(),
}
const request = encodeRequest(apiVersions, 0, 1, {})
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const task of cleanups.splice(0).reverse()) await task()
})

async function serve(properties: Readonly<Record<string, string>> = {}) {
  const time = handClock()
  const system = { ...realSystem('silent'), clock: time.clock }
  const settings = readBrokerSettings({
    listeners: 'PLAINTEXT://127.0.0.1:0,EXTERNAL://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT',
    ...properties,
  })
  const apis = [apiVersions]
  const broker = {
    settings,
    system,
    apis,
    authorizer: null,
    quotas: { isEnabled: false },
    cluster: { features: () => ({ supported: [], finalized: [] }) },
  }
  const server = new SocketServer({
    ...{ settings, system, limits: none, interBrokerListener: 'PLAINTEXT' },
    dispatcher: new RequestDispatcher(apis, broker as unknown as BrokerServices),
  })
  const ports = new Map<string, number>()
  for (const listener of settings.listeners) ports.set(listener.name, (await server.listen(listener)).port)
  cleanups.push(() => server.close())
  return { server, time, ports }
}

interface Client {
  readonly socket: Socket
  answers: number
  closed: boolean
}

async function client(port: number): Promise<Client> {
  const socket = connect(port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  const opened: Client = { socket, answers: 0, closed: false }
  socket.on('data', () => opened.answers++)
  socket.on('close', () => {
    opened.closed = true
  })
  socket.on('error', () => {})
  await asked(opened)
  return opened
}

async function asked(opened: Client): Promise<void> {
  const { answers } = opened
  opened.socket.write(request)
  await until(() => opened.answers > answers, 'the request is answered')
}

test('connections.max.idle.ms counts from the last activity', async () => {
  const { server, time, ports } = await serve({ 'connections.max.idle.ms': '1000' })
  const [first, second] = [await client(ports.get('EXTERNAL')!), await client(ports.get('EXTERNAL')!)]
  time.advance(900)
  await asked(first!)
  time.advance(500)
  await until(() => second!.closed && server.connections === 1, 'the idle one is closed')
  expect(first!.closed).toBe(false)
})

test('max.connections: the least recently active connection goes, never one of the inter-broker listener', async () => {
  const { server, time, ports } = await serve()
  const internal = await client(ports.get('PLAINTEXT')!)
  const external: Client[] = []
  for (let opened = 0; opened < 4; opened++) {
    time.advance(10)
    external.push(await client(ports.get('EXTERNAL')!))
  }
  time.advance(10)
  await asked(external[0]!)
  server.connectionLimits = { ...none, maxConnections: 3 }
  expect(server.connections).toBe(3)
  await until(() => external[1]!.closed && external[2]!.closed, 'those that were quiet longest are closed')
  expect([external[0]!.closed, external[3]!.closed, internal.closed]).toEqual([false, false, false])
  expect(server.closedForLimits).toBe(2)
  server.connectionLimits = { ...none, maxConnections: 0 }
  await until(() => external.every(({ closed }) => closed), 'the others too')
  expect(server.connections).toBe(1)
  await asked(internal)
  expect([...server.listenerFigures()].map(({ listener, connections }) => [listener, connections])).toEqual([
    ['PLAINTEXT', 1],
    ['EXTERNAL', 0],
  ])
})

test('what waits is not read, and is closed with the server', async () => {
  const { server, ports } = await serve()
  server.connectionLimits = { ...none, maxConnections: 1 }
  await client(ports.get('EXTERNAL')!)
  const waiting = connect(ports.get('EXTERNAL')!, '127.0.0.1')
  cleanups.push(() => waiting.destroy())
  let closed = false
  waiting.on('error', () => {})
  waiting.on('close', () => {
    closed = true
  })
  waiting.write(request)
  await until(() => [...server.listenerFigures()].some((figures) => figures.waiting === 1), 'it waits')
  expect([server.counters.requests.get(18), server.connections]).toEqual([1, 1])
  await server.close()
  await until(() => closed, 'it is closed')
})
