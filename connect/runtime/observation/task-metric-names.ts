/**
 * The metrics of tasks by the names of Kafka Connect's JMX metrics, and how each is read. Those that are counters of their own are in
 * `../metrics.ts`.
 */
import type { WindowedStat } from '../../../core/system/windowed-stat.ts'
import type { TaskMetrics } from './task-metrics.ts'

export interface TaskMetric {
  /** Kafka Connect's type, without `-metrics`. */
  type: 'connector-task' | 'source-task' | 'sink-task'
  attribute: string
  help: string
  /** The kind of tasks that has it; both where it is not set. */
  of?: 'source' | 'sink'
  /** Whether the worker knows it, also of a task in a thread of its own. */
  ofState?: boolean
  /** Whether only tasks with transactions have it. */
  ofTransactions?: boolean
  /** Whether it only rises. */
  total?: boolean
  value?(task: TaskMetrics, nowMs: number): number
  /** A text, which becomes a label. */
  text?(task: TaskMetrics): string | undefined
}

type Reader = (task: TaskMetrics, nowMs: number) => number

const ofTask = (attribute: string, help: string, value: Reader): TaskMetric => ({ type: 'connector-task', attribute, help, value })
const ofSource = (attribute: string, help: string, value: Reader, total = false): TaskMetric => ({
  type: 'source-task',
  of: 'source',
  attribute,
  help,
  value,
  total,
})
const ofSink = (attribute: string, help: string, value: Reader, total = false): TaskMetric => ({
  type: 'sink-task',
  of: 'sink',
  attribute,
  help,
  value,
  total,
})

const ofTransactions = (attribute: string, help: string, value: (size: WindowedStat, nowMs: number) => number): TaskMetric => ({
  ...ofSource(attribute, help, (task, now) => value(task.transactionSize!, now)),
  ofTransactions: true,
})

const facts = [
  'connector-class',
  'connector-type',
  'connector-version',
  'task-class',
  'task-version',
  'key-converter-class',
  'key-converter-version',
  'value-converter-class',
  'value-converter-version',
  'header-converter-class',
  'header-converter-version',
] as const

export const taskMetrics: readonly TaskMetric[] = [
  ...facts.map(
    (attribute): TaskMetric => ({
      type: 'connector-task',
      attribute,
      help: `The ${attribute.replaceAll('-', ' ')} of the task.`,
      text: (task) => task.facts[attribute],
    }),
  ),
  { type: 'connector-task', ofState: true, attribute: 'status', help: 'The state of the task.', text: (task) => task.state.toLowerCase() },
  { ...ofTask('running-ratio', 'The share of the time that the task has spent running.', (task) => task.ratio('RUNNING')), ofState: true },
  { ...ofTask('pause-ratio', 'The share of the time that the task has spent paused.', (task) => task.ratio('PAUSED')), ofState: true },
  ofTask('batch-size-avg', 'Records of a batch, on average.', (task, now) => task.batchSize.average(now)),
  ofTask('batch-size-max', 'Records of the largest batch.', (task, now) => task.batchSize.maximum(now)),
  ofTask('offset-commit-avg-time-ms', 'Time of an offset commit, on average.', (task, now) => task.commitTimeMs.average(now)),
  ofTask('offset-commit-max-time-ms', 'Time of the longest offset commit.', (task, now) => task.commitTimeMs.maximum(now)),
  ofTask('offset-commit-success-percentage', 'The share of offset commits that have succeeded.', (task, now) =>
    orZero(task.commitSuccess.average(now)),
  ),
  ofTask('offset-commit-failure-percentage', 'The share of offset commits that have failed.', (task, now) =>
    orZero(1 - task.commitSuccess.average(now)),
  ),

  ofSource('poll-batch-avg-time-ms', 'Time of a poll of the source, on average.', (task, now) => task.batchTimeMs.average(now)),
  ofSource('poll-batch-max-time-ms', 'Time of the longest poll of the source.', (task, now) => task.batchTimeMs.maximum(now)),
  ofSource('source-record-poll-rate', 'Records that were polled, a second.', (task, now) => task.read.rate(now)),
  ofSource('source-record-poll-total', 'Records that were polled.', (task) => task.readTotal, true),
  ofSource('source-record-write-rate', 'Records that Kafka has acknowledged, a second.', (task, now) => task.written.rate(now)),
  ofSource('source-record-active-count', 'Records that were sent and are not acknowledged.', (task) => task.active),
  ofSource('source-record-active-count-avg', 'Records that were sent and are not acknowledged, on average.', (task, now) =>
    task.activeRecords.average(now),
  ),
  ofSource('source-record-active-count-max', 'The most records that were sent and not acknowledged.', (task, now) =>
    task.activeRecords.maximum(now),
  ),
  ofTransactions('transaction-size-min', 'Records of the smallest transaction that was committed.', (size, now) => size.minimum(now)),
  ofTransactions('transaction-size-max', 'Records of the largest transaction that was committed.', (size, now) => size.maximum(now)),
  ofTransactions('transaction-size-avg', 'Records of a transaction that was committed, on average.', (size, now) => size.average(now)),

  ofSink('put-batch-avg-time-ms', 'Time in which the sink takes a batch, on average.', (task, now) => task.batchTimeMs.average(now)),
  ofSink('put-batch-max-time-ms', 'The longest time in which the sink has taken a batch.', (task, now) => task.batchTimeMs.maximum(now)),
  ofSink('sink-record-read-rate', 'Records that were read from Kafka, a second.', (task, now) => task.read.rate(now)),
  ofSink('sink-record-read-total', 'Records that were read from Kafka.', (task) => task.readTotal, true),
  ofSink('sink-record-send-rate', 'Records that were delivered to the sink, a second.', (task, now) => task.written.rate(now)),
  ofSink('sink-record-active-count', 'Records that were read and are not committed.', (task) => task.active),
  ofSink('sink-record-active-count-avg', 'Records that were read and are not committed, on average.', (task, now) =>
    task.activeRecords.average(now),
  ),
  ofSink('sink-record-active-count-max', 'The most records that were read and not committed.', (task, now) =>
    task.activeRecords.maximum(now),
  ),
  ofSink('partition-count', 'Partitions that are assigned to the task.', (task) => task.partitionCount()),
  ofSink('offset-commit-seq-no', 'The number of the last offset commit.', (task) => task.commitSequence),
  ofSink('offset-commit-completion-rate', 'Offset commits that have succeeded, a second.', (task, now) => task.completedCommits.rate(now)),
  ofSink('offset-commit-completion-total', 'Offset commits that have succeeded.', (task) => task.completedCommitsTotal, true),
  // Commits are in order here: none is ever late.
  ofSink('offset-commit-skip-rate', 'Offset commits that were late and had no effect, a second.', () => 0),
  ofSink('offset-commit-skip-total', 'Offset commits that were late and had no effect.', () => 0, true),
]

const orZero = (value: number) => (Number.isNaN(value) ? 0 : value)
