/**
 * /subjects/{subject}/versions: registers schemas, and reads and deletes the versions of a subject. A schema that is registered already
 * needs no leader.
 */
import type { FastifyInstance } from 'fastify'
import {
  checkRegisterRequest,
  type DecisionContext,
  decideDeleteVersion,
  decideModifyTags,
  decideRegister,
  findRegistered,
  formattedAnswer,
  getVersion,
  listReferencedBy,
  listVersions,
  normalizeSubject,
  normalizes,
  parseVersion,
  registeredAnswer,
  type SchemaRequest,
  type TagsRequest,
  withEarlierTags,
  withRequestedTags,
} from '../../../registry/index.ts'
import { deletedFilter, isSet, page, paging, type Query, queryDocs, text, texts } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { findTags, params, registerBody, responses, tagsBody } from '../registry-schemas.ts'

interface Subject {
  Params: { subject: string }
  Querystring: Query
}
interface Version {
  Params: { subject: string; version: string }
  Querystring: Query
}

const tags = ['Versions']
const deleted = { deleted: 'Also versions that were deleted' } as const
const format = { format: 'The format of the schema: resolved for AVRO, serialized for PROTOBUF' } as const

export function subjectVersionRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context, config } = registry
  const limits = { default: config['subject.version.search.default.limit'], max: config['subject.version.search.max.limit'] }
  const schemaLimits = { default: config['schema.search.default.limit'], max: config['schema.search.max.limit'] }

  app.post<Subject & { Body: SchemaRequest }>(
    '/subjects/:subject/versions',
    {
      config: { writes: 'register schema' },
      schema: {
        tags,
        summary: 'Register a schema under a subject',
        description:
          'A schema that the subject has already keeps its id and version. Another one must be compatible with earlier versions.',
        params: params('subject'),
        querystring: queryDocs({
          normalize: 'Whether the schema is normalized first',
          force: 'Whether compatibility is not checked',
          ...format,
        }),
        body: registerBody,
        response: responses('The id of the schema, and its version', 409, 422, 500),
      },
    },
    async (request, reply) => {
      const { query, body } = request
      const checked = checkRegisterRequest(request.params.subject, body)
      const subject = normalizeSubject(request.params.subject)
      const requestedIn = (now: DecisionContext) => {
        const tagged = withRequestedTags(now, subject, body, checked)
        return body.propagateSchemaTags === true ? withEarlierTags(now, subject, tagged) : tagged
      }
      const normalize = normalizes(context, subject, isSet(query, 'normalize'))
      const existing = findRegistered(context, subject, requestedIn(context), normalize)
      const options = { normalize, force: isSet(query, 'force') }
      const registered = existing ?? (await registry.write((now) => decideRegister(now, subject, requestedIn(now), options)))
      const answer = registeredAnswer(registered)
      const asked = text(query, 'format').trim()
      if (asked !== '') answer.schema = context.parsed.parse(subject, registered, false).formatted(asked)
      return sendJson(request, reply, answer)
    },
  )

  app.get<Subject>(
    '/subjects/:subject/versions',
    {
      schema: {
        tags,
        summary: 'List the versions of a subject',
        params: params('subject'),
        querystring: queryDocs({
          ...deleted,
          deletedOnly: 'Only versions that were deleted',
          deletedAsNegative: 'Versions that were deleted as negative numbers',
          ...paging,
        }),
        response: responses('The versions', 404),
      },
    },
    async (request, reply) => {
      const { query } = request
      const subject = normalizeSubject(request.params.subject)
      const versions = listVersions(context, subject, deletedFilter(query), isSet(query, 'deletedAsNegative'))
      return sendJson(request, reply, page(query, versions, limits))
    },
  )

  const read = (request: Version, withDeleted: boolean) => {
    const subject = normalizeSubject(request.Params.subject)
    return getVersion(context, subject, parseVersion(request.Params.version), withDeleted)
  }

  app.get<Version>(
    '/subjects/:subject/versions/:version',
    {
      schema: {
        tags,
        summary: 'Get a version of a subject',
        params: params('subject', 'version'),
        querystring: queryDocs({ ...format, referenceFormat: 'qualified: references name their context', ...findTags, ...deleted }),
        response: responses('The version, with its id and schema', 404, 422),
      },
    },
    async (request, reply) => {
      const { query } = request
      const stored = read({ Params: request.params, Querystring: query }, isSet(query, 'deleted'))
      const formats = { format: text(query, 'format'), referenceFormat: text(query, 'referenceFormat'), findTags: texts(query, 'findTags') }
      return sendJson(request, reply, formattedAnswer(context, stored, formats))
    },
  )

  app.get<Version>(
    '/subjects/:subject/versions/:version/schema',
    {
      schema: {
        tags,
        summary: 'Get the schema of a version alone',
        params: params('subject', 'version'),
        querystring: queryDocs({ ...format, ...deleted }),
        response: responses('The schema', 404, 422),
      },
    },
    async (request, reply) => {
      const { query } = request
      const stored = read({ Params: request.params, Querystring: query }, isSet(query, 'deleted'))
      return sendJson(request, reply, formattedAnswer(context, stored, { format: text(query, 'format') }).schema ?? '')
    },
  )

  app.get<Version>(
    '/subjects/:subject/versions/:version/referencedby',
    {
      schema: {
        tags,
        summary: 'List the ids of the schemas that reference a version',
        params: params('subject', 'version'),
        querystring: queryDocs({ deleted: 'Also schemas that were deleted', ...paging }),
        response: responses('The ids', 404, 422),
      },
    },
    async (request, reply) => {
      const { query } = request
      const stored = read({ Params: request.params, Querystring: query }, true)
      return sendJson(request, reply, page(query, listReferencedBy(context, stored, isSet(query, 'deleted')), schemaLimits))
    },
  )

  app.post<Version & { Body: TagsRequest }>(
    '/subjects/:subject/versions/:version/tags',
    {
      config: { writes: 'modify schema tags' },
      schema: {
        tags,
        summary: 'Register a version with other tags in its schema, or with other rules, as a new version',
        params: params('subject', 'version'),
        body: tagsBody,
        response: responses('The id of the schema, and its version', 404, 409, 422),
      },
    },
    async (request, reply) => {
      const subject = normalizeSubject(request.params.subject)
      const version = parseVersion(request.params.version)
      const { body } = request
      return sendJson(request, reply, registeredAnswer(await registry.write((now) => decideModifyTags(now, subject, version, body))))
    },
  )

  app.delete<Version>(
    '/subjects/:subject/versions/:version',
    {
      config: { writes: 'delete schema version' },
      schema: {
        tags,
        summary: 'Delete a version of a subject',
        params: params('subject', 'version'),
        querystring: queryDocs({ permanent: 'Whether a version that was deleted before is removed for good' }),
        response: responses('The version that was deleted', 404, 422),
      },
    },
    async (request, reply) => {
      const subject = normalizeSubject(request.params.subject)
      const version = parseVersion(request.params.version)
      const permanent = isSet(request.query, 'permanent')
      return sendJson(request, reply, await registry.write((now) => decideDeleteVersion(now, subject, version, permanent)))
    },
  )
}
