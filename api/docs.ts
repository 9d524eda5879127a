/**
 * /docs: the API's reference page, and /docs/openapi.json, generated from the schemas of the routes. The generator needs much memory, so it
 * is loaded by the first request: a second server with the same routes, which never listens, produces both.
 */
import type { FastifyInstance } from 'fastify'
import { sendError } from './hooks/error-envelope.ts'
import { errorResponse } from './schemas.ts'

const prefix = '/docs'

export function docsRoutes(app: FastifyInstance, build: () => Promise<FastifyInstance>): void {
  let documented: Promise<FastifyInstance> | undefined
  const render = async (path: string) => {
    documented ??= build()
    const server = await documented
    return server.inject({ method: 'GET', url: path })
  }
  for (const url of [prefix, `${prefix}/*`]) {
    app.get(url, { schema: { tags: ['Server'], summary: 'This page', hide: true } }, async (request, reply) => {
      // The server that documents the routes has them all: a path with ".." would lead to them.
      if (!URL.parse(request.url, 'http://docs')?.pathname.startsWith(prefix)) return sendError(reply, 404, 'HTTP 404 Not Found')
      const { statusCode, headers, rawPayload } = await render(request.url)
      reply.code(statusCode)
      for (const name of ['content-type', 'location', 'etag', 'cache-control']) {
        const value = headers[name]
        if (value !== undefined) reply.header(name, value)
      }
      return reply.send(rawPayload)
    })
  }
  app.addHook('onClose', async () => {
    if (documented) await (await documented).close()
  })
}

/** Makes a server generate the document of its routes; call it before they are registered. */
export async function describeRoutes(
  app: FastifyInstance,
  version: string,
  resources: readonly { tag: string; order: number; doc: string }[],
  about = "Kafka Connect's REST API, with routes for mirrors, metrics and health.",
): Promise<void> {
  const [{ default: swagger }, { default: reference }] = await Promise.all([
    import('@fastify/swagger'),
    import('@scalar/fastify-api-reference'),
  ])
  const tags = new Map(resources.toSorted((a, b) => a.order - b.order).map(({ tag, doc }) => [tag, doc]))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tributary', version, description: about },
      // The examples on the page name the server that it was loaded from.
      servers: [{ url: '/' }],
      tags: [...tags].map(([name, description]) => ({ name, description })),
    },
    // Every route may respond with an error: an invalid body, a page of another origin, a timeout.
    transform: ({ schema, url }) => {
      const { response, ...rest } = (schema ?? {}) as { response?: object }
      return { schema: { ...rest, response: { ...response, default: errorResponse } }, url }
    },
  })
  await app.register(reference, {
    routePrefix: prefix,
    // The page loads nothing from other servers: it works without a network.
    configuration: {
      pageTitle: 'Tributary REST API',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
      operationTitleSource: 'path',
    },
  })
}
