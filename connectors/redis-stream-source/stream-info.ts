/**
 * What XINFO says of a stream and its group. Redis adds fields with its versions: what a server does not tell is null, and nobody may take
 * it for zero.
 */
import type { RedisClient } from '../redis-driver/client.ts'
import { RedisRefused, redisErrorCode } from '../redis-driver/errors.ts'
import { NO_ENTRY, type StreamState } from './trimming.ts'

type Flat = readonly unknown[]

function fieldsOf(flat: Flat): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (let index = 0; index + 1 < flat.length; index += 2) fields.set(String(flat[index]), flat[index + 1])
  return fields
}

const isMissing = (error: unknown): boolean => /no such key/i.test((error as Error).message)

/** Null where the stream does not exist. */
export async function streamState(client: RedisClient, stream: string): Promise<StreamState | null> {
  let info: Map<string, unknown>
  try {
    info = fieldsOf((await client.xinfo('STREAM', stream)) as Flat)
  } catch (error) {
    if (isMissing(error)) return null
    if (redisErrorCode(error) !== 'WRONGTYPE') throw error
    const why = `The key ${stream} is no stream: name another in redis.stream.name, or delete it.`
    throw new RedisRefused(why, 'fatal', 'redis.stream.name', { cause: error })
  }
  const first = info.get('first-entry') as Flat | null
  const added = info.get('entries-added')
  return {
    length: Number(info.get('length')),
    firstId: first ? String(first[0]) : NO_ENTRY,
    lastId: String(info.get('last-generated-id')),
    added: added === undefined ? null : Number(added),
  }
}

export interface GroupState {
  delivered: string
  pending: number
  /** Entries of the stream that the group has not got, as Redis tells it; null where it does not know. */
  lag: number | null
  /** Entries that the group has got, by Redis's count; null where it does not know, and before Redis 7. */
  read: number | null
}

/** Null where the stream or the group does not exist. */
export async function groupState(client: RedisClient, stream: string, group: string): Promise<GroupState | null> {
  let groups: Flat[]
  try {
    groups = (await client.xinfo('GROUPS', stream)) as Flat[]
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  const found = groups.map(fieldsOf).find((fields) => fields.get('name') === group)
  if (!found) return null
  const count = (name: string) => {
    const value = found.get(name)
    return value === null || value === undefined ? null : Number(value)
  }
  return {
    delivered: String(found.get('last-delivered-id')),
    pending: Number(found.get('pending')),
    lag: count('lag'),
    read: count('entries-read'),
  }
}
