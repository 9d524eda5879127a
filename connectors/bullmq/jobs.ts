/**
 * The job of a record: its queue, id, name, options and data, from fields, headers and settings, in this order. What BullMQ would refuse is
 * an error of the record, before anything is written. Pure.
 */
import type { JobJson, JobsOptions } from 'bullmq'
import type { SinkRecord } from '../../connect/sdk/index.ts'
import { jsonText } from '../../connect/sdk/values/json-text.ts'
import { queueNameProblem, TOPIC_TOKEN } from './queue-settings.ts'
import { fieldsOf, type JobOption, MAX_PRIORITY, type SinkConfig } from './sink-settings.ts'

/** The record can be no job, whenever it is tried. */
export class InvalidJob extends Error {
  override name = 'InvalidJob'
}

export interface NewJob {
  readonly queue: string
  readonly id: string
  /** Null where the record removes the job. */
  readonly json: JobJson | null
}

export class Jobs {
  readonly #config: SinkConfig
  readonly #fields: ReadonlyMap<JobOption, readonly string[]>
  /** By the names of the headers. */
  readonly #headers: ReadonlyMap<string, JobOption>
  readonly #idFromOption: boolean

  constructor(config: SinkConfig) {
    this.#config = config
    this.#fields = fieldsOf(config['job.fields'])
    this.#headers = new Map(config['job.headers'].map((option) => [`${config['header.prefix']}${option}`, option as JobOption]))
    this.#idFromOption = config['job.id'] === 'option'
  }

  /** Null where the record is to be ignored. @throws InvalidJob */
  job(record: SinkRecord, now: number): NewJob | null {
    const config = this.#config
    const isTombstone = record.value === null || record.value === undefined
    if (isTombstone) {
      if (config['behavior.on.null.values'] === 'ignore') return null
      if (config['behavior.on.null.values'] === 'fail')
        throw new InvalidJob('its value is null: set behavior.on.null.values=ignore or delete')
    }
    const given = this.#given(record)
    const queue = textOf(given, 'queue') ?? config.queue.replaceAll(TOPIC_TOKEN, record.topic)
    const problem = queueNameProblem(queue)
    if (problem !== undefined) throw new InvalidJob(problem)
    const id = this.#id(record, given)
    return { queue, id, json: isTombstone ? null : this.#json(record, given, id, now) }
  }

  #json(record: SinkRecord, given: Given, id: string, now: number): JobJson {
    const config = this.#config
    const opts: JobsOptions = { attempts: wholeOf(given, 'attempts', 1) ?? config['job.attempts'] }
    const delay = wholeOf(given, 'delay', 0) ?? config['job.delay.ms']
    if (delay > 0) opts.delay = delay
    const priority = wholeOf(given, 'priority', 0, MAX_PRIORITY) ?? config['job.priority']
    if (priority > 0) opts.priority = priority
    if (booleanOf(given, 'lifo') ?? config['job.lifo']) opts.lifo = true
    const backoff = textOf(given, 'backoff.type') ?? config['job.backoff.type']
    if (backoff !== '') opts.backoff = { type: backoff, delay: wholeOf(given, 'backoff.delay', 0) ?? config['job.backoff.delay.ms'] }
    if (config['job.completed.keep'] >= 0) opts.removeOnComplete = keep(config['job.completed.keep'])
    if (config['job.failed.keep'] >= 0) opts.removeOnFail = keep(config['job.failed.keep'])
    const parent = this.#parent(given)
    if (parent) opts.parent = { id: parent.id, queue: parent.queueKey }
    return {
      id,
      name: textOf(given, 'name') ?? config['job.name'].replaceAll(TOPIC_TOKEN, record.topic),
      data: this.#data(record),
      opts,
      timestamp: now,
      ...(parent && { parent, parentKey: `${parent.queueKey}:${parent.id}` }),
    } as JobJson
  }

