/**
 * What clients send that are none, or that mean harm, before they have said who they are: for a listener of each security protocol. The
 * tests of our broker and those beside Apache Kafka use the same table.
 */
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import metadata from '../core/apis/03-metadata.ts'
import saslHandshake from '../core/apis/17-sasl-handshake.ts'
import apiVersions from '../core/apis/18-api-versions.ts'
import saslAuthenticate from '../core/apis/36-sasl-authenticate.ts'
import { encodeRequest } from './raw-client.ts'

export const hostileListeners = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type HostileListener = (typeof hostileListeners)[number]

/** The default of sasl.server.max.receive.size. */
export const MAX_LOGIN_BYTES = 524_288

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
export const frame = (payload: Buffer) => Buffer.concat([int32(payload.length), payload])

/** Key, version, correlation id, no client id, then `body`. */
export function rawRequest(key: number, version: number, body: Buffer): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(key, 0)
  head.writeInt16BE(version, 2)
  head.writeInt32BE(1, 4)
  head.writeInt16BE(-1, 8)
  return frame(Buffer.concat([head, body]))
}

const handshake = (mechanism: string, version = 1) => encodeRequest(saslHandshake, version, 1, { mechanism })
const token = (authBytes: Buffer) => encodeRequest(saslAuthenticate, 2, 2, { authBytes })
const all = (...parts: Buffer[]) => Buffer.concat(parts)
const times = (number: number, bytes: Buffer) => Buffer.concat(Array.from({ length: number }, () => bytes))

/** A SaslAuthenticate whose frame has this many bytes. */
function tokenOfFrame(bytes: number): Buffer {
  const overhead = token(Buffer.alloc(MAX_LOGIN_BYTES)).length - 4 - MAX_LOGIN_BYTES
  return token(Buffer.alloc(bytes - overhead, 'x'))
}

const clientHello = Buffer.from('160301010001000000fc0303', 'hex')

/** Closed on every listener, whatever is answered before. */
export const everywhere: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a negative length', int32(-1)],
  ['the least length', int32(-(2 ** 31))],
  ['the most length', int32(2 ** 31 - 1)],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['TLS within the connection', clientHello],
  ['an unknown API key', rawRequest(999, 0, Buffer.alloc(4))],
  ['a negative API key', rawRequest(-1, 0, Buffer.alloc(4))],
  ['a client id longer than the frame', frame(Buffer.from('00120000000000017fff', 'hex'))],
  ['20 million header tags', rawRequest(18, 3, Buffer.from('80dac409', 'hex'))],
  ['a string of 2 GiB in ApiVersions', rawRequest(18, 3, Buffer.from('00ffffffff07', 'hex'))],
  ['a token of GSSAPI without a handshake', frame(Buffer.concat([Buffer.from([0x60, 0x82, 2, 0x10]), Buffer.alloc(500)]))],
]

/** Closed on listeners with SASL. */
export const beforeLogin: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a request beyond sasl.server.max.receive.size', int32(MAX_LOGIN_BYTES + 1)],
  ['a token with a frame of sasl.server.max.receive.size', all(handshake('PLAIN'), tokenOfFrame(MAX_LOGIN_BYTES))],
  ['one byte more', all(handshake('PLAIN'), tokenOfFrame(MAX_LOGIN_BYTES + 1))],
  ['a thousand handshakes', times(1000, handshake('PLAIN'))],
  ['ApiVersions twice', times(2, encodeRequest(apiVersions, 0, 1, {}))],
  ['a token before the handshake', token(Buffer.from('\0alice\0alice-secret'))],
  ['an empty token', all(handshake('PLAIN'), token(Buffer.alloc(0)))],
  ['a bare token that is none', all(handshake('PLAIN', 0), frame(Buffer.alloc(2000, 1)))],
  ['an empty bare token', all(handshake('PLAIN', 0), int32(0))],
  ['a bare token of a negative length', all(handshake('PLAIN', 0), int32(-5))],
  ['a user of 500,000 characters with PLAIN', all(handshake('PLAIN'), token(Buffer.from(`\0${'u'.repeat(500_000)}\0p`)))],
  ['commas only with SCRAM', all(handshake('SCRAM-SHA-256'), token(Buffer.alloc(500_000, ',')))],
  ['a mechanism of 32,000 characters', handshake('X'.repeat(32_000))],
  ['another API before the handshake', encodeRequest(metadata, 9, 1, { topics: [], allowAutoTopicCreation: false })],
]

/** The same; Apache Kafka neither answers these nor closes the connection. */
export const largeScram: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a user of 500,000 characters with SCRAM', all(handshake('SCRAM-SHA-256'), token(Buffer.from(`n,,n=${'u'.repeat(500_000)},r=nonce`)))],
  ['a user of 160,000 escapes with SCRAM', all(handshake('SCRAM-SHA-256'), token(Buffer.from(`n,,n=${'=2C'.repeat(160_000)},r=nonce`)))],
  ['extensions without end with SCRAM', all(handshake('SCRAM-SHA-256'), token(Buffer.from(`n,,n=u,r=n${',a=b'.repeat(120_000)}`)))],
]

export interface Endpoint {
  readonly port: number
  /** PEM of the authority; null without TLS. */
  readonly ca: string | null
}

export function connectTo({ port, ca }: Endpoint, onConnected: (socket: Socket) => void): Socket {
  const socket: Socket =
    ca === null
      ? connectPlain(port, '127.0.0.1', () => onConnected(socket))
      : connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' }, () => onConnected(socket))
  socket.on('error', () => {})
  return socket
}

/** The frames that are answered to `bytes` until the other side closes: of each the correlation id and the two bytes behind it. */
export function answersUntilClosed(endpoint: Endpoint, bytes: Buffer): Promise<string[]> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0)
    const socket = connectTo(endpoint, () => socket.write(bytes))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk as Buffer])
    })
    socket.on('close', () => {
      const answers: string[] = []
      for (let at = 0; at + 4 <= received.length; at += 4 + received.readInt32BE(at))
        answers.push(received.toString('hex', at + 4, at + 10))
      resolve(answers)
    })
  })
}
