/** GET /: who answers here. */
import { defineResource } from '../resource.ts'

export default defineResource({
  tag: 'Server',
  place: 8,
  doc: 'Who answers here, and whether it is well',
  register(app, { worker, version }) {
    app.get(
      '/',
      {
        schema: {
          tags: ['Server'],
          summary: 'The version of this worker and the id of its Kafka cluster',
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
