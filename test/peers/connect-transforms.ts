/**
 * Transforms and predicates, ours and Kafka Connect's, given the same cases: the same settings and records, whose keys and values are
 * texts in JsonConverter's envelope. Their answers have the same form, `comparable` where texts may differ without meaning anything else.
 */
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { createInterface } from 'node:readline'
import jsonConverter from '../../connect/converters/json.ts'
import {
  type ConnectRecord,
  type Converter,
  type Predicate,
  type PredicateDeclaration,
  parseExactly,
  parseSettings,
  rawValue,
  type Schema,
  type SchemaAndValue,
  type Setting,
  type Settings,
  type Transform,
  type TransformDeclaration,
} from '../../connect/sdk/index.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

export interface CaseRecord {
  topic?: string
  partition?: number | null
  timestamp?: number | null
  /** Only a sink's record has one. */
  offset?: number
  /** Envelopes. */
  key?: string | null
  value?: string | null
  headers?: readonly { key: string; value: string | null }[]
}

export interface Case {
  class: string
  config: Readonly<Record<string, string>>
  records: readonly CaseRecord[]
}

export interface Failure {
  exception: string
  message: string | null
}

export interface ShownRecord {
  topic: string
  partition: number | null
  timestamp: number | null
  key: string | null
  value: string | null
  headers: { key: string; value: string | null }[]
}

/** A record, null where it is dropped, whether a predicate holds, or what was thrown, by the converter before or after. */
export type Result = ShownRecord | Failure | { unreadable: Failure } | { unconvertible: Failure } | boolean | null

export interface Answer {
  /** The errors of settings that are wrong. */
  invalid: Record<string, string[]>
  /** Where the settings are refused. */
  configure?: Failure
  results?: Result[]
}

export interface Definition {
  name: string
  type: string
  required: boolean
  default: string | null
  importance: string
  group: string | null
  order: number
  width: string
}

export interface ConnectTransforms {
  /** Kafka's answers, in the order of the cases. */
  answers(cases: readonly Case[]): Promise<Answer[]>
  definitions(className: string): Promise<Definition[]>
}

/** Called while a file is collected, not in a test. `others` are the libraries of transforms that are not Kafka's. */
export async function connectTransforms(...others: readonly string[]): Promise<ConnectTransforms> {
  const program = await javaProgram('transforms', [kafkaClassPath(), ...others].join(delimiter))
  const ask = async <T>(questions: readonly object[]): Promise<T[]> => {
    const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'inherit'] })
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    const read = (async () => {
      const answers: T[] = []
      for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line) as T)
      return answers
    })()
    child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''))
    const answers = await Promise.race([read, failed])
    if (answers.length !== questions.length) throw new Error(`the program answered ${answers.length} of ${questions.length} questions`)
    return answers
  }
  return {
    answers: (cases) =>
      ask<Answer>(cases.map((given) => ({ ...given, records: given.records.map((record) => ({ topic: 't', ...record })) }))),
    definitions: async (className) => (await ask<Definition[]>([{ class: className, define: true }]))[0]!,
  }
}

// biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type
type Declaration = TransformDeclaration<any> | PredicateDeclaration<any>

const converter: Converter = jsonConverter.create(parseSettings(jsonConverter.settings, { 'replace.null.with.default': 'false' }), false)

const read = (text: string | null | undefined): SchemaAndValue =>
  text === null || text === undefined ? { schema: null, value: null } : converter.toConnect('t', Buffer.from(text))
const write = (schema: Schema | null, value: unknown): string | null => converter.fromConnect('t', schema, value)?.toString('utf8') ?? null

function recordOf(given: CaseRecord): ConnectRecord {
  const key = read(given.key)
  const value = read(given.value)
  const headers = (given.headers ?? []).map((header) => ({ key: header.key, ...read(header.value) }))
  const { topic = 't', partition = null, timestamp = null, offset } = given
  const record = {
    topic,
    partition,
    timestamp,
    key: key.value,
    keySchema: key.schema,
    value: value.value,
    valueSchema: value.schema,
    headers,
  }
  return offset === undefined ? record : ({ ...record, offset, timestampType: 'CreateTime' } as ConnectRecord)
}

function show(record: ConnectRecord): ShownRecord {
  return {
    topic: record.topic,
    partition: record.partition,
    timestamp: record.timestamp,
    key: write(record.keySchema, record.key),
    value: write(record.valueSchema, record.value),
    headers: record.headers.map((header) => ({ key: header.key, value: write(header.schema, header.value) })),
  }
}

const failure = (error: unknown): Failure => ({ exception: (error as Error).name, message: (error as Error).message })

function resultOf(apply: Transform | Predicate, given: CaseRecord): Result {
  let record: ConnectRecord
  try {
    record = recordOf(given)
  } catch (error) {
    return { unreadable: failure(error) }
  }
  let result: ReturnType<typeof apply>
  try {
    result = apply(record)
  } catch (error) {
    return failure(error)
  }
  if (result === null || typeof result === 'boolean') return result
  try {
    return show(result)
  } catch (error) {
    return { unconvertible: failure(error) }
  }
}

