/**
 * /connectors/{connector}/tasks: the tasks of a connector, their configs and states; and the internal requests to the leader: task configs,
 * and the fencing of older tasks.
 */
import type { FastifyRequest } from 'fastify'
import { ConnectError, type ConnectorConfig } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import {
  connectorParams,
  errorResponse,
  forwardQuery,
  noBody,
  type RequestConfig,
  requestConfig,
  responseConfig,
  taskStatus,
  wholeConfig,
} from '../schemas.ts'

interface Task {
  Params: { connector: string; task: string }
}

const tags = ['Tasks']
const refused = { 404: errorResponse, 409: errorResponse } as const
const taskParams = {
  type: 'object',
  properties: { ...connectorParams.properties, task: { type: 'integer', description: 'The number of the task, from 0' } },
  required: ['connector', 'task'],
} as const

/** A path without a task number does not exist. */
function taskNumber(text: string): number {
  if (!/^-?\d{1,10}$/.test(text)) throw new ConnectError(404, 'HTTP 404 Not Found')
  return Number(text)
}

const header = (value: string | string[] | undefined) => (typeof value === 'string' ? value : null)
const signature = <B extends Buffer | null>({ headers }: FastifyRequest, body: B) => ({
  key: header(headers['x-connect-authorization']),
  algorithm: header(headers['x-connect-request-signature-algorithm']),
  body,
})

export default defineResource({
  tag: 'Tasks',
  order: 2,
  doc: 'The tasks of a connector',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Params: { connector: string } }>(
      '/connectors/:connector/tasks',
      {
        schema: {
          tags,
          summary: 'List the tasks of a connector and their configs',
          params: connectorParams,
          response: {
            200: {
              description: 'The tasks',
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  id: { type: 'object', properties: { connector: { type: 'string' }, task: { type: 'integer' } } },
                  config: responseConfig,
                },
              },
            },
            ...refused,
          },
        },
      },
      async ({ params }) => worker.tasks(params.connector),
    )

    app.post<{ Params: { connector: string }; Body: RequestConfig[] }>(
      '/connectors/:connector/tasks',
      {
        // Nobody has logged in: without the right signature the body is not parsed, and without any it is not read.
        onRequest: async (request) => worker.verifyInternalRequest(signature(request, null)),
        config: {
          rawBody: true,
          numbersAsText: true,
          internal: true,
          checkBytes: (request, body) => worker.verifyInternalRequest(signature(request, body)),
        },
        schema: {
          tags,
          summary: 'Internal: send task configs to the leader',
          description: 'Workers send it with a signature of the body in X-Connect-Authorization and X-Connect-Request-Signature-Algorithm.',
          params: connectorParams,
          querystring: { type: 'object', properties: forwardQuery },
          body: { type: 'array', items: requestConfig },
          response: { 204: noBody('Accepted'), 400: errorResponse, 403: errorResponse, 503: errorResponse, ...refused },
        },
      },
      async (request, reply) => {
        const configs: ConnectorConfig[] = request.body.map(wholeConfig)
        await worker.putTaskConfigs(
          request.params.connector,
          configs,
          signature(request as FastifyRequest, request.rawBody ?? Buffer.alloc(0)),
        )
        return reply.code(204).send()
      },
    )

    app.put<{ Params: { connector: string } }>(
      '/connectors/:connector/fence',
      {
        // As above. The body is empty, and the signature is over nothing but the key.
        onRequest: async (request) => worker.verifyInternalRequest(signature(request, null)),
        config: {
          rawBody: true,
          internal: true,
          checkBytes: (request, body) => worker.verifyInternalRequest(signature(request, body)),
        },
        schema: {
          tags,
          summary: 'Internal: fence the older tasks of an exactly-once source',
          description:
            'A worker sends it to the leader before tasks of the connector start, with a signature of the empty body in ' +
            'X-Connect-Authorization and X-Connect-Request-Signature-Algorithm.',
          params: connectorParams,
          querystring: { type: 'object', properties: forwardQuery },
          response: { 204: noBody('The tasks may start'), 400: errorResponse, 403: errorResponse, 503: errorResponse, ...refused },
        },
      },
      async (request, reply) => {
        await worker.fenceZombies(request.params.connector, signature(request as FastifyRequest, request.rawBody ?? Buffer.alloc(0)))
        return reply.code(204).send()
      },
    )

    app.get<Task>(
      '/connectors/:connector/tasks/:task/status',
      {
        schema: {
          tags,
          summary: 'Get the state of a task',
          params: taskParams,
          response: { 200: taskStatus, 404: errorResponse },
        },
      },
      async ({ params }) => worker.taskStatus(params.connector, taskNumber(params.task)),
    )

    app.post<Task>(
      '/connectors/:connector/tasks/:task/restart',
      {
        schema: {
          tags,
          summary: 'Restart a task',
          params: taskParams,
          querystring: { type: 'object', properties: forwardQuery },
          response: { 204: noBody('The task restarts'), ...refused },
        },
      },
      async ({ params }, reply) => {
        await worker.restartTask(params.connector, taskNumber(params.task))
        return reply.code(204).send()
      },
    )
  },
})
