/**
 * Keys as records: those of Redis's own connector. A key that does not exist has the type none and no value. The keys of a batch are read
 * in two pipelines: their types and times to live, then their values.
 */

import { type Schema, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
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

const isWrongType = (error: Error): boolean => error.message.startsWith('WRONGTYPE')

/** The records of keys, in their order. A key that changes its type meanwhile is in `changed`, and is to be read again. */
export async function readKeys(
  client: RedisClient,
  keys: readonly Buffer[],
  { topic, sortedSets, nowMs }: { topic: string; sortedSets: SortedSetForm; nowMs: number },
): Promise<{ records: SourceRecord[]; changed: Buffer[] }> {
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
    const name = key.toString()
    records.push(recordOf(name, type, left > 0 ? nowMs + left : left, fieldOf(type, value, name, sortedSets), sortedSets, topic, nowMs))
  })
  return { records, changed }
}

function recordOf(
  key: string,
  type: string,
  ttl: number,
  value: object,
  sortedSets: SortedSetForm,
  topic: string,
  nowMs: number,
): SourceRecord {
  return sourceRecord({
    topic,
    key,
    keySchema,
    value: { key, ttl, type: type === JSON_TYPE ? 'json' : type, ...value },
    valueSchema: valueSchemas[sortedSets],
    timestamp: nowMs,
  })
}

function fieldOf(type: string, value: unknown, key: string, sortedSets: SortedSetForm): object {
  // It was deleted between the look at its type and this.
  if (value === null || value === undefined) return {}
  const items = value as string[]
  switch (type) {
    case 'hash': {
      const hash: Record<string, string> = Object.create(null)
      for (let index = 0; index + 1 < items.length; index += 2) hash[items[index]!] = items[index + 1]!
      return { hash }
    }
    case 'zset':
      return { zset: sortedSets === 'scores' ? membersByScore(items, key) : scoresByMember(items) }
    case JSON_TYPE:
      return { json: value }
    default:
      return { [type]: value }
  }
}

function scoresByMember(items: readonly string[]): Record<string, number> {
  const scores: Record<string, number> = Object.create(null)
  for (let index = 0; index + 1 < items.length; index += 2) scores[items[index]!] = Number(items[index + 1])
  return scores
}

function membersByScore(items: readonly string[], key: string): Map<number, string> {
  const members = new Map<number, string>()
  for (let index = 0; index + 1 < items.length; index += 2) members.set(Number(items[index + 1]), items[index]!)
  if (members.size * 2 < items.length)
    throw new Error(`The sorted set ${key} has several members of one score, and a map of scores holds one: set redis.keys.zset=members.`)
  return members
}
