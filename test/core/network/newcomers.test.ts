/**
 * Goal: connections that do not say who they are cost little: their number, their time and their bytes are bounded. Method: the rule alone;
 * then a broker process with 2,000 of each kind, its memory as the system counts it, and clients that log in beside them.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import { limits } from '../../../core/network/limits.ts'
import { Newcomers } from '../../../core/network/newcomers.ts'
import { encodeRequest, rawClient } from '../../raw-client.ts'
import { freePort, startTestBroker, type TestBroker } from '../../running-broker.ts'
import { type SecuredListeners, securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

const IDLE = 2000
/** Of one socket with its objects, on average of the three kinds; measured: 17 KiB. */
const BYTES_EACH = 40 * 1024

test('the oldest is closed when there are too many, and whoever is late', () => {
  const closed: string[] = []
  const newcomers = new Newcomers<string>(2, 100, (newcomer, why) => closed.push(`${newcomer} ${why}`))
  newcomers.add('a', 0)
  newcomers.add('b', 50)
  newcomers.add('c', 60)
  expect(closed).toEqual(['a crowded'])
  newcomers.delete('b')
  newcomers.closeLate(159)
  expect(closed).toHaveLength(1)
  newcomers.closeLate(160)
  expect(closed.at(-1)).toBe('c late')
  expect(newcomers.size).toBe(0)
})

let secured: SecuredListeners
let broker: TestBroker
const ports = { sasl: 0, tls: 0 }
const sockets: Socket[] = []

beforeAll(async () => {
  secured = securedListenersIn()
  ports.sasl = await freePort()
  ports.tls = await freePort()
  broker = await startTestBroker((port) => {
    const listeners = `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${ports.sasl},SSL://127.0.0.1:${ports.tls}`
    return { ...secured.properties, listeners, 'advertised.listeners': listeners, 'socket.listen.backlog.size': 1000 }
  })
})

afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await broker.stop()
  secured.remove()
})

const rss = (): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))![1]) * 1024

/** Resolves when all are connected, with the number of those that are closed since. */
async function idle(port: number, bytes: Buffer | null): Promise<{ closed: number }> {
  const count = { closed: 0 }
  for (let opened = 0; opened < IDLE; opened += 100)
    await Promise.all(
      Array.from({ length: 100 }, () => {
        const socket = connect(port, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => {})
        socket.on('close', () => count.closed++)
        socket.resume()
        return new Promise<void>((resolve) =>
          socket.once('connect', () => {
            if (bytes) socket.write(bytes)
            resolve()
          }),
        )
      }),
    )
  return count
}

async function logsIn(): Promise<boolean> {
  const client = await rawClient(ports.sasl)
  try {
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const { errorCode } = await client.send(saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0alice-secret') })
    return errorCode === 0
  } finally {
    client.close()
  }
}

test('thousands of connections before a login or in a TLS handshake hold little memory, and not for long', async () => {
  expect(await logsIn()).toBe(true)
  const before = rss()
  const silent = await idle(ports.sasl, null)
  // The length of the largest request, and a part of it.
  const slow = await idle(
    ports.sasl,
    Buffer.concat([Buffer.from([0, 8, 0, 0]), encodeRequest(saslHandshake, 1, 1, { mechanism: 'PLAIN' }).subarray(4)]),
  )
  // A ClientHello of 16 KiB that never ends.
  const halfOpen = await idle(ports.tls, Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3]))
  expect(await logsIn()).toBe(true)
  const each = (rss() - before) / (3 * IDLE)
  expect(each).toBeLessThan(BYTES_EACH)
  await until(() => halfOpen.closed === IDLE, 'TLS handshakes are ended', limits.tlsHandshakeMs + 10_000)
  await until(() => silent.closed + slow.closed === 2 * IDLE, 'logins are ended', limits.loginMs + 10_000)
  expect(await logsIn()).toBe(true)
})
