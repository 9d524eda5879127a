/**
 * The commands that write a record, by the data structure that the settings say: the layout of Redis's own connector. A record that has no
 * such commands is refused with the reason. Pure.
 */
import { type Schema, type SinkRecord, UnwritableRecord } from '../../connect/sdk/index.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'
import { isEntryIdOrTime } from '../redis-driver/entry-id.ts'
import { charsetOf, type RedisArgument } from './charset.ts'
import { jsonText } from './json-text.ts'
import { isCollection, PARTITION_TOKEN, type SinkConfig, TOPIC_TOKEN } from './settings.ts'

type Argument = RedisArgument | number
export type RedisCommand = readonly [name: string, ...args: Argument[]]

export interface RecordCommands {
  /** The key that they write. */
  readonly key: RedisArgument
  readonly commands: readonly RedisCommand[]
  readonly deletes: boolean
}

const TTL_HEADER = 'redis.key.ttl'
/** Redis's own ids have it rarely; 0-0 is none. */
export const OFFSET_ID_END = '-1'

type Fields = readonly (readonly [name: string, value: unknown, schema: Schema | null])[]

export class CommandBuilder {
  readonly #config: SinkConfig
  readonly #encode: (text: string) => RedisArgument
  readonly #isCollection: boolean

  constructor(config: SinkConfig) {
    this.#config = config
    this.#encode = charsetOf(config['redis.charset'])!
    this.#isCollection = isCollection(config['redis.type'])
  }

  /** Null where there is nothing to write: an entry of a stream has no tombstone. @throws UnwritableRecord */
  build(record: SinkRecord): RecordCommands | null {
    const key = this.#key(record)
    const isTombstone = record.value === null || record.value === undefined
    const commands = isTombstone ? this.#delete(key, record) : this.#write(key, record)
    if (commands === null) return null
    const ttl = isTombstone ? -1 : this.#ttl(record)
    return { key, commands: ttl > 0 ? [...commands, ['EXPIRE', key, ttl]] : commands, deletes: isTombstone }
  }

  #key(record: SinkRecord): RedisArgument {
    const keyspace = this.#config['redis.keyspace']
      .replaceAll(TOPIC_TOKEN, record.topic)
      .replaceAll(PARTITION_TOKEN, String(record.partition))
    if (this.#isCollection) return this.#encode(keyspace)
    if (record.key === null || record.key === undefined)
      throw new UnwritableRecord('it has no key, which is to be the key in Redis: give it one, or write to another redis.type')
    if (keyspace === '') return this.#scalar(record.key, record.keySchema, 'key')
    const own = this.#scalar(record.key, record.keySchema, 'key')
    const prefix = this.#encode(`${keyspace}${this.#config['redis.separator']}`)
    if (typeof own === 'string' && typeof prefix === 'string') return prefix + own
    return Buffer.concat([Buffer.from(prefix as string), Buffer.from(own as string)])
  }

