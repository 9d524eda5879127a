/**
 * The record of a job: its data as value, its id or a field as key, what else BullMQ knows of it as headers. A header that says nothing is
 * left out. Pure.
 */
import type { JobJson } from 'bullmq'
import { type Header, parseExactly, type Schema, type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import { QUEUE_TOKEN } from './queue-settings.ts'
import type { SourceConfig } from './source-settings.ts'

const TEXT = schemas.string()
const INT32 = schemas.int32()
const INT64 = schemas.int64()
const BOOLEAN = schemas.boolean()

/** The data of a job is no JSON, or has no such field: nothing that is tried again mends it. */
export class UnreadableJob extends Error {
  override name = 'UnreadableJob'
}

export class JobRecords {
  readonly #topic: string
  readonly #queue: string
  readonly #keyField: string | null
  readonly #asText: boolean
  readonly #names: Readonly<Record<keyof typeof HEADERS, string>>

  constructor(queue: string, config: SourceConfig) {
    this.#queue = queue
    this.#topic = config.topic.replaceAll(QUEUE_TOKEN, queue)
    this.#keyField = config['key.field']
    this.#asText = config['value.format'] === 'string'
    const prefix = config['header.prefix']
    this.#names = Object.fromEntries(Object.entries(HEADERS).map(([option, name]) => [option, `${prefix}${name}`])) as never
  }

  /** @throws UnreadableJob */
  record(job: JobJson): SourceRecord {
    // BullMQ itself reads a job without data as one with an empty object.
    const text = job.data || '{}'
    const data = this.#asText && this.#keyField === null ? undefined : dataOf(text)
    const key = this.#keyField === null ? job.id : fieldOf(data, this.#keyField)
    return {
      topic: this.#topic,
      partition: null,
      key,
      keySchema: this.#keyField === null ? TEXT : null,
      value: this.#asText ? text : data,
      valueSchema: this.#asText ? TEXT : null,
      timestamp: Number.isSafeInteger(job.timestamp) && job.timestamp >= 0 ? job.timestamp : Date.now(),
      headers: this.#headers(job),
    }
  }

  #headers(job: JobJson): Header[] {
    const { opts } = job
    const headers: Header[] = []
    const add = (option: keyof typeof HEADERS, value: unknown, schema: Schema) => {
      if (value !== undefined && value !== null && value !== 0 && value !== '' && value !== false)
        headers.push({ key: this.#names[option], value, schema })
    }
    add('queue', this.#queue, TEXT)
    add('id', job.id, TEXT)
    add('name', job.name, TEXT)
    add('timestamp', job.timestamp, INT64)
    add('priority', job.priority, INT32)
    // The job's own delay is 0 once its time has come.
    add('delay', opts.delay, INT64)
    add('lifo', opts.lifo, BOOLEAN)
    add('attempts', opts.attempts, INT32)
    add('attemptsMade', job.attemptsMade, INT32)
    add('attemptsStarted', job.attemptsStarted, INT32)
    add('stalledCount', job.stalledCounter, INT32)
    const backoff = typeof opts.backoff === 'number' ? { type: 'fixed', delay: opts.backoff } : opts.backoff
    add('backoffType', backoff?.type, TEXT)
    add('backoffDelay', backoff?.delay, INT64)
    add('parentId', job.parent?.id, TEXT)
    add('parentQueue', job.parent?.queueKey, TEXT)
    add('repeatKey', job.repeatJobKey, TEXT)
    add('deduplicationId', job.deduplicationId, TEXT)
    return headers
  }
}

/** The names of the headers, after their prefix. */
const HEADERS = {
  queue: 'queue',
  id: 'id',
  name: 'name',
  timestamp: 'timestamp',
  priority: 'priority',
  delay: 'delay',
  lifo: 'lifo',
  attempts: 'attempts',
  attemptsMade: 'attempts.made',
  attemptsStarted: 'attempts.started',
  stalledCount: 'stalled.count',
  backoffType: 'backoff.type',
  backoffDelay: 'backoff.delay',
  parentId: 'parent.id',
  parentQueue: 'parent.queue',
  repeatKey: 'repeat.key',
  deduplicationId: 'deduplication.id',
} as const

function dataOf(text: string): unknown {
  try {
    return parseExactly(text)
  } catch (cause) {
    throw new UnreadableJob(`The data of the job is no JSON: ${(cause as Error).message}. Set value.format=string to read it as it is.`, {
      cause,
    })
  }
}

function fieldOf(data: unknown, field: string): unknown {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, field))
    throw new UnreadableJob(`The data of the job has no field ${field}, which key.field names.`)
  return (data as Record<string, unknown>)[field] ?? null
}
