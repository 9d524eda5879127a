/**
 * Reads the bodies of the registry's API: JSON, in any of Confluent's media types. The bytes are kept, because a follower forwards them to
 * the leader as they are.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { SchemaRegistryError } from '../../registry/index.ts'
import { MEDIA_TYPES } from './registry-errors.ts'

/** Nesting of a body; metadata and rules need a few levels. */
const MAX_DEPTH = 100

export function registryBody(app: FastifyInstance): void {
  app.decorateRequest('rawBody', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    [...MEDIA_TYPES, 'application/octet-stream'],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      request.rawBody = body
      if (body.length === 0) return undefined
      try {
        return checkDepth(JSON.parse(body.toString('utf8').replace(/^\uFEFF/, '')))
      } catch (cause) {
        if (cause instanceof SchemaRegistryError) throw cause
        throw new SchemaRegistryError(400, 400, 'The body is not valid JSON', { cause })
      }
    },
  )
}

function checkDepth(body: unknown): unknown {
  let level = [body]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw new SchemaRegistryError(400, 400, `The body is nested more than ${MAX_DEPTH} levels deep`)
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  }
  return body
}
