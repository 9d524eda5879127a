/**
 * /schemas: schemas by their id or GUID, and lists of them. A schema that was deleted softly is still found by its id, because records were
 * written with it.
 */
import type { FastifyInstance } from 'fastify'
import {
  getByGuid,
  getById,
  listedAnswer,
  listIdsOfGuid,
  listSchemas,
  listTypes,
  listVersionsOfId,
  SchemaRegistryError,
} from '../../../registry/index.ts'
import { isSet, page, paging, type Query, queryDocs, text, texts } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { findTags, params, responses } from '../registry-schemas.ts'

interface Id {
  Params: { id: string }
  Querystring: Query
}
interface Guid {
  Params: { guid: string }
  Querystring: Query
}

const tags = ['Schemas']
const MAX_ID = 2 ** 31 - 1
const ofSubject = { subject: 'The subject, or the context, whose schema is meant' } as const
const format = { format: 'The format of the schema: resolved for AVRO, serialized for PROTOBUF' } as const

function idOf(given: string): number {
  const id = Number(given)
  if (!/^-?\d+$/.test(given) || Math.abs(id) > MAX_ID) throw new SchemaRegistryError(404, 404, 'HTTP 404 Not Found')
  return id
}

const subjectOf = (query: Query): string | null => (query.subject === undefined ? null : text(query, 'subject'))

export function schemaRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context, config } = registry
  const limits = (name: 'schema' | 'subject' | 'subject.version') => ({
    default: config[`${name}.search.default.limit`],
    max: config[`${name}.search.max.limit`],
  })

  app.get<{ Querystring: Query }>(
    '/schemas',
    {
      schema: {
        tags,
        summary: 'List schemas',
        querystring: queryDocs({
          subjectPrefix: 'Only schemas of subjects that begin with it; `:*:` for those of all contexts',
          aliases: 'Also schemas of subjects that a subject with the prefix is an alias of',
          deleted: 'Also versions that were deleted',
          latestOnly: 'Only the latest version of each subject',
          ruleType: 'Only schemas with a rule of this type',
          ...paging,
        }),
        response: responses('The schemas'),
      },
    },
    async (request, reply) => {
      const { query } = request
      const found = listSchemas(context, {
        prefix: text(query, 'subjectPrefix'),
        deleted: isSet(query, 'deleted'),
        latestOnly: isSet(query, 'latestOnly'),
        aliases: isSet(query, 'aliases'),
        ruleType: text(query, 'ruleType'),
      })
      return sendJson(request, reply, page(query, found, limits('schema')).map(listedAnswer))
    },
  )

  app.get(
    '/schemas/types',
    { schema: { tags, summary: 'List the types of schemas', response: responses('The types') } },
    async (request, reply) => sendJson(request, reply, listTypes()),
  )

  app.get<Id>(
    '/schemas/ids/:id',
    {
      schema: {
        tags,
        summary: 'Get a schema by its id',
        params: params('id'),
        querystring: queryDocs({
          ...ofSubject,
          ...format,
          referenceFormat: 'qualified: references name their context',
          ...findTags,
          fetchMaxId: 'Also the largest id of the context',
        }),
        response: responses('The schema', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const found = getById(context, idOf(request.params.id), {
        subject: subjectOf(query),
        format: text(query, 'format'),
        referenceFormat: text(query, 'referenceFormat'),
        findTags: texts(query, 'findTags'),
        fetchMaxId: isSet(query, 'fetchMaxId'),
      })
      return sendJson(request, reply, found)
    },
  )

  app.get<Id>(
    '/schemas/ids/:id/schema',
    {
      schema: {
        tags,
        summary: 'Get the text of a schema alone',
        params: params('id'),
        querystring: queryDocs({ ...ofSubject, ...format }),
        response: responses('The schema', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const found = getById(context, idOf(request.params.id), { subject: subjectOf(query), format: text(query, 'format') })
      return sendJson(request, reply, found.schema ?? '')
    },
  )

  app.get<Id>(
    '/schemas/ids/:id/subjects',
    {
      schema: {
        tags,
        summary: 'List the subjects that have a schema',
        params: params('id'),
        querystring: queryDocs({ ...ofSubject, deleted: 'Also versions that were deleted', ...paging }),
        response: responses('The subjects', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const versions = listVersionsOfId(context, idOf(request.params.id), subjectOf(query), isSet(query, 'deleted'))
      const subjects = [...new Set(versions.map(({ subject }) => subject))]
      return sendJson(request, reply, page(query, subjects, limits('subject')))
    },
  )

  app.get<Id>(
    '/schemas/ids/:id/versions',
    {
      schema: {
        tags,
        summary: 'List the versions of subjects that have a schema',
        params: params('id'),
        querystring: queryDocs({ ...ofSubject, deleted: 'Also versions that were deleted', ...paging }),
        response: responses('The subjects, each with a version', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const versions = listVersionsOfId(context, idOf(request.params.id), subjectOf(query), isSet(query, 'deleted'))
      return sendJson(request, reply, page(query, versions, limits('subject.version')))
    },
  )

  app.get<Guid>(
    '/schemas/guids/:guid',
    {
      schema: {
        tags,
        summary: 'Get a schema by its GUID',
        params: params('guid'),
        querystring: queryDocs(format),
        response: responses('The schema', 404),
      },
    },
    async (request, reply) => sendJson(request, reply, getByGuid(context, request.params.guid, text(request.query, 'format'))),
  )

  app.get<Guid>(
    '/schemas/guids/:guid/ids',
    {
      schema: {
        tags,
        summary: 'List the ids of a schema, in each context that has it',
        params: params('guid'),
        response: responses('The contexts, each with an id'),
      },
    },
    async (request, reply) => sendJson(request, reply, listIdsOfGuid(context, request.params.guid)),
  )
}
