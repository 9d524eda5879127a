/**
 * A worker process for a test, started as a user starts one (`bin/tributary connect FILE`) on a free port, its connectors' state in topics
 * of its group. `kill` is kill -9; `start` starts it again with the same file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeProperties } from './properties-file.ts'
import { freePort } from './running-broker.ts'
import { until } from './until.ts'

export interface TestWorker {
  /** Of its REST API. */
  readonly url: string
  /** Of the process that runs. */
  readonly pid: number
  /** The end of what the process wrote to standard output and error, across starts. */
  readonly output: string
  /** At first, and after `kill`. */
  start(): Promise<void>
  /** SIGKILL; resolves when the process has ended. Nothing where it does not run. */
  kill(): Promise<void>
  /** Creates the connector or changes its config, as soon as the worker takes it. */
  configure(name: string, config: Readonly<Record<string, string>>): Promise<void>
  /** Kills the process and removes its file. */
  stop(): Promise<void>
}

const CONFIGURE_MS = 30_000
const program = join(import.meta.dirname, '../bin/tributary')
const json = 'org.apache.kafka.connect.json.JsonConverter'

/** Not started yet. `overrides` are lines of the worker's file: `null` removes a default of this fixture. */
export async function testWorker(
  group: string,
  bootstrapServers: string,
  overrides: Readonly<Record<string, string | null>> = {},
  startMs = 30_000,
): Promise<TestWorker> {
  const url = `http://127.0.0.1:${await freePort()}`
  const folder = mkdtempSync(join(tmpdir(), 'tributary-worker-'))
  const properties: Record<string, string | null> = {
    'bootstrap.servers': bootstrapServers,
    'group.id': group,
    listeners: url,
    'key.converter': json,
    'key.converter.schemas.enable': 'false',
    'value.converter': json,
    'value.converter.schemas.enable': 'false',
    'scheduled.rebalance.max.delay.ms': '0',
    'session.timeout.ms': '6000',
    'heartbeat.interval.ms': '500',
  }
  for (const name of ['config', 'offset', 'status']) {
    properties[`${name}.storage.topic`] = `${group}-${name}`
    properties[`${name}.storage.replication.factor`] = '1'
  }
  const given = Object.entries({ ...properties, ...overrides }).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  const file = writeProperties(join(folder, 'worker.properties'), Object.fromEntries(given))
  let running: ChildProcess | null = null
  let output = ''

  async function kill(): Promise<void> {
    const child = running
    running = null
    if (!child) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await ended
  }

  return {
    url,
    get pid() {
      return running!.pid!
    },
    get output() {
      return output
    },
    async start() {
      const child = spawn(program, ['connect', file], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' },
      })
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (part) => {
          output = (output + part).slice(-16_384)
        })
      running = child
      await until(async () => (await fetch(`${url}/connectors`)).status === 200, `the worker responds:\n${output}`, startMs)
    },
    kill,
    async configure(name, config) {
      await until(
        async () => {
          const response = await fetch(`${url}/connectors/${name}/config`, {
            method: 'PUT',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(config),
          })
          if (!response.ok) throw new Error(await response.text())
          return true
        },
        `${name} is created`,
        CONFIGURE_MS,
      )
    },
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
