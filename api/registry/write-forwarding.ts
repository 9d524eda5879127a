/**
 * A follower forwards to the leader what only the leader may do, with Confluent's header `X-Forward`, and returns its response. One hop: an
 * instance that gets a forwarded request and is not the leader says that it knows none. A request that did not reach a leader waits for
 * the next one.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { InterWorkerClient, RestResponse } from '../../core/network/inter-worker-client.ts'
import type { System } from '../../core/system/index.ts'
import { forwardingFailed, NotRegistryLeader, type SchemaRegistry, SchemaRegistryError, unknownLeader } from '../../registry/index.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the request does, for the error where it cannot be forwarded. */
    writes?: string
  }
}

const FORWARD_HEADER = 'x-forward'
const forwarded = ['content-type', 'accept', 'authorization', 'x-request-id', 'confluent-accept-unknown-properties']

export interface ForwardingOptions {
  readonly client: InterWorkerClient
  readonly registry: Pick<SchemaRegistry, 'readToEnd' | 'leaderAfter'>
  /** `inter.instance.headers.whitelist`. */
  readonly headers: readonly string[]
  readonly system: Pick<System, 'logger'>
}

export function writeForwarding(app: FastifyInstance, options: ForwardingOptions): void {
  const reach = new LeaderReach(options.system.logger)
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      let hasWaited = false
      for (;;) {
        try {
          return await handler.call(this, request, reply)
        } catch (error) {
          if (!(error instanceof NotRegistryLeader)) throw error
          try {
            return await forward(request, reply, error.leaderUrl, options, reach)
          } catch (failure) {
            if (hasWaited || !canRepeat(request, failure) || !(await options.registry.leaderAfter(error.leaderUrl))) throw failure
            hasWaited = true
          }
        }
      }
    }
  })
}

/** What the leader did not get, or what has the same answer the second time. */
function canRepeat(request: FastifyRequest, failure: unknown): boolean {
  if (request.raw.socket.destroyed) return false
  const codes: unknown[] = []
  for (let cause = failure; cause instanceof Error; cause = cause.cause) codes.push((cause as NodeJS.ErrnoException).code)
  return codes.includes('ECONNREFUSED') || (codes.includes('ECONNRESET') && request.routeOptions.config.writes === 'register schema')
}

/** Whether the leader responds: what is logged is that it does not any more, and not each request that fails until then. */
class LeaderReach {
  readonly #logger: System['logger']
  #lost: string | null = null

  constructor(logger: System['logger']) {
    this.#logger = logger
  }

  failed(leader: string, err: unknown): void {
    if (this.#lost === leader) return
    this.#lost = leader
    this.#logger.error(
      { err, leader },
      'the leader of the registry cannot be reached: writes fail here until it responds, or another one leads',
    )
  }

  responded(leader: string): void {
    if (this.#lost === null) return
    this.#lost = null
    this.#logger.info({ leader }, 'the leader of the registry responds')
  }
}

async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  leaderUrl: string,
  { client, registry, headers, system }: ForwardingOptions,
  reach: LeaderReach,
): Promise<FastifyReply> {
  if (request.headers[FORWARD_HEADER] !== undefined) throw unknownLeader()
  // Only the path and the query come from the request: a host in it must not decide where the request goes.
  const url = new URL(leaderUrl)
  const requested = new URL(request.raw.url ?? request.url, 'http://path.only')
  if (requested.pathname.split('/').length !== request.raw.url!.split('?', 1)[0]!.split('/').length)
    throw new SchemaRegistryError(
      400,
      400,
      'A path with "." or ".." in it cannot be forwarded to the leader. Send the request to the leader.',
    )
  url.pathname = requested.pathname
  url.search = requested.search
  const disconnected = new AbortController()
  reply.raw.once('close', () => disconnected.abort())
  system.logger.debug({ method: request.method, leader: url.origin, path: url.pathname }, 'forwarding a registry request to the leader')

  let response: RestResponse
  try {
    response = await client.request(url, {
      method: request.method,
      headers: { ...headersOf(request, headers), [FORWARD_HEADER]: 'true' },
      body: request.rawBody,
      signal: disconnected.signal,
    })
  } catch (cause) {
    if (!disconnected.signal.aborted) reach.failed(url.origin, cause)
    const what = request.routeOptions.config.writes ?? 'the'
    throw forwardingFailed(`Error while forwarding ${what} request to the leader`, cause)
  }
  reach.responded(url.origin)
  if (response.status < 300) await registry.readToEnd()
  const type = response.headers['content-type']
  if (typeof type === 'string') reply.header('content-type', type)
  return reply.code(response.status).send(response.body)
}

function headersOf(request: FastifyRequest, more: readonly string[]): Record<string, string> {
  const names = [...forwarded, ...more.map((name) => name.toLowerCase())]
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = request.headers[name]
      return typeof value === 'string' && value.trim() !== '' ? [[name, value]] : []
    }),
  )
}
