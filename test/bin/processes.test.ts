/**
 * Story of bin. Goal: what a user starts works: `up` alone, and a broker, a worker and a mirror as separate processes, configured by
 * Kafka's files; each prints where it listens, answers over REST, and stops within 5 s. Method: real processes on free ports; records go
 * from a file through a connector, a topic and a mirror into a file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { until } from '../until.ts'

const program = resolve(import.meta.dirname, '../../bin/tributary')
const folder = mkdtempSync(join(tmpdir(), 'tributary-processes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Started {
  child: ChildProcess
  /** What the pattern's group finds in what it printed, once it does. */
  said(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

const running: Started[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

function start(...args: string[]): Started {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      text += part
    })
  }
  const ended = new Promise<number | string | null>((done) => child.once('close', (code, signal) => done(signal ?? code)))
  const started: Started = {
    child,
    async said(pattern) {
      const found = await until(
        () => {
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${text}`)
          return pattern.exec(text)
        },
        `${args.join(' ')} says ${pattern}`,
      )
      return found?.[1] ?? ''
    },
    async stop() {
      child.kill('SIGTERM')
      // A process that has not stopped within 5 s ends with 1.
      expect([args[0], await ended, text]).toEqual([args[0], 0, expect.not.stringContaining('    at ')])
    },
  }
  running.push(started)
  return started
}

function file(name: string, lines: string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

async function ask(url: string, method = 'GET', body?: object) {
  const answer = await fetch(url, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

const strings = { 'value.converter': 'org.apache.kafka.connect.storage.StringConverter' }
const read = (path: string) => readFileSync(path, 'utf8')
const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`)

test('up: a line goes from a file through a topic into a file, and the data is where it says', async () => {
  const up = start('up', '--port', '0', '--rest-port', '0', '--registry-port', '0', '--data', join(folder, 'up'))
  const url = await up.said(/REST API: (http:\S+)/)
  expect(await up.said(/data in (\S+)/)).toBe(join(folder, 'up'))
  expect((await ask(`${url}/`)).body).toMatchObject({ version: expect.any(String), kafka_cluster_id: expect.any(String) })
  const [from, to] = [file('from.txt', lines), join(folder, 'to.txt')]
  const source = { 'connector.class': 'FileStreamSource', file: from, topic: 'lines', ...strings }
  const sink = { 'connector.class': 'FileStreamSink', file: to, topics: 'lines', ...strings }
  expect((await ask(`${url}/connectors`, 'POST', { name: 'source', config: source })).status).toBe(201)
  expect((await ask(`${url}/connectors`, 'POST', { name: 'sink', config: sink })).status).toBe(201)
  await until(() => read(to) === read(from), 'the sink has all lines')
  const bad = await ask(`${url}/connectors`, 'POST', { name: 'x', config: { 'connector.class': 'Nope' } })
  expect([bad.status, bad.body.message]).toEqual([400, expect.stringContaining('Nope')])
  expect((await fetch(`${url}/docs/openapi.json`)).status).toBe(200)
})

test('broker, worker, mirror: each from its file; the mirror has a REST API without a listener in the file', async () => {
  const us = start(
    'broker',
    file('us.properties', ['listeners=PLAINTEXT://127.0.0.1:0', 'log.dirs=us', 'group.initial.rebalance.delay.ms=0']),
  )
  const central = start('broker', file('central.properties', ['listeners=PLAINTEXT://127.0.0.1:0', 'log.dirs=central']))
  const pattern = /PLAINTEXT:\/\/(127\.0\.0\.1:\d+)/
  const [source, target] = [await us.said(pattern), await central.said(pattern)]
  const worker = start(
    'connect',
    file('worker.properties', [
      `bootstrap.servers=${source}`,
      'group.id=w',
      'listeners=http://127.0.0.1:0',
      'offset.storage.replication.factor=1',
      'config.storage.replication.factor=1',
      'status.storage.replication.factor=1',
    ]),
  )
  const rest = await worker.said(/REST API: (http:\S+)/)
  const from = file('orders.txt', lines)
  const config = { 'connector.class': 'FileStreamSource', file: from, topic: 'orders', ...strings }
  expect((await ask(`${rest}/connectors/orders/config`, 'PUT', config)).status).toBe(201)

  const mm2 = file('mm2.properties', [
    'clusters = us, central',
    `us.bootstrap.servers = ${source}`,
    `central.bootstrap.servers = ${target}`,
    'us->central.enabled = true',
    'us->central.topics = orders',
    'refresh.topics.interval.seconds = 1',
  ])
  const mirror = start('mirror', mm2)
  const mirrors = await mirror.said(/REST API: (http:\S+)/)
  const name = encodeURIComponent('us->central')
  await until(async () => {
    const { body } = await ask(`${mirrors}/${name}`)
    return body.state === 'RUNNING' && body.recordsMirrored === lines.length && body.lagRecords === 0
  }, 'all records are mirrored')
  expect((await ask(`${mirrors}/${name}`)).body.partitions[0]).toMatchObject({
    topic: 'orders',
    targetTopic: 'us.orders',
    targetEndOffset: lines.length,
    lostRecords: 0,
  })
  expect((await ask(`${mirrors}/${name}/pause`, 'PUT')).status).toBe(202)
  await until(async () => (await ask(`${mirrors}/${name}`)).body.state === 'PAUSED', 'it is paused')
  expect((await ask(`${mirrors}/${name}/resume`, 'PUT')).status).toBe(202)
  expect((await ask(`${mirrors}/${name}/failover`, 'POST', { groups: 'all', dryRun: true })).body).toMatchObject({
    dryRun: true,
    mirror: 'us->central',
  })
  expect((await ask(mirrors.replace('/mirrors', '/health'))).body.mirrors).toEqual({ 'us->central': 'RUNNING' })
})

test('a standalone worker runs the connectors of files and continues from its offsets', async () => {
  const broker = start(
    'broker',
    file('alone.properties', ['listeners=PLAINTEXT://127.0.0.1:0', 'log.dirs=alone', 'group.initial.rebalance.delay.ms=0']),
  )
  const bootstrap = await broker.said(/PLAINTEXT:\/\/(127\.0\.0\.1:\d+)/)
  const worker = file('standalone.properties', [
    `bootstrap.servers=${bootstrap}`,
    'offset.storage.file.filename=offsets',
    'listeners=http://127.0.0.1:0',
    'offset.flush.interval.ms=200',
    ...Object.entries(strings).map((entry) => entry.join('=')),
  ])
  const from = join(folder, 'alone.txt')
  const source = file('source.properties', ['name=source', 'connector.class=FileStreamSource', `file=${from}`, 'topic=alone'])
  const sink = file('sink.json', [
    JSON.stringify({ name: 'sink', config: { 'connector.class': 'FileStreamSink', file: join(folder, 'alone.out'), topics: 'alone' } }),
  ])
  for (const [line, whole] of [
    ['one\n', 'one\n'],
    ['two\n', 'one\ntwo\n'],
  ] as const) {
    appendFileSync(from, line)
    const run = start('connect', '--standalone', worker, source, sink)
    expect(await run.said(/Connectors: (.*)/)).toBe('source, sink')
    await until(() => read(join(folder, 'alone.out')) === whole, 'the sink has each line once')
    await until(() => read(join(folder, 'offsets')).includes(`\\"position\\":${whole.length}`), 'the position is stored')
    running.splice(running.indexOf(run), 1)
    await run.stop()
  }
})
