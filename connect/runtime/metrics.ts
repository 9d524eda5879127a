/**
 * The metrics of workers, declared once for each registry: workers of one process share them. A metric that Kafka Connect has too has the
 * name of its JMX metric in Prometheus.
 */
import type { Metrics } from '../../core/system/metrics.ts'

const labels = ['connector', 'task'] as const

function declare(metrics: Metrics) {
  return {
    sourceRecords: metrics.counter({
      name: 'kafka_connect_source_task_metrics_source_record_write_total',
      help: 'Records of source tasks that Kafka has acknowledged.',
      labels,
    }),
    sinkRecords: metrics.counter({
      name: 'kafka_connect_sink_task_metrics_sink_record_send_total',
      help: 'Records that were delivered to sink tasks.',
      labels,
    }),
    failures: metrics.counter({ name: 'tributary_connect_task_failures_total', help: 'Failures of tasks.', labels }),
    rebalances: metrics.counter({
      name: 'kafka_connect_connect_worker_rebalance_metrics_completed_rebalances_total',
      help: 'Rebalances that the worker has completed.',
    }),
  }
}

export type WorkerMetrics = ReturnType<typeof declare>
const known = new WeakMap<Metrics, WorkerMetrics>()

export function workerMetrics(metrics: Metrics): WorkerMetrics {
  let declared = known.get(metrics)
  if (!declared) {
    declared = declare(metrics)
    known.set(metrics, declared)
  }
  return declared
}
