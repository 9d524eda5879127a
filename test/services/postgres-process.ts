/**
 * A Postgres server of one test, which can be killed and started again, and configured: with the same data, port and binaries. Where
 * there are no binaries it throws an error that says how to get some.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { appendFile, chmod, chown, cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort, type PostgresServer, startPostgresServer } from '../../bin/demo/postgres-server.ts'
import { until } from '../until.ts'
import { type TestPostgres, testBinaries } from './postgres.ts'

const START_MS = 60_000

interface Parts {
  url: string
  from: string
  folder: string
  server: PostgresServer | null
  pid: number
  command: string[]
}

export class PostgresProcess implements TestPostgres {
  readonly url: string
  readonly from: string
  readonly #folder: string
  readonly #data: string
  /** Null for a standby. */
  readonly #server: PostgresServer | null
  /** Of the first start, which each later one repeats. */
  readonly #command: string[]
  #pid: number

  private constructor({ url, from, folder, server, pid, command }: Parts) {
    this.url = url
    this.from = from
    this.#folder = folder
    this.#data = join(folder, 'postgres')
    this.#server = server
    this.#pid = pid
    this.#command = command
  }

  /** Of the first binaries that tests may start, or of these. */
  static async start(binaries = testBinaries()[0]): Promise<PostgresProcess> {
    if (!binaries)
      throw new Error('This test needs the binaries of Postgres: apt-get install postgresql, or npm ci without --omit=optional.')
    const folder = await mkdtemp(join(tmpdir(), 'tributary-postgres-'))
    const server = await startPostgresServer(binaries, folder)
    const pid = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
    return new PostgresProcess({ url: server.url, from: binaries, folder, server, pid, command })
  }

  /** A standby with a copy of the data, which streams from this server. This one is stopped for the copy, and started again. */
  async standby(): Promise<PostgresProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-standby-'))
    const data = join(folder, 'postgres')
    const primary = new URL(this.url)
    const url = new URL(this.url)
    url.port = String(await freePort())
    process.kill(this.#pid, 'SIGINT')
    await until(() => !isAlive(this.#pid), 'the server has stopped')
    const { uid, gid } = await stat(this.#data)
    await cp(this.#data, data, { recursive: true, preserveTimestamps: true })
    const conninfo = `host=${primary.hostname} port=${primary.port} user=${primary.username} password=${decodeURIComponent(primary.password)}`
    await writeFile(join(data, 'standby.signal'), '')
    await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\nhot_standby_feedback = on\n`)
    for (const path of ['', ...(await readdir(data, { recursive: true }))]) await chown(join(data, path), uid, gid)
    await chmod(data, 0o700)
    await chmod(folder, 0o711)
    const command = this.#command.map((part) => part.replace(this.#data, data).replace(/^port=\d+$/, `port=${url.port}`))
    await this.start()
    const standby = new PostgresProcess({ url: url.href, from: this.from, folder, server: null, pid: 0, command })
    await standby.start()
    return standby
  }

  get dataFolder(): string {
    return this.#data
  }

  async query(sql: string, url = this.url): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url })
    // A server that is killed fails the query.
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(sql)
    } finally {
      await client.end()
    }
  }

  async database(): Promise<string> {
    const url = new URL(this.url)
    url.pathname = `/test_${randomBytes(6).toString('hex')}`
    await this.query(`CREATE DATABASE ${url.pathname.slice(1)}`)
    return url.href
  }

  /** Settings that need no restart. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) await this.query(`ALTER SYSTEM SET ${name} = '${value}'`)
    await this.query('SELECT pg_reload_conf()')
  }

  /** kill -9 of the postmaster; its processes end when they notice. */
  async kill(): Promise<void> {
    process.kill(this.#pid, 'SIGKILL')
    await until(() => !isAlive(this.#pid), 'the server has ended')
  }

  /** SIGSTOP of the server and each of its sessions: it is there and does not respond. */
  pause(): void {
    this.#signalAll('SIGSTOP')
  }

  resume(): void {
    this.#signalAll('SIGCONT')
  }

  /** The postmaster first: while it is stopped it starts no other process. */
  #signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.#pid, signal)
    const children = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/children`, 'utf8').split(' ').filter(Boolean)
    for (const child of children)
      try {
        process.kill(Number(child), signal)
      } catch (error) {
        // A session that has ended meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
  }

  async start(): Promise<void> {
    const { uid, gid } = await stat(this.#data)
    const [command, ...args] = this.#command as [string, ...string[]]
    await until(
      async () => {
        // Until the last process of the killed server has left its memory, a new one refuses to start.
        if (!isAlive(this.#pid)) {
          const child = spawn(command, args, { cwd: '/', stdio: 'ignore', ...(process.getuid?.() === 0 ? { uid, gid } : {}) })
          process.once('exit', () => void child.kill('SIGQUIT'))
          this.#pid = child.pid!
        }
        return (await this.query('SELECT 1')).rowCount === 1
      },
      'the server has started again',
      START_MS,
    )
  }

  async stop(): Promise<void> {
    if (isAlive(this.#pid)) process.kill(this.#pid, 'SIGINT')
    await until(() => !isAlive(this.#pid), 'the server has stopped')
    await this.#server?.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
