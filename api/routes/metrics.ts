/** GET /metrics: what every room counts, in Prometheus' text format, and what the process itself takes. */
import { defineResource } from '../resource.ts'

const processMetrics = [
  { name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes', read: () => process.memoryUsage.rss() },
  { name: 'process_cpu_seconds_total', help: 'User and system CPU time spent in seconds', read: cpuSeconds },
] as const

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export default defineResource({
  tag: 'Server',
  place: 8,
  doc: 'Who answers here, and whether it is well',
  register(app, { system }) {
    for (const { name, help, read } of processMetrics) {
      if (system.metrics.registry.getSingleMetric(name)) continue
      system.metrics.gauge({ name, help }, (gauge) => gauge.set(read()))
    }
    app.get(
      '/metrics',
      {
        schema: {
          tags: ['Server'],
          summary: "All metrics in Prometheus' text format",
          response: { 200: { description: 'The metrics', type: 'string' } },
        },
      },
      async (_request, reply) => reply.type(system.metrics.registry.contentType).send(await system.metrics.text()),
    )
  },
})
