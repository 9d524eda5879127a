/**
 * The format of a dead letter: the record as it was, and headers that give its origin and its error, with the names and the order of Kafka
 * Connect. A record that a source could not convert has no bytes: its letter is JSON with its schema, from which it can be sent again.
 */
import type { ConsumedRecord, ProducerRecord, RecordHeader, TopicPartition } from '../../core/client/types.ts'
import { type Converter, type Position, parseExactly, type SourceRecord, sourceRecord } from '../sdk/index.ts'
import { ConnectError } from '../types.ts'
import type { OriginalRecord } from './pipeline.ts'
import type { ProcessingError } from './retry-with-tolerance-operator.ts'

export const ERROR_HEADER = '__connect.errors.'
/** Of a letter that was replayed and has failed again: the letter that it was. */
export const REPLAY_HEADER = '__connect.replay.'
/** Of a letter of a source: where its record was meant to go, and the positions after its batch. */
export const SOURCE_HEADER = '__connect.source.'
const OWN_HEADERS = [ERROR_HEADER, REPLAY_HEADER, SOURCE_HEADER]

/** The Java classes of our errors, which tools expect in the headers. */
const javaClasses: Readonly<Record<string, string>> = {
  DataException: 'org.apache.kafka.connect.errors.DataException',
  RetriableException: 'org.apache.kafka.connect.errors.RetriableException',
  ConnectException: 'org.apache.kafka.connect.errors.ConnectException',
  BadRecord: 'org.apache.kafka.connect.errors.ConnectException',
  Disconnected: 'org.apache.kafka.connect.errors.RetriableException',
  SchemaBuilderException: 'org.apache.kafka.connect.errors.SchemaBuilderException',
  IllegalArgumentException: 'java.lang.IllegalArgumentException',
}

const javaClassOf = (error: Error): string => javaClasses[error.name] ?? error.name
const MAX_CAUSES = 10
/** Of the context headers: an error that quotes its record must not make the letter larger than a record may be (Invariant 13). */
const MAX_MESSAGE_CHARACTERS = 8_000
const MAX_STACK_CHARACTERS = 32_000

const cut = (long: string, most: number): string => (long.length > most ? `${long.slice(0, most)} …` : long)

/** A stack trace with the names of Java's classes, by which tools sort errors. */
function stackTraceOf(error: Error): string {
  const parts: string[] = []
  let next: unknown = error
  for (let depth = 0; next !== undefined && next !== null && depth < MAX_CAUSES; depth++) {
    const [title, frames] = next instanceof Error ? [`${javaClassOf(next)}: ${next.message}`, framesOf(next)] : [String(next), '']
    parts.push(`${depth === 0 ? '' : 'Caused by: '}${title}\n${frames}`)
    next = next instanceof Error ? next.cause : undefined
  }
  return parts.join('')
}

const framesOf = ({ stack = '' }: Error): string =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `\t${line.trim()}\n`)
    .join('')

/** Where a record came from; null for what a source does not know. */
export interface LetterOrigin {
  topic: string
  partition: number | null
  offset: number | null
}

export interface LetterContext {
  readonly connector: string
  readonly task: number
  /** Errors may have secrets that the config refers to (Invariant 12). */
  redact(text: string): string
}

const text = (value: unknown): Buffer => Buffer.from(String(value))

/** Kafka Connect's context headers. As there, they follow those of the record, also where it has some of these names. */
export function errorHeaders(
  { topic, partition, offset }: LetterOrigin,
  { stage, executing, cause }: ProcessingError,
  { connector, task, redact }: LetterContext,
): RecordHeader[] {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const values: Record<string, unknown> = {
    topic,
    partition,
    offset,
    'connector.name': connector,
    'task.id': task,
    stage,
    'class.name': executing,
    'exception.class.name': javaClassOf(error),
    'exception.message': cut(redact(error.message), MAX_MESSAGE_CHARACTERS),
    'exception.stacktrace': cut(redact(stackTraceOf(error)), MAX_STACK_CHARACTERS),
  }
  return Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => ({ key: ERROR_HEADER + name, value: text(value) }))
}

const replayHeaders = (letter: (TopicPartition & { offset: number }) | undefined): RecordHeader[] =>
  letter === undefined
    ? []
    : (['topic', 'partition', 'offset'] as const).map((name) => ({ key: REPLAY_HEADER + name, value: text(letter[name]) }))

/** The letter of a record that a sink could not process: its bytes, its headers and its timestamp. */
export function sinkLetter(
  to: string,
  withContext: boolean,
  original: OriginalRecord,
  error: ProcessingError,
  context: LetterContext,
): ProducerRecord {
  const { key, value, timestamp, headers: own, offset } = original.record
  const replayed = replayHeaders(original.replayOf)
  const headers =
    withContext || replayed.length > 0
      ? [
          ...own,
          ...(withContext ? errorHeaders({ topic: original.topic, partition: original.partition, offset }, error, context) : []),
          ...replayed,
        ]
      : own
  return { topic: to, key, value, headers, timestamp: timestamp >= 0 ? timestamp : undefined }
}

