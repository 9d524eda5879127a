/**
 * Redis for tests: a server of its own for each test that asks for one (redis-server.ts says where it comes from), on a free port, its data
 * in a temporary folder. A test that needs no configuration and kills nothing may get a database of the server that TRIBUTARY_TEST_REDIS
 * names. Clusters and sentinels are in redis-topologies.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { freePort, isFree } from '../running-broker.ts'
import { thisMachine } from './machine.ts'
import { redisProgram } from './redis-server.ts'

const START_MS = 60_000
const DATABASES = 16
const LEASE_S = 3600
/** From the port of a node to that of its cluster bus. */
const BUS = 10_000
/** From here on the system gives ports to clients. */
const FIRST_CLIENT_PORT = 32_768

export interface RedisServerOptions {
  /** Lines of redis.conf, by the port of the server and the folder of its files. */
  lines?: (server: { port: number; folder: string }) => readonly string[]
  /** Texts of further files in its folder, by name. */
  files?: Readonly<Record<string, string>>
  /** A node of a cluster listens on a second port. */
  cluster?: boolean
  /** Runs it as a sentinel. */
  sentinel?: boolean
  /** The least version: where Redis on this machine is older, the error says so. */
  version?: number
  /** How the tests log in and connect. */
  client?: RedisOptions
}

export interface TestRedis {
  /** Where the server comes from. */
  readonly from: string
  /** redis://host:port/database, without a user. */
  readonly url: string
  readonly port: number
  /** A client of the tests, which `stop` closes. */
  client(options?: RedisOptions): Redis
  stop(): Promise<void>
}

export interface RedisServer extends TestRedis {
  readonly folder: string
  /** What it wrote to standard output so far, across starts. */
  readonly output: string
  /** After `kill` or `exit`: starts again on the same port and data. */
  start(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGTERM: it saves what its configuration says. */
  exit(): Promise<void>
  /** SIGSTOP, SIGCONT: it is there and does not respond. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** A database that nobody else uses: of the server that TRIBUTARY_TEST_REDIS names, else of a server of its own. */
export async function testRedis(): Promise<TestRedis> {
  const named = process.env.TRIBUTARY_TEST_REDIS
  return named ? databaseOf(named) : startRedisServer()
}

async function databaseOf(named: string): Promise<TestRedis> {
  const clients: Redis[] = []
  const owner = new Redis(named)
  for (let database = 1; database < DATABASES; database++) {
    const lease = `tributary:tests:database:${database}`
    if ((await owner.set(lease, process.pid, 'EX', LEASE_S, 'NX')) === null) continue
    const url = new URL(named)
    url.pathname = `/${database}`
    const client = (options: RedisOptions = {}) => {
      const made = new Redis(url.href, options)
      clients.push(made)
      return made
    }
    await client().flushdb()
    return {
      from: 'TRIBUTARY_TEST_REDIS',
      url: url.href,
      port: Number(url.port || 6379),
      client,
      async stop() {
        await clients[0]!.flushdb()
        await owner.del(lease)
        for (const made of [...clients, owner]) made.disconnect()
      },
    }
  }
  owner.disconnect()
  throw new Error(`All databases of ${named} are in use: delete the keys tributary:tests:database:* of tests that were killed`)
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = await redisProgram()
  const folder = mkdtempSync(join(tmpdir(), 'tributary-redis-'))
  let port = await freePort()
  while (options.cluster && (port + BUS >= FIRST_CLIENT_PORT || !(await isFree(port + BUS)))) port = await freePort()
  const file = join(folder, 'redis.conf')
  const own = options.lines?.({ port, folder }) ?? []
  const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, 'daemonize no', 'logfile ""', 'save ""', ...own]
  writeFileSync(file, `${lines.join('\n')}\n`)
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), text)
  const clients: Redis[] = []
  let child: ChildProcess | null = null
  let container = ''
  let output = ''

  const signal = async (name: 'KILL' | 'TERM' | 'STOP' | 'CONT'): Promise<void> => {
    if (!child) return
    if (program.isContainer) {
      const verb = { KILL: ['kill'], TERM: ['kill', '--signal', 'TERM'], STOP: ['pause'], CONT: ['unpause'] }[name]
      await thisMachine.run('docker', [...verb, container], 30_000)
    } else child.kill(`SIG${name}`)
    if (name === 'STOP' || name === 'CONT') return
    await ended(child)
    child = null
  }

  const start = async (): Promise<void> => {
    container = `tributary-redis-${randomBytes(6).toString('hex')}`
    const [command, ...args] = program.command(folder, file, container)
    const started = spawn(command, [...args, ...(options.sentinel ? ['--sentinel'] : [])], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    const from = output.length
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`redis-server ${why}:\n${output.slice(from)}`))
      const timer = setTimeout(() => fail(`was not ready within ${START_MS / 1000} s`), START_MS)
      const take = (text: Buffer) => {
        output += text
        if (/Ready to accept connections|Sentinel ID is/.test(output.slice(from))) {
          clearTimeout(timer)
          resolve()
        }
      }
      started.stdout.on('data', take)
      started.stderr.on('data', take)
      started.once('error', (error) => fail(`cannot be started: ${error.message}`))
      started.once('exit', (code) => {
        clearTimeout(timer)
        fail(`has ended with code ${code}`)
      })
    })
  }

  const client = (more: RedisOptions = {}) => {
    const made = new Redis({ host: '127.0.0.1', port, ...options.client, ...more })
    // A test kills the server on purpose; a command that fails still says so.
    made.on('error', () => {})
    clients.push(made)
    return made
  }

  await start()
  const version = Number(/Redis version=(\d+)/.exec(output)?.[1] ?? options.version)
  if (options.version !== undefined && version < options.version) {
    await signal('KILL')
    rmSync(folder, { recursive: true, force: true })
    throw new Error(
      `This test needs Redis ${options.version}, and ${program.from} has Redis ${version}: start Docker, or install a newer redis-server.`,
    )
  }
  return {
    from: program.from,
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    get output() {
      return output
    },
    client,
    start,
    kill: () => signal('KILL'),
    exit: () => signal('TERM'),
    pause: () => signal('STOP'),
    resume: () => signal('CONT'),
    async stop() {
      for (const made of clients.splice(0)) made.disconnect()
      await signal('KILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve))
