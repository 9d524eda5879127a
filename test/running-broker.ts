/**
 * A broker process for a test, started as a user starts one (`bin/tributary broker FILE`) on a free port, its data in a temporary folder.
 * `kill` is kill -9; `start` starts it again on the same port and data.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeProperties } from './properties-file.ts'
import { until } from './until.ts'

export interface TestBroker {
  /** host:port */
  readonly address: string
  readonly port: number
  /** `log.dirs`. */
  readonly dir: string
  readonly pid: number
  /** What the process wrote to standard output and error so far, across starts. */
  readonly output: string
  /** After `kill` or `exit`: starts again on the same port and data. */
  start(): Promise<void>
  /** SIGTERM; resolves with the exit code. The data stays until `stop`. */
  exit(): Promise<number | null>
  /** SIGKILL; resolves when the process has ended. The data stays. */
  kill(): Promise<void>
  /** Ends the process and removes the data. */
  stop(): Promise<void>
}

const root = join(import.meta.dirname, '..')

/** Below the ports that Linux gives to outgoing connections and to `listen(0)`: nothing takes one between the look and its use. */
const PORTS = { first: 15_000, count: 15_000 }

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORTS.first + randomInt(PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error(`No port of ${PORTS.first} to ${PORTS.first + PORTS.count - 1} is free on 127.0.0.1`)
}

export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', resolve))
}

type Overrides = Readonly<Record<string, string | number | boolean | null>>

/**
 * `overrides` are lines of server.properties, by the port that this fixture waits for: `null` removes a default of it. `environment` is
 * added to this process's.
 */
export async function startTestBroker(
  overrides: Overrides | ((port: number) => Overrides) = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-broker-'))
  const dir = join(folder, 'data')
  const port = await freePort()
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${port}`,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': dir,
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...(typeof overrides === 'function' ? overrides(port) : overrides),
  }
  const given = Object.entries(properties).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  const file = writeProperties(join(folder, 'server.properties'), Object.fromEntries(given))
  let child: ChildProcess
  let output = ''

  async function start(): Promise<void> {
    const started = spawn(join(root, 'bin/tributary'), ['broker', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    child = started
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-65_536)
    }
    started.stdout.on('data', keep)
    started.stderr.on('data', keep)
    await until(
      async () => started.exitCode !== null || started.signalCode !== null || (await listens(port)),
      `a broker on port ${port}`,
      30_000,
    )
    if (started.exitCode !== null || started.signalCode !== null)
      throw new Error(`the broker ended with ${started.exitCode ?? started.signalCode} instead of starting:\n${output}`)
  }

  await start()
  return {
    address: `127.0.0.1:${port}`,
    port,
    dir,
    start,
    get pid() {
      return child.pid!
    },
    get output() {
      return output
    },
    exit() {
      child.kill('SIGTERM')
      return ended(child)
    },
    async kill() {
      child.kill('SIGKILL')
      await ended(child)
    },
    async stop() {
      child.kill('SIGTERM')
      const stuck = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended(child)
      clearTimeout(stuck)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
