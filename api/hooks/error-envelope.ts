/**
 * Every error response has Kafka Connect's body: `{"error_code": <status>, "message": <sentence>}`. A ConnectError and a MirrorError keep
 * their status; every other error is a 500 whose stack goes to the log and never into the response.
 */
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConnectError } from '../../connect/types.ts'
import type { System } from '../../core/system/index.ts'
import { MirrorError } from '../../mirror/types.ts'
import { BODY_LIMIT_BYTES, REQUEST_RECEIVE_TIMEOUT_MS } from '../limits.ts'

/** Responses to requests that Fastify itself refuses. */
const refusals: Readonly<Record<string, [status: number, message: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'HTTP 415 Unsupported Media Type: send the body as JSON, with Content-Type: application/json'],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, `HTTP 413 Request Entity Too Large: the limit of a body is ${BODY_LIMIT_BYTES} bytes`],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'HTTP 400 Bad Request: the length of the body is not the one in Content-Length'],
  FST_ERR_BAD_URL: [400, 'HTTP 400 Bad Request: the path is not valid percent-encoding'],
}

export function sendError(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).type('application/json').send({ error_code: status, message })
}

export function errorEnvelope(app: FastifyInstance, system: System): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof ConnectError || error instanceof MirrorError) {
      if (error.status >= 500) logFailure(system, request, error)
      return sendError(reply, error.status, error.message)
    }
    const refusal = refusals[error.code]
    if (refusal) return sendError(reply, ...refusal)
    // The code of an error of the system may be a number.
    if (String(error.code).startsWith('FST_') && error.statusCode && error.statusCode < 500) {
      return sendError(reply, error.statusCode, error.message)
    }
    // The client has gone before its body was complete: that is no failure, and anybody can do it as often as they like.
    if (request.raw.destroyed && !request.raw.complete) system.logger.debug({ err: error }, 'the client of a REST request has gone')
    else logFailure(system, request, error)
    return sendError(reply, 500, error.message || 'Unexpected error: see the log of the worker')
  })
  app.setNotFoundHandler((_request, reply) => sendError(reply, 404, 'HTTP 404 Not Found'))
}

function logFailure(system: System, request: FastifyRequest, err: unknown): void {
  // The query is not logged: it may contain secrets.
  system.logger.error({ err, method: request.method, path: request.url.split('?', 1)[0] }, 'REST request failed')
}

/** A path with invalid percent-encoding reaches no route and no login, so that its connection is closed. */
export function sendBadUrlError(_path: string, _request: unknown, reply: { raw?: unknown } & object): void {
  const [status, message] = refusals.FST_ERR_BAD_URL!
  sendError((reply as FastifyReply).header('Connection', 'close'), status, message)
}

const brokenRequests: Readonly<Record<string, [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the path and the headers are longer than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', `the request did not arrive within ${REQUEST_RECEIVE_TIMEOUT_MS / 1000} s`],
}

/** Responds to what the HTTP parser refuses, before there is a request object. */
export function sendParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, why] = brokenRequests[error.code ?? ''] ?? ['400 Bad Request', 'this is not an HTTP request']
  const body = JSON.stringify({ error_code: Number(status.slice(0, 3)), message: `HTTP ${status}: ${why}` })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