  #parent(given: Given): { id: string; queueKey: string } | null {
    const id = textOf(given, 'parent.id') ?? this.#config['job.parent.id']
    const queue = textOf(given, 'parent.queue') ?? this.#config['job.parent.queue']
    if (id === '' && queue === '') return null
    if (id === '' || queue === '') throw new InvalidJob('a parent needs both parent.id and parent.queue')
    return { id, queueKey: queue.includes(':') ? queue : `${this.#config['queue.prefix']}:${queue}` }
  }

  #id(record: SinkRecord, given: Given): string {
    const { topic, partition, offset } = record
    if (this.#config['job.id'] === 'offset') return `${topic}-${partition}-${offset}`
    const text = this.#idFromOption ? textOf(given, 'id') : keyText(record)
    if (text === null || text === '')
      throw new InvalidJob(this.#idFromOption ? 'neither a field nor a header gives the id of its job' : 'it has no key, and job.id=key')
    const id = `${this.#config['job.id.prefix'].replaceAll(TOPIC_TOKEN, topic)}${encodedId(text)}`
    if (String(Number.parseInt(id, 10)) === id)
      throw new InvalidJob(`the id of its job is ${id}, and BullMQ accepts no id that is a whole number: set job.id.prefix`)
    return id
  }

  #data(record: SinkRecord): string {
    const value = textOfValue(record)
    if (this.#config['job.data'] === 'value') return value
    const { topic, partition, offset, timestamp, headers } = record
    const listed = headers.map(({ key, value: header, schema }) => `{"key":${JSON.stringify(key)},"value":${json(header, schema)}}`)
    const head = JSON.stringify({ topic, partition, offset, timestamp }).slice(0, -1)
    return `${head},"key":${json(record.key, record.keySchema)},"value":${value},"headers":[${listed.join(',')}]}`
  }

  /** Headers first, so that fields count before them. */
  #given(record: SinkRecord): Given {
    const given: Given = new Map()
    if (record.headers.length > 0)
      for (const { key, value } of record.headers) {
        const option = this.#headers.get(key)
        if (option !== undefined && value !== null) given.set(option, value)
      }
    for (const [option, path] of this.#fields) {
      const value = atPath(record.value, path)
      if (value !== null && value !== undefined) given.set(option, value)
    }
    return given
  }
}

type Given = Map<JobOption, unknown>

/** 0 removes a job at once. */
const keep = (count: number): boolean | { count: number } => (count === 0 ? true : { count })

/** BullMQ joins the parts of its keys with colons. Different texts stay different. */
const encodedId = (text: string): string => text.replaceAll('%', '%25').replaceAll(':', '%3A')

const json = (value: unknown, schema: SinkRecord['keySchema']): string => jsonText(value ?? null, schema) ?? 'null'

function textOfValue({ value, valueSchema }: SinkRecord): string {
  try {
    return json(value, valueSchema)
  } catch (cause) {
    throw new InvalidJob(`its value has no JSON: ${(cause as Error).message.split('\n')[0]}`, { cause })
  }
}

function keyText({ key, keySchema }: SinkRecord): string | null {
  if (key === null || key === undefined) return null
  return typeof key === 'string' ? key : json(key, keySchema)
}

function atPath(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return null
    at = at instanceof Map ? at.get(name) : Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : null
  }
  return at
}

function textOf(given: Given, option: JobOption): string | null {
  const value = given.get(option)
  if (value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  throw new InvalidJob(`its ${option} is no text`)
}

function wholeOf(given: Given, option: JobOption, least: number, most = Number.MAX_SAFE_INTEGER): number | null {
  const text = textOf(given, option)
  if (text === null) return null
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > most)
    throw new InvalidJob(`its ${option} is ${text}, and must be a whole number from ${least} to ${most}`)
  return value
}

function booleanOf(given: Given, option: JobOption): boolean | null {
  const text = textOf(given, option)
  if (text === null) return null
  if (text !== 'true' && text !== 'false') throw new InvalidJob(`its ${option} is ${text}, and must be true or false`)
  return text === 'true'
}
