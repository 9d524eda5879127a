/**
 * The metrics of workers, declared once for each registry: workers of one process share them. A metric that Kafka Connect has too has the
 * name of its JMX metric in Prometheus.
 */
import type { Metrics } from '../../core/system/metrics.ts'

const labels = ['connector', 'task'] as const

function taskErrorMetrics(metrics: Metrics) {
  const counter = (name: string, help: string) => metrics.counter({ name: `kafka_connect_task_error_metrics_${name}`, help, labels })
  return {
    failures: counter('total_record_failures', 'Tries to process a record that have failed.'),
    errors: counter('total_record_errors', 'Records that could not be processed.'),
    skipped: counter('total_records_skipped', 'Records that were skipped because of errors.'),
    retries: counter('total_retries', 'Tries to process a record again.'),
    logged: counter('total_errors_logged', 'Errors that were logged.'),
    deadLetters: counter('deadletterqueue_produce_requests', 'Records that were written to the dead-letter queue.'),
    deadLetterFailures: counter('deadletterqueue_produce_failures', 'Records that could not be written to the dead-letter queue.'),
    lastErrorTimestamp: metrics.gauge({
      name: 'kafka_connect_task_error_metrics_last_error_timestamp',
      help: 'When the last record has failed, in ms since the epoch.',
      labels,
    }),
  }
}

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
    restarts: metrics.counter({
      name: 'tributary_connect_automatic_restarts_total',
      help: 'Automatic restarts of connectors (task -1) and tasks.',
      labels,
    }),
    stalls: metrics.counter({ name: 'tributary_connect_task_stalls_total', help: 'Times that tasks have stalled.', labels }),
    stalled: metrics.gauge({ name: 'tributary_connect_task_stalled', help: '1 while a task is stalled.', labels }),
    replayed: metrics.counter({
      name: 'tributary_connect_dead_letters_replayed_total',
      help: 'Dead letters that were replayed, those that have failed again included.',
      labels,
    }),
    taskErrors: taskErrorMetrics(metrics),
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
