/**
 * Story of core/network. Goal: before it has said who it is, a client can make the broker hold and do little, on a listener of each
 * security protocol: it is answered or closed, others are served meanwhile, and memory comes back. Method: a broker process with all
 * listeners, each attack many times at once, its memory as the system counts it, and a client that logs in beside them.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import metadata from '../../../core/apis/03-metadata.ts'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import { limits } from '../../../core/network/limits.ts'
import {
  answersUntilClosed,
  beforeLogin,
  connectTo,
  type Endpoint,
  everywhere,
  type HostileListener,
  hostileListeners,
  int32,
  largeScram,
  MAX_LOGIN_BYTES,
} from '../../hostile-input.ts'
import { encodeRequest, rawClient } from '../../raw-client.ts'
import { freePort, startTestBroker, type TestBroker } from '../../running-broker.ts'
import { type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

/** How often each attack runs at a time. */
const AT_ONCE = 20
const MIB = 1024 * 1024

let secured: SecuredListeners
let broker: TestBroker
const ports = new Map<HostileListener, number>()
const sockets: Socket[] = []

beforeAll(async () => {
  secured = securedListenersIn()
  for (const listener of hostileListeners) ports.set(listener, await freePort())
  broker = await startTestBroker((port) => {
    ports.set('PLAINTEXT', port)
    const listeners = [...ports].map(([name, at]) => `${name}://127.0.0.1:${at}`).join(',')
    return { ...secured.properties, listeners, 'advertised.listeners': listeners, 'socket.listen.backlog.size': 500 }
  })
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

afterAll(async () => {
  await broker.stop()
  secured.remove()
})

const endpoint = (listener: HostileListener): Endpoint => ({
  port: ports.get(listener)!,
  ca: listener.endsWith('SSL') ? secured.authority.certificate : null,
})

const rss = (): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))![1]) * 1024

function open(listener: HostileListener, onConnected: (socket: Socket) => void): Socket {
  const socket = connectTo(endpoint(listener), onConnected)
  sockets.push(socket)
  return socket
}

async function healthy(): Promise<void> {
  const client = await rawClient(ports.get('SASL_PLAINTEXT')!)
  try {
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const { errorCode } = await client.send(saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0alice-secret') })
    expect(errorCode).toBe(0)
    expect((await client.send(metadata, 1, { topics: [] })).brokers.length).toBe(1)
  } finally {
    client.close()
  }
}

describe.each(hostileListeners)('%s', (listener) => {
  test.each(everywhere)('%s: closed', async (_, bytes) => {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => answersUntilClosed(endpoint(listener), bytes)))
    expect(answers).toHaveLength(AT_ONCE)
    await healthy()
  })
})

describe.each(['SASL_PLAINTEXT', 'SASL_SSL'] as const)('%s', (listener) => {
  test.each([...beforeLogin, ...largeScram])('%s: closed, and memory comes back', async (_, bytes) => {
    const before = rss()
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => answersUntilClosed(endpoint(listener), bytes)))
    expect(answers).toHaveLength(AT_ONCE)
    await healthy()
    // The bytes themselves pass through buffers that are collected later.
    expect(rss() - before).toBeLessThan(150 * MIB)
  })

  test('arrays with many elements behind the handshake are not read', async () => {
    const topics = Array.from({ length: 250_000 }, () => ({ name: '' }))
    const ask = encodeRequest(metadata, 9, 2, { topics, allowAutoTopicCreation: false })
    expect(ask.length).toBeLessThan(MAX_LOGIN_BYTES)
    const bytes = Buffer.concat([encodeRequest(saslHandshake, 1, 1, { mechanism: 'PLAIN' }), ask])
    const before = rss()
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => answersUntilClosed(endpoint(listener), bytes)))
    // The handshake only.
    expect(new Set(answers.map(({ length }) => length))).toEqual(new Set([1]))
    expect(rss() - before).toBeLessThan(150 * MIB)
    await healthy()
  })

  test('requests that never end: those that began first are closed, and a client that logs in is served', async () => {
    const most = Math.ceil(limits.loginBytes / MAX_LOGIN_BYTES)
    const closed: number[] = []
    const part = Buffer.concat([int32(MAX_LOGIN_BYTES), Buffer.alloc(MAX_LOGIN_BYTES - 1)])
    for (let client = 0; client < most + 5; client++) {
      let isSent = false
      const socket = open(listener, () => socket.write(part, () => (isSent = true)))
      socket.on('close', () => closed.push(client))
      await until(() => isSent || closed.includes(client), 'the part is sent')
    }
    await until(() => closed.length >= 5, 'the oldest are closed')
    expect(Math.max(...closed.slice(0, 5))).toBeLessThan(10)
    await healthy()
  })
})

describe('TLS', () => {
  test.each(['SSL', 'SASL_SSL'] as const)('%s: a ClientHello in records of one byte, and none that ends', async (listener) => {
    const { port } = endpoint(listener)
    const start = Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 0x40, 0])
    const bytes = Buffer.concat([start, Buffer.alloc(6 * 3000, Buffer.from([0x16, 3, 1, 0, 1, 7]))])
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => answersUntilClosed({ port, ca: null }, bytes)))
    expect(answers).toEqual(Array.from({ length: AT_ONCE }, () => []))
    await healthy()
  })
})

test('a flood of bad clients is not a flood of log lines', async () => {
  const before = broker.output.split('\n').length
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 50 }, () => answersUntilClosed(endpoint('PLAINTEXT'), int32(-1))))
  expect(broker.output.split('\n').length - before).toBeLessThanOrEqual(3 * limits.closeLines)
})
