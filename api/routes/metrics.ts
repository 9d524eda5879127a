/** GET /metrics: what every room counts, in Prometheus' text format, and what the process itself takes. */
import { defineResource } from '../resource.ts'

const memory = { name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes' }
const cpu = { name: 'process_cpu_seconds_total', help: 'User and system CPU time spent in seconds' }

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export default defineResource({
  tag: 'Server',
  place: 8,
  doc: 'Who answers here, and whether it is well',
  register(app, { system }) {
    // two servers of one process share them
    if (!system.metrics.registry.getSingleMetric(memory.name)) {
      system.metrics.gauge(memory, (gauge) => gauge.set(process.memoryUsage.rss()))
      system.metrics.counterOf(cpu, (stands) => stands(cpuSeconds()))
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
