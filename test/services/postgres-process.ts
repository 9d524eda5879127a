/**
 * A Postgres server of one test, which can be killed and started again, and configured: with the same data, port and binaries. Where there are
 * no binaries it throws an error that says how to get some.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type PostgresServer, startPostgresServer } from '../../bin/demo/postgres-server.ts'
import { until } from '../until.ts'
import { type TestPostgres, testBinaries } from './postgres.ts'

const START_MS = 60_000

export class PostgresProcess implements TestPostgres {
  readonly url: string
  readonly from: string
  readonly #folder: string
  readonly #data: string
  readonly #server: PostgresServer
  /** Of the first start, which each later one repeats. */
  readonly #command: string[]
  #pid: number

  private constructor(server: PostgresServer, folder: string) {
    this.url = server.url
    this.from = server.binaries
    this.#folder = folder
    this.#data = join(folder, 'postgres')
    this.#server = server
    this.#pid = this.#postmaster()
    this.#command = readFileSync(`/proc/${this.#pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
  }

  static async start(): Promise<PostgresProcess> {
    const [binaries] = testBinaries()
    if (!binaries)
      throw new Error('This test needs the binaries of Postgres: apt-get install postgresql, or npm ci without --omit=optional.')
    const folder = await mkdtemp(join(tmpdir(), 'tributary-postgres-'))
    return new PostgresProcess(await startPostgresServer(binaries, folder), folder)
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
    await this.#server.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #postmaster(): number {
    return Number(readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')[0])
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
