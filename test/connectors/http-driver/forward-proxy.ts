/**
 * A forward proxy of a test, on 127.0.0.1: it takes whole URLs for http and CONNECT for https, asks for a user where the test names one,
 * and resolves every name to 127.0.0.1, as a proxy that knows names which its clients do not.
 */
import { createServer, request as forward, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface ForwardProxy {
  readonly port: number
  /** What was asked for: `CONNECT host:port` or `POST http://host:port/path`. */
  readonly asked: string[]
  /** Answers each request with this status, and passes nothing on. */
  refusal: number | null
  /** Takes requests and never answers. */
  isSilent: boolean
}

export async function testProxy(user: string | null = null): Promise<ForwardProxy> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const statusOf = ({ headers }: IncomingMessage) => {
    const expected = user === null ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
    return headers['proxy-authorization'] === expected ? proxy.refusal : 407
  }
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (proxy.isSilent) return
    const refused = statusOf(request)
    if (refused !== null) return void response.writeHead(refused).end()
    const { port, pathname, search } = new URL(request.url!)
    const { 'proxy-authorization': _ofProxy, 'proxy-connection': _hop, ...headers } = request.headers
    const passed = forward({ host: '127.0.0.1', port, path: pathname + search, method: request.method!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.writeHead(502).end())
    request.pipe(passed)
  })
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push(`CONNECT ${request.url}`)
    client.on('error', () => {})
    if (proxy.isSilent) return
    const refused = statusOf(request)
    if (refused !== null) return void client.end(`HTTP/1.1 ${refused} No\r\n\r\n`)
    const target = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    sockets.add(target)
  })
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  const proxy: ForwardProxy = { port: (server.address() as AddressInfo).port, asked, refusal: null, isSilent: false }
  return proxy
}
