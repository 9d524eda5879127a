/**
 * Asks every request for a login, whatever its path and method: before routing decides anything, so that no spelling of a path leads past
 * it. Exempt are requests between workers, whose signature is checked instead (as in Kafka Connect), and reading what
 * `access.control.allow.anonymous` opens. Must come after the hooks that refuse browsers and answer their preflight requests.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ANONYMOUS_BODIES_LIMIT_BYTES, BODY_LIMIT_BYTES, INTERNAL_REQUEST_LIMIT, OPEN_REQUEST_LIMIT } from '../limits.ts'
import type { RestLogin } from '../login/rest-login.ts'
import { AnonymousRequests } from './anonymous-requests.ts'
import { sendError } from './error-envelope.ts'

declare module 'fastify' {
  interface FastifyRequest {
    loggedIn: boolean
  }
  interface FastifyContextConfig {
    /** The route is for other workers, and checks their signature. */
    internal?: boolean
  }
}

/** What a client without a login is told. */
const CONNECT = { realm: 'connect', message: 'User cannot access the resource.' } as const

export function authentication(
  app: FastifyInstance,
  login: RestLogin,
  openPaths: readonly string[],
  { realm, message }: { realm: string; message: string } = CONNECT,
): void {
  const open = new AnonymousRequests(OPEN_REQUEST_LIMIT, ANONYMOUS_BODIES_LIMIT_BYTES)
  const internal = new AnonymousRequests(INTERNAL_REQUEST_LIMIT, ANONYMOUS_BODIES_LIMIT_BYTES)
  app.decorateRequest('loggedIn', false)
  app.addHook('onRequest', async (request, reply) => {
    const isInternal = request.routeOptions.config.internal === true
    if (isInternal || isOpen(request, openPaths)) {
      if ((isInternal ? internal : open).add(request, reply, bodyBytes(request))) return
      const which = isInternal ? 'requests between workers' : 'requests without a login'
      return sendError(reply, 503, `Too many ${which} are in progress. Try again shortly.`)
    }
    const result = login.check(request.headers.authorization, request.ip)
    if (result === 'accepted') {
      request.loggedIn = true
      return
    }
    if (result === 'blocked') {
      reply.header('Retry-After', '1')
      return sendError(reply, 429, 'Too many logins of this user from this address have failed. Try again in a second.')
    }
    reply.header('WWW-Authenticate', `Basic realm="${realm}", charset="UTF-8"`)
    return sendError(reply, 401, message)
  })
  // Who has not logged in holds no connection, and a body that was not read ends with it.
  app.addHook('onSend', async (request, reply) => {
    if (!request.loggedIn) reply.header('Connection', 'close')
  })
}

/** At most: a body without a length may have the limit of all. */
function bodyBytes({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return BODY_LIMIT_BYTES
  return Math.min(Number(headers['content-length'] ?? 0), BODY_LIMIT_BYTES)
}

const isOpen = ({ method, routeOptions }: FastifyRequest, openPaths: readonly string[]) =>
  (method === 'GET' || method === 'HEAD') && openPaths.includes(routeOptions.url ?? '')
