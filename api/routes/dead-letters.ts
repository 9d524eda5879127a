/**
 * /connectors/{connector}/dead-letters and /failures: the records that a connector could not process, by their reason, and their replay;
 * and the last failures of its tasks. Kafka Connect does not have them.
 */
import type { ReplayRequest } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import { connectorParams, errorResponse, forwardQuery } from '../schemas.ts'

interface Named {
  Params: { connector: string }
}

const tags = ['Errors']
const refused = { 400: errorResponse, 404: errorResponse, 409: errorResponse } as const
const text = { type: 'string' } as const
const integer = { type: 'integer' } as const
const textOrNull = { type: ['string', 'null'] } as const
const integerOrNull = { type: ['integer', 'null'] } as const
const since = { type: 'string', description: 'Where to go on: the `next` of the last response' } as const
const next = { type: ['string', 'null'], description: 'The `since` of the next request; null at the end' } as const
const bytes = {
  type: ['object', 'null'],
  description: 'The text of the bytes, or base64 where they are not UTF-8; at most 2,000 bytes',
  properties: { text, base64: text },
} as const
const letterId = {
  type: 'object',
  required: ['partition', 'offset'],
  additionalProperties: false,
  properties: { partition: integer, offset: integer },
} as const

const sample = {
  type: 'object',
  properties: {
    partition: integer,
    offset: integer,
    timestamp: integer,
    origin: { type: 'object', properties: { topic: text, partition: integerOrNull, offset: integerOrNull } },
    message: textOrNull,
    key: bytes,
    value: bytes,
    size: integer,
    replayed: { type: 'boolean' },
    replay_of: { type: 'object', properties: { partition: integer, offset: integer } },
  },
} as const

const group = {
  type: 'object',
  properties: {
    group: { type: 'string', description: 'The id by which the group is replayed' },
    stage: textOrNull,
    class_name: textOrNull,
    exception: textOrNull,
    message: { type: ['string', 'null'], description: 'The message without numbers and quoted texts' },
    count: integer,
    replayed: integer,
    first: { type: 'integer', description: 'The earliest timestamp of the records, in ms since the epoch' },
    last: integer,
    samples: { type: 'array', items: sample },
  },
} as const

export default defineResource({
  tag: 'Errors',
  order: 4,
  doc: 'What went wrong: dead letters and failures',
  needs: 'worker',
  register(app, { worker }) {
    app.get<Named & { Querystring: { since?: string; limit?: number } }>(
      '/connectors/:connector/dead-letters',
      {
        schema: {
          tags,
          summary: 'List the dead letters of a connector by their reason',
          params: connectorParams,
          querystring: {
            type: 'object',
            properties: { since, limit: { type: 'integer', description: 'Letters to read, at most 50,000; 1,000 by default' } },
          },
          response: {
            200: {
              description: 'The groups, the largest first',
              type: 'object',
              properties: { topic: text, groups: { type: 'array', items: group }, scanned: integer, next },
            },
            ...refused,
          },
        },
      },
      async ({ params, query }) =>
        worker.deadLetters(params.connector, {
          since: query.since,
          limit: query.limit === undefined ? undefined : Number(query.limit),
        }),
    )

    app.post<Named & { Body: ReplayRequest }>(
      '/connectors/:connector/dead-letters/replay',
      {
        schema: {
          tags,
          summary: 'Process dead letters again: those of a group, those at given offsets, or all',
          description:
            'The letters go through the running connector again, each once; other consumers do not see them. Those that fail again are new ' +
            'letters. Repeat the request with `since` until `next` is null.',
          params: connectorParams,
          querystring: { type: 'object', properties: forwardQuery },
          body: {
            type: 'object',
            additionalProperties: false,
            properties: {
              group: { type: 'string', description: 'The id of a group of GET /connectors/{connector}/dead-letters' },
              letters: { type: 'array', items: letterId },
              all: { type: 'boolean' },
              since,
              limit: { type: 'integer', description: 'Letters to replay, at most 5,000; 500 by default' },
            },
            examples: [{ group: '3f1c0a9b2d4e' }],
          },
          response: {
            200: {
              description: 'What has become of them',
              type: 'object',
              properties: {
                topic: text,
                task: integer,
                chosen: integer,
                already_replayed: integer,
                delivered: integer,
                failed: { type: 'integer', description: 'Failed again: each is a new letter' },
                next,
              },
            },
            ...refused,
          },
        },
      },
      async ({ params, body }) => worker.replayDeadLetters(params.connector, body),
    )

    app.get<Named>(
      '/connectors/:connector/failures',
      {
        schema: {
          tags,
          summary: 'List the last failures of a connector and its tasks, the newest first',
          params: connectorParams,
          response: {
            200: {
              description: 'At most 20 of the connector and 20 of each task',
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  time: text,
                  task: { type: ['integer', 'null'], description: 'Null for the connector itself' },
                  worker_id: text,
                  trace: text,
                  action: {
                    type: 'string',
                    enum: ['restart', 'disabled', 'cannot-mend', 'exhausted', 'stopping'],
                    description: 'Whether it is restarted by itself, or why not',
                  },
                  restart: { type: ['string', 'null'], description: 'When it is restarted by itself' },
                },
              },
            },
            404: errorResponse,
          },
        },
      },
      async ({ params }) => worker.failures(params.connector),
    )
  },
})
