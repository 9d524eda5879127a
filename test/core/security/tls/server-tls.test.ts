/**
 * Goal: a listener knows its clients by their certificates, as ssl.client.auth and ssl.principal.mapping.rules say, trusts none that its
 * trust store does not vouch for, and shows a renewed certificate without a restart. Method: a TLS server and clients of the test.
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ServerTls } from '../../../../core/security/tls/server-tls.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { selfSigned, type TestCertificate } from '../../../certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-server-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const authority = selfSigned({ subject: 'Test CA' })
const broker = authority.issue({ subject: 'broker', names: ['localhost'] })
const client = authority.issue({ subject: [[['2.5.4.10', 'Acme, Inc.']], [['2.5.4.3', 'client']]] })
const stranger = selfSigned({ subject: 'Other CA' }).issue({ subject: 'stranger' })
const settings = {
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.key': broker.key,
  'ssl.keystore.certificate.chain': broker.certificate,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': authority.certificate,
}
const listenerOf = (more: Record<string, string>, clock: Clock = realClock) =>
  new ServerTls({ ...settings, ...more }, { clock, disk: realDisk, logger: silentLogger })

async function serve(tls: ServerTls): Promise<{ server: Server; port: number; principals: (string | null | Error)[] }> {
  const principals: (string | null | Error)[] = []
  const server = createServer(tls.options, (socket) => {
    socket.on('error', () => {})
    try {
      principals.push(tls.principal(socket))
    } catch (error) {
      principals.push(error as Error)
    }
    socket.end('hello')
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as { port: number }).port, principals }
}

/** The broker's certificate, or the error of the connection. */
const visit = (port: number, own?: TestCertificate): Promise<string | Error> =>
  new Promise((resolve) => {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.certificate,
      ...(own && { key: own.key, cert: own.certificate }),
    })
    const name = () => socket.getPeerX509Certificate()?.subject ?? ''
    let shown = ''
    socket.on('secureConnect', () => (shown = name()))
    socket.on('data', () => resolve(shown))
    socket.on('error', (error) => resolve(error))
    socket.on('close', () => resolve(new Error('closed')))
  })

describe('the principal of a client', () => {
  it.each([
    ['required', 'DEFAULT', 'CN=client,O=Acme\\, Inc.'],
    ['requested', 'DEFAULT', 'CN=client,O=Acme\\, Inc.'],
    ['required', 'RULE:^CN=(.*?),.*$/$1/U', 'CLIENT'],
  ])('is its name (%s, rules "%s")', async (auth, rules, principal) => {
    const { port, principals } = await serve(listenerOf({ 'ssl.client.auth': auth, 'ssl.principal.mapping.rules': rules }))
    expect(await visit(port, client)).toBe('CN=broker')
    expect(principals).toEqual([principal])
  })

  it.each(['requested', 'none'])('is nobody without a certificate where it is %s', async (auth) => {
    const { port, principals } = await serve(listenerOf({ 'ssl.client.auth': auth }))
    expect(await visit(port)).toBe('CN=broker')
    expect(principals).toEqual([null])
  })

  it('is nobody where certificates are not asked for', async () => {
    const { port, principals } = await serve(listenerOf({}))
    expect(await visit(port, client)).toBe('CN=broker')
    expect(principals).toEqual([null])
  })

  it('is refused where its certificate is of another authority', async () => {
    const requested = await serve(listenerOf({ 'ssl.client.auth': 'requested' }))
    await visit(requested.port, stranger)
    expect(requested.principals).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/^the client certificate CN=stranger is not trusted/) }),
    ])
    const required = await serve(listenerOf({ 'ssl.client.auth': 'required' }))
    expect(await visit(required.port, stranger)).toBeInstanceOf(Error)
    expect(await visit(required.port)).toBeInstanceOf(Error)
    expect(required.principals).toEqual([])
  })

  it('is refused where no rule matches its name', async () => {
    const { port, principals } = await serve(listenerOf({ 'ssl.client.auth': 'required', 'ssl.principal.mapping.rules': 'RULE:^CN=x$/x/' }))
    await visit(port, client)
    expect(principals).toEqual([
      expect.objectContaining({ message: expect.stringContaining('no rule of ssl.principal.mapping.rules matches') }),
    ])
  })
})

it('a renewed certificate is shown to new connections', async () => {
  let look = () => {}
  const clock: Clock = {
    ...realClock,
    every: (_, task) => {
      look = task
      return { cancel: () => {} }
    },
  }
  const location = join(folder, 'broker.pem')
  writeFileSync(location, broker.key + broker.certificate)
  const tls = new ServerTls(
    {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': location,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': authority.certificate,
      'ssl.client.auth': 'required',
    },
    { clock, disk: realDisk, logger: silentLogger },
  )
  const { server, port, principals } = await serve(tls)
  const stop = tls.watch((options) => server.setSecureContext(options))
  expect(await visit(port, client)).toBe('CN=broker')
  const renewed = authority.issue({ subject: 'renewed', names: ['localhost'] })
  writeFileSync(location, renewed.key + renewed.certificate)
  utimesSync(location, 1, 1)
  look()
  expect(await visit(port, client)).toBe('CN=renewed')
  // Clients are still verified.
  expect(await visit(port, stranger)).toBeInstanceOf(Error)
  expect(principals).toHaveLength(2)
  stop()
})
