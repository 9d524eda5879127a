/**
 * Story of bin. Goal: the REST API is secured by what docs/SECURITY.md says, for `connect`, `mirror` and `up`, and no process writes a
 * password. Method: the files and the command of that page as they are written there, with other folders and ports; real processes, curl.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../bin/demo/postgres-server.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { selfSigned } from '../certificates.ts'
import { until } from '../until.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tributary-documented-'))
const [, page] = readFileSync(join(root, 'docs/SECURITY.md'), 'utf8').split('\n## The REST API\n') as [string, string]
const blocks = [...page.split('\n## ')[0]!.matchAll(/```\w*\n([\s\S]*?)```/g)].map((match) => match[1]!.replaceAll('/etc/kafka', folder))
const [properties, jaas, users, commands] = blocks as [string, string, string, string]

let broker: BrokerInProcess
const running: { child: ChildProcess; ended: Promise<unknown> }[] = []
let output = ''

beforeAll(async () => {
  const authority = selfSigned({ subject: 'Authority' })
  const { key, certificate } = authority.issue({ subject: 'worker', names: ['worker-1', 'localhost'] })
  writeFileSync(join(folder, 'worker-1.pem'), key + certificate)
  writeFileSync(join(folder, 'ca.pem'), authority.certificate)
  writeFileSync(join(folder, 'connect-jaas.conf'), jaas)
  writeFileSync(join(folder, 'rest-users.properties'), users)
  broker = await brokerInProcess()
})
afterAll(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGTERM')
    await ended
  }
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the program with these settings added to those of the page; resolves with the ports once it says where it listens. */
async function start(name: string, args: (path: string) => string[], more: readonly string[]): Promise<[secure: number, plain: number]> {
  const ports: [number, number] = [await freePort(), await freePort()]
  const path = join(folder, `${name}.properties`)
  const own = properties.replace(':8443', `:${ports[0]}`).replace(':8083', `:${ports[1]}`)
  writeFileSync(path, [own, ...more].join('\n'))
  const [, opts] = /KAFKA_OPTS=(\S+)/.exec(commands)!
  const child = spawn(join(root, 'bin/tributary'), args(path), {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KAFKA_OPTS: opts!, TRIBUTARY_LOG_LEVEL: 'debug' },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk
      output += chunk
    })
  running.push({ child, ended: new Promise((done) => child.once('close', done)) })
  await until(() => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${said}`)
    return said.includes(`https://localhost:${ports[0]}`) && said.includes(`http://127.0.0.1:${ports[1]}`)
  }, `${name} says where it listens`)
  expect(said).not.toMatch(/unknown setting|can be used by everyone/i)
  return ports
}

/** The curl of the page, with another port, path and user. */
async function curl(port: number, path: string, user = 'alice:alice-secret'): Promise<string> {
  const line = commands.split('\n').find((command) => command.startsWith('curl'))!
  const args = line.split(' ').slice(1, -1)
  args[args.indexOf('-u') + 1] = user
  const url = `https://worker-1:${port}${path}`
  const { stdout } = await promisify(execFile)('curl', [
    '-s',
    '-w',
    ' %{http_code}',
    '--resolve',
    `worker-1:${port}:127.0.0.1`,
    ...args,
    url,
  ])
  return stdout
}

const connect = (): string[] => [
  `bootstrap.servers=127.0.0.1:${broker.port}`,
  ...['config', 'offset', 'status'].map((kind) => `${kind}.storage.replication.factor=1`),
]

test('tributary connect: https with a login, http with the same, and what is opened', async () => {
  const [secure, plain] = await start('connect', (path) => ['connect', path], [...connect(), 'access.control.allow.anonymous=/health'])
  await until(async () => (await curl(secure, '/connectors')) === '[] 200', 'the worker is ready')
  expect(await curl(secure, '/connectors', 'alice:guess')).toBe('{"error_code":401,"message":"User cannot access the resource."} 401')
  expect(await curl(secure, '/health', 'x:y')).toMatch(/"healthy".* 200$/)
  expect((await fetch(`http://127.0.0.1:${plain}/connectors`)).status).toBe(401)
  expect((await fetch(`http://127.0.0.1:${plain}/health`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${plain}/metrics`)).status).toBe(401)
})

test('tributary mirror: the same lines in mm2.properties', async () => {
  const [secure, plain] = await start('mirror', (path) => ['mirror', path], [
    'clusters = us, central',
    `us.bootstrap.servers = 127.0.0.1:${broker.port}`,
    `central.bootstrap.servers = 127.0.0.1:${broker.port}`,
    'us->central.enabled = true',
    'us->central.topics = orders',
    'access.control.allow.anonymous = /metrics',
  ])
  await until(async () => / 200$/.test(await curl(secure, '/mirrors')), 'the mirror is ready')
  expect(await curl(secure, '/mirrors', 'alice:guess')).toMatch(/ 401$/)
  for (const path of ['/mirrors', '/mirrors/us-%3Ecentral', '/health', '/docs', '/nope'])
    expect([path, (await fetch(`http://127.0.0.1:${plain}${path}`)).status]).toEqual([path, 401])
  expect((await fetch(`http://127.0.0.1:${plain}/mirrors/us-%3Ecentral/pause`, { method: 'PUT' })).status).toBe(401)
  expect((await fetch(`http://127.0.0.1:${plain}/metrics`)).status).toBe(200)
})

test('tributary up: the same lines in the file of its worker', async () => {
  const [secure, plain] = await start(
    'up',
    (path) => ['up', '--port', '0', '--registry-port', '0', '--data', join(folder, 'data'), '--connect', path],
    [],
  )
  await until(async () => (await curl(secure, '/connectors')) === '[] 200', 'the worker is ready')
  expect((await fetch(`http://127.0.0.1:${plain}/connectors`)).status).toBe(401)
})

test('no process has written a password', () => {
  expect(output.length).toBeGreaterThan(1000)
  expect(output).not.toMatch(/alice-secret|YWxpY2U6/)
})

test.each([
  ['without the JAAS file', {}, /Could not find a 'KafkaConnect' entry/],
  ['with an unknown extension', { 'rest.extension.classes': 'com.example.Auth' }, /com.example.Auth does not exist here/],
])('%s it does not start, and says why', async (_, overrides: Record<string, string>, message) => {
  const path = join(folder, 'refused.properties')
  writeFileSync(path, [properties, ...connect()].join('\n'))
  const given = Object.entries({ listeners: 'http://127.0.0.1:0', ...overrides }).flatMap(([name, value]) => [
    '--override',
    `${name}=${value}`,
  ])
  const { KAFKA_OPTS: _opts, ...env } = process.env
  const ended = await promisify(execFile)(join(root, 'bin/tributary'), ['connect', path, ...given], { env }).catch((error) => error)
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(message)])
})
