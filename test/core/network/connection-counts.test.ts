/**
 * Story of core/network. Goal: every connection is counted once and released once, however and whenever it ends: in a TLS handshake,
 * while a login is evaluated or its failure delayed, in a session, while it waits to be accepted. Method: a storm of clients from a
 * seed, which leave at random moments and in random ways; then exactly as many connections as allowed are accepted, of the broker and of
 * each address.
 */
import type { Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { connectTo } from '../../hostile-input.ts'
import { seededRandom } from '../../random.ts'
import { encodeRequest } from '../../raw-client.ts'
import { securedListenersIn } from '../../secured-listeners.ts'
import { until } from '../../until.ts'

const CLIENTS = 400
const AT_ONCE = 40
const MAX_CONNECTIONS = 25
const MAX_PER_IP = 20
/** The longest that a client of the storm stays. */
const STAY_MS = 60

const versions = encodeRequest(apiVersions, 0, 1, {})
const handshake = encodeRequest(saslHandshake, 1, 2, { mechanism: 'PLAIN' })
const token = (password: string) => encodeRequest(saslAuthenticate, 2, 3, { authBytes: Buffer.from(`\0alice\0${password}`) })

async function gauges(server: BrokerInProcess): Promise<Record<string, number>> {
  const text = await server.broker.system.metrics.text()
  const found: Record<string, number> = {}
  for (const [, name, value] of text.matchAll(/^(tributary_(?:broker|listener)_\S+) (\d+)$/gm)) found[name!] = Number(value)
  return found
}

test('a storm of clients that leave when they like', async () => {
  const random = seededRandom()
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!
  const secured = securedListenersIn()
  const server = await brokerInProcess({
    ...secured.properties,
    'max.connections': `${MAX_CONNECTIONS}`,
    'max.connections.per.ip': `${MAX_PER_IP}`,
    'connection.failed.authentication.delay.ms': '30',
    // There is no other broker: every listener has the limit of the broker.
    'inter.broker.listener.name': 'PLAINTEXT',
  })
  const endpoints = server.broker.addresses
    .filter(({ listener }) => listener !== 'MTLS' && listener !== 'PLAINTEXT')
    .map(({ listener, port }) => ({ port, ca: listener.endsWith('SSL') ? secured.authority.certificate : null }))
  const ends: ((socket: Socket) => void)[] = [
    (socket) => socket.destroy(),
    // Node resets what is no TLS only.
    (socket) => (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
    (socket) => {
      socket.end()
      setTimeout(() => socket.destroy(), STAY_MS)
    },
  ]
  const inputs = [
    [],
    [versions],
    [handshake],
    [versions, handshake, token('alice-secret'), versions, versions],
    [handshake, token('wrong')],
    [handshake, token('wrong'), versions],
    [token('alice-secret').subarray(0, 30)],
    [Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    [handshake, token('alice-secret'), handshake, token('alice-secret')],
  ]
  async function client(): Promise<void> {
    const endpoint = pick(endpoints)
    const closed = new Promise<void>((resolve) => {
      // Some never send a byte of TLS, some only a part of it.
      const plain = random() < 0.2
      const socket = connectTo(plain ? { ...endpoint, ca: null } : endpoint, () => {
        if (plain && endpoint.ca !== null) socket.write(Buffer.from('1603010200010001fc0303', 'hex'))
        else for (const bytes of pick(inputs)) if (!socket.destroyed) socket.write(bytes)
      })
      socket.resume()
      socket.once('close', () => resolve())
      const end = pick(ends)
      setTimeout(() => end(socket), random() * STAY_MS)
    })
    await closed
  }
  try {
    let started = 0
    const worker = async () => {
      while (started++ < CLIENTS) await client()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    const rest = async () => {
      const found = await gauges(server)
      const expected = Object.entries(found).filter(([name]) =>
        /connection_count|connections_waiting|_connections$|under_way|unsent_bytes/.test(name),
      )
      expect(expected.length).toBeGreaterThan(10)
      return expected.every(([, value]) => value === 0)
    }
    await until(rest, 'nothing is counted any more')
    // Exactly as many as allowed, and from one address exactly its share.
    const { port, ca } = endpoints.find((endpoint) => endpoint.ca !== null)!
    const answers = { accepted: 0, closed: 0 }
    const open = (localAddress: string) => {
      const options: ConnectionOptions & { localAddress: string } = {
        port,
        host: '127.0.0.1',
        ca: ca!,
        servername: 'localhost',
        localAddress,
      }
      const socket = connectTls(options)
      socket.on('error', () => {})
      socket.once('secureConnect', () => answers.accepted++)
      socket.once('close', () => answers.closed++)
      return socket
    }
    const last = Array.from({ length: MAX_PER_IP + 3 }, () => open('127.0.0.2'))
    await until(() => answers.accepted === MAX_PER_IP && answers.closed === 3, 'the share of one address')
    last.push(...Array.from({ length: MAX_CONNECTIONS - MAX_PER_IP + 2 }, () => open('127.0.0.3')))
    const waiting = async () =>
      Object.entries(await gauges(server)).reduce((sum, [name, value]) => (name.includes('connections_waiting') ? sum + value : sum), 0)
    await until(async () => answers.accepted === MAX_CONNECTIONS && (await waiting()) === 2, 'the share of the broker')
    for (const socket of last) socket.destroy()
    await until(rest, 'nothing is counted any more')
  } finally {
    await server.stop()
    secured.remove()
  }
}, 60_000)
