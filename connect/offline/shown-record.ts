/**
 * Records as JSON, for people and for the files of test cases. A record of Kafka is `{topic, partition, timestamp, key, value, headers}`
 * with keys and values as JSON where their bytes are JSON, as text where they are UTF-8, else as `{"base64": …}`. A record of Kafka
 * Connect has `keySchema` and `valueSchema` besides, in the form of JsonConverter, and its values in that form with numeric decimals.
 */
import type { ProducerRecord, RecordHeader } from '../../core/client/types.ts'
import { toBuffer } from '../../core/wire/record-batch.ts'
import { decoder } from '../converters/json/decode.ts'
import { encoder, encodeSchemaless } from '../converters/json/encode.ts'
import { schemaOf, schemaText } from '../converters/json/schema.ts'
import {
  type ConnectRecord,
  DataError,
  type Header,
  parseExactly,
  rawJson,
  type Schema,
  type SourceRecord,
  sourceRecord,
} from '../sdk/index.ts'

/** JSON values; whole numbers past 2^53 are bigints. */
export interface ShownRecord {
  topic?: string
  partition?: number
  timestamp?: number
  key?: unknown
  keySchema?: unknown
  value?: unknown
  valueSchema?: unknown
  headers?: Readonly<Record<string, unknown>>
}

export interface KafkaRecord {
  topic: string
  partition: number | undefined
  timestamp: number | undefined
  key: Buffer | null
  value: Buffer | null
  headers: readonly RecordHeader[]
}

export const fieldsOfRecords = ['topic', 'partition', 'timestamp', 'key', 'keySchema', 'value', 'valueSchema', 'headers'] as const

const utf8 = new TextDecoder('utf-8', { fatal: true })

function shownBytes(bytes: Buffer | null): unknown {
  if (bytes === null) return null
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return { base64: bytes.toString('base64') }
  }
  try {
    return parseExactly(text)
  } catch {
    return text
  }
}

/** The bytes of a key or value in a file: a text is itself, `{"base64": …}` its bytes, anything else its JSON. */
function bytesOf(shown: unknown): Buffer | null {
  if (shown === null || shown === undefined) return null
  if (typeof shown === 'string') return Buffer.from(shown)
  if (typeof shown === 'object' && Object.keys(shown).join() === 'base64')
    return Buffer.from(String((shown as { base64: unknown }).base64), 'base64')
  return Buffer.from(stringify(shown))
}

/** A header of several values is a list. */
function asMap(headers: readonly { key: string; value: unknown }[]): Record<string, unknown> | undefined {
  if (headers.length === 0) return undefined
  const map: Record<string, unknown> = {}
  for (const { key, value } of headers)
    map[key] = Object.hasOwn(map, key) ? [...(Array.isArray(map[key]) ? (map[key] as unknown[]) : [map[key]]), value] : value
  return map
}

function defined(record: ShownRecord): ShownRecord {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}

export function showKafkaRecord({ topic, partition, timestamp, key, value, headers }: KafkaRecord): ShownRecord {
  return defined({
    topic,
    partition,
    timestamp,
    key: shownBytes(key),
    value: shownBytes(value),
    headers: asMap(headers.map((header) => ({ key: header.key, value: shownBytes(header.value) }))),
  })
}

export const ofProducerRecord = ({ topic, partition, timestamp, key, value, headers }: ProducerRecord): KafkaRecord => ({
  topic,
  partition,
  timestamp,
  key: key ?? null,
  value: toBuffer(value ?? null),
  headers: headers ?? [],
})

/** @throws DataError for a value that does not match its schema: the next converter would refuse it too. */
export function showConnectRecord(record: ConnectRecord): ShownRecord {
  return defined({
    topic: record.topic,
    partition: record.partition ?? undefined,
    timestamp: record.timestamp ?? undefined,
    key: shownValue(record.keySchema, record.key),
    keySchema: shownSchema(record.keySchema),
    value: shownValue(record.valueSchema, record.value),
    valueSchema: shownSchema(record.valueSchema),
    headers: asMap(record.headers.map(({ key, schema, value }) => ({ key, value: shownValue(schema, value) }))),
  })
}

/** A value in the form of JsonConverter, with numeric decimals. */
export function shownValue(schema: Schema | null, value: unknown): unknown {
  if (value === null || value === undefined) return null
  const options = { decimals: 'numeric' as const, replaceNullWithDefault: false }
  return parseExactly(schema ? encoder(schema, options)(value) : encodeSchemaless(value))
}

/** A recursive schema has no form in JsonConverter: its name stands for it. */
function shownSchema(schema: Schema | null): unknown {
  if (!schema) return undefined
  try {
    return parseExactly(schemaText(schema))
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    return { type: schema.type, name: schema.name }
  }
}

/** The record that a source would have read. */
export function readConnectRecord(shown: ShownRecord): SourceRecord {
  const side = (value: unknown, jsonSchema: unknown): [Schema | null, unknown] => {
    const schema = jsonSchema === undefined ? null : schemaOf(jsonSchema)
    const payload = value === undefined ? null : value
    return [schema, schema ? decoder(schema, { replaceNullWithDefault: false })(parseExactly(stringify(payload), true)) : payload]
  }
  const [keySchema, key] = side(shown.key, shown.keySchema)
  const [valueSchema, value] = side(shown.value, shown.valueSchema)
  const headers: Header[] = Object.entries(shown.headers ?? {}).map(([name, each]) => ({ key: name, schema: null, value: each }))
  return sourceRecord({
    topic: shown.topic ?? '',
    partition: shown.partition ?? null,
    timestamp: shown.timestamp ?? null,
    keySchema,
    key,
    valueSchema,
    value,
    headers,
  })
}

/** The record that a sink would get from Kafka. */
export function readKafkaRecord(shown: ShownRecord): KafkaRecord {
  if (shown.keySchema !== undefined || shown.valueSchema !== undefined)
    throw new DataError('a record of Kafka has no keySchema or valueSchema: its converter knows the schema')
  return {
    topic: shown.topic ?? '',
    partition: shown.partition,
    timestamp: shown.timestamp,
    key: bytesOf(shown.key),
    value: bytesOf(shown.value),
    headers: Object.entries(shown.headers ?? {}).map(([key, value]) => ({ key, value: bytesOf(value) })),
  }
}

/** JSON with all digits of bigints. */
export const stringify = (value: unknown, space?: number): string =>
  JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? rawJson(`${each}`) : each), space)
