/** GET /: the version of the worker and the id of its Kafka cluster. */
import { defineResource } from '../resource.ts'

export default defineResource({
  tag: 'Server',
  order: 8,
  doc: 'The server itself: version, health and metrics',
  register(app, { worker, version }) {
    app.get(
      '/',
      {
        schema: {
          tags: ['Server'],
          summary: 'Get the version of this worker and the id of its Kafka cluster',
          response: {
            200: {
              description: 'The version, the commit it was built from, and the id of the Kafka cluster (null where no worker runs)',
              type: 'object',
              properties: {
                version: { type: 'string' },
                commit: { type: 'string' },
                kafka_cluster_id: { type: ['string', 'null'] },
              },
            },
          },
        },
      },
      async () => worker?.root() ?? { version, commit: 'unknown', kafka_cluster_id: null },
    )
  },
})
