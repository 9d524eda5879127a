/**
 * Goal: clients that are connected do not wait for all the handshakes of a burst: signatures are made in turns. Method: the acceptor with
 * turns of the event loop that the test gives it, and clients of which each has sent its ClientHello.
 */
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { limits } from '../../core/network/limits.ts'
import { TlsAcceptor } from '../../core/network/tls-acceptor.ts'
import { ListenerTls } from '../../core/security/listener-tls.ts'
import { realSystem } from '../../core/system/index.ts'
import { securedListenersIn } from '../secured-listeners.ts'
import { until } from '../until.ts'

const CLIENTS = 20

test('each turn begins a handshake or two, and all are done in the end; who has gone is left out', async () => {
  const secured = securedListenersIn()
  const tls = new ListenerTls(secured.properties, realSystem('silent'), () => {})
  const turns: (() => void)[] = []
  const secure: TLSSocket[] = []
  const acceptor = new TlsAcceptor({
    ...{ listener: 'SSL', tls, logger: realSystem('silent').logger, counters: { tlsHandshakesFailed: 0 } },
    monotonic: () => 0,
    soon: (task) => turns.push(task),
    onSecure: (socket) => secure.push(socket),
  })
  const server = createServer({ pauseOnConnect: true }, (socket) => acceptor.accept(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const gone = connect(port, '127.0.0.1')
  const clients: Socket[] = [gone]
  try {
    for (let client = 0; client < CLIENTS; client++)
      clients.push(connectTls({ port, host: '127.0.0.1', ca: secured.authority.certificate, servername: 'localhost' }))
    await until(() => acceptor.waiting === CLIENTS, 'all have sent their ClientHello')
    expect(turns).toHaveLength(1)
    turns.shift()!()
    expect(acceptor.waiting).toBe(CLIENTS - limits.tlsHandshakesPerTurn)
    expect(turns).toHaveLength(1)
    await until(() => secure.length === limits.tlsHandshakesPerTurn, 'its handshake is done')
    clients.at(-1)!.destroy()
    await until(() => acceptor.waiting === CLIENTS - limits.tlsHandshakesPerTurn - 1, 'one that has gone does not wait')
    while (turns.length > 0) turns.shift()!()
    await until(() => secure.length === CLIENTS - 1, 'all others are done')
    expect(acceptor.waiting).toBe(0)
  } finally {
    for (const socket of [...clients, ...secure]) socket.destroy()
    acceptor.close()
    tls.close()
    await new Promise((resolve) => server.close(resolve))
    secured.remove()
  }
})
