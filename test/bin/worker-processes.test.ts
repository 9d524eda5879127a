/**
 * Goal: one command starts several workers of a group on this machine: their ports differ, their lines are named, a dead one comes back, a
 * stop stops all, and a file that is wrong ends all. Method: the command with a real broker; kill -9 of a worker.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ownSettings } from '../../bin/worker-processes.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { until } from '../until.ts'

describe('the settings of each worker', () => {
  test.each([
    [{ listeners: 'http://127.0.0.1:8083, https://:9443' }, 2, { listeners: 'http://127.0.0.1:8085,https://:9445' }],
    [{ listeners: 'http://127.0.0.1:8083/' }, 1, { listeners: 'http://127.0.0.1:8084/' }],
    [{ listeners: 'http://127.0.0.1' }, 1, { listeners: 'http://127.0.0.1' }],
    [{ listeners: 'http://[::1]:0' }, 3, { listeners: 'http://[::1]:0' }],
    [{}, 1, { listeners: 'http://:8084' }],
    [{ 'rest.port': '8083', 'rest.host.name': 'a' }, 1, { 'rest.port': '8084' }],
    [
      { listeners: 'http://:8083', 'admin.listeners': 'http://:9000', 'rest.advertised.port': '80' },
      0,
      { listeners: 'http://:8083', 'admin.listeners': 'http://:9000', 'rest.advertised.port': '80' },
    ],
    [{ listeners: '', 'admin.listeners': '' }, 1, { listeners: '' }],
  ])('%j of worker %i', (properties, index, expected) => {
    expect(ownSettings(properties as Record<string, string>, index)).toEqual(expected)
  })
})

const program = resolve(import.meta.dirname, '../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'tributary-workers-'))
/** A process on a machine that has much else to do. */
const SLOW_MS = 50_000
let broker: BrokerInProcess
let child: ChildProcess | undefined
let text = ''

beforeAll(async () => {
  broker = await brokerInProcess()
})
afterEach(async () => {
  child?.kill('SIGKILL')
  child = undefined
  text = ''
})
afterAll(async () => {
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: string[]): Promise<number | null> {
  const started = spawn(program, ['connect', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  child = started
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (part) => {
      text += part
    })
  return new Promise((done) => started.once('close', done))
}

const file = (listeners: string) => {
  const path = join(folder, 'worker.properties')
  writeFileSync(
    path,
    [
      `bootstrap.servers=127.0.0.1:${broker.port}`,
      'group.id=several',
      `listeners=${listeners}`,
      ...['config', 'offset', 'status'].map((what) => `${what}.storage.replication.factor=1`),
      'offset.storage.partitions=1',
      'status.storage.partitions=1',
      'scheduled.rebalance.max.delay.ms=0',
    ].join('\n'),
  )
  return path
}

const urls = () => [...text.matchAll(/\[worker (\d)\] REST API: (\S+)/g)].map(([, worker, url]) => ({ worker, url: url! }))

test('two workers share a group, one that is killed comes back, and a stop stops both', async () => {
  const ended = start('--workers', '2', file('http://127.0.0.1:0'))
  await until(() => text.includes('2 workers of group several are ready'), 'both are ready', SLOW_MS)
  await until(() => urls().length === 2, 'both have said where they listen')
  expect(
    urls()
      .map(({ worker }) => worker)
      .sort(),
  ).toEqual(['1', '2'])
  const [first] = urls()
  const config = { name: 'lines', 'connector.class': 'FileStreamSource', file: join(folder, 'lines.txt'), topic: 'lines' }
  await fetch(`${first!.url}/connectors`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'lines', config }),
  })
  const seenBy = async (url: string) => (await (await fetch(`${url}/connectors`)).json()) as string[]
  for (const { url } of urls()) await until(async () => (await seenBy(url)).includes('lines'), `${url} knows the connector`, SLOW_MS)

  const pids = readFileSync(`/proc/${child!.pid}/task/${child!.pid}/children`, 'utf8').trim().split(' ').map(Number)
  expect(pids).toHaveLength(2)
  process.kill(pids[1]!, 'SIGKILL')
  await until(() => urls().length === 3, 'it comes back', SLOW_MS)
  const back = urls()[2]!
  await until(async () => (await seenBy(back.url)).includes('lines'), 'it knows the connector', SLOW_MS)

  child!.kill('SIGTERM')
  expect(await ended).toBe(0)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
}, 200_000)

const listening = async (port: number): Promise<Server | null> => {
  const server = createServer()
  const isListening = new Promise<boolean>((done) => server.once('listening', () => done(true)).once('error', () => done(false)))
  server.listen(port, '127.0.0.1')
  return (await isListening) ? server : null
}

/** A port in use, with a free one before it for the first worker. */
async function listenBehindFreePort(): Promise<{ server: Server; port: number }> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const server = (await listening(0))!
    const { port } = server.address() as { port: number }
    const before = await listening(port - 1)
    before?.close()
    if (before) return { server, port }
    server.close()
  }
  throw new Error('no two neighbouring ports, the first of them free')
}

test('a port in use ends all, and the message is that of the worker', async () => {
  const { server, port } = await listenBehindFreePort()
  try {
    expect(await start('--workers', '2', file(`http://127.0.0.1:${port - 1}`))).toBe(1)
    expect(text).toContain(`[worker 2] tributary: 127.0.0.1:${port} is in use`)
    expect(text).toContain('Worker 2 cannot start, and ended with exit code 1: its lines above say why.')
  } finally {
    server.close()
  }
}, 100_000)

test.each([
  [['--workers', '0'], '--workers is 0, but must be a number from 1 to 64'],
  [['--workers', '2', '--standalone', 'a.properties'], '--workers and --standalone exclude each other'],
])('%j is wrong usage', async (args, message) => {
  writeFileSync(join(folder, 'a.properties'), 'offset.storage.file.filename=/tmp/x\n')
  expect(await start(...args)).toBe(2)
  expect(text).toContain(message)
})
