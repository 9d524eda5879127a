/**
 * /associations: which subjects a resource, such as a topic, is associated with. A serializer with AssociatedNameStrategy asks for them,
 * and whoever creates topics writes them.
 */
import type { FastifyInstance } from 'fastify'
import {
  type AssociationFilter,
  associationAnswer,
  checkAssociations,
  checkRegisterRequest,
  contextOf,
  decideAssociations,
  decideDeleteAssociations,
  decideDeleteSubject,
  decideRegister,
  type Lifecycle,
  lifecycles,
  normalizeSubject,
  prefixOfContext,
  type RequestKind,
  readAssociationRequest,
  registeredAnswer,
  SchemaRegistryError,
  TOPIC,
} from '../../../registry/index.ts'
import { isSet, page, paging, type Query, queryDocs, text, texts } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { associationsBody, params, responses } from '../registry-schemas.ts'

interface BySubject {
  Params: { subject: string }
  Querystring: Query
}
interface ById {
  Params: { resourceId: string }
  Querystring: Query
}
interface ByName {
  Params: { namespace: string; name: string }
  Querystring: Query
}

const tags = ['Associations']
const filters = {
  resourceType: 'The type of the resource: topic',
  associationType: 'Only associations of these types: key, value',
  lifecycle: 'Only associations with this lifecycle: STRONG or WEAK',
} as const
const dryRun = { dryRun: 'Whether the request is only checked' } as const

function filterOf(query: Query): AssociationFilter {
  const given = text(query, 'lifecycle')
  const lifecycle = lifecycles.find((name) => name === given) ?? null
  if (given !== '' && lifecycle === null) throw new SchemaRegistryError(404, 404, 'HTTP 404 Not Found')
  return { resourceType: text(query, 'resourceType') || TOPIC, associationTypes: texts(query, 'associationType'), lifecycle }
}

export function associationRoutes(app: FastifyInstance, services: RegistryServices): void {
  const { context, config } = services.registry
  const { associations } = context.image
  const limits = { default: config['schema.search.default.limit'], max: config['schema.search.max.limit'] }
  const list = (query: Query, found: ReturnType<typeof associations.ofSubject>) => page(query, found, limits).map(associationAnswer)
  const docs = (summary: string, ...names: string[]) => ({
    tags,
    summary,
    params: params(...names),
    querystring: queryDocs({ ...filters, ...paging }),
    response: responses('The associations'),
  })

  app.get<BySubject>(
    '/associations/subjects/:subject',
    { schema: docs('List the associations of a subject', 'subject') },
    async (request, reply) => {
      const found = associations.ofSubject(normalizeSubject(request.params.subject), filterOf(request.query))
      return sendJson(request, reply, list(request.query, found))
    },
  )

  app.get<ById>(
    '/associations/resources/:resourceId',
    { schema: docs('List the associations of a resource by its id', 'resourceId') },
    async (request, reply) => {
      const found = associations.ofResourceId(request.params.resourceId, filterOf(request.query))
      return sendJson(request, reply, list(request.query, found))
    },
  )

  app.get<ByName>(
    '/associations/resources/:namespace/:name',
    { schema: docs('List the associations of a resource by its name; - is any namespace, or any name', 'namespace', 'name') },
    async (request, reply) => {
      const { namespace, name } = request.params
      return sendJson(request, reply, list(request.query, associations.ofResource(namespace, name, filterOf(request.query))))
    },
  )

  writingRoutes(app, services)
}

function writingRoutes(app: FastifyInstance, { registry, system }: RegistryServices): void {
  const newGuid = () => {
    const hex = system.random.bytes(16).toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }

  /** The schemas of a request are registered one after another, and its associations written after the last one. */
  const associate = async (body: unknown, query: Query, resourceId: string | null, isCreate: boolean) => {
    const kind: RequestKind = { isCreate, dryRun: isSet(query, 'dryRun') }
    const request = readAssociationRequest(body, resourceId, kind)
    const given = text(query, 'context')
    const scope = contextOf(given.startsWith(':') ? given : (prefixOfContext(given) ?? ''))
    const toRegister = await registry.write((now) => ({ records: [], answer: checkAssociations(now, request, kind, scope) }))
    const { resourceName, resourceNamespace, resourceId: id, resourceType } = request
    const answer = { resourceName, resourceNamespace, ...(id === null ? {} : { resourceId: id }), resourceType }
    if (kind.dryRun) return answer
    const registered = new Map<string, object>()
    for (const { associationType, subject, schema, normalize } of toRegister) {
      const requested = checkRegisterRequest(subject, schema)
      const made = await registry.write((now) => decideRegister(now, subject, requested, { normalize, force: false }))
      registered.set(associationType, { subject, ...registeredAnswer(made) })
    }
    const made = await registry.write((now) => decideAssociations(now, request, kind, scope, newGuid))
    if (made.length === 0) return answer
    return {
      ...answer,
      associations: made.map(({ subject, associationType, lifecycle, frozen }) => {
        const schema = registered.get(associationType)
        return { subject, associationType, lifecycle, frozen, ...(schema ? { schema } : {}) }
      }),
    }
  }

  app.post<{ Querystring: Query; Body: unknown }>(
    '/associations',
    {
      config: { writes: 'create association' },
      schema: {
        tags,
        summary: 'Create associations of a resource, and register their schemas',
        querystring: queryDocs({ context: 'The context of subjects that name none', ...dryRun }),
        body: associationsBody,
        response: responses('The associations that were written', 409, 422),
      },
    },
    async (request, reply) => sendJson(request, reply, await associate(request.body, request.query, null, true)),
  )

  app.put<ById & { Body: unknown }>(
    '/associations/resources/:resourceId',
    {
      config: { writes: 'create or update association' },
      schema: {
        tags,
        summary: 'Create or change associations of a resource',
        params: params('resourceId'),
        querystring: queryDocs({ context: 'The context of subjects that name none', ...dryRun }),
        body: associationsBody,
        response: responses('The associations that were written', 409, 422),
      },
    },
    async (request, reply) => sendJson(request, reply, await associate(request.body, request.query, request.params.resourceId, false)),
  )

  app.delete<ById>(
    '/associations/resources/:resourceId',
    {
      config: { writes: 'delete associations' },
      schema: {
        tags,
        summary: 'Delete associations of a resource',
        params: params('resourceId'),
        querystring: queryDocs({
          resourceType: filters.resourceType,
          associationType: filters.associationType,
          cascadeLifecycle: 'Whether subjects that belong to the resource are deleted for good',
          ...dryRun,
        }),
        response: { 204: { description: 'Deleted', type: 'null' }, ...responses('', 404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { resourceId } = request.params
      const options = { cascades: isSet(request.query, 'cascadeLifecycle'), dryRun: isSet(request.query, 'dryRun') }
      const filter = filterOf(request.query)
      const deleted = await registry.write((now) => decideDeleteAssociations(now, resourceId, filter, options))
      if (options.cascades && !options.dryRun) await deleteSubjects(deleted)
      return reply.code(204).send()
    },
  )

  const deleteSubjects = async (deleted: readonly { subject: string; lifecycle: Lifecycle }[]) => {
    for (const { subject } of deleted.filter(({ lifecycle }) => lifecycle === 'STRONG'))
      for (const permanent of [false, true])
        await registry.write((now) => {
          const isThere = now.image.hasSubjects(subject, permanent)
          return isThere ? decideDeleteSubject(now, subject, permanent) : { records: [], answer: [] }
        })
  }
}
