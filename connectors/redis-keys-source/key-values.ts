/**
 * Keys as records: those of Redis's own connector. A key that does not exist has the type none and no value. The keys of a batch are read
 * in two pipelines: their types and times to live, then their values.
 */

import { DataError, type Schema, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'

const optional = { optional: true } as const
const keySchema = schemas.string()
const text = schemas.string()

const schemaOf = (zset: Schema) =>
  schemas.struct(
    {
      key: schemas.string(),
      ttl: schemas.int64(optional),
      type: schemas.string(),
      hash: schemas.map(text, text, optional),
      string: schemas.string(optional),
      json: schemas.string(optional),
      list: schemas.array(text, optional),
      set: schemas.array(text, optional),
      zset,
    },
    { name: 'com.redis.kafka.connect.keys.Value' },
  )
const valueSchemas = {
  scores: schemaOf(schemas.map(schemas.float64(), text, optional)),
  members: schemaOf(schemas.map(text, schemas.float64(), optional)),
}

/** What the entries of a sorted set are: members by their scores, or scores by their members. */
export type SortedSetForm = keyof typeof valueSchemas

const JSON_TYPE = 'ReJSON-RL'

const READS: Readonly<Record<string, (key: Buffer) => readonly [string, ...(string | number | Buffer)[]]>> = {
  hash: (key) => ['HGETALL', key],
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, 0, -1],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
  [JSON_TYPE]: (key) => ['JSON.GET', key],
}

type Result = [error: Error | null, value: unknown]

/** Runs commands in one pipeline, or in a cluster each on the node of its key. */
async function runAll(client: RedisClient, commands: readonly (readonly [string, ...(string | number | Buffer)[]])[]): Promise<Result[]> {
  if (client.isCluster)
    return Promise.all(
      commands.map(([name, ...args]) =>
        client.call(name, ...args).then(
          (value): Result => [null, value],
          (error: Error): Result => [error, null],
        ),
      ),
    )
  const pipeline = client.pipeline()
  for (const [name, ...args] of commands) pipeline.call(name, ...args)
  return ((await pipeline.exec()) ?? []) as Result[]
}

/** RedisJSON has words of its own for it. */
const isWrongType = ({ message }: Error): boolean => /^WRONGTYPE|wrong Redis type/.test(message)

export interface KeyRecords {
  records: SourceRecord[]
  /** Keys that changed their type meanwhile: they are to be read again. */
  changed: Buffer[]
  /** Of the values, about. */
  bytes: number
}

/** The records of keys, in their order. */
export async function readKeys(
  client: RedisClient,
  keys: readonly Buffer[],
  { topic, sortedSets, nowMs }: { topic: string; sortedSets: SortedSetForm; nowMs: number },
): Promise<KeyRecords> {
  const heads = await runAll(
    client,
    keys.flatMap((key) => [['TYPE', key] as const, ['PTTL', key] as const]),
  )
  for (const [error] of heads) if (error) throw error
  const types = keys.map((_, index) => String(heads[2 * index]![1]))
  const read = keys.flatMap((key, index) => {
    const command = READS[types[index]!]?.(key)
    return command ? [command] : []
  })
  const values = read.length > 0 ? await runAll(client, read) : []
  const records: SourceRecord[] = []
  const changed: Buffer[] = []
  let bytes = 0
  let at = 0
  keys.forEach((key, index) => {
    const type = types[index]!
    const left = Number(heads[2 * index + 1]![1])
    const [error, value] = READS[type] ? values[at++]! : [null, null]
    if (error) {
      if (!isWrongType(error)) throw error
      changed.push(key)
      return
    }
    bytes += key.length + sizeOf(value)
    const head = { key: key.toString(), ttl: left > 0 ? nowMs + left : left, type: type === JSON_TYPE ? 'json' : type }
    records.push(recordOf(head, type, value, sortedSets, topic, nowMs))
  })
  return { records, changed, bytes }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  let size = 0
  if (Array.isArray(value)) for (const item of value) size += String(item).length
  return size
}

interface KeyHead {
  readonly key: string
  readonly ttl: number
  readonly type: string
}

/** Of a sorted set of which there is no map of scores, the record has the members, and says why it is unreadable. */
function recordOf(head: KeyHead, type: string, value: unknown, sortedSets: SortedSetForm, topic: string, nowMs: number): SourceRecord {
  const record = (field: object, form: SortedSetForm, unreadable?: Error) =>
    sourceRecord({
      topic,
      key: head.key,
      keySchema,
      value: { ...head, ...field },
      valueSchema: valueSchemas[form],
      timestamp: nowMs,
      ...(unreadable && { unreadable }),
    })
  // It was deleted between the look at its type and this.
  if (value === null || value === undefined) return record({}, sortedSets)
  if (type !== 'zset') return record(fieldOf(type, value), sortedSets)
  const items = value as string[]
  if (sortedSets === 'members') return record({ zset: scoresByMember(items) }, 'members')
  const members = new Map<number, string>()
  for (let index = 0; index + 1 < items.length; index += 2) members.set(Number(items[index + 1]), items[index]!)
  if (members.size * 2 >= items.length) return record({ zset: members }, 'scores')
  const unreadable = new DataError(
    `The sorted set ${head.key} has several members of one score, and a map of scores holds one: set redis.keys.zset=members, or errors.tolerance=all to skip it`,
  )
  return record({ zset: scoresByMember(items) }, 'members', unreadable)
}

function fieldOf(type: string, value: unknown): object {
  if (type === JSON_TYPE) return { json: value }
  if (type !== 'hash') return { [type]: value }
  const items = value as string[]
  const hash: Record<string, string> = Object.create(null)
  for (let index = 0; index + 1 < items.length; index += 2) hash[items[index]!] = items[index + 1]!
  return { hash }
}

function scoresByMember(items: readonly string[]): Record<string, number> {
  const scores: Record<string, number> = Object.create(null)
  for (let index = 0; index + 1 < items.length; index += 2) scores[items[index]!] = Number(items[index + 1])
  return scores
}
