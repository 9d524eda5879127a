/**
 * A follower forwards to the leader what only the leader may do, and returns its response. Two hops at most, as in Kafka Connect: the first
 * worker sends `?forward=true`, the second `?forward=false`; a worker that gets the latter and is not the leader responds with 409.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConnectError, NotLeader } from '../../connect/types.ts'
import type { InterWorkerClient, RestResponse } from '../../core/network/inter-worker-client.ts'
import type { System } from '../../core/system/index.ts'

const noLeader = 'Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.'
const conflict = 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)'

export function leaderForwarding(app: FastifyInstance, client: InterWorkerClient, system: System): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      try {
        return await handler.call(this, request, reply)
      } catch (error) {
        if (!(error instanceof NotLeader)) throw error
        return forward(request, reply, error.leaderUrl, client, system)
      }
    }
  })
}

async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  leaderUrl: string | null,
  client: InterWorkerClient,
  system: System,
): Promise<FastifyReply> {
  const hop = (request.query as { forward?: string }).forward
  if (hop !== undefined && hop.toLowerCase() !== 'true') throw new ConnectError(409, conflict)
  if (leaderUrl === null || leaderUrl === '') throw new ConnectError(409, noLeader)
  // Only the path and the query come from the request: a host in it must not decide where the request goes.
  const url = new URL(leaderUrl)
  const requested = new URL(request.url, 'http://path.only')
  if (requested.pathname.split('/').length !== request.url.split('?', 1)[0]!.split('/').length) {
    throw new ConnectError(400, 'A path with "." or ".." in it cannot be forwarded to the leader. Send the request to the leader.')
  }
  const disconnected = new AbortController()
  reply.raw.once('close', () => disconnected.abort())
  url.pathname = requested.pathname
  url.search = requested.search
  url.searchParams.set('forward', String(hop === undefined))
  system.logger.debug({ method: request.method, leader: url.origin, path: url.pathname }, 'forwarding a REST request to the leader')

  let response: RestResponse
  try {
    response = await client.request(url, {
      method: request.method,
      headers: forwardedHeaders(request),
      body: request.body === undefined ? null : (request.rawBody ?? JSON.stringify(request.body)),
      signal: disconnected.signal,
    })
  } catch (cause) {
    const why = (cause as Error).message
    throw new ConnectError(500, `IO Error trying to forward REST request: the worker at ${why}. Try again shortly.`, { cause })
  }
  reply.code(response.status)
  for (const name of ['content-type', 'location']) {
    const value = response.headers[name]
    if (typeof value === 'string') reply.header(name, value)
  }
  return reply.send(response.body)
}

function forwardedHeaders(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = request.body === undefined ? {} : { 'content-type': 'application/json' }
  // The leader authorizes the request; a signature is over the same bytes.
  for (const name of ['authorization', 'x-connect-authorization', 'x-connect-request-signature-algorithm']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
