/**
 * A cluster of one of our brokers behind a gate: clients reach it by TLS, show a certificate or authenticate by SASL PLAIN, and the gate
 * keeps who has sent which request. Users and the certificate of the gate may change while it runs.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import { clientSecurity, createClient } from '../../core/client/index.ts'
import { errorCode } from '../../core/errors.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { readRequestHeader, responseHasTags, skipTags, writeResponseHeader } from '../../core/wire/header.ts'
import { Reader } from '../../core/wire/reader.ts'
import { Writer } from '../../core/wire/writer.ts'
import { selfSigned, type TestCertificate } from '../certificates.ts'
import { frames } from '../response-proxy.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type Cluster, quietSystem } from './clusters.ts'

export const authority = selfSigned({ subject: 'Authority of the test' })
const names = ['localhost', '127.0.0.1']
const ofBroker = authority.issue({ subject: 'broker', names })

export interface GateOptions {
  /** False: without TLS. */
  tls?: boolean
  /** Passwords of users; without them the gate asks for none. */
  users?: Readonly<Record<string, string>>
  /** Whether clients have to show a certificate of `authority`. */
  certificates?: boolean
}

export interface SecuredCluster extends Cluster {
  broker: TestBroker
  /** What a client needs, by names of settings without a prefix. */
  settingsOf(user?: string): Record<string, string>
  /** The passwords, which may be changed. */
  users: Map<string, string>
  /** Of each user (or common name): the keys of the APIs that it has sent. */
  sent: Map<string, Set<number>>
  /** Client ids of the connections that have been authenticated. */
  clientIds: Set<string>
  /** Exchanges of SASL that the gate has answered. */
  attempts: number
  /** Closes the connections; it accepts new ones. */
  hangUp(): void
  /** From now on clients get a certificate that `authority` has not signed. */
  showForeignCertificate(): void
}

export const jaasConfig = (user: string, password: string): string =>
  `org.apache.kafka.common.security.plain.PlainLoginModule required username="${user}" password="${password}";`

const inOneLine = (pem: string) => pem.trim()

/** The settings of a client with a certificate of `authority`, and the authority as the one that it trusts. */
const tlsSettings = (shown: TestCertificate | null): Record<string, string> => ({
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': inOneLine(authority.certificate),
  ...(shown && {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': inOneLine(shown.key),
    'ssl.keystore.certificate.chain': inOneLine(shown.certificate),
  }),
})

