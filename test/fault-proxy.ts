/**
 * A TCP proxy between a client and a broker that goes wrong on demand: refuses, swallows what comes, stops reading, cuts connections, also
 * in the middle of an answer or between a request and its answer.
 */
import { connect, createServer, type Socket } from 'node:net'

export interface FaultProxy {
  readonly port: number
  readonly address: string
  /** Where connections go. */
  target: number
  /** `pass`; `refuse` hangs up at once; `swallow` takes connections and bytes and answers nothing. */
  mode: 'pass' | 'refuse' | 'swallow'
  /** Clients' connections that are open. */
  readonly open: number
  /** Sees each chunk of the broker's answers: how many bytes of it go on, and whether the connection is cut then. */
  answers: ((chunk: Buffer) => { pass: number; cut: boolean }) | null
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
      const { pass, cut } = proxy.answers?.(chunk) ?? { pass: chunk.length, cut: false }
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
    answers: null,
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
