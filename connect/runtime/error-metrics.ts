/** What the error handling of one task counts: the task-error-metrics of Kafka Connect. */
import type { Metrics } from '../../core/system/metrics.ts'
import { workerMetrics } from './metrics.ts'

export interface ErrorMetrics {
  /** A try has failed; it may be retried. */
  failure(): void
  retry(): void
  /** A record could not be processed. */
  error(): void
  skipped(): void
  logged(): void
  deadLetters(count: number): void
  deadLetterFailures(count: number): void
}

export function errorMetrics(metrics: Metrics, connector: string, task: number, now: () => number): ErrorMetrics {
  const labels = { connector, task: String(task) }
  const { taskErrors } = workerMetrics(metrics)
  return {
    failure() {
      taskErrors.failures.inc(labels)
      taskErrors.lastErrorTimestamp.set(labels, now())
    },
    retry: () => taskErrors.retries.inc(labels),
    error: () => taskErrors.errors.inc(labels),
    skipped: () => taskErrors.skipped.inc(labels),
    logged: () => taskErrors.logged.inc(labels),
    deadLetters: (count) => taskErrors.deadLetters.inc(labels, count),
    deadLetterFailures: (count) => taskErrors.deadLetterFailures.inc(labels, count),
  }
}
