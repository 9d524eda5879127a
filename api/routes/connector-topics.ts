/** /connectors/{connector}/topics: the topics that a connector has used since it was created or since the list was last reset. */
import { defineResource } from '../resource.ts'
import { connectorParams, errorAnswer, nothing } from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

const tags = ['Topics']

export default defineResource({
  tag: 'Topics',
  place: 4,
  doc: 'The topics that a connector has used',
  needs: 'worker',
  register(app, { worker }) {
    app.get<Named>(
      '/connectors/:connector/topics',
      {
        schema: {
          tags,
          summary: 'The topics that a connector has used; none for a connector that does not exist',
          params: connectorParams,
          response: {
            200: {
              description: "The topics, under the connector's name",
              type: 'object',
              additionalProperties: { type: 'object', properties: { topics: { type: 'array', items: { type: 'string' } } } },
            },
            403: errorAnswer,
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
          summary: 'Empty the list of topics that a connector has used',
          params: connectorParams,
          response: { 202: nothing('Emptied'), 403: errorAnswer },
        },
      },
      async ({ params }, reply) => {
        await worker.resetTopics(params.connector)
        return reply.code(202).send()
      },
    )
  },
})
