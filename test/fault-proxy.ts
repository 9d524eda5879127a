/**
 * A TCP proxy between a client and a broker that fails on demand: it refuses connections, swallows requests, stops reading, and cuts
 * connections, in the middle of a response or between a request and its response too.
 */
import { connect, createServer, type Socket } from 'node:net'

export interface FaultProxy {
  readonly port: number
  readonly address: string
  /** Where connections go. */
  target: number
  /** `pass`; `refuse` closes a connection at once; `swallow` accepts connections and bytes and never responds. */
  mode: 'pass' | 'refuse' | 'swallow'
  /** Open connections of clients. */
  readonly open: number
  /** Gets each chunk of the broker's responses: how many bytes of it pass, and whether the connection is cut after them. */
  onResponse: ((chunk: Buffer) => { pass: number; cut: boolean }) | null
  cut(): void
  close(): Promise<void>
}

export async function faultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; broker: Socket | null }>()
  const server = createServer({ allowHalfOpen: false }, (client) => {
    const pair = { client, broker: null as Socket | null }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      pair.broker?.destroy()
    }
    client.on('error', end).on('close', end)
    if (proxy.mode === 'refuse') return end()
    client.on('data', (chunk) => {
      if (proxy.mode === 'pass') pair.broker?.write(chunk)
    })
    if (proxy.mode === 'swallow') return
    pair.broker = connect(proxy.target, '127.0.0.1')
    pair.broker.on('error', end).on('close', end)
    pair.broker.on('data', (chunk) => {
      if (proxy.mode !== 'pass') return
      const { pass, cut } = proxy.onResponse?.(chunk) ?? { pass: chunk.length, cut: false }
      if (pass > 0) client.write(chunk.subarray(0, pass))
      if (cut) client.end(end)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const proxy: FaultProxy = {
    port,
    address: `127.0.0.1:${port}`,
    target,
    mode: 'pass',
    get open() {
      return pairs.size
    },
    onResponse: null,
    cut() {
      for (const { client } of [...pairs]) client.destroy()
    },
    async close() {
      for (const { client } of [...pairs]) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy
}
