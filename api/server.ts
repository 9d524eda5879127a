/**
 * Builds the REST server and does not listen. The routes are those of `api/routes/`, found by a scan; the hooks around them give every
 * answer Kafka Connect's form. The document of the API is made when somebody asks for it and not before.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { describeRoutes, docsRoutes } from './docs.ts'
import { allowedMethods } from './hooks/allowed-methods.ts'
import { answerTimeout } from './hooks/answer-timeout.ts'
import { compilersFactory } from './hooks/body-validation.ts'
import { browserRequests } from './hooks/browser-requests.ts'
import { AllowedOrigins, type CrossOrigin, crossOrigin } from './hooks/cross-origin.ts'
import { answerBadUrl, answerBrokenRequest, errorEnvelope } from './hooks/error-envelope.ts'
import { jsonBody } from './hooks/json-body.ts'
import { leaderForwarding } from './hooks/leader-forwarding.ts'
import { requestMetrics } from './hooks/request-metrics.ts'
import { type HeaderRule, responseHeaders } from './hooks/response-headers.ts'
import { BODY_LIMIT_BYTES, PATH_PART_LIMIT_CHARACTERS, REQUEST_RECEIVE_TIMEOUT_MS } from './limits.ts'
import { findResources, type Services } from './resource.ts'

export interface ServerOptions extends Services {
  /** `access.control.allow.*`; no page of another origin may call where it is left out. */
  crossOrigin?: CrossOrigin | undefined
  /** Names of this server, beside localhost and IP addresses, under which browsers may call it; `*` for any. */
  ownHosts?: readonly string[] | undefined
  /** `response.http.headers.config` */
  headers?: readonly HeaderRule[] | undefined
  /** Which resources are served, by their tags: those of `admin.listeners` may have a port of their own. All where it is left out. */
  serves?: ((tag: string) => boolean) | undefined
  /** Runs before the routes are there: the API's document hooks in here. */
  beforeRoutes?: ((app: FastifyInstance) => Promise<void>) | undefined
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const { system } = options
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_RECEIVE_TIMEOUT_MS,
    forceCloseConnections: true,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (_error, request, reply) => answerBadUrl(request.url, request, reply),
    schemaController: { compilersFactory: compilersFactory as never },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PATH_PART_LIMIT_CHARACTERS },
  })
  errorEnvelope(app, system)
  jsonBody(app)
  const allowedOrigins = new AllowedOrigins(options.crossOrigin?.origins ?? '')
  browserRequests(app, { allowedOrigins, ownHosts: options.ownHosts ?? [] })
  crossOrigin(app, allowedOrigins, options.crossOrigin?.methods ?? '')
  responseHeaders(app, options.headers ?? [], system)
  requestMetrics(app, system)
  app.register(async (routes) => {
    await options.beforeRoutes?.(routes)
    const finish = allowedMethods(routes)
    leaderForwarding(routes, system)
    answerTimeout(routes, system)
    for (const resource of await findResources(options, options.serves)) resource.register(routes, options)
    if (!options.beforeRoutes) docsRoutes(routes, () => documentedServer(options))
    finish()
  })
  return app
}

/** The same routes with the document made of them, for `/docs` and for tests: ready, and not to be listened on. */
export async function documentedServer(options: ServerOptions): Promise<FastifyInstance> {
  const tags = await findResources(options, options.serves)
  const server = buildServer({ ...options, beforeRoutes: (app) => describeRoutes(app, options.version, tags) })
  await server.ready()
  return server
}
