/**
 * /connectors: create, read, change, pause, stop and delete connectors. Paths, bodies, statuses and sentences are Kafka Connect's; a body
 * that cannot be used is a 400 where Kafka Connect answers 500 (docs/decisions/0001).
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
  errorAnswer,
  flag,
  flagSchema,
  forwardQuery,
  type GivenConfig,
  givenConfig,
  nothing,
  shownConfig,
  wholeConfig,
} from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

const tags = ['Connectors']
const leaderOnly = { type: 'object', properties: forwardQuery } as const
const refused = { 404: errorAnswer, 409: errorAnswer } as const
const initialStates = ['RUNNING', 'PAUSED', 'STOPPED'] as const satisfies readonly InitialState[]

export default defineResource({
  tag: 'Connectors',
  place: 1,
  doc: 'Create, read, change, pause, stop and delete connectors',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Querystring: { expand?: string | string[] } }>(
      '/connectors',
      {
        schema: {
          tags,
          summary: 'The names of all connectors, or with ?expand=status&expand=info all about them',
          querystring: {
            type: 'object',
            properties: {
              expand: {
                type: 'array',
                items: { type: 'string', enum: ['status', 'info'] },
                description: 'Answer a map from names to what is asked for',
              },
            },
          },
          response: {
            200: {
              description: 'The names; with `expand` a map from each name to its `status` and `info`',
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

    app.post<{ Body: { name?: string | number | boolean | null; config: GivenConfig; initial_state?: string | null } }>(
      '/connectors',
      {
        config: { spelledNumbers: true },
        schema: {
          tags,
          summary: 'Create a connector',
          querystring: leaderOnly,
          body: {
            type: 'object',
            required: ['config'],
            additionalProperties: false,
            properties: {
              name: { type: ['string', 'number', 'boolean', 'null'] },
              config: givenConfig,
              initial_state: { type: ['string', 'null'], description: 'RUNNING unless it is PAUSED or STOPPED' },
            },
          },
          response: { 201: connectorInfo, 400: errorAnswer, 409: errorAnswer },
        },
      },
      async (request, reply) => {
        const name = String(request.body.name ?? '').trim()
        const config = named(name, wholeConfig(request.body.config))
        const info = await worker.create(name, config, initialState(request.body.initial_state))
        return reply.code(201).header('Location', location(request, name)).send(info)
      },
    )

    app.get<Named>(
      '/connectors/:connector',
      {
        schema: {
          tags,
          summary: 'A connector, its config and its tasks',
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
          summary: 'Delete a connector; its offsets stay',
          params: connectorParams,
          querystring: leaderOnly,
          response: { 204: nothing('Deleted'), ...refused },
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
          summary: "A connector's config as it was given: references to secrets stay references",
          params: connectorParams,
          response: { 200: { ...shownConfig, description: 'The config' }, ...refused },
        },
      },
      async ({ params }) => worker.config(params.connector),
    )

    app.put<Named & { Body: GivenConfig }>(
      '/connectors/:connector/config',
      {
        config: { spelledNumbers: true },
        schema: {
          tags,
          summary: "Replace a connector's config, or create the connector",
          params: connectorParams,
          querystring: leaderOnly,
          body: givenConfig,
          response: { 200: connectorInfo, 201: connectorInfo, 400: errorAnswer, 409: errorAnswer },
        },
      },
      async (request, reply) => {
        const name = request.params.connector
        const { created, info } = await worker.putConfig(name, named(name, wholeConfig(request.body)))
        if (created) reply.code(201).header('Location', location(request, name))
        return reply.send(info)
      },
    )

    app.patch<Named & { Body: GivenConfig }>(
      '/connectors/:connector/config',
      {
        config: { spelledNumbers: true },
        schema: {
          tags,
          summary: "Change some settings of a connector's config; null takes a setting out",
          params: connectorParams,
          querystring: leaderOnly,
          body: givenConfig,
          response: { 200: connectorInfo, 400: errorAnswer, ...refused },
        },
      },
      async ({ params, body }) => worker.patchConfig(params.connector, configPatch(body)),
    )

    app.get<Named>(
      '/connectors/:connector/status',
      {
        schema: {
          tags,
          summary: 'The states of a connector and its tasks',
          params: connectorParams,
          response: { 200: connectorStatus, 404: errorAnswer },
        },
      },
      async ({ params }) => worker.status(params.connector),
    )

    for (const [verb, summary, code] of [
      ['pause', 'Pause a connector and its tasks; they keep what they hold', 202],
      ['resume', 'Resume a connector that is paused or stopped', 202],
      ['stop', 'Stop a connector: its tasks end, its config and its offsets stay', 204],
    ] as const) {
      app.put<Named>(
        `/connectors/:connector/${verb}`,
        {
          schema: { tags, summary, params: connectorParams, response: { [code]: nothing('Accepted'), ...refused } },
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
          summary: 'Restart a connector, and its tasks where asked',
          params: connectorParams,
          querystring: {
            type: 'object',
            properties: {
              includeTasks: flagSchema('Restart the tasks too', false),
              onlyFailed: flagSchema('Leave alone what has not failed', false),
              ...forwardQuery,
            },
          },
          response: { 202: connectorStatus, 204: nothing('The connector alone restarts'), ...refused },
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

/** A connector that vanishes while it is read is left out; what is not known to be expandable is ignored. */
function expanded(worker: Herder, wanted: readonly string[]) {
  const answer: [string, { status?: ConnectorStatus; info?: ConnectorInfo }][] = []
  for (const name of worker.connectors()) {
    try {
      answer.push([
        name,
        {
          ...(wanted.includes('status') ? { status: worker.status(name) } : {}),
          ...(wanted.includes('info') ? { info: worker.info(name) } : {}),
        },
      ])
    } catch (error) {
      if (!(error instanceof ConnectError && error.status === 404)) throw error
    }
  }
  return Object.fromEntries(answer)
}

/** The config with the name in it; a name in the config that differs is a mistake. */
function named(name: string, config: Record<string, string>): Record<string, string> {
  if (config.name !== undefined && config.name !== name) {
    throw new ConnectError(400, `Connector name configuration (${config.name}) doesn't match connector name in the URL (${name})`)
  }
  return { ...config, name }
}

function initialState(given: string | null | undefined): InitialState {
  if (given === null || given === undefined) return 'RUNNING'
  const found = initialStates.find((state) => state === given.toUpperCase())
  if (found === undefined) throw new ConnectError(400, `"initial_state" must be one of ${initialStates.join(', ')}, not ${given}.`)
  return found
}

const location = (request: FastifyRequest, name: string) => `${request.protocol}://${request.host}/connectors/${encodeURIComponent(name)}`
