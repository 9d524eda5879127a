/**
 * Refuses what a web page of another origin makes a person's browser send: many requests of this API need no body, so no preflight stops
 * them. A request of a browser must come from a page of this server (or of an origin in `access.control.allow.origin`), and must name this
 * server in `Host`, so that a page cannot point a name of its own here (DNS rebinding). Other clients may use any name, because a worker
 * has names that it cannot know, unless it listens on loopback only (docs/decisions/0005).
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { AllowedOrigins } from './cross-origin.ts'
import { sendError } from './error-envelope.ts'

export interface BrowserRequestRules {
  allowedOrigins: AllowedOrigins
  /** Names of this server besides localhost and IP addresses; `*` for any. */
  ownHosts: readonly string[]
  /** The server listens on loopback only: nothing but this machine reaches it, so `Host` is checked for every client. */
  loopbackOnly: boolean
}

/** The longest name that a message repeats: DNS has no longer ones. */
const MAX_QUOTED = 253

export function browserRequests(app: FastifyInstance, rules: BrowserRequestRules): void {
  const own = new Set(rules.ownHosts.map(hostName))
  const namesThisServer = (host: string) => own.has('*') || host === 'localhost' || isAddress(host) || own.has(host)

  app.addHook('onRequest', async ({ headers, method, protocol }, reply) => {
    const { origin, host } = headers
    const browser = isBrowser(headers)
    if ((!browser && !(rules.loopbackOnly && host !== undefined)) || rules.allowedOrigins.allows(origin)) return
    if (browser && isFromAnotherOrigin(headers, protocol) && !isFollowedLink(headers, method)) {
      return sendError(
        reply,
        403,
        `This request comes from a web page of another origin${origin === undefined ? '' : ` (${quoted(origin)})`}, which is not allowed. ` +
          'To allow it, add its origin to "access.control.allow.origin".',
      )
    }
    const name = hostName(host)
    if (name === null || !namesThisServer(name)) {
      return sendError(
        reply,
        403,
        `This request names the host "${quoted(host ?? '')}", which is not known as a name of this server. ` +
          'If it is one, add it to "access.control.allow.hosts", or use localhost or an IP address.',
      )
    }
  })
}

/**
 * Every browser sends Accept-Language, and a page can change it but not remove it. Node's fetch sends it too, with a Sec-Fetch-Mode that no
 * browser sends without Sec-Fetch-Site and no page can set.
 */
function isBrowser(headers: IncomingHttpHeaders): boolean {
  return (
    headers['sec-fetch-site'] !== undefined ||
    headers.origin !== undefined ||
    headers.referer !== undefined ||
    (headers['accept-language'] !== undefined && headers['sec-fetch-mode'] === undefined)
  )
}

/** Browsers send Sec-Fetch-Site over HTTPS and to localhost; elsewhere the origin must be this server itself. */
function isFromAnotherOrigin({ origin, host, ...headers }: IncomingHttpHeaders, protocol: string): boolean {
  const site = headers['sec-fetch-site']
  // `same-site` is another origin: any other port of this machine is the same site.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  if (origin === undefined) return false
  const page = URL.parse(origin)
  // A page over http can be anybody's. The reverse is a proxy that ends TLS.
  if (protocol === 'https' && page?.protocol === 'http:') return true
  return page === null || page.host === '' || page.host !== URL.parse(`${page.protocol}//${host}`)?.host
}

/** A person who follows a link sees the response; the page with the link does not. */
function isFollowedLink(headers: IncomingHttpHeaders, method: string): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document' && (method === 'GET' || method === 'HEAD')
}

/** The name or the address in a Host header as a browser writes it, without port and final dot; null where it is not a host. */
function hostName(host: string | undefined): string | null {
  if (host === undefined || !/^[^\s/?#@\\]+$/.test(host)) return null
  const name = URL.parse(`http://${host}`)?.hostname
  return name?.replace(/\.$/, '') ?? null
}

/** In the form that URL gives to addresses: an IPv6 address in brackets, an IPv4 address as four numbers. */
const isAddress = (host: string) => host.startsWith('[') || /^(\d+\.){3}\d+$/.test(host)
const quoted = (text: string) => text.slice(0, MAX_QUOTED).replace(/[^\x21-\x7e]|[<>"]/g, '?')
