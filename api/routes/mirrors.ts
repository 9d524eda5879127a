/** /mirrors: the mirrors of this process, how far behind they are, and failing groups over to their targets. */
import type { MirrorStatus } from '../../mirror/types.ts'
import { defineResource } from '../resource.ts'
import { errorResponse, noBody } from '../schemas.ts'

interface Named {
  Params: { mirror: string }
}

const tags = ['Mirrors']
const mirrorParams = {
  type: 'object',
  properties: { mirror: { type: 'string', description: 'Its name, as `us->central` (the arrow may be written -%3E)' } },
  required: ['mirror'],
} as const
const count = { type: 'integer' } as const
const wait = {
  type: ['integer', 'null'],
  description: 'How long the oldest record that is not there yet has waited; null when unknown',
} as const
const summary = {
  name: { type: 'string' },
  source: { type: 'string' },
  target: { type: 'string' },
  state: { type: 'string', enum: ['STARTING', 'RUNNING', 'PAUSED', 'FAILED', 'FAILED_OVER'] },
  trace: { type: 'string', description: 'Why it failed, or what keeps it waiting now; only where something does' },
  topics: { type: 'array', items: { type: 'string' } },
  lagRecords: count,
  lagMs: wait,
  recordsMirrored: count,
  bytesMirrored: count,
  lostRecords: { ...count, description: 'Gone from the source before they could be read' },
  repeatedRecords: { ...count, description: 'Written twice because a crash left no proof that they had arrived' },
} as const
const mirrorStatus = {
  description: 'The mirror, and the lag of each partition',
  type: 'object',
  properties: {
    ...summary,
    partitions: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          topic: { type: 'string' },
          targetTopic: { type: 'string' },
          partition: count,
          sourceOffset: { ...count, description: 'The next to be read' },
          sourceEndOffset: count,
          targetEndOffset: count,
          lagRecords: count,
          lagMs: wait,
          lostRecords: count,
          repeatedRecords: count,
        },
      },
    },
  },
} as const
const failoverReport = {
  description: 'What each group was given on the target, or would be',
  type: 'object',
  properties: {
    mirror: { type: 'string' },
    dryRun: { type: 'boolean' },
    sourceReachable: { type: 'boolean' },
    durationMs: count,
    groups: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          group: { type: 'string' },
          applied: { type: 'boolean' },
          reason: { type: 'string', description: 'Why not, where it was not' },
          partitions: {
            type: 'array',
            items: {
              type: 'object',
              properties: {
                topic: { type: 'string' },
                targetTopic: { type: 'string' },
                partition: count,
                sourceOffset: count,
                targetOffset: count,
                rereads: { ...count, description: 'Records that the group will read again' },
                missing: { type: ['integer', 'null'], description: 'Records that the source had and the target lacks; null when unknown' },
              },
            },
          },
        },
      },
    },
  },
} as const

/** The list leaves the partitions out: a mirror may have ten thousand. */
const listed = ({ partitions: _, ...rest }: MirrorStatus) => rest

export default defineResource({
  tag: 'Mirrors',
  order: 6,
  doc: 'The mirrors of this process, their lag, and failover',
  needs: 'mirrors',
  register(app, { mirrors }) {
    app.get(
      '/mirrors',
      {
        schema: {
          tags,
          summary: 'All mirrors of this process and how far behind they are',
          response: {
            200: { description: 'The mirrors, without their partitions', type: 'array', items: { type: 'object', properties: summary } },
          },
        },
      },
      async () => mirrors.list().map(listed),
    )

    app.get<Named>(
      '/mirrors/:mirror',
      {
        schema: {
          tags,
          summary: 'A mirror, and the lag of each partition in records and milliseconds',
          params: mirrorParams,
          response: { 200: mirrorStatus, 404: errorResponse },
        },
      },
      async ({ params }) => mirrors.status(params.mirror),
    )

    for (const [verb, summary] of [
      ['pause', 'Pause a mirror: it stops reading and keeps its place, over a restart too, until a resume'],
      ['resume', 'Resume a mirror that is paused, has failed or was failed over'],
    ] as const) {
      app.put<Named>(
        `/mirrors/:mirror/${verb}`,
        { schema: { tags, summary, params: mirrorParams, response: { 202: noBody('Accepted'), 404: errorResponse, 409: errorResponse } } },
        async ({ params }, reply) => {
          await mirrors[verb](params.mirror)
          return reply.code(202).send()
        },
      )
    }

    app.post<Named & { Body: { groups: string[] | 'all'; dryRun?: boolean } }>(
      '/mirrors/:mirror/failover',
      {
        schema: {
          tags,
          summary: 'Move consumer groups to the target: their translated offsets are committed there. Works with the source gone',
          params: mirrorParams,
          body: {
            type: 'object',
            required: ['groups'],
            additionalProperties: false,
            properties: {
              groups: {
                description: 'The groups to move, or "all"',
                anyOf: [
                  { type: 'array', minItems: 1, items: { type: 'string' } },
                  { type: 'string', enum: ['all'] },
                ],
              },
              dryRun: { type: 'boolean', default: false, description: 'Only say what would be done' },
            },
            examples: [{ groups: 'all', dryRun: true }],
          },
          response: { 200: failoverReport, 400: errorResponse, 404: errorResponse, 409: errorResponse },
        },
      },
      async ({ params, body }) => mirrors.failover(params.mirror, { groups: body.groups, dryRun: body.dryRun ?? false }),
    )
  },
})
