/**
 * The sockets of the REST API. They are opened before the worker starts, so that a port in use is reported at once and the other workers
 * get the real port; until the worker is ready every request gets a 503. The server itself is loaded meanwhile.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { ServerOptions } from '../api/index.ts'
import { type Listener, parseRestSettings, type RestSettings, restSettings } from '../api/settings.ts'

// An `import` reads every export of a built-in module, and reading this one's WebSocket loads an HTTP client that is not used here.
const { createServer } = process.getBuiltinModule('node:http')

/** How long requests in progress may take to end once the process stops. */
const DRAIN_MS = 1_000
const KEEP_ALIVE_MS = 72_000

export const restSettingNames: readonly string[] = Object.keys(restSettings)

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

export interface Rest {
  /** The URL that other workers use; null where the REST API is off. */
  readonly advertisedUrl: string | null
  /** Where it listens, for people. */
  readonly urls: readonly string[]
  /** Serves the routes of these services from now on. */
  serve(services: Pick<ServerOptions, 'worker' | 'mirrors' | 'system' | 'version'>): Promise<void>
  close(): Promise<void>
}

export async function openRest(properties: Readonly<Record<string, string>>): Promise<Rest> {
  const settings = parseRestSettings(properties)
  // Where the API is off, its code is not loaded.
  if (settings.listeners.length === 0) return { advertisedUrl: null, urls: [], serve: async () => {}, close: async () => {} }
  const loaded = import('../api/index.ts')
  const main = await listen(settings.listeners)
  const admin = await listen(settings.adminListeners ?? []).catch(async (error: unknown) => {
    await main.close()
    throw error
  })
  const { sendParserError } = await loaded
  for (const server of [...main.servers, ...admin.servers])
    server.on('clientError', sendParserError as (error: Error, socket: object) => void)
  const apps: { close(): Promise<void> }[] = []
  return {
    advertisedUrl: advertisedUrl(settings, main.servers),
    urls: main.servers.map(displayUrl),
    async serve(services) {
      const { buildServer } = await loaded
      const { crossOrigin, headers } = settings
      const options = {
        ...services,
        crossOrigin,
        headers,
        ownHosts: [hostname(), ...settings.ownHosts],
        loopbackOnly: settings.loopbackOnly,
      }
      const app = buildServer({ ...options, serves: settings.adminListeners === null ? undefined : (tag) => tag !== 'Loggers' })
      apps.push(app)
      await app.ready()
      main.handleWith(app.routing)
      if (admin.servers.length === 0) return
      const adminApp = buildServer({ ...options, serves: (tag) => tag === 'Loggers' })
      apps.push(adminApp)
      await adminApp.ready()
      admin.handleWith(adminApp.routing)
    },
    async close() {
      await Promise.all([main.close(), admin.close()])
      await Promise.all(apps.map((app) => app.close()))
    },
  }
}

interface Sockets {
  servers: readonly Server[]
  handleWith(next: RequestHandler): void
  close(): Promise<void>
}

async function listen(listeners: readonly Listener[]): Promise<Sockets> {
  const { REQUEST_RECEIVE_TIMEOUT_MS } = await import('../api/limits.ts')
  const servers: Server[] = []
  let handler: RequestHandler = sendStarting
  const sockets: Sockets = {
    servers,
    handleWith: (next) => {
      handler = next
    },
    close: async () => void (await Promise.all(servers.map(close))),
  }
  for (const { host, port } of listeners) {
    const server = createServer({ requestTimeout: REQUEST_RECEIVE_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
      handler(request, response),
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

/** Requests in progress may end; connections that are still open after that are closed. */
async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(timer)
}

function sendStarting(request: IncomingMessage, response: ServerResponse): void {
  const message = 'The worker is starting and cannot respond yet. Try again shortly.'
  const health = /^\/health\/?(\?|$)/.test(request.url ?? '')
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
  response.end(JSON.stringify(health ? { status: 'starting', message } : { error_code: 503, message }))
}

const addressOf = (server: Server) => server.address() as AddressInfo
const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host)
const isWildcard = (address: string) => address === '::' || address === '0.0.0.0'

function displayUrl(server: Server): string {
  const { address, port } = addressOf(server)
  return `http://${isWildcard(address) ? 'localhost' : bracketed(address)}:${port}`
}

function advertisedUrl({ advertisedHost, advertisedPort }: RestSettings, servers: readonly Server[]): string | null {
  const [first] = servers
  if (first === undefined) return null
  const { address, port } = addressOf(first)
  const host = advertisedHost ?? (isWildcard(address) ? ownAddress() : address)
  return `http://${bracketed(host)}:${advertisedPort ?? port}`
}

/** The address that other machines can use: the first that is not loopback. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}
