/**
 * Reads JSON bodies. An empty body counts as none, as in Kafka Connect; invalid JSON is refused with its line and column
 * (docs/decisions/0001). The signature of internal requests is over the bytes: these are checked before they are parsed, and kept beside
 * the value.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ConnectError } from '../../connect/types.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of the body; only for routes whose config says `rawBody: true`. */
    rawBody: Buffer | null
  }
  interface FastifyContextConfig {
    rawBody?: boolean
    /** Throws where the bytes of the body are refused, before they are parsed. */
    checkBytes?: (request: FastifyRequest, body: Buffer) => void
    /** Keeps numbers as the text of the body, for values that become text: `1.10`, or twenty digits. */
    numbersAsText?: boolean
  }
}

export function jsonBody(app: FastifyInstance): void {
  app.decorateRequest('rawBody', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const { rawBody, checkBytes, numbersAsText } = request.routeOptions.config
    if (rawBody) request.rawBody = body
    checkBytes?.(request, body)
    if (body.length === 0) return undefined
    const text = body.toString('utf8').replace(/^\uFEFF/, '')
    const value = parse(text)
    return numbersAsText ? withNumbersAsText(text, value) : value
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConnectError(400, `The body is not valid JSON: ${syntaxError((cause as Error).message, text)}.`, { cause })
  }
}

/** The value with every number as the text that the body has for it. */
function withNumbersAsText(text: string, value: unknown): unknown {
  if (!/[:,[]\s*-?\d/.test(text)) return value
  try {
    return JSON.parse(text, ((_key: string, part: unknown, { source }: { source?: string }) =>
      typeof part === 'number' ? source : part) as (key: string, value: unknown) => unknown)
  } catch (error) {
    // Nested too deeply for a reviver; the schema of the route refuses such a value.
    if (error instanceof RangeError) return value
    throw error
  }
}

/** V8's message may quote the body, and bodies contain secrets: only the position and the wrong character are reported. */
function syntaxError(message: string, text: string): string {
  const position = /position (\d+)/.exec(message)?.[1]
  const character = position === undefined ? /^Unexpected token '(.)'/u.exec(message)?.[1] : text[Number(position)]
  if (character === undefined) return 'it ends too early'
  return `unexpected ${JSON.stringify(character)}${position === undefined ? '' : lineAndColumn(text, Number(position))}`
}

function lineAndColumn(text: string, position: number): string {
  const line = text.slice(0, position).split('\n').length
  const column = position - text.lastIndexOf('\n', position - 1)
  return ` at line ${line}, column ${column}`
}
