/**
 * The systems that sinks write to, each as a process that a test takes away, by kill -9 or by SIGSTOP, and brings back; and the sinks with
 * the numbers that each has written. A file has no process: its folder is renamed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Bucket, bucketConfig, jsonLines } from '../connectors/s3-sink/sink-bucket.ts'
import { freePort, isFree } from '../running-broker.ts'
import { PostgresProcess } from '../services/postgres-process.ts'
import { startRedisServer } from '../services/redis.ts'
import { testS3 } from '../services/s3.ts'
import { until } from '../until.ts'

/** How a system is away: its process is gone, or it is there and does not respond. */
export type Absence = 'killed' | 'stopped'

interface AwaySystem {
  takeAway(absence: Absence): Promise<void>
  bringBack(absence: Absence): Promise<void>
}

/** A sink of the topic `numbers`, whose records are `{ "number": … }`. */
export interface AwaySink {
  readonly config: Readonly<Record<string, string>>
  /** Whether a record may come after later ones; true where it is not said. */
  readonly takesAnyOrder?: boolean
  /** Whether a task starts while its system is away; true where it is not said. */
  readonly startsWithout?: boolean
  /** The numbers in the system, those that are there twice too. */
  numbers(): Promise<number[]>
}

export interface AwaySystems {
  readonly systems: readonly AwaySystem[]
  readonly sinks: Readonly<Record<string, AwaySink>>
}

/** The records of an object of S3. */
export const OBJECT_RECORDS = 100

/** Everything runs. `onEnd` gets what ends it, in the order of the starts. */
export async function startAwaySystems(folder: string, onEnd: (end: () => unknown) => void): Promise<AwaySystems> {
  const parts = [
    await postgres(onEnd),
    await redis(onEnd),
    await s3(onEnd),
    await http(join(folder, 'requests.jsonl'), onEnd),
    file(join(folder, 'mount')),
  ]
  return { systems: parts.map(({ system }) => system), sinks: Object.assign({}, ...parts.map(({ sinks }) => sinks)) }
}

interface Part {
  system: AwaySystem
  sinks: Readonly<Record<string, AwaySink>>
}

async function postgres(onEnd: (end: () => unknown) => void): Promise<Part> {
  const server = await PostgresProcess.start()
  onEnd(() => server.stop())
  const url = await server.database()
  const sink = (table: string, config: Record<string, string>): AwaySink => ({
    config: {
      'connector.class': 'tributary.postgres.PostgresSinkConnector',
      'connection.url': url,
      'table.name.format': table,
      'schema.evolution': 'basic',
      ...config,
    },
    async numbers() {
      const [found] = (await server.query(`SELECT to_regclass('${table}') AS table`, url)).rows
      if (!found.table) return []
      return (await server.query(`SELECT number FROM ${table}`, url)).rows.map(({ number }) => Number(number))
    },
  })
  return {
    system: {
      takeAway: async (absence) => (absence === 'killed' ? await server.kill() : server.pause()),
      bringBack: async (absence) => (absence === 'killed' ? await server.start() : server.resume()),
    },
    sinks: {
      'postgres upsert': sink('upserted', { 'insert.mode': 'upsert', 'pk.mode': 'record_value', 'pk.fields': 'number' }),
      'postgres exactly once': sink('inserted_once', { 'exactly.once.enabled': 'true' }),
    },
  }
}

