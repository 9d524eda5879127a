/**
 * /docs: the API's reference page, and /docs/openapi.json beside it, made of the routes' own schemas. What makes them is dear in memory, so
 * it is loaded when somebody asks: a second server with the same routes, which is never listened on, answers for the first.
 */
import type { FastifyInstance } from 'fastify'
import type { Resource } from './resource.ts'

const prefix = '/docs'

export function docsRoutes(app: FastifyInstance, build: () => Promise<FastifyInstance>): void {
  let asked: Promise<FastifyInstance> | undefined
  const answer = async (path: string) => {
    asked ??= build()
    const server = await asked
    return server.inject({ method: 'GET', url: path })
  }
  for (const url of [prefix, `${prefix}/*`]) {
    app.get(url, { schema: { tags: ['Server'], summary: 'This reference', hide: true } }, async (request, reply) => {
      const { statusCode, headers, rawPayload } = await answer(request.url)
      reply.code(statusCode)
      for (const name of ['content-type', 'location', 'etag', 'cache-control']) {
        const value = headers[name]
        if (value !== undefined) reply.header(name, value)
      }
      return reply.send(rawPayload)
    })
  }
  app.addHook('onClose', async () => {
    if (asked) await (await asked).close()
  })
}

/** Has a server's routes described; before they are registered. */
export async function describeRoutes(app: FastifyInstance, version: string, resources: readonly Resource[]): Promise<void> {
  const [{ default: swagger }, { default: reference }] = await Promise.all([
    import('@fastify/swagger'),
    import('@scalar/fastify-api-reference'),
  ])
  const tags = new Map(resources.toSorted((a, b) => a.place - b.place).map(({ tag, doc }) => [tag, doc]))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tributary', version, description: "Kafka Connect's REST API, and what mirrors add to it." },
      // wherever the page was loaded from: its examples name that place
      servers: [{ url: '/' }],
      tags: [...tags].map(([name, description]) => ({ name, description })),
    },
  })
  await app.register(reference, {
    routePrefix: prefix,
    // the page loads nothing from anywhere else: it works where there is no network
    configuration: {
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