export function ourAnswer(declaration: Declaration, { config, records }: Case): Answer {
  const invalid: Record<string, string[]> = {}
  for (const [name, declared] of Object.entries(declaration.settings as Settings) as [string, Setting<unknown>][]) {
    try {
      declared.parse(name, rawValue(name, declared, config))
    } catch (error) {
      invalid[name] = [(error as Error).message]
    }
  }
  let apply: Transform | Predicate
  try {
    apply = declaration.create(parseSettings(declaration.settings, config))
  } catch (error) {
    return { invalid, configure: failure(error) }
  }
  return { invalid, results: records.map((record) => resultOf(apply, record)) }
}

export const ourDefinitions = (declaration: Declaration): Definition[] =>
  Object.entries(declaration.settings as Settings).map(([name, setting]) => ({
    name,
    type: setting.type,
    required: setting.required,
    default: setting.default,
    importance: setting.importance,
    group: setting.group,
    order: setting.order,
    width: setting.width,
  }))

type Round = (value: number) => number

interface Envelope {
  schema: unknown
  payload: unknown
}

/** Whole numbers that a double rounds are their digits. */
const exact = (_name: string, value: unknown) =>
  typeof value === 'bigint' || (Number.isInteger(value) && !Number.isSafeInteger(value)) ? `${BigInt(value as number)}` : value

/** An envelope's text as JSON: whole numbers exact, and a float32 as such, since Java writes its shortest text. */
function comparableEnvelope(text: string | null, plainFloats: Round | undefined): unknown {
  if (text === null) return null
  const { schema, payload } = parseExactly(text) as Envelope
  return JSON.parse(
    JSON.stringify(
      {
        schema: roundedSchema(schema),
        payload: schema === null && plainFloats ? roundedPlain(payload, plainFloats) : rounded(schema, payload),
      },
      exact,
    ),
  )
}

/** Without a schema any number may be a float. Ours is written with all the digits of its double, and a large one as a whole number. */
function roundedPlain(payload: unknown, round: Round): unknown {
  if (typeof payload === 'number' || typeof payload === 'bigint') return round(Number(payload))
  if (Array.isArray(payload)) return payload.map((item) => roundedPlain(item, round))
  if (typeof payload !== 'object' || payload === null) return payload
  return Object.fromEntries(Object.entries(payload).map(([name, item]) => [name, roundedPlain(item, round)]))
}

/** A schema in which the defaults of float32 are rounded. */
function roundedSchema(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(roundedSchema)
  if (typeof json !== 'object' || json === null) return json
  const schema = json as Record<string, unknown>
  const inner = Object.fromEntries(Object.entries(schema).map(([name, item]) => [name, name === 'default' ? item : roundedSchema(item)]))
  return 'default' in schema ? { ...inner, default: rounded(schema, schema.default) } : inner
}

function rounded(schema: unknown, payload: unknown): unknown {
  const { type, fields, items, values } = (schema ?? {}) as {
    type?: string
    fields?: { field: string }[]
    items?: unknown
    values?: unknown
  }
  if (payload === null) return null
  if (type === 'float') return typeof payload === 'number' || typeof payload === 'bigint' ? Math.fround(Number(payload)) : payload
  if (type === 'double') return typeof payload === 'bigint' ? Number(payload) : payload
  if (type === 'struct')
    return Object.fromEntries(
      (fields ?? []).map((field) => [field.field, rounded(field, (payload as Record<string, unknown>)[field.field])]),
    )
  if (type === 'array') return (payload as unknown[]).map((item) => rounded(items, item))
  if (type === 'map' && Array.isArray(payload)) return payload.map(([key, item]) => [key, rounded(values, item)])
  if (type === 'map') return Object.fromEntries(Object.entries(payload as object).map(([name, item]) => [name, rounded(values, item)]))
  return payload
}

const simpleName = (className: string) => className.slice(className.lastIndexOf('.') + 1)
const comparableFailure = ({ exception, message }: Failure) => ({ exception: simpleName(exception), message })

function comparableResult(result: Result, plainFloats: Round | undefined): unknown {
  if (result === null || typeof result === 'boolean') return result
  // What the converter says is the converter's.
  if ('unreadable' in result) return 'unreadable'
  if ('unconvertible' in result) return 'unconvertible'
  if ('exception' in result) return comparableFailure(result)
  return {
    ...result,
    key: comparableEnvelope(result.key, plainFloats),
    value: comparableEnvelope(result.value, plainFloats),
    headers: result.headers.map(({ key, value }) => ({ key, value: comparableEnvelope(value, plainFloats) })),
  }
}

/**
 * An answer without what may differ: the order of names in maps, packages of exceptions, how a float is written. With `plainFloats` numbers
 * without a schema may be
 * floats, which are rounded so.
 */
export function comparable(
  { invalid, configure, results }: Answer,
  plainFloats?: Round,
): {
  invalid: Record<string, string[]>
  configure?: string | null
  results?: unknown[]
} {
  return {
    // Kafka goes on after a missing setting, and has its validator complain as well.
    invalid: Object.fromEntries(Object.entries(invalid).map(([name, errors]) => [name, errors.slice(0, 1)])),
    ...(configure && { configure: comparableFailure(configure).message }),
    ...(results && { results: results.map((result) => comparableResult(result, plainFloats)) }),
  }
}
