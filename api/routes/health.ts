/**
 * GET /health: Kafka Connect's body, and what else runs in this process beside it. Where a worker runs the status is the worker's: a mirror
 * that failed must not have a supervisor kill its neighbours. Where only mirrors run it is theirs.
 */
import type { MirrorAdmin } from '../../mirror/types.ts'
import { defineResource } from '../resource.ts'

const codes = { healthy: 200, starting: 503, unhealthy: 500 } as const

type Health = { status: keyof typeof codes; message: string }

const answer = (description: string) => ({
  description,
  type: 'object',
  properties: {
    status: { type: 'string', enum: Object.keys(codes) },
    message: { type: 'string' },
    mirrors: {
      type: 'object',
      description: 'The state of each mirror of this process; left out where there is none',
      additionalProperties: { type: 'string' },
    },
  },
})

export default defineResource({
  tag: 'Server',
  place: 8,
  doc: 'Who answers here, and whether it is well',
  register(app, { worker, mirrors }) {
    app.get(
      '/health',
      {
        schema: {
          tags: ['Server'],
          summary: 'Whether this process is ready to work',
          response: {
            200: answer('Ready'),
            500: answer('Something is wrong: the message says what'),
            503: answer('Not ready yet'),
          },
        },
      },
      async (_request, reply) => {
        const health: Health = worker ? worker.health() : ofMirrors(mirrors)
        const states = mirrors && Object.fromEntries(mirrors.list().map(({ name, state }) => [name, state]))
        return reply.code(codes[health.status]).send(states ? { ...health, mirrors: states } : health)
      },
    )
  },
})

function ofMirrors(mirrors: MirrorAdmin | undefined): Health {
  const all = mirrors?.list() ?? []
  const failed = all.filter(({ state }) => state === 'FAILED').map(({ name }) => name)
  if (failed.length > 0) return { status: 'unhealthy', message: `These mirrors have failed: ${failed.join(', ')}. GET /mirrors tells why.` }
  const starting = all.filter(({ state }) => state === 'STARTING').map(({ name }) => name)
  if (starting.length > 0) return { status: 'starting', message: `These mirrors are starting: ${starting.join(', ')}.` }
  return { status: 'healthy', message: 'All mirrors have completed startup.' }
}
