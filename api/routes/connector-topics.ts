/** /connectors/{connector}/topics: the active topics of a connector: those that it used since it was created or since the last reset. */
import { defineResource } from '../resource.ts'
import { connectorParams, errorResponse, noBody } from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

const tags = ['Topics']

export default defineResource({
  tag: 'Topics',
  order: 4,
  doc: 'The active topics of a connector',
  needs: 'worker',
  register(app, { worker }) {
    app.get<Named>(
      '/connectors/:connector/topics',
      {
        schema: {
          tags,
          summary: 'List the active topics of a connector; empty for a connector that does not exist',
          params: connectorParams,
          response: {
            200: {
              description: 'The topics, under the name of the connector',
              type: 'object',
              additionalProperties: { type: 'object', properties: { topics: { type: 'array', items: { type: 'string' } } } },
            },
            403: errorResponse,
          },
        },
      },
      async ({ params }) => Object.fromEntries([[params.connector, { topics: worker.topics(params.connector) }]]),
    )

    app.put<Named>(
      '/connectors/:connector/topics/reset',
      {
        schema: {
          tags,
          summary: 'Reset the list of active topics of a connector',
          params: connectorParams,
          response: { 202: noBody('Reset'), 403: errorResponse },
        },
      },
      async ({ params }, reply) => {
        await worker.resetTopics(params.connector)
        return reply.code(202).send()
      },
    )
  },
})
