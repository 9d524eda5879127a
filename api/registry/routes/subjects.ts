/**
 * /subjects and /subjects/{subject}: lists subjects, looks up the version with a schema under one, finds versions by their metadata, and
 * deletes a subject.
 */
import type { FastifyInstance } from 'fastify'
import {
  ALL_CONTEXTS,
  decideDeleteSubject,
  formattedAnswer,
  latestWithMetadata,
  listSubjects,
  lookUpSchema,
  lookupAnswer,
  normalizeSubject,
  type SchemaRequest,
} from '../../../registry/index.ts'
import { deletedFilter, isSet, page, paging, type Query, queryDocs, text, texts } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { params, registerBody, responses } from '../registry-schemas.ts'

interface Subject {
  Params: { subject: string }
  Querystring: Query
}

const tags = ['Subjects']

export function subjectRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context, config } = registry
  const limits = { default: config['subject.search.default.limit'], max: config['subject.search.max.limit'] }

  app.get<{ Querystring: Query }>(
    '/subjects',
    {
      schema: {
        tags,
        summary: 'List the subjects',
        querystring: queryDocs({
          subjectPrefix: 'Only subjects that begin with it; `:*:` for those of all contexts, which is the default',
          deleted: 'Also subjects that were deleted',
          deletedOnly: 'Only subjects that were deleted',
          ...paging,
        }),
        response: responses('The subjects'),
      },
    },
    async (request, reply) => {
      const { query } = request
      const prefix = query.subjectPrefix === undefined ? ALL_CONTEXTS : text(query, 'subjectPrefix')
      return sendJson(request, reply, page(query, listSubjects(context, prefix, deletedFilter(query)), limits))
    },
  )

  app.post<Subject & { Body: SchemaRequest }>(
    '/subjects/:subject',
    {
      schema: {
        tags,
        summary: 'Look up the version of a subject that has this schema',
        params: params('subject'),
        querystring: queryDocs({ normalize: 'Whether the schema is normalized first', deleted: 'Also versions that were deleted' }),
        body: registerBody,
        response: responses('The version, with its id', 404, 422),
      },
    },
    async (request, reply) => {
      const { query, body } = request
      const subject = normalizeSubject(request.params.subject)
      const options = { normalize: isSet(query, 'normalize'), deleted: isSet(query, 'deleted') }
      const found = lookUpSchema(context, subject, body, options)
      const { schema } = formattedAnswer(context, found, { format: text(query, 'format') })
      return sendJson(request, reply, { ...lookupAnswer(found), schema })
    },
  )

  app.get<Subject>(
    '/subjects/:subject/metadata',
    {
      schema: {
        tags,
        summary: 'Get the newest version with these properties in its metadata',
        params: params('subject'),
        querystring: queryDocs({ key: 'The name of a property', value: 'Its value', deleted: 'Also versions that were deleted' }),
        response: responses('The version', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const values = texts(query, 'value')
      const wanted = Object.fromEntries(texts(query, 'key').flatMap((key, index) => (index < values.length ? [[key, values[index]!]] : [])))
      const found = latestWithMetadata(context, normalizeSubject(request.params.subject), wanted, isSet(query, 'deleted'))
      return sendJson(request, reply, formattedAnswer(context, found, { format: text(query, 'format') }))
    },
  )

  app.delete<Subject>(
    '/subjects/:subject',
    {
      config: { writes: 'delete subject' },
      schema: {
        tags,
        summary: 'Delete all versions of a subject',
        params: params('subject'),
        querystring: queryDocs({ permanent: 'Whether versions that were deleted before are removed for good' }),
        response: responses('The versions that were deleted', 404, 422),
      },
    },
    async (request, reply) => {
      const subject = normalizeSubject(request.params.subject)
      const permanent = isSet(request.query, 'permanent')
      return sendJson(request, reply, await registry.write((now) => decideDeleteSubject(now, subject, permanent)))
    },
  )
}
