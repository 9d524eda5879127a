/**
 * A path that exists answers 405 to a method that it does not take, and OPTIONS with those that it takes. Derived from the routes: register
 * this before them, and call what it gives after the last.
 */
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { answerError } from './error-envelope.ts'

const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const

export function allowedMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  app.addHook('onRoute', (route) => {
    const methods = taken.get(route.url) ?? new Set<string>()
    for (const method of [route.method].flat()) methods.add(method.toUpperCase())
    taken.set(route.url, methods)
  })
  return () => {
    for (const [url, methods] of [...taken]) {
      const allow = [...methods, 'OPTIONS'].join(', ')
      const others = known.filter((method) => method !== 'OPTIONS' && !methods.has(method)) as HTTPMethods[]
      app.route({
        method: 'OPTIONS',
        url,
        schema: { hide: true },
        handler: async (_request, reply) => reply.header('Allow', allow).send(allow),
      })
      app.route({
        method: others,
        url,
        schema: { hide: true },
        // before a body is read: what it holds does not matter
        onRequest: async (_request, reply) => answerError(reply.header('Allow', allow), 405, 'HTTP 405 Method Not Allowed'),
        handler: async (_request, reply) => reply,
      })
    }
  }
}
