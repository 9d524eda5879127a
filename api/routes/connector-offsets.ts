/**
 * /connectors/{connector}/offsets: lists, alters and resets the committed offsets of a connector. It must be stopped to alter or reset
 * them.
 */
import { ConnectError, type ConnectorOffset } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import { connectorParams, errorResponse, forwardQuery } from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

type Values = Record<string, unknown> | null

const tags = ['Offsets']
const scalar = { type: ['string', 'number', 'boolean', 'null'] } as const
const values = { type: 'object', additionalProperties: scalar } as const
const leaderOnly = { type: 'object', properties: forwardQuery } as const
const refused = { 400: errorResponse, 404: errorResponse, 409: errorResponse } as const
const done = { description: 'Done', type: 'object', properties: { message: { type: 'string' } } } as const
const offsetsBody = {
  type: 'object',
  additionalProperties: false,
  properties: {
    offsets: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        properties: { partition: { ...values, type: ['object', 'null'] }, offset: { ...values, type: ['object', 'null'] } },
      },
      examples: [[{ partition: { kafka_topic: 'lines', kafka_partition: 0 }, offset: { kafka_offset: 5 } }]],
    },
  },
} as const

export default defineResource({
  tag: 'Offsets',
  order: 3,
  doc: 'The committed offsets of a connector',
  needs: 'worker',
  register(app, { worker }) {
    app.get<Named>(
      '/connectors/:connector/offsets',
      {
        schema: {
          tags,
          summary: 'List the committed offsets of a connector',
          params: connectorParams,
          response: {
            200: { ...offsetsBody, description: 'One entry for each partition that the connector has read or written' },
            ...refused,
          },
        },
      },
      async ({ params }) => ({ offsets: await worker.offsets(params.connector) }),
    )

    app.patch<Named & { Body: { offsets?: { partition?: Values; offset?: Values }[] } }>(
      '/connectors/:connector/offsets',
      {
        schema: {
          tags,
          summary: 'Alter the offsets of a stopped connector; null resets the offset of a partition',
          params: connectorParams,
          querystring: leaderOnly,
          body: offsetsBody,
          response: { 200: done, ...refused },
        },
      },
      async ({ params, body }) => {
        const offsets: ConnectorOffset[] = (body.offsets ?? []).map(({ partition, offset }) => ({
          partition: partition ?? null,
          offset: offset ?? null,
        }))
        if (offsets.length === 0) {
          throw new ConnectError(400, 'Partitions / offsets need to be provided for an alter offsets request')
        }
        for (const { partition, offset } of offsets) {
          if ([partition, offset].some((map) => map !== null && Object.hasOwn(map, '__proto__'))) {
            throw new ConnectError(400, 'A field of a partition or an offset cannot be named "__proto__".')
          }
        }
        return worker.alterOffsets(params.connector, offsets)
      },
    )

    app.delete<Named>(
      '/connectors/:connector/offsets',
      {
        schema: {
          tags,
          summary: 'Reset the offsets of a stopped connector: it starts from the beginning',
          params: connectorParams,
          querystring: leaderOnly,
          response: { 200: done, ...refused },
        },
      },
      async ({ params }) => worker.resetOffsets(params.connector),
    )
  },
})
