/**
 * The connections of a client: straight to servers, or through an HTTP proxy (CONNECT for https, the whole URL for http). Those that are
 * made here go to allowed addresses only; a proxy resolves the names of servers itself.
 */
import { Agent, type buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici'
import type { HttpClientOptions, HttpProxy } from './client-options.ts'
import type { AddressGuard } from './guarded-connector.ts'
import { explainedError, RequestFailed, RequestRefused } from './request-errors.ts'
import { tlsOptions } from './tls-options.ts'

const KEEP_ALIVE_MS = 30_000
const MAX_HEADER_BYTES = 32 * 1024

/** @throws RequestRefused where a file of certificates or keys cannot be used. */
export function clientAgent(options: HttpClientOptions, guard: AddressGuard): Dispatcher {
  const limits = {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: options.requestTimeoutMs,
    bodyTimeout: options.requestTimeoutMs,
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  const tls = tlsOptions(options.tls)
  const { proxy } = options
  if (!proxy) return new Agent({ ...limits, connect: guard.connector(tls) })
  const url = proxyUrl(proxy)
  const toProxy = connectorToProxy(guard, proxy, options.connectTimeoutMs)
  return new ProxyAgent({
    ...limits,
    uri: url.href,
    ...(proxy.authorization !== null && { token: proxy.authorization }),
    requestTls: tls,
    connectTimeout: options.connectTimeoutMs,
    clientFactory: (origin) => new Pool(origin, { ...limits, connect: toProxy }),
    // Requests for http go to the proxy itself; others have a connector that makes a tunnel.
    factory: (origin, given) =>
      new Pool(origin, { ...limits, ...given, ...(new URL(origin).origin === url.origin && { connect: toProxy }) } as Pool.Options),
  })
}

const proxyUrl = ({ host, port }: HttpProxy) => new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`)

function connectorToProxy(guard: AddressGuard, proxy: HttpProxy, timeoutMs: number): buildConnector.connector {
  const connect = guard.connector({})
  return (target, callback) =>
    connect(target, (...[error, socket]) => {
      if (!error) return callback(null, socket!)
      const explained = explainedError(error, proxyUrl(proxy), timeoutMs)
      const message = `The proxy cannot be used: ${explained.message}`
      const options = { cause: error, setting: 'http.proxy.host' }
      // An address that is not allowed is a matter of another setting.
      if (explained instanceof RequestRefused) callback(explained, null)
      else callback(new RequestFailed(message, options), null)
    })
}

/** The status with which a proxy refuses a tunnel. */
const NO_TUNNEL = /^Proxy response \((\d{3})\) !== 200/
/** Undici's, where the connection ends instead of a tunnel. */
const NO_PROXY = 'UND_ERR_PRX_CONN'
const NOT_LOGGED_IN = /^Proxy Authentication Required/

/** What a proxy has answered, as a sentence; null where the error is none of the proxy. */
export function proxyError(error: unknown, { host, port }: HttpProxy, url: URL): Error | null {
  const { message, code } = error as Error & { code?: string }
  if (code === NO_PROXY)
    return new RequestFailed(
      `${host}:${port} opens no tunnel to ${url.host}: check that http.proxy.host and http.proxy.port are those of a proxy`,
      {
        cause: error,
        setting: 'http.proxy.host',
      },
    )
  const status = NOT_LOGGED_IN.test(message) ? 407 : Number(NO_TUNNEL.exec(message)?.[1] ?? 0)
  if (status === 0) return null
  const proxy = `The proxy ${host}:${port}`
  if (status === 407)
    return new RequestRefused('url', `${proxy} does not accept the user: check http.proxy.user and http.proxy.password`, {
      cause: error,
      setting: 'http.proxy.user',
    })
  if (status < 500)
    return new RequestRefused('url', `${proxy} responds with ${status} and lets no request go to ${url.host}: allow it in the proxy`, {
      cause: error,
      setting: 'http.proxy.host',
    })
  return new RequestFailed(`${proxy} responds with ${status} and cannot reach ${url.host}: check the host and the port in the URL`, {
    cause: error,
  })
}
