/**
 * Responds with 405 to a method that a path does not support, and with the supported ones to OPTIONS. Derived from the routes: call this
 * before they are registered, and the function that it returns after the last one.
 */
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { sendError } from './error-envelope.ts'

const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const

export function allowedMethods(app: FastifyInstance): () => void {
  const supported = new Map<string, Set<string>>()
  app.addHook('onRoute', (route) => {
    const methods = supported.get(route.url) ?? new Set<string>()
    for (const method of [route.method].flat()) methods.add(method.toUpperCase())
    supported.set(route.url, methods)
  })
  return () => {
    for (const [url, methods] of [...supported]) {
      const allow = [...methods, 'OPTIONS'].join(', ')
      const unsupported = known.filter((method) => method !== 'OPTIONS' && !methods.has(method)) as HTTPMethods[]
      app.route({
        method: 'OPTIONS',
        url,
        schema: { hide: true },
        handler: async (_request, reply) => reply.header('Allow', allow).send(allow),
      })
      app.route({
        method: unsupported,
        url,
        schema: { hide: true },
        // In onRequest, so that no body is read.
        onRequest: async (_request, reply) => sendError(reply.header('Allow', allow), 405, 'HTTP 405 Method Not Allowed'),
        handler: async (_request, reply) => reply,
      })
    }
  }
}
