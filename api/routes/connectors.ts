/**
 * /connectors: creates, lists, changes, pauses, stops and deletes connectors. Paths, bodies, statuses and messages are Kafka Connect's; a
 * body that cannot be used gets a 400 where Kafka Connect responds with 500 (docs/decisions/0001).
 */
import type { FastifyRequest } from 'fastify'
import type { ConnectorInfo, ConnectorStatus, Herder, InitialState } from '../../connect/types.ts'
import { ConnectError } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import {
  configPatch,
  connectorInfo,
  connectorParams,
  connectorStatus,
  errorResponse,
  flag,
  flagSchema,
  forwardQuery,
  noBody,
  type RequestConfig,
  requestConfig,
  responseConfig,
  wholeConfig,
} from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

const tags = ['Connectors']
const leaderOnly = { type: 'object', properties: forwardQuery } as const
const refused = { 404: errorResponse, 409: errorResponse } as const
const initialStates = ['RUNNING', 'PAUSED', 'STOPPED'] as const satisfies readonly InitialState[]

export default defineResource({
  tag: 'Connectors',
  order: 1,
  doc: 'Create, list, change, pause, stop and delete connectors',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Querystring: { expand?: string | string[] } }>(
      '/connectors',
      {
        schema: {
          tags,
          summary: 'List the connectors, with their status and info if expand is set',
          querystring: {
            type: 'object',
            properties: {
              expand: {
                type: 'array',
                items: { type: 'string', enum: ['status', 'info'] },
                description: 'Return each connector with its status, its info or both',
              },
            },
          },
          response: {
            200: {
              description: 'The names; with `expand` an object with the `status` and the `info` of each name',
              oneOf: [
                { type: 'array', items: { type: 'string' } },
                {
                  type: 'object',
                  additionalProperties: { type: 'object', properties: { status: connectorStatus, info: connectorInfo } },
                },
              ],
            },
          },
        },
      },
      async ({ query }) => (query.expand === undefined ? worker.connectors() : expanded(worker, [query.expand].flat())),
    )

    app.post<{ Body: { name?: string | number | boolean | null; config: RequestConfig; initial_state?: string | null } }>(
      '/connectors',
      {
        config: { numbersAsText: true },
        schema: {
          tags,
          summary: 'Create a connector',
          querystring: leaderOnly,
          body: {
            type: 'object',
            required: ['config'],
            additionalProperties: false,
            properties: {
              name: { type: ['string', 'number', 'boolean', 'null'], description: 'The name of the connector' },
              config: requestConfig,
              initial_state: { type: ['string', 'null'], description: 'RUNNING (the default), PAUSED or STOPPED' },
            },
            examples: [{ name: 'lines', config: requestConfig.examples[0], initial_state: 'RUNNING' }],
          },
          response: { 201: connectorInfo, 400: errorResponse, 409: errorResponse },
        },
      },
      async (request, reply) => {
        const name = String(request.body.name ?? '').trim()
        const config = withName(name, wholeConfig(request.body.config))
        const info = await worker.create(name, config, initialState(request.body.initial_state))
        return reply.code(201).header('Location', location(request, name)).send(info)
      },
    )

    app.get<Named>(
      '/connectors/:connector',
      {
        schema: {
          tags,
          summary: 'Get a connector, its config and its tasks',
          params: connectorParams,
          response: { 200: connectorInfo, ...refused },
        },
      },
      async ({ params }) => worker.info(params.connector),
    )

    app.delete<Named>(
      '/connectors/:connector',
      {
        schema: {
          tags,
          summary: 'Delete a connector; its committed offsets are kept',
          params: connectorParams,
          querystring: leaderOnly,
          response: { 204: noBody('Deleted'), ...refused },
        },
      },
      async ({ params }, reply) => {
        await worker.delete(params.connector)
        return reply.code(204).send()
      },
    )

    app.get<Named>(
      '/connectors/:connector/config',
      {
        schema: {
          tags,
          summary: 'Get the config of a connector; references to secrets are not resolved',
          params: connectorParams,
          response: { 200: { ...responseConfig, description: 'The config' }, ...refused },
        },
      },
      async ({ params }) => worker.config(params.connector),
    )

    app.put<Named & { Body: RequestConfig }>(
      '/connectors/:connector/config',
      {
        config: { numbersAsText: true },
        schema: {
          tags,
          summary: 'Create a connector, or replace its config',
          params: connectorParams,
          querystring: leaderOnly,
          body: requestConfig,
          response: { 200: connectorInfo, 201: connectorInfo, 400: errorResponse, 409: errorResponse },
        },
      },
      async (request, reply) => {
        const name = request.params.connector
        const { created, info } = await worker.putConfig(name, withName(name, wholeConfig(request.body)))
        if (created) reply.code(201).header('Location', location(request, name))
        return reply.send(info)
      },
    )

    app.patch<Named & { Body: RequestConfig }>(
      '/connectors/:connector/config',
      {
        config: { numbersAsText: true },
        schema: {
          tags,
          summary: 'Change some settings of a connector; null removes a setting',
          params: connectorParams,
          querystring: leaderOnly,
          body: requestConfig,
          response: { 200: connectorInfo, 400: errorResponse, ...refused },
        },
      },
      async ({ params, body }) => worker.patchConfig(params.connector, configPatch(body)),
    )

    app.get<Named>(
      '/connectors/:connector/status',
      {
        schema: {
          tags,
          summary: 'Get the states of a connector and its tasks',
          params: connectorParams,
          response: { 200: connectorStatus, 404: errorResponse },
        },
      },
      async ({ params }) => worker.status(params.connector),
    )

    for (const [verb, summary, code] of [
      ['pause', 'Pause a connector and its tasks until it is resumed', 202],
      ['resume', 'Resume a paused or stopped connector', 202],
      ['stop', 'Stop a connector: its tasks end; its config and its committed offsets are kept', 204],
    ] as const) {
      app.put<Named>(
        `/connectors/:connector/${verb}`,
        {
          schema: { tags, summary, params: connectorParams, response: { [code]: noBody('Accepted'), ...refused } },
        },
        async ({ params }, reply) => {
          await worker[verb](params.connector)
          return reply.code(code).send()
        },
      )
    }

    app.post<Named & { Querystring: { includeTasks?: string; onlyFailed?: string } }>(
      '/connectors/:connector/restart',
      {
        schema: {
          tags,
          summary: 'Restart a connector, and its tasks with includeTasks=true',
          params: connectorParams,
          querystring: {
            type: 'object',
            properties: {
              includeTasks: flagSchema('Restart the tasks too', false),
              onlyFailed: flagSchema('Restart only what has failed', false),
              ...forwardQuery,
            },
          },
          response: { 202: connectorStatus, 204: noBody('The connector restarts, without its tasks'), ...refused },
        },
      },
      async ({ params, query }, reply) => {
        const options = { includeTasks: flag(query.includeTasks), onlyFailed: flag(query.onlyFailed) }
        const plan = await worker.restart(params.connector, options)
        return plan === null ? reply.code(204).send() : reply.code(202).send(plan)
      },
    )
  },
})

