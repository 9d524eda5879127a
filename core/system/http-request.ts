/**
 * One HTTP request, by TLS where the URL says so. It follows no redirect, and keeps no connection: requests that are sent through here are
 * rare, and an idle connection would keep the process alive. The limits of the response are its caller's.
 */
import { Agent, request as byHttp, type IncomingMessage } from 'node:http'
import { request as byHttps, Agent as SecureAgent } from 'node:https'
import type { ConnectionOptions, SecureContextOptions } from 'node:tls'

export interface HttpRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Of https: which authorities are trusted, and the certificate of the client. The default is Node's. */
  readonly tls: (SecureContextOptions & Pick<ConnectionOptions, 'checkServerIdentity'>) | null
  /** The URL of an HTTP proxy that the request goes through: to https in a tunnel. */
  readonly proxy?: string | null
}

/** Resolves with the head of the response. `signal` ends the request, and the response too. */
export function sendHttpRequest(
  { url, method, headers, body, tls, proxy = null }: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:'
    const agent =
      proxy === null
        ? false
        : isSecure
          ? new SecureAgent({ proxyEnv: { HTTPS_PROXY: proxy } })
          : new Agent({ proxyEnv: { HTTP_PROXY: proxy } })
    const options = { method, headers, signal, agent, ...tls } as const
    const send = isSecure ? byHttps : byHttp
    send(url, options, resolve).on('error', reject).end(body)
  })
}
