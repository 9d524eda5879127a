/** /compatibility: whether a schema could be registered under a subject. */
import type { FastifyInstance } from 'fastify'
import { checkCompatibility, normalizeSubject, parseVersion, type SchemaRequest, versionsToCheck } from '../../../registry/index.ts'
import { isSet, type Query, queryDocs } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { params, registerBody, responses } from '../registry-schemas.ts'

interface Check {
  Params: { subject: string; version?: string }
  Querystring: Query
  Body: SchemaRequest
}

const tags = ['Compatibility']

export function compatibilityRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context } = registry
  for (const [url, names, against] of [
    ['/compatibility/subjects/:subject/versions', ['subject'], 'the versions of a subject, as its compatibility level says'],
    ['/compatibility/subjects/:subject/versions/:version', ['subject', 'version'], 'one version of a subject'],
  ] as const)
    app.post<Check>(
      url,
      {
        schema: {
          tags,
          summary: `Check the compatibility of a schema with ${against}`,
          params: params(...names),
          querystring: queryDocs({ verbose: 'Whether the answer says why not', normalize: 'Whether the schema is normalized first' }),
          body: registerBody,
          response: responses('Whether it is compatible', 404, 422),
        },
      },
      async (request, reply) => {
        const subject = normalizeSubject(request.params.subject)
        const { version } = request.params
        const versions = versionsToCheck(context, subject, version === undefined ? null : parseVersion(version))
        const verbose = isSet(request.query, 'verbose')
        const options = { normalize: isSet(request.query, 'normalize'), verbose }
        const messages = await registry.check((now) => checkCompatibility(now, subject, request.body, versions, options))
        return sendJson(request, reply, { is_compatible: messages.length === 0, ...(verbose ? { messages } : {}) })
      },
    )
}
