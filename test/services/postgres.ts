/**
 * Postgres for tests: the first available of a server named by TRIBUTARY_TEST_POSTGRES, Docker, the machine's own binaries and the npm
 * package's. Each test gets a database of its own. Without any of them it throws an error that says how to get one: no test is skipped.
 * TRIBUTARY_TEST_POSTGRES=machine or embedded chooses the binaries, and with them the version.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { GenericContainer, Wait } from 'testcontainers'
import { postgresBinaries, startPostgresServer } from '../../bin/demo/postgres-server.ts'

export interface TestPostgres {
  /** Which of the four servers it is. */
  from: string
  /** A new, empty database: its URL. */
  database(): Promise<string>
  stop(): Promise<void>
}

const IMAGE = 'postgres:17-alpine'

export async function testPostgres(): Promise<TestPostgres> {
  const tried: string[] = []
  const named = process.env.TRIBUTARY_TEST_POSTGRES
  if (named && !isKind(named)) return withDatabases(named, 'TRIBUTARY_TEST_POSTGRES', async () => {})

  if (!named && (process.env.DOCKER_HOST || existsSync('/var/run/docker.sock'))) {
    try {
      const container = await new GenericContainer(IMAGE)
        .withEnvironment({ POSTGRES_PASSWORD: 'test' })
        .withExposedPorts(5432)
        // The image starts a server for its own setup first: the second message counts.
        .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
        .start()
      const url = `postgresql://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`
      return withDatabases(url, 'Docker', async () => void (await container.stop()))
    } catch (error) {
      tried.push(`Docker: ${(error as Error).message}`)
    }
  }

  for (const binaries of testBinaries()) {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-postgres-'))
    try {
      const server = await startPostgresServer(binaries, folder)
      return withDatabases(server.url, binaries, async () => {
        await server.stop()
        await rm(folder, { recursive: true })
      })
    } catch (error) {
      tried.push(`${binaries}: ${(error as Error).message}`)
      await rm(folder, { recursive: true, force: true })
    }
  }
  throw new Error(
    `These tests need a Postgres server${named ? `, and TRIBUTARY_TEST_POSTGRES=${named} finds none` : ''}. Either set ` +
      'TRIBUTARY_TEST_POSTGRES=postgresql://user:password@host:5432/database, or start Docker, or ' +
      `install Postgres (apt-get install postgresql), or run npm ci without --omit=optional.${tried.map((line) => `\n  ${line}`).join('')}`,
  )
}

const isKind = (named: string): named is 'machine' | 'embedded' => named === 'machine' || named === 'embedded'

/** The folders of binaries that a test may start a server of, best first. */
export function testBinaries(): string[] {
  const named = process.env.TRIBUTARY_TEST_POSTGRES
  const { machine, embedded } = postgresBinaries()
  if (named && isKind(named)) return named === 'machine' ? machine : embedded
  return [...machine, ...embedded]
}

function withDatabases(url: string, from: string, stop: () => Promise<void>): TestPostgres {
  const made: string[] = []
  const admin = async (sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  return {
    from,
    async database() {
      const name = `test_${randomBytes(6).toString('hex')}`
      await admin(`CREATE DATABASE ${name}`)
      made.push(name)
      const own = new URL(url)
      own.pathname = `/${name}`
      return own.href
    },
    async stop() {
      for (const name of made.splice(0)) await admin(`DROP DATABASE ${name} WITH (FORCE)`)
      await stop()
    },
  }
}
