/**
 * /config and /mode, of the whole registry, of a context and of a subject. A request is read by the decisions of the registry, which know
 * what a field that is null means.
 */
import type { FastifyInstance } from 'fastify'
import {
  type ConfigRequest,
  decideDeleteConfig,
  decideDeleteMode,
  decideSetMode,
  decideUpdateConfig,
  readConfigOf,
  readModeOf,
} from '../../../registry/index.ts'
import { isSet, type Query, queryDocs } from '../query-parameters.ts'
import { sendJson } from '../registry-errors.ts'
import type { RegistryServices } from '../registry-resource.ts'
import { configBody, modeBody, params, responses } from '../registry-schemas.ts'

interface Scope {
  Params: { subject?: string }
  Querystring: Query
}

const scopes = [
  ['', 'of the registry'],
  ['/:subject', 'of a subject or a context'],
] as const
const defaultToGlobal = { defaultToGlobal: 'Whether the one in scope is returned where there is none' } as const

export function configRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context } = registry
  const tags = ['Config']
  for (const [path, whose] of scopes) {
    const scope = path === '' ? {} : { params: params('subject') }
    app.get<Scope>(
      `/config${path}`,
      {
        schema: {
          tags,
          ...scope,
          summary: `Get the config ${whose}`,
          querystring: queryDocs(defaultToGlobal),
          response: responses('The config', 404),
        },
      },
      async (request, reply) =>
        sendJson(request, reply, readConfigOf(context, request.params.subject ?? null, isSet(request.query, 'defaultToGlobal'))),
    )
    app.put<Scope & { Body: ConfigRequest }>(
      `/config${path}`,
      {
        config: { writes: 'update config' },
        schema: { tags, ...scope, summary: `Update the config ${whose}`, body: configBody, response: responses('The config', 422) },
      },
      async (request, reply) =>
        sendJson(request, reply, await registry.write((now) => decideUpdateConfig(now, request.params.subject ?? null, request.body))),
    )
    app.delete<Scope>(
      `/config${path}`,
      {
        config: { writes: 'delete config' },
        schema: { tags, ...scope, summary: `Delete the config ${whose}`, response: responses('The config as it was', 404) },
      },
      async (request, reply) =>
        sendJson(request, reply, await registry.write((now) => decideDeleteConfig(now, request.params.subject ?? null))),
    )
  }
}

export function modeRoutes(app: FastifyInstance, { registry }: RegistryServices): void {
  const { context } = registry
  const tags = ['Mode']
  for (const [path, whose] of scopes) {
    const scope = path === '' ? {} : { params: params('subject') }
    app.get<Scope>(
      `/mode${path}`,
      {
        schema: {
          tags,
          ...scope,
          summary: `Get the mode ${whose}`,
          querystring: queryDocs(defaultToGlobal),
          response: responses('The mode', 404),
        },
      },
      async (request, reply) =>
        sendJson(request, reply, readModeOf(context, request.params.subject ?? null, isSet(request.query, 'defaultToGlobal'))),
    )
    app.put<Scope & { Body: { mode?: string | null } }>(
      `/mode${path}`,
      {
        config: { writes: 'update mode' },
        schema: {
          tags,
          ...scope,
          summary: `Set the mode ${whose}`,
          querystring: queryDocs({ force: 'Whether IMPORT is set although there are schemas' }),
          body: modeBody,
          response: responses('The mode', 422),
        },
      },
      async (request, reply) => {
        const force = isSet(request.query, 'force')
        return sendJson(
          request,
          reply,
          await registry.write((now) => decideSetMode(now, request.params.subject ?? null, request.body, force)),
        )
      },
    )
    app.delete<Scope>(
      `/mode${path}`,
      {
        config: { writes: 'delete mode' },
        schema: {
          tags,
          ...scope,
          summary: `Delete the mode ${whose}`,
          querystring: queryDocs({ recursive: 'Whether also the modes of all subjects of a context are deleted' }),
          response: responses('The mode as it was', 404, 422),
        },
      },
      async (request, reply) => {
        const recursive = isSet(request.query, 'recursive')
        return sendJson(request, reply, await registry.write((now) => decideDeleteMode(now, request.params.subject ?? null, recursive)))
      },
    )
  }
}
