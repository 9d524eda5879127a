/**
 * GET /health: Kafka Connect's body, and the states of the mirrors of this process. In a process with a worker the status is the worker's:
 * a failed mirror must not make an orchestrator restart the worker. In a process with mirrors only, it is that of the mirrors.
 */
import type { MirrorAdmin } from '../../mirror/types.ts'
import { defineResource } from '../resource.ts'

const codes = { healthy: 200, starting: 503, unhealthy: 500 } as const

type Health = { status: keyof typeof codes; message: string }

const healthBody = (description: string) => ({
  description,
  type: 'object',
  properties: {
    status: { type: 'string', enum: Object.keys(codes) },
    message: { type: 'string' },
    mirrors: {
      type: 'object',
      description: 'The state of each mirror of this process; absent if it runs no mirrors',
      additionalProperties: { type: 'string' },
    },
  },
})

export default defineResource({
  tag: 'Server',
  order: 8,
  doc: 'The server itself: version, health and metrics',
  register(app, { worker, mirrors }) {
    app.get(
      '/health',
      {
        schema: {
          tags: ['Server'],
          summary: 'Check whether this process is healthy',
          response: {
            200: healthBody('Healthy'),
            500: healthBody('Unhealthy; the message says why'),
            503: healthBody('Starting'),
          },
        },
      },
      async (_request, reply) => {
        const health: Health = worker ? worker.health() : mirrorsHealth(mirrors)
        const states = mirrors && Object.fromEntries(mirrors.list().map(({ name, state }) => [name, state]))
        return reply.code(codes[health.status]).send(states ? { ...health, mirrors: states } : health)
      },
    )
  },
})

function mirrorsHealth(mirrors: MirrorAdmin | undefined): Health {
  const all = mirrors?.list() ?? []
  const failed = all.filter(({ state }) => state === 'FAILED').map(({ name }) => name)
  if (failed.length > 0) return { status: 'unhealthy', message: `These mirrors have failed: ${failed.join(', ')}. See GET /mirrors.` }
  const starting = all.filter(({ state }) => state === 'STARTING').map(({ name }) => name)
  if (starting.length > 0) return { status: 'starting', message: `These mirrors are starting: ${starting.join(', ')}.` }
  return { status: 'healthy', message: 'All mirrors have completed startup.' }
}
