/**
 * The sockets of the REST API. They are opened before what answers on them is there, so that a port that is taken is told of at once and other
 * workers can be told the right one; until then every request is answered 503, as starting. The server itself is loaded meanwhile.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ServerOptions } from '../api/index.ts'
import { type Listener, parseRestSettings, type RestSettings, restSettings } from '../api/settings.ts'

// An `import` reads every export of a built-in module, and reading this one's WebSocket loads an HTTP client that nobody here uses.
const { createServer } = process.getBuiltinModule('node:http')

/** How long requests under way may take to end once the process stops. */
const DRAIN_MS = 1_000
const KEEP_ALIVE_MS = 72_000

export const restSettingNames: readonly string[] = Object.keys(restSettings)

type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface Rest {
  /** Where other workers reach this one; null where the REST API is off. */
  readonly advertisedUrl: string | null
  /** Where it listens, for people. */
  readonly urls: readonly string[]
  /** From now on these doors answer. */
  serve(doors: Pick<ServerOptions, 'worker' | 'mirrors' | 'system' | 'version'>): Promise<void>
  close(): Promise<void>
}

export async function openRest(properties: Readonly<Record<string, string>>): Promise<Rest> {
  const settings = parseRestSettings(properties)
  // who turns it off does not pay for it
  if (settings.listeners.length === 0) return { advertisedUrl: null, urls: [], serve: async () => {}, close: async () => {} }
  const loaded = import('../api/index.ts')
  const main = await open(settings.listeners)
  const admin = await open(settings.adminListeners ?? []).catch(async (error: unknown) => {
    await main.close()
    throw error
  })
  const { answerBrokenRequest } = await loaded
  for (const server of [...main.servers, ...admin.servers])
    server.on('clientError', answerBrokenRequest as (error: Error, socket: object) => void)
  const apps: { close(): Promise<void> }[] = []
  return {
    advertisedUrl: advertisedUrl(settings, main.servers),
    urls: main.servers.map(shownUrl),
    async serve(doors) {
      const { buildServer } = await loaded
      const more = { ...doors, crossOrigin: settings.crossOrigin, headers: settings.headers }
      const app = buildServer({ ...more, serves: settings.adminListeners === null ? undefined : (tag) => tag !== 'Loggers' })
      apps.push(app)
      await app.ready()
      main.answer(app.routing)
      if (admin.servers.length === 0) return
      const adminApp = buildServer({ ...more, serves: (tag) => tag === 'Loggers' })
      apps.push(adminApp)
      await adminApp.ready()
      admin.answer(adminApp.routing)
    },
    async close() {
      await Promise.all([main.close(), admin.close()])
      await Promise.all(apps.map((app) => app.close()))
    },
  }
}

interface Sockets {
  servers: readonly Server[]
  answer(next: Answer): void
  close(): Promise<void>
}

async function open(listeners: readonly Listener[]): Promise<Sockets> {
  const { REQUEST_RECEIVE_TIMEOUT_MS } = await import('../api/limits.ts')
  const servers: Server[] = []
  let answer: Answer = starting
  const sockets: Sockets = {
    servers,
    answer: (next) => {
      answer = next
    },
    close: async () => void (await Promise.all(servers.map(close))),
  }
  for (const { host, port } of listeners) {
    const server = createServer({ requestTimeout: REQUEST_RECEIVE_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
      answer(request, response),
    )
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(host === '' ? { port } : { port, host }, resolve)
      })
    } catch (error) {
      await sockets.close()
      throw error
    }
    servers.push(server)
  }
  return sockets
}

/** Requests under way may end; who keeps a connection open is cut off after that. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(timer)
}

function starting(request: IncomingMessage, response: ServerResponse): void {
  const message = 'The worker is starting and cannot answer yet. Try again shortly.'
  const health = /^\/health\/?(\?|$)/.test(request.url ?? '')
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
  response.end(JSON.stringify(health ? { status: 'starting', message } : { error_code: 503, message }))
}

const addressOf = (server: Server) => server.address() as AddressInfo
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
const isEvery = (address: string) => address === '::' || address === '0.0.0.0'

function shownUrl(server: Server): string {
  const { address, port } = addressOf(server)
  return `http://${isEvery(address) ? 'localhost' : bracketed(address)}:${port}`
}

function advertisedUrl({ advertisedHost, advertisedPort }: RestSettings, servers: readonly Server[]): string | null {
  const [first] = servers
  if (first === undefined) return null
  const { address, port } = addressOf(first)
  const host = advertisedHost ?? (isEvery(address) ? ownAddress() : address)
  return `http://${bracketed(host)}:${advertisedPort ?? port}`
}

/** What others may reach this machine by: the first address that is not its own loopback. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}