/** Skips a connector that is deleted meanwhile, and ignores unknown values of `expand`. */
function expanded(worker: Herder, parts: readonly string[]) {
  const entries: [string, { status?: ConnectorStatus; info?: ConnectorInfo }][] = []
  for (const name of worker.connectors()) {
    try {
      entries.push([
        name,
        {
          ...(parts.includes('status') ? { status: worker.status(name) } : {}),
          ...(parts.includes('info') ? { info: worker.info(name) } : {}),
        },
      ])
    } catch (error) {
      if (!(error instanceof ConnectError && error.status === 404)) throw error
    }
  }
  return Object.fromEntries(entries)
}

/** The config with the name in it; another name in the config is an error. */
function withName(name: string, config: Record<string, string>): Record<string, string> {
  if (config.name !== undefined && config.name !== name) {
    throw new ConnectError(400, `Connector name configuration (${config.name}) doesn't match connector name in the URL (${name})`)
  }
  return { ...config, name }
}

function initialState(text: string | null | undefined): InitialState {
  if (text === null || text === undefined) return 'RUNNING'
  const state = initialStates.find((name) => name === text.toUpperCase())
  if (state === undefined) throw new ConnectError(400, `"initial_state" must be one of ${initialStates.join(', ')}, not ${text}.`)
  return state
}

const location = (request: FastifyRequest, name: string) => `${request.protocol}://${request.host}/connectors/${encodeURIComponent(name)}`