async function redis(onEnd: (end: () => unknown) => void): Promise<Part> {
  const server = await startRedisServer({ lines: () => ['appendonly yes', 'appendfsync always'] })
  onEnd(() => server.stop())
  const uri = { 'redis.uri': server.url }
  const redisSink = { 'connector.class': 'com.redis.kafka.connect.RedisSinkConnector', ...uri }
  return {
    system: {
      takeAway: (absence) => (absence === 'killed' ? server.kill() : server.pause()),
      bringBack: (absence) => (absence === 'killed' ? server.start() : server.resume()),
    },
    sinks: {
      'redis hashes': {
        config: { ...redisSink, 'redis.type': 'HASH', 'redis.keyspace': 'hash' },
        numbers: async () => (await server.client().keys('hash:*')).map((key) => Number(key.slice('hash:'.length))),
      },
      'redis streams': {
        config: { ...redisSink, 'redis.type': 'STREAM', 'redis.keyspace': 'stream:${topic}:${partition}', 'redis.stream.id': 'offset' },
        takesAnyOrder: false,
        async numbers() {
          const client = server.client()
          const found: number[] = []
          for (const stream of await client.keys('stream:*'))
            for (const [, fields] of await client.xrange(stream, '-', '+')) found.push(Number(fields[fields.indexOf('number') + 1]))
          return found
        },
      },
      bullmq: {
        config: { 'connector.class': 'tributary.bullmq.BullMQSinkConnector', ...uri, queue: 'numbers' },
        async numbers() {
          const queue = new Queue('numbers', { connection: { host: '127.0.0.1', port: server.port } })
          try {
            return (await queue.getJobs(['waiting'], 0, -1, true)).map(({ data }) => data.number as number)
          } finally {
            await queue.close()
          }
        },
      },
    },
  }
}

async function s3(onEnd: (end: () => unknown) => void): Promise<Part> {
  const server = await testS3({ killable: true })
  onEnd(() => server.stop())
  const bucket = new Bucket(server, await server.bucket())
  return {
    system: {
      takeAway: (absence) => (absence === 'killed' ? server.kill() : server.pause()),
      bringBack: (absence) => (absence === 'killed' ? server.start() : server.resume()),
    },
    sinks: {
      s3: {
        config: {
          'connector.class': 'io.confluent.connect.s3.S3SinkConnector',
          ...bucketConfig(server, bucket.name),
          'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
          'flush.size': String(OBJECT_RECORDS),
          'buffer.memory.mb': '32',
        },
        async numbers() {
          const found: number[] = []
          for (const key of await bucket.keys())
            found.push(...(jsonLines(await bucket.bytes(key)) as { number: number }[]).map(({ number }) => number))
          return found
        },
      },
    },
  }
}

/** The server does nothing twice that has the same idempotency key, as a server that knows the header. */
async function http(file: string, onEnd: (end: () => unknown) => void): Promise<Part> {
  const port = await freePort()
  writeFileSync(file, '')
  let child: ChildProcess | null = null
  const start = async () => {
    child = spawn(process.execPath, [join(import.meta.dirname, 'http-receiver.ts'), String(port), file], { stdio: 'inherit' })
    await until(async () => !(await isFree(port)), 'the HTTP server listens', 30_000)
  }
  const kill = async () => {
    const ended = new Promise((resolve) => child!.once('exit', resolve))
    child!.kill('SIGKILL')
    await ended
  }
  onEnd(kill)
  await start()
  return {
    system: {
      takeAway: async (absence) => (absence === 'killed' ? await kill() : void child!.kill('SIGSTOP')),
      bringBack: async (absence) => (absence === 'killed' ? await start() : void child!.kill('SIGCONT')),
    },
    sinks: {
      http: {
        config: {
          'connector.class': 'tributary.http.HttpSinkConnector',
          'http.api.url': `http://127.0.0.1:${port}/numbers`,
          'http.allow.private.addresses': '127.0.0.0/8',
          'batch.max.size': '1',
          'batch.json.as.array': 'false',
        },
        async numbers() {
          const byKey = new Map(jsonLines(readFileSync(file)).map((line) => line as [string, string]))
          return [...byKey.values()].map((body) => (JSON.parse(body) as { number: number }).number)
        },
      },
    },
  }
}

function file(folder: string): Part {
  const away = `${folder}-away`
  const path = join(folder, 'numbers.jsonl')
  mkdirSync(folder)
  return {
    system: {
      takeAway: async () => renameSync(folder, away),
      bringBack: async () => renameSync(away, folder),
    },
    sinks: {
      file: {
        config: { 'connector.class': 'FileStreamSink', file: path, format: 'json', 'auto.restart.backoff.ms': '1000' },
        startsWithout: false,
        numbers: async () => (existsSync(path) ? (jsonLines(readFileSync(path)) as { number: number }[]).map(({ number }) => number) : []),
      },
    },
  }
}