  /** A text, or bytes as they are. */
  #scalar(value: unknown, schema: Schema | null, what: string): RedisArgument {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (typeof value === 'object') return this.#encode(jsonText(value, schema))
    if (value === undefined) throw new UnwritableRecord(`its ${what} is missing`)
    return this.#encode(javaText(value, schema))
  }

  #delete(key: RedisArgument, record: SinkRecord): RedisCommand[] | null {
    switch (this.#config['redis.type']) {
      case 'LIST':
        return this.#config['redis.member'] === 'value' ? null : [['LREM', key, 0, this.#member(record)]]
      case 'SET':
        return this.#config['redis.member'] === 'value' ? null : [['SREM', key, this.#member(record)]]
      case 'ZSET':
        return [['ZREM', key, this.#member(record)]]
      case 'STREAM':
        return null
      default:
        return [['DEL', key]]
    }
  }

  #write(key: RedisArgument, record: SinkRecord): RedisCommand[] {
    const config = this.#config
    switch (config['redis.type']) {
      case 'STRING':
        return [['SET', key, this.#scalar(record.value, record.valueSchema, 'value')]]
      case 'JSON':
        return [['JSON.SET', key, '$', this.#json(record)]]
      case 'HASH': {
        const fields = this.#pairs(this.#fields(record))
        const write: RedisCommand = ['HSET', key, ...fields]
        return config['redis.hash.replace'] ? [['DEL', key], write] : [write]
      }
      case 'LIST':
        return [[config['redis.list.push'], key, this.#member(record)]]
      case 'SET':
        return [['SADD', key, this.#member(record)]]
      case 'ZSET':
        return [['ZADD', key, this.#score(record), this.#member(record)]]
      default:
        return [this.#entry(key, record)]
    }
  }

  #entry(key: RedisArgument, record: SinkRecord): RedisCommand {
    const config = this.#config
    let fields = this.#fields(record)
    let id = '*'
    if (config['redis.stream.id'] === 'offset') id = `${record.offset}${OFFSET_ID_END}`
    else if (config['redis.stream.id'] === 'field') {
      const name = config['redis.stream.id.field']
      id = String(fields.find(([field]) => field === name)?.[1] ?? '')
      if (!isEntryIdOrTime(id))
        throw new UnwritableRecord(`its field ${name} is no id of an entry, as 1526919030474-55: ${id === '' ? 'it is missing' : id}`)
      fields = fields.filter(([field]) => field !== name)
    }
    const most = config['redis.stream.maxlen']
    const limit = most > 0 ? ['MAXLEN', '~', most] : []
    return ['XADD', key, ...limit, id, ...this.#pairs(fields)]
  }

  #fields({ value, valueSchema }: SinkRecord): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array || value instanceof Date)
      throw new UnwritableRecord('its value must be a struct or a map: use a converter that gives fields, or the transform HoistField')
    if (valueSchema?.type === 'struct')
      return valueSchema.fields!.map((field) => [field.name, (value as Record<string, unknown>)[field.name], field.schema] as const)
    const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
    return entries.map(([name, item]) => [String(name), item, valueSchema?.values ?? null] as const)
  }

  #pairs(fields: Fields): RedisArgument[] {
    if (fields.length === 0) throw new UnwritableRecord('its value has no fields')
    const pairs: RedisArgument[] = []
    for (const [name, value, schema] of fields) pairs.push(this.#encode(name), this.#fieldValue(value, schema))
    return pairs
  }

  #fieldValue(value: unknown, schema: Schema | null): RedisArgument {
    if (value === null || value === undefined) return ''
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    const isNested = typeof value === 'object' && !(value instanceof Date)
    return this.#encode(isNested && this.#config['redis.field.format'] === 'json' ? jsonText(value, schema) : javaText(value, schema))
  }

  #member(record: SinkRecord): RedisArgument {
    const isKey = this.#config['redis.member'] === 'key' || this.#config['redis.type'] === 'ZSET'
    const [member, schema] = isKey ? [record.key, record.keySchema] : [record.value, record.valueSchema]
    if (member === null || member === undefined)
      throw new UnwritableRecord('it has no key, which is to be the member: give it one, or set redis.member=value')
    return this.#scalar(member, schema, 'member')
  }

  #score({ value, valueSchema }: SinkRecord): string {
    const name = this.#config['redis.score.field']
    const score = name === '' ? value : value instanceof Map ? value.get(name) : (value as Record<string, unknown> | null)?.[name]
    const isNumber = typeof score === 'number' || typeof score === 'bigint'
    const isDecimal = typeof score === 'string' && name === '' && valueSchema?.type === 'bytes'
    if ((!isNumber && !isDecimal) || Number.isNaN(score))
      throw new UnwritableRecord(
        name === ''
          ? 'its value must be a number, which is the score: set redis.score.field where it is a field of the value'
          : `its field ${name} must be a number, which is the score`,
      )
    if (score === Number.POSITIVE_INFINITY) return '+inf'
    return score === Number.NEGATIVE_INFINITY ? '-inf' : String(score)
  }

  #json({ value, valueSchema }: SinkRecord): RedisArgument {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return this.#encode(typeof value === 'string' && valueSchema?.name === undefined ? value : jsonText(value, valueSchema))
  }

  #ttl(record: SinkRecord): number {
    const header = record.headers.find(({ key }) => key === TTL_HEADER)
    if (!header) return this.#config['redis.key.ttl']
    const text = header.value instanceof Uint8Array ? Buffer.from(header.value).toString() : String(header.value)
    if (!/^-?\d{1,15}$/.test(text)) throw new UnwritableRecord(`its header ${TTL_HEADER} is not a number of seconds: ${text}`)
    const ttl = Number(text)
    return ttl > 0 ? ttl : this.#config['redis.key.ttl']
  }
}

/** About how many bytes a command has. */
export function sizeOf(command: RedisCommand): number {
  let size = 0
  for (const part of command) size += typeof part === 'number' ? 8 : part.length
  return size
}
