/**
 * Responses of the registry's API: JSON in the media type that the client accepts, and errors as `{"error_code", "message"}` with the codes
 * of Confluent. What only the leader may do is not an error: it is forwarded before it reaches this.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConnectError } from '../../connect/types.ts'
import type { System } from '../../core/system/index.ts'
import { FORWARDING_FAILED, SchemaRegistryError } from '../../registry/index.ts'

/** In the order of preference. */
export const MEDIA_TYPES = ['application/vnd.schemaregistry.v1+json', 'application/vnd.schemaregistry+json', 'application/json'] as const

/** The media type of a response; undefined where the client accepts none of them. */
export function acceptedType(accept: string | undefined): string | undefined {
  if (!accept?.trim()) return MEDIA_TYPES[0]
  const ranges = accept.split(',').flatMap((part) => {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const quality = weight === undefined ? 1 : Number(weight.slice(2))
    return quality > 0 ? [{ range, quality }] : []
  })
  const qualityOf = (type: string) =>
    Math.max(
      0,
      ...ranges.filter(({ range }) => range === type || range === '*/*' || range === 'application/*').map(({ quality }) => quality),
    )
  const best = MEDIA_TYPES.toSorted((a, b) => qualityOf(b) - qualityOf(a))[0]!
  return qualityOf(best) > 0 ? best : undefined
}

/** Sends JSON. A text is sent as it is: it is JSON already, or a schema. */
export function sendJson(request: FastifyRequest, reply: FastifyReply, value: unknown): FastifyReply {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // Of a text Fastify would name the charset, which Confluent does not.
  return reply.type(acceptedType(request.headers.accept) ?? MEDIA_TYPES[0]).send(Buffer.from(text))
}

const sendError = (request: FastifyRequest, reply: FastifyReply, status: number, code: number, message: string) =>
  sendJson(request, reply.code(status), { error_code: code, message })

/** Responses to requests that Fastify itself refuses. */
const refusals: Readonly<Record<string, [status: number, message: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, `HTTP 415 Unsupported Media Type: send the body as ${MEDIA_TYPES[0]} or application/json`],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'HTTP 413 Request Entity Too Large: see size.limit.filter.max.request.body.size'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'HTTP 400 Bad Request: the length of the body is not the one in Content-Length'],
}

export function registryErrors(app: FastifyInstance, system: Pick<System, 'logger'>): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof SchemaRegistryError) {
      // That the leader cannot be reached is logged where it is noticed.
      if (error.status >= 500 && error.code !== FORWARDING_FAILED) logFailure(system, request, error)
      return sendError(request, reply, error.status, error.code, error.message)
    }
    if (error instanceof ConnectError) return sendError(request, reply, error.status, error.status, error.message)
    const refusal = refusals[error.code]
    if (refusal) return sendError(request, reply, refusal[0], refusal[0], refusal[1])
    if (String(error.code).startsWith('FST_') && error.statusCode && error.statusCode < 500)
      return sendError(request, reply, error.statusCode, error.statusCode, error.message)
    // The client has gone before its body was complete: that is no failure, and anybody can do it as often as they like.
    if (request.raw.destroyed && !request.raw.complete) system.logger.debug({ err: error }, 'the client of a registry request has gone')
    else logFailure(system, request, error)
    return sendError(request, reply, 500, 500, error.message || 'Internal Server Error: see the log of the registry')
  })
  app.setNotFoundHandler((request, reply) => sendError(request, reply, 404, 404, 'HTTP 404 Not Found'))
  app.addHook('onRequest', async (request, reply) => {
    const { url } = request.routeOptions
    if (url?.startsWith('/docs') || url === '/metrics' || acceptedType(request.headers.accept) !== undefined) return
    return sendError(request, reply, 406, 406, 'HTTP 406 Not Acceptable')
  })
}

function logFailure({ logger }: Pick<System, 'logger'>, request: FastifyRequest, err: unknown): void {
  logger.error({ err, method: request.method, path: request.url.split('?', 1)[0] }, 'registry request failed')
}
