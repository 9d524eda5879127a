/** Counts and times requests by route, never by path: unknown paths add no time series. */
import type { FastifyInstance } from 'fastify'
import type { System } from '../../core/system/index.ts'

export function requestMetrics(app: FastifyInstance, system: System): void {
  const name = 'tributary_rest_request_seconds'
  // The server of `listeners` and the one of `admin.listeners` share the metric.
  const known = system.metrics.registry.getSingleMetric(name) as ReturnType<typeof system.metrics.histogram> | undefined
  const durations =
    known ??
    system.metrics.histogram({
      name,
      help: 'Seconds from the arrival of a REST request to its response, by method, route and status',
      labels: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 90],
    })
  app.addHook('onResponse', async (request, reply) => {
    durations.observe(
      { method: request.method, route: request.routeOptions.url ?? 'none', status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    )
  })
}
