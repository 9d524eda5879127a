/**
 * /mirrors: the mirrors of this process and their lag, their pause and resume, and the failover of consumer groups to the targets. A
 * failover works while the source is offline.
 */
import type { MirrorStatus } from '../../mirror/types.ts'
import { defineResource } from '../resource.ts'
import { errorResponse, noBody } from '../schemas.ts'

interface Named {
  Params: { mirror: string }
}

const tags = ['Mirrors']
const mirrorParams = {
  type: 'object',
  properties: { mirror: { type: 'string', description: 'The name, as `us->central` (the arrow may be encoded as -%3E)' } },
  required: ['mirror'],
} as const
const count = { type: 'integer' } as const
const lagMs = {
  type: ['integer', 'null'],
  description: 'How long the oldest record that is not on the target has waited; null when unknown',
} as const
const summary = {
  name: { type: 'string' },
  source: { type: 'string' },
  target: { type: 'string' },
  state: { type: 'string', enum: ['STARTING', 'RUNNING', 'PAUSED', 'FAILED', 'FAILED_OVER'] },
  trace: { type: 'string', description: 'Why it failed, or what keeps it from running now; absent where nothing does' },
  topics: { type: 'array', items: { type: 'string' } },
  lagRecords: count,
  lagMs,
  recordsMirrored: count,
  bytesMirrored: count,
  lostRecords: { ...count, description: 'Records that were deleted from the source before they could be mirrored' },
  repeatedRecords: { ...count, description: 'Records that may be on the target twice, after a crash that left no proof of the first copy' },
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
          sourceOffset: { ...count, description: 'The next offset to mirror' },
          sourceEndOffset: count,
          targetEndOffset: count,
          lagRecords: count,
          lagMs,
          lostRecords: count,
          repeatedRecords: count,
        },
      },
    },
  },
} as const
const failoverReport = {
  description: 'The offsets that were committed at the target for each group, or would be',
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
          reason: { type: 'string', description: 'Why it was not applied' },
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
                missing: { type: ['integer', 'null'], description: 'Records of the source that are not on the target; null when unknown' },
              },
            },
          },
        },
      },
    },
  },
} as const

/** The list has no partitions: a mirror may have ten thousand. */
const withoutPartitions = ({ partitions: _, ...rest }: MirrorStatus) => rest

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
          summary: 'List the mirrors of this process and their lag',
          response: {
            200: { description: 'The mirrors, without their partitions', type: 'array', items: { type: 'object', properties: summary } },
          },
        },
      },
      async () => mirrors.list().map(withoutPartitions),
    )

    app.get<Named>(
      '/mirrors/:mirror',
      {
        schema: {
          tags,
          summary: 'Get a mirror, and the lag of each partition in records and milliseconds',
          params: mirrorParams,
          response: { 200: mirrorStatus, 404: errorResponse },
        },
      },
      async ({ params }) => mirrors.status(params.mirror),
    )

    for (const [verb, summary] of [
      ['pause', 'Pause a mirror. It stays paused over a restart, until a resume'],
      ['resume', 'Resume a mirror that is paused, failed or failed over'],
    ] as const) {
      app.put<Named>(
        `/mirrors/:mirror/${verb}`,
        { schema: { tags, summary, params: mirrorParams, response: { 202: noBody('Accepted'), 404: errorResponse } } },
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
          summary: 'Move consumer groups to the target: their translated offsets are committed there. Works without the source',
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
              dryRun: { type: 'boolean', default: false, description: 'Report the offsets without committing them' },
            },
            examples: [{ groups: 'all', dryRun: true }],
          },
          response: { 200: failoverReport, 400: errorResponse, 404: errorResponse, 503: errorResponse },
        },
      },
      async ({ params, body }) => mirrors.failover(params.mirror, { groups: body.groups, dryRun: body.dryRun ?? false }),
    )
  },
})