/** `json` is JsonConverter with schemas. A value that contradicts its schema is written without the schema. */
function jsonBytes(json: Converter, topic: string, schema: SourceRecord['valueSchema'], value: unknown): Buffer | null {
  if (value === null && schema === null) return null
  try {
    return json.fromConnect(topic, schema, value)
  } catch {
    try {
      return json.fromConnect(topic, null, value)
    } catch {
      return json.fromConnect(topic, null, String(value))
    }
  }
}

export function sourceLetter(
  to: string,
  withContext: boolean,
  json: Converter,
  record: SourceRecord,
  positions: readonly Position[],
  error: ProcessingError,
  context: LetterContext,
  replayOf?: TopicPartition & { offset: number },
): ProducerRecord {
  const { topic, partition, timestamp } = record
  const own = record.headers.map(({ key, value, schema }) => ({ key, value: jsonBytes(json, topic, schema, value) }))
  const meant: Record<string, unknown> = { topic, ...(partition === null ? {} : { 'kafka.partition': partition }) }
  if (positions.length > 0) meant.positions = JSON.stringify(positions)
  return {
    topic: to,
    key: jsonBytes(json, topic, record.keySchema, record.key),
    value: jsonBytes(json, topic, record.valueSchema, record.value),
    headers: [
      ...own,
      ...(withContext ? errorHeaders({ topic, partition, offset: null }, error, context) : []),
      ...Object.entries(meant).map(([name, value]) => ({ key: SOURCE_HEADER + name, value: text(value) })),
      ...replayHeaders(replayOf),
    ],
    timestamp: timestamp ?? undefined,
  }
}

/** A letter in its topic. */
export interface DeadLetter extends TopicPartition {
  record: ConsumedRecord
}

/** The last header of this name, as text. */
export function headerText({ headers }: ConsumedRecord, name: string): string | null {
  for (let index = headers.length - 1; index >= 0; index--) {
    const header = headers[index]!
    if (header.key === name) return header.value?.toString('utf8') ?? null
  }
  return null
}

const headerNumber = (record: ConsumedRecord, name: string): number | null => {
  const found = headerText(record, name)
  return found !== null && /^\d{1,15}$/.test(found) ? Number(found) : null
}

const withoutOwnHeaders = (headers: readonly RecordHeader[]) =>
  headers.filter(({ key }) => !OWN_HEADERS.some((prefix) => key.startsWith(prefix)))

export function originOf({ topic, partition, record }: DeadLetter): LetterOrigin {
  const known = headerText(record, `${ERROR_HEADER}topic`) ?? headerText(record, `${SOURCE_HEADER}topic`)
  if (known === null) return { topic, partition, offset: record.offset }
  return {
    topic: known,
    partition: headerNumber(record, `${ERROR_HEADER}partition`),
    offset: headerNumber(record, `${ERROR_HEADER}offset`),
  }
}

/** The record of a sink as it was consumed at first. A letter without context headers has its own topic and offset. */
export function replayedRecord(letter: DeadLetter): OriginalRecord {
  const { topic, partition, offset } = originOf(letter)
  const { record } = letter
  return {
    topic,
    partition: partition ?? letter.partition,
    record: { ...record, offset: offset ?? record.offset, headers: withoutOwnHeaders(record.headers) },
    replayOf: { topic: letter.topic, partition: letter.partition, offset: record.offset },
  }
}

/** The record of a source as its connector gave it. Throws a ConnectError where the letter is not one of a source. */
export function replayedSourceRecord(letter: DeadLetter, json: Converter): SourceRecord {
  const { topic, partition, record } = letter
  const target = headerText(record, `${SOURCE_HEADER}topic`)
  const refused = (why: string, options?: ErrorOptions) =>
    new ConnectError(
      400,
      `The letter ${topic}-${partition}@${record.offset} ${why}: no source has written it. Replay the others by their group, or by letters.`,
      options,
    )
  if (target === null) throw refused(`has no header ${SOURCE_HEADER}topic`)
  try {
    return sourceRecordOf(letter, target, json)
  } catch (error) {
    throw refused(`is not JSON with a schema (${(error as Error).message})`, { cause: error })
  }
}

function sourceRecordOf({ record }: DeadLetter, target: string, json: Converter): SourceRecord {
  const key = json.toConnect(target, record.key)
  const value = json.toConnect(target, record.value)
  return sourceRecord({
    topic: target,
    partition: headerNumber(record, `${SOURCE_HEADER}kafka.partition`),
    key: key.value,
    keySchema: key.schema,
    value: value.value,
    valueSchema: value.schema,
    timestamp: record.timestamp >= 0 ? record.timestamp : null,
    headers: withoutOwnHeaders(record.headers).map((header) => ({ key: header.key, ...json.toConnect(target, header.value) })),
  })
}

/** The positions in a letter of a source; empty where there are none. */
export function positionsOf(record: ConsumedRecord): Position[] {
  const found = headerText(record, `${SOURCE_HEADER}positions`)
  if (found === null) return []
  const parsed: unknown = parseExactly(found, false)
  return Array.isArray(parsed) ? (parsed as Position[]) : []
}
