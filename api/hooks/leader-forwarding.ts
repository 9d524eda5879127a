/**
 * A follower passes on what only the leader may do, and answers what the leader answered. Two hops at most: the first worker sends
 * `?forward=true`, the second `?forward=false`, and who is asked with that and still does not lead says that a rebalance is under way.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConnectError, NotLeader } from '../../connect/types.ts'
import type { System } from '../../core/system/index.ts'
import { FORWARDED_ANSWER_LIMIT_BYTES } from '../limits.ts'

const noLeader = 'Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.'
const conflict = 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)'

export function leaderForwarding(app: FastifyInstance, system: System): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      try {
        return await handler.call(this, request, reply)
      } catch (error) {
        if (!(error instanceof NotLeader)) throw error
        return forward(request, reply, error.leaderUrl, system)
      }
    }
  })
}

async function forward(request: FastifyRequest, reply: FastifyReply, leaderUrl: string | null, system: System): Promise<FastifyReply> {
  const hop = (request.query as { forward?: string }).forward
  if (hop !== undefined && hop.toLowerCase() !== 'true') throw new ConnectError(409, conflict)
  if (leaderUrl === null || leaderUrl === '') throw new ConnectError(409, noLeader)
  // only the path and the query come from the request: a host in it must not choose where the request goes
  const url = new URL(leaderUrl)
  const asked = new URL(request.url, 'http://path.only')
  if (asked.pathname.split('/').length !== request.url.split('?', 1)[0]!.split('/').length) {
    throw new ConnectError(400, 'A path with the parts "." or ".." cannot be passed on to the leader: ask it yourself.')
  }
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  url.pathname = asked.pathname
  url.search = asked.search
  url.searchParams.set('forward', String(hop === undefined))
  system.logger.debug({ method: request.method, leader: url.origin, path: url.pathname }, 'passing a REST request on to the leader')

  let answer: Response
  try {
    answer = await fetch(url, {
      method: request.method,
      headers: passedOn(request),
      body: request.body === undefined ? null : (request.rawBody ?? JSON.stringify(request.body)),
      redirect: 'manual',
      signal: gone.signal,
    })
  } catch (cause) {
    throw new ConnectError(
      500,
      `IO Error trying to forward REST request: the leader at ${url.origin} cannot be reached. Try again shortly.`,
      {
        cause,
      },
    )
  }
  reply.code(answer.status)
  for (const name of ['content-type', 'location']) {
    const value = answer.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  const length = Number(answer.headers.get('content-length') ?? 0)
  if (length > FORWARDED_ANSWER_LIMIT_BYTES) throw new ConnectError(500, `The leader's answer of ${length} bytes is too long to pass on.`)
  return reply.send(Buffer.from(await answer.arrayBuffer()))
}

function passedOn(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = request.body === undefined ? {} : { 'content-type': 'application/json' }
  // who may do it is for the leader to decide; a signature is over the same bytes
  for (const name of ['authorization', 'x-connect-authorization', 'x-connect-request-signature-algorithm']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
