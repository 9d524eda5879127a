/**
 * Reads JSON bodies. Nothing where JSON is announced is no body, as Kafka Connect has it; what is not JSON is refused with the place
 * (docs/decisions/0001). The bytes of internal requests stay beside the value, since their signature is over the bytes.
 */
import type { FastifyInstance } from 'fastify'
import { ConnectError } from '../../connect/types.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes; only where the route's config asks for them by `rawBody: true`. */
    rawBody: Buffer | null
  }
  interface FastifyContextConfig {
    rawBody?: boolean
    /** Numbers of the body come as they are spelt: `1.10` and twenty digits are texts to whoever takes texts. */
    spelledNumbers?: boolean
  }
}

export function jsonBody(app: FastifyInstance): void {
  app.decorateRequest('rawBody', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: import('fastify').FastifyRequest, body: Buffer) => {
    const { rawBody, spelledNumbers } = request.routeOptions.config
    if (rawBody) request.rawBody = body
    if (body.length === 0) return undefined
    const text = body.toString('utf8').replace(/^\uFEFF/, '')
    const value = parse(text)
    return spelledNumbers ? spelled(text, value) : value
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConnectError(400, `The body is not valid JSON: ${complaint((cause as Error).message, text)}.`, { cause })
  }
}

/** Where some number would be shown in another spelling, the value with all of them as texts. */
function spelled(text: string, value: unknown): unknown {
  if (!/[:,[]\s*-?\d/.test(text)) return value
  try {
    return JSON.parse(text, ((_key: string, part: unknown, { source }: { source?: string }) =>
      typeof part === 'number' ? source : part) as (key: string, value: unknown) => unknown)
  } catch (error) {
    // so deep that only the plain way through it has room; the route's schema takes nothing of the kind
    if (error instanceof RangeError) return value
    throw error
  }
}

/** The engine's sentence may quote the body, and bodies hold secrets: only the place is told, or the one character that is wrong. */
function complaint(message: string, text: string): string {
  const position = /position (\d+)/.exec(message)?.[1]
  const found = position === undefined ? /^Unexpected token '(.)'/u.exec(message)?.[1] : text[Number(position)]
  if (found === undefined) return 'it ends too early'
  return `unexpected ${JSON.stringify(found)}${position === undefined ? '' : place(text, Number(position))}`
}

function place(text: string, position: number): string {
  const line = text.slice(0, position).split('\n').length
  const column = position - text.lastIndexOf('\n', position - 1)
  return ` at line ${line}, column ${column}`
}
