/** An HTTP server before a real store that breaks single responses, as networks, proxies and stores under load do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Fault =
  | 'closes the connection'
  | 'says 503'
  | 'sends a page with success'
  | 'sends nothing with success'
  | 'loses the response'
  | 'cuts the response off'
  | 'shortens the response'

export class BreakingProxy {
  readonly #server = createServer((incoming, response) => this.#pass(incoming, response))
  readonly #endpoint: URL
  #broken: { requests: RegExp; fault: Fault; left: number } | null = null
  /** Responses that were broken. */
  breaks = 0

  private constructor(endpoint: string) {
    this.#endpoint = new URL(endpoint)
    this.#server.on('checkContinue', (incoming, response) => {
      response.writeContinue()
      this.#pass(incoming, response)
    })
  }

  static async before(endpoint: string): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(endpoint)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next responses to requests whose method and URL match. */
  break(requests: RegExp, fault: Fault, times = 1): void {
    this.#broken = { requests, fault, left: times }
    this.breaks = 0
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #faultOf({ method, url }: IncomingMessage): Fault | null {
    const broken = this.#broken
    if (!broken || broken.left === 0 || !broken.requests.test(`${method} ${url}`)) return null
    broken.left--
    this.breaks++
    return broken.fault
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const fault = this.#faultOf(incoming)
    incoming.once('error', () => {})
    const answer = (status: number, body: string) => {
      incoming.resume()
      incoming.once('end', () => response.writeHead(status, { 'content-type': 'text/html' }).end(body))
    }
    if (fault === 'closes the connection') incoming.destroy()
    else if (fault === 'says 503') answer(503, '')
    else if (fault === 'sends a page with success') answer(200, '<html><body>Please log in<br></body>')
    else if (fault === 'sends nothing with success') answer(200, '')
    else this.#forward(incoming, response, fault)
  }

  #forward(incoming: IncomingMessage, response: ServerResponse, fault: Fault | null): void {
    const { method, url, headers } = incoming
    const { hostname, port } = this.#endpoint
    const outgoing = request({ hostname, port, method, path: url, headers }, (from) => {
      const parts: Buffer[] = []
      from.on('data', (part: Buffer) => parts.push(part))
      from.once('end', () => {
        const body = Buffer.concat(parts)
        const half = body.subarray(0, body.length >> 1)
        const status = from.statusCode!
        if (fault === 'loses the response') incoming.socket.destroy()
        else if (fault === 'cuts the response off')
          response.writeHead(status, { ...from.headers, 'content-length': body.length }).write(half, () => incoming.socket.destroy())
        else if (fault === 'shortens the response') response.writeHead(status, { ...from.headers, 'content-length': half.length }).end(half)
        else response.writeHead(status, from.headers).end(body)
      })
    })
    outgoing.once('error', () => incoming.socket.destroy())
    incoming.pipe(outgoing)
  }
}
