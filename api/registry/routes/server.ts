/**
 * The registry itself: contexts, its version and the id of its cluster, and the metrics of the process. Confluent's registry has no metrics
 * over HTTP; these are in Prometheus' format.
 */
import type { FastifyInstance } from 'fastify'
import { decideDeleteContext, listContexts, normalizeSubject, prefixOfContext } from '../../../registry/index.ts'
import metrics from '../../routes/metrics.ts'
import { page, paging, type Query, queryDocs, text } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { params, responses } from '../registry-schemas.ts'

const tags = ['Server']

export function contextRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context, config } = registry
  const limits = { default: config['context.search.default.limit'], max: config['context.search.max.limit'] }
  app.get<{ Querystring: Query }>(
    '/contexts',
    {
      schema: {
        tags: ['Contexts'],
        summary: 'List the contexts',
        querystring: queryDocs({ contextPrefix: 'Only contexts that begin with it', ...paging }),
        response: responses('The contexts'),
      },
    },
    async (request, reply) => {
      const { query } = request
      const prefix = text(query, 'contextPrefix')
      const contexts = listContexts(context).filter((name) => name.startsWith(prefix))
      return sendJson(request, reply, page(query, contexts, limits))
    },
  )
  app.delete<{ Params: { context: string } }>(
    '/contexts/:context',
    {
      config: { writes: 'delete context' },
      schema: {
        tags: ['Contexts'],
        summary: 'Delete a context that has no subjects',
        params: params('context'),
        response: { 204: { description: 'Deleted', type: 'null' }, ...responses('', 422) },
      },
    },
    async (request, reply) => {
      const given = request.params.context
      const subject = normalizeSubject(prefixOfContext(given) ?? given)
      await registry.write((now) => decideDeleteContext(now, subject))
      return reply.code(204).send()
    },
  )
}

export function serverRoutes(app: FastifyInstance, { registry, system, version }: RegistryServices): void {
  for (const method of ['GET', 'POST'] as const)
    app.route({
      method,
      url: '/',
      schema: { tags, summary: 'Check that the registry responds', response: responses('An empty object') },
      handler: async (request, reply) => sendJson(request, reply, {}),
    })
  app.get(
    '/v1/metadata/id',
    { schema: { tags, summary: 'Get the ids of the Kafka cluster and of the registry', response: responses('The ids') } },
    async (request, reply) =>
      sendJson(request, reply, {
        id: '',
        scope: {
          path: [],
          clusters: {
            'kafka-cluster': await registry.clusterId,
            'schema-registry-cluster': registry.config['schema.registry.group.id'],
          },
        },
      }),
  )
  app.get(
    '/v1/metadata/version',
    { schema: { tags, summary: 'Get the version of the registry', response: responses('The version') } },
    async (request, reply) => sendJson(request, reply, { version, commitId: 'unknown' }),
  )
  metrics.register(app, { system, version })
}
