/**
 * The settings of the source: the queues and how many of their jobs are on their way at a time, what becomes of finished jobs. Every worker
 * loads this file at its start, and so it loads no client.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkQueueSettings, QUEUE_TOKEN, queueNameProblem, queueSettings } from './queue-settings.ts'

/** A longer list of jobs in progress would only delay other workers of the queue. */
const MAX_IN_FLIGHT = 10_000

export const sourceSettings = {
  ...queueSettings,
  queues: setting.list({
    doc: 'The queues to read. With several tasks each queue belongs to one of them.',
    importance: 'HIGH',
    check: (queues) =>
      queues.length === 0
        ? 'name at least one queue'
        : new Set(queues).size < queues.length
          ? 'a queue is named twice'
          : queues.map(queueNameProblem).find((problem) => problem !== undefined),
  }),
  topic: setting.string({
    doc: `The topic of the records; ${QUEUE_TOKEN} is the name of the queue`,
    default: QUEUE_TOKEN,
    importance: 'HIGH',
    check: (topic) => (topic === '' ? 'it must not be empty' : undefined),
  }),
  'key.field': setting.string({
    doc: "The field of the job's data that becomes the key of the record. Without it the key is the id of the job.",
    default: null,
  }),
  'value.format': setting.oneOf(['json', 'string'], {
    doc: "The value of a record: 'json' is the data of the job as a value without a schema, 'string' its JSON as text",
    default: 'json',
  }),
  'batch.size': setting.int({ doc: 'The maximum number of jobs of a batch', default: 500, least: 1, check: atMost(MAX_IN_FLIGHT) }),
  'jobs.in.flight.max': setting.int({
    doc: 'How many jobs a task has active at most: fetched, and not yet completed because their records are not yet in Kafka',
    default: 1000,
    least: 1,
    check: atMost(MAX_IN_FLIGHT),
  }),
  'lock.duration.ms': setting.int({
    doc: 'How long a job stays locked without a sign of life of its task, in ms. Locks are extended twice in this time while a record is on its way.',
    default: 30_000,
    least: 500,
  }),
  'stalled.interval.ms': setting.int({
    doc: 'How often a task looks for jobs of workers that have died, in ms: after a kill -9 jobs come again after the lock duration and up to twice this time',
    default: 30_000,
    least: 100,
  }),
  'stalled.count.max': setting.int({
    doc: "How often a job may come again after its worker has died, before BullMQ moves it to the failed jobs. BullMQ's own default of 1 is for jobs whose work ends the process; here no code of a job runs.",
    default: 1000,
    least: 0,
    importance: 'LOW',
  }),
  'rate.limit.max': setting.int({
    doc: "How many jobs of a queue all its workers with a limit take in rate.limit.duration.ms, as BullMQ's limiter; 0 is no limit",
    default: 0,
    least: 0,
  }),
  'rate.limit.duration.ms': setting.int({ doc: 'The time that rate.limit.max is of, in ms', default: 1000, least: 1 }),
  'completed.jobs.keep': setting.int({
    doc: 'How many completed jobs of a queue stay in Redis: -1 is all, as in BullMQ. removeOnComplete of a job itself counts first.',
    default: -1,
    least: -1,
  }),
  'completed.jobs.keep.seconds': setting.int({ doc: 'How long completed jobs stay at most, in s; -1 is for ever', default: -1, least: -1 }),
  'failed.jobs.keep': setting.int({
    doc: 'How many failed jobs of a queue stay in Redis: -1 is all, as in BullMQ. removeOnFail of a job itself counts first.',
    default: -1,
    least: -1,
  }),
  'failed.jobs.keep.seconds': setting.int({ doc: 'How long failed jobs stay at most, in s; -1 is for ever', default: -1, least: -1 }),
  'task.queues': setting.list({
    doc: 'The queues of the task. The connector sets it.',
    default: [],
    importance: 'LOW',
    visible: false,
  }),
} as const

export type SourceConfig = ConfigOf<typeof sourceSettings>

function atMost(most: number): (value: number) => string | undefined {
  return (value) => (value > most ? `Value must be at most ${most}` : undefined)
}

/** Checks that concern several settings. */
export const checkSource = (config: SourceConfig): SettingProblem[] => checkQueueSettings(config)

/** Each queue belongs to one task, so that its jobs stay in order. */
export function sourceTasks(config: SourceConfig, maxTasks: number): Record<string, string>[] {
  const count = Math.min(maxTasks, config.queues.length)
  return Array.from({ length: count }, (_, task) => ({
    'task.queues': config.queues.filter((_queue, index) => index % count === task).join(','),
  }))
}

/** The queues of a task; without tasks, as in a dry run, all of them. */
export const queuesOf = (config: SourceConfig): readonly string[] =>
  config['task.queues'].length > 0 ? config['task.queues'] : config.queues
