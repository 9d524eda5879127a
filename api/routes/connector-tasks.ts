/** /connectors/{connector}/tasks: the tasks of a connector, their configs and states; and the followers' hand-over of task configs. */
import { ConnectError, type ConnectorConfig } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import {
  connectorParams,
  errorAnswer,
  forwardQuery,
  type GivenConfig,
  givenConfig,
  nothing,
  shownConfig,
  taskStatus,
  wholeConfig,
} from '../schemas.ts'

interface Task {
  Params: { connector: string; task: string }
}

const tags = ['Tasks']
const refused = { 404: errorAnswer, 409: errorAnswer } as const
const taskParams = {
  type: 'object',
  properties: { ...connectorParams.properties, task: { type: 'integer', description: "The task's number, from 0" } },
  required: ['connector', 'task'],
} as const

/** What is no number names no task: such a path does not exist. */
function taskNumber(text: string): number {
  if (!/^-?\d{1,10}$/.test(text)) throw new ConnectError(404, 'HTTP 404 Not Found')
  return Number(text)
}

const header = (value: string | string[] | undefined) => (typeof value === 'string' ? value : null)

export default defineResource({
  tag: 'Tasks',
  place: 2,
  doc: 'The tasks of a connector',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Params: { connector: string } }>(
      '/connectors/:connector/tasks',
      {
        schema: {
          tags,
          summary: 'The tasks of a connector and their configs',
          params: connectorParams,
          response: {
            200: {
              description: 'The tasks',
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  id: { type: 'object', properties: { connector: { type: 'string' }, task: { type: 'integer' } } },
                  config: shownConfig,
                },
              },
            },
            ...refused,
          },
        },
      },
      async ({ params }) => worker.tasks(params.connector),
    )

    app.post<{ Params: { connector: string }; Body: GivenConfig[] }>(
      '/connectors/:connector/tasks',
      {
        config: { rawBody: true, spelledNumbers: true },
        schema: {
          tags,
          summary: 'Hand over the configs of tasks; workers call it on the leader, with a signature',
          description:
            'Internal: the headers X-Connect-Authorization and X-Connect-Request-Signature-Algorithm carry a signature over the body.',
          params: connectorParams,
          querystring: { type: 'object', properties: forwardQuery },
          body: { type: 'array', items: givenConfig },
          response: { 204: nothing('Taken'), 400: errorAnswer, 403: errorAnswer, 503: errorAnswer, ...refused },
        },
      },
      async (request, reply) => {
        const configs: ConnectorConfig[] = request.body.map(wholeConfig)
        await worker.putTaskConfigs(request.params.connector, configs, {
          key: header(request.headers['x-connect-authorization']),
          algorithm: header(request.headers['x-connect-request-signature-algorithm']),
          body: request.rawBody ?? Buffer.alloc(0),
        })
        return reply.code(204).send()
      },
    )

    app.get<Task>(
      '/connectors/:connector/tasks/:task/status',
      {
        schema: {
          tags,
          summary: 'The state of a task',
          params: taskParams,
          response: { 200: taskStatus, 404: errorAnswer },
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
          response: { 204: nothing('It restarts'), ...refused },
        },
      },
      async ({ params }, reply) => {
        await worker.restartTask(params.connector, taskNumber(params.task))
        return reply.code(204).send()
      },
    )
  },
})