export async function securedCluster({ tls = true, users: given, certificates = false }: GateOptions = {}): Promise<SecuredCluster> {
  const users = new Map(Object.entries(given ?? {}))
  const sockets = new Set<Socket>()
  let brokerPort = 0
  const gate: Pick<SecuredCluster, 'sent' | 'clientIds' | 'attempts'> = { sent: new Map(), clientIds: new Set(), attempts: 0 }
  const accept = (socket: Socket) => {
    sockets.add(socket)
    const broker = connect(brokerPort, '127.0.0.1')
    for (const [one, other] of [
      [socket, broker],
      [broker, socket],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
    socket.on('close', () => sockets.delete(socket))
    const shown = tls ? (socket as TLSSocket).getPeerCertificate().subject?.CN : undefined
    serve(socket, broker, { ...gate, users: given ? users : null, name: String(shown ?? 'anonymous'), count: () => gate.attempts++ })
  }
  const context = ({ key, certificate }: TestCertificate) => ({ key, cert: certificate, ca: authority.certificate })
  const server: Server = tls
    ? createTlsServer({ ...context(ofBroker), requestCert: certificates, rejectUnauthorized: certificates }, accept)
    : createServer(accept)
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const broker = await startTestBroker({ 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` })
  brokerPort = broker.port
  const protocol = given ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : tls ? 'SSL' : 'PLAINTEXT'
  const settingsOf = (user?: string): Record<string, string> => ({
    'security.protocol': protocol,
    ...(tls && tlsSettings(certificates ? authority.issue({ subject: user ?? 'mirror' }) : null)),
    ...(given && { 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': jaasConfig(user ?? 'test', users.get(user ?? 'test') ?? 'unknown') }),
  })
  users.set('test', 'of the test')
  const address = `127.0.0.1:${port}`
  const system = quietSystem()
  const client = createClient({ bootstrapServers: address, clientId: 'test', security: clientSecurity(settingsOf('test'), system) }, system)
  const hangUp = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(async () => {
    await client.close()
    hangUp()
    await new Promise((resolve) => server.close(resolve))
    await broker.stop()
  })
  return {
    address,
    client,
    broker,
    settingsOf,
    users,
    sent: gate.sent,
    clientIds: gate.clientIds,
    get attempts() {
      return gate.attempts
    },
    hangUp,
    showForeignCertificate() {
      const foreign = selfSigned({ subject: 'somebody else', authority: false, names })
      ;(server as ReturnType<typeof createTlsServer>).setSecureContext(context(foreign))
    },
  }
}

interface Session extends Pick<SecuredCluster, 'sent' | 'clientIds'> {
  /** Null where nobody has to authenticate. */
  users: ReadonlyMap<string, string> | null
  name: string
  count(): void
}

const framed = (payload: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(payload.length)
  return Buffer.concat([length, payload])
}

/** Passes the frames of one connection, once it is authenticated. */
function serve(socket: Socket, broker: Socket, { users, sent, clientIds, name, count }: Session): void {
  let user = users ? null : name
  const versionOf = new Map<number, number>()
  const answer = (api: AnyApi, version: number, correlationId: number, response: object) => {
    const writer = new Writer()
    writeResponseHeader(writer, api, version, correlationId)
    api.writeResponse(writer, version, response as never)
    socket.write(framed(writer.bytes()))
  }
  socket.on(
    'data',
    frames((whole) => {
      const frame = whole.subarray(4)
      const reader = new Reader(frame)
      const { apiKey, apiVersion, correlationId, clientId } = readRequestHeader(reader)
      if (apiKey === apiVersions.key) versionOf.set(correlationId, apiVersion)
      else if (apiKey === saslHandshake.key) {
        const isKnown = saslHandshake.readRequest(reader, apiVersion).mechanism === 'PLAIN'
        const code = isKnown ? 0 : errorCode('UNSUPPORTED_SASL_MECHANISM')
        answer(saslHandshake as AnyApi, apiVersion, correlationId, { errorCode: code, mechanisms: ['PLAIN'] })
        return
      } else if (apiKey === saslAuthenticate.key) {
        if (saslAuthenticate.isFlexible(apiVersion)) skipTags(reader)
        count()
        const [, given, password] = saslAuthenticate.readRequest(reader, apiVersion).authBytes.toString().split('\0')
        const isValid = users?.get(given!) === password
        answer(saslAuthenticate as AnyApi, apiVersion, correlationId, {
          errorCode: isValid ? 0 : errorCode('SASL_AUTHENTICATION_FAILED'),
          errorMessage: isValid ? null : 'Authentication failed: Invalid username or password',
          authBytes: Buffer.alloc(0),
          sessionLifetimeMs: 0,
        })
        if (isValid) user = given!
        else socket.end()
        return
      } else if (user === null) {
        socket.destroy()
        return
      } else {
        sent.set(user, (sent.get(user) ?? new Set()).add(apiKey))
        clientIds.add(clientId ?? '')
      }
      broker.write(framed(frame))
    }),
  )
  broker.on(
    'data',
    frames((whole) => {
      const frame = whole.subarray(4)
      const correlationId = frame.readInt32BE(0)
      const version = versionOf.get(correlationId)
      versionOf.delete(correlationId)
      socket.write(framed(version === undefined || !users ? frame : withSasl(frame, version)))
    }),
  )
}

/** The response to ApiVersions of a listener with SASL. */
function withSasl(frame: Buffer, version: number): Uint8Array {
  const reader = new Reader(frame.subarray(4))
  if (responseHasTags(apiVersions as AnyApi, version)) skipTags(reader)
  const response = apiVersions.readResponse(reader, version)
  const added = [saslHandshake, saslAuthenticate].map(({ key, versions }) => ({
    apiKey: key,
    minVersion: versions[0],
    maxVersion: versions[1],
  }))
  const others = response.apiKeys.filter(({ apiKey }) => !added.some((each) => each.apiKey === apiKey))
  const writer = new Writer()
  writeResponseHeader(writer, apiVersions as AnyApi, version, frame.readInt32BE(0))
  apiVersions.writeResponse(writer, version, { ...response, apiKeys: [...others, ...added] } as never)
  return writer.bytes()
}
