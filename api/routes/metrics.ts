/** GET /metrics: all metrics of the process in Prometheus' text format, with its memory and CPU time. */
import { defineResource } from '../resource.ts'

const memory = { name: 'process_resident_memory_bytes', help: 'Resident memory size in bytes' }
const cpu = { name: 'process_cpu_seconds_total', help: 'User and system CPU time spent in seconds' }

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export default defineResource({
  tag: 'Server',
  order: 8,
  doc: 'The server itself: version, health and metrics',
  register(app, { system }) {
    // The server of `listeners` and the one of `admin.listeners` share them.
    if (!system.metrics.registry.getSingleMetric(memory.name)) {
      system.metrics.gauge(memory, (gauge) => gauge.set(process.memoryUsage.rss()))
      system.metrics.counterOf(cpu, (set) => set(cpuSeconds()))
    }
    app.get(
      '/metrics',
      {
        schema: {
          tags: ['Server'],
          summary: "Get all metrics in Prometheus' text format",
          response: { 200: { description: 'The metrics', type: 'string' } },
        },
      },
      async (_request, reply) => reply.type(system.metrics.registry.contentType).send(await system.metrics.text()),
    )
  },
})
