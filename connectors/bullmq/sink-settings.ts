/**
 * The settings of the sink: where records go, and what each option of a job is taken from. Every worker loads this file at its start, and
 * so it loads no client.
 */
import { type ConfigOf, InvalidSetting, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { checkQueueSettings, queueNameProblem, queueSettings, TOPIC_TOKEN } from './queue-settings.ts'

/** What a field or a header may give of a job. */
export const JOB_OPTIONS = [
  'queue',
  'id',
  'name',
  'delay',
  'priority',
  'attempts',
  'backoff.type',
  'backoff.delay',
  'lifo',
  'parent.id',
  'parent.queue',
] as const
export type JobOption = (typeof JOB_OPTIONS)[number]

/** BullMQ's limit. */
export const MAX_PRIORITY = 2_097_151
const MAX_BATCH_SIZE = 10_000

const isOption = (text: string): text is JobOption => (JOB_OPTIONS as readonly string[]).includes(text)
const unknownOption = (text: string) => `"${text}" is no option of a job: ${JOB_OPTIONS.join(', ')} are`

/** The fields that give options of a job, by option. */
export function fieldsOf(mappings: readonly string[]): Map<JobOption, readonly string[]> {
  const fields = new Map<JobOption, readonly string[]>()
  for (const mapping of mappings) {
    const equals = mapping.indexOf('=')
    const option = mapping.slice(0, Math.max(0, equals)).trim()
    const path = mapping.slice(equals + 1).trim()
    if (equals < 0 || path === '') throw new Error(`"${mapping}" is not of the form option=field`)
    if (!isOption(option)) throw new Error(unknownOption(option))
    fields.set(option, path.split('.'))
  }
  return fields
}

export const sinkSettings = {
  ...queueSettings,
  queue: setting.string({
    doc: `The queue of a record; ${TOPIC_TOKEN} is its topic`,
    default: TOPIC_TOKEN,
    importance: 'HIGH',
    check: (queue) => queueNameProblem(queue),
  }),
  'job.name': setting.string({ doc: `The name of a job; ${TOPIC_TOKEN} is the topic`, default: TOPIC_TOKEN, importance: 'HIGH' }),
  'job.id': setting.oneOf(['offset', 'key', 'option'], {
    doc: "The id of a job: 'offset' is topic-partition-offset, 'key' the key of the record after job.id.prefix, 'option' what job.fields or job.headers give for id. While a job with an id is in Redis, BullMQ adds no other one with it.",
    default: 'offset',
    importance: 'HIGH',
  }),
  'job.id.prefix': setting.string({
    doc: `What ids from keys, fields and headers begin with; ${TOPIC_TOKEN} is the topic. BullMQ accepts no id that is a whole number.`,
    default: `${TOPIC_TOKEN}-`,
  }),
  'job.fields': setting.list({
    doc: 'Options of a job from fields of the value, as delay=wait_ms,priority=urgency; a field in a field is a.b. They count before headers and settings.',
    default: [],
    check(mappings) {
      try {
        fieldsOf(mappings)
      } catch (error) {
        return (error as Error).message
      }
    },
  }),
  'job.headers': setting.list({
    doc: 'Options of a job from headers, whose names are header.prefix and the option, as bullmq.delay. They count before settings.',
    default: JOB_OPTIONS.filter((option) => option !== 'queue' && option !== 'id'),
    check: (options) => options.filter((option) => !isOption(option)).map(unknownOption)[0],
  }),
  'job.delay.ms': setting.long({ doc: 'How long a job waits before it may be processed, in ms', default: 0, least: 0 }),
  'job.priority': setting.int({
    doc: `The priority of a job: 0 is none, and is processed first; then 1 to ${MAX_PRIORITY}`,
    default: 0,
    least: 0,
    check: (priority) => (priority > MAX_PRIORITY ? `Value must be at most ${MAX_PRIORITY}` : undefined),
  }),
  'job.attempts': setting.int({ doc: 'How often workers try a job', default: 1, least: 1 }),
  'job.backoff.type': setting.string({
    doc: "The wait between two attempts: 'fixed', 'exponential', or a strategy that the workers know; empty is none",
    default: '',
  }),
  'job.backoff.delay.ms': setting.long({ doc: 'The delay of the back-off, in ms', default: 0, least: 0 }),
  'job.lifo': setting.boolean({ doc: 'Whether a job is processed before those that wait', default: false }),
  'job.parent.id': setting.string({ doc: 'The id of the parent of all jobs, which waits for them', default: '', importance: 'LOW' }),
  'job.parent.queue': setting.string({
    doc: 'The queue of the parent; with a colon in it, its prefix and its name, as bull:orders',
    default: '',
    importance: 'LOW',
  }),
  'job.completed.keep': setting.int({
    doc: 'How many completed jobs stay in Redis (removeOnComplete): 0 removes a job when it completes, -1 leaves it to the workers',
    default: -1,
    least: -1,
  }),
  'job.failed.keep': setting.int({
    doc: 'How many failed jobs stay in Redis (removeOnFail): 0 removes a job when it has failed for good, -1 leaves it to the workers',
    default: -1,
    least: -1,
  }),
  'job.data': setting.oneOf(['value', 'record'], {
    doc: "The data of a job: 'value' is the value of the record, 'record' an object with topic, partition, offset, timestamp, key, value and headers",
    default: 'value',
  }),
  'behavior.on.null.values': setting.oneOf(['ignore', 'delete', 'fail'], {
    doc: "What a record with a null value does: 'ignore' nothing, 'delete' removes the job with its id unless a worker has it (with job.id=key), 'fail' is an error of the record",
    default: 'ignore',
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of jobs that one script adds',
    default: 500,
    least: 1,
    check: (size) => (size > MAX_BATCH_SIZE ? `Value must be at most ${MAX_BATCH_SIZE}` : undefined),
  }),
  'retry.backoff.ms': setting.int({
    doc: 'How long the sink waits before it tries again while Redis cannot be reached, in ms',
    default: 1000,
    least: 1,
    importance: 'LOW',
  }),
} as const

export type SinkConfig = ConfigOf<typeof sinkSettings>

export function checkSink(config: SinkConfig): SettingProblem[] {
  const problems = checkQueueSettings(config)
  const from = new Set<JobOption>([...fieldsOf(config['job.fields']).keys(), ...(config['job.headers'] as readonly JobOption[])])
  if (config['job.id'] === 'option' && !from.has('id'))
    problems.push({ setting: 'job.id', why: 'job.id=option needs id in job.fields or in job.headers' })
  if (config['behavior.on.null.values'] === 'delete' && config['job.id'] === 'offset')
    problems.push({ setting: 'behavior.on.null.values', why: 'a record without a value names its job by its key: set job.id=key' })
  if ((config['job.parent.id'] === '') !== (config['job.parent.queue'] === ''))
    problems.push({ setting: 'job.parent.queue', why: 'set both job.parent.id and job.parent.queue, or none of them' })
  return problems
}

/** @throws InvalidSetting */
export function requireValid(config: SinkConfig): void {
  const [wrong] = checkSink(config)
  if (wrong) throw new InvalidSetting(wrong.setting, String(config[wrong.setting as keyof SinkConfig]), wrong.why)
}
