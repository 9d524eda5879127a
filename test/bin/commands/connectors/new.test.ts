/**
 * Goal: a new plugin works as it is written: it passes its checks and tests with nothing installed, and a running worker loads it, moves
 * records with it, and forgets it when it is removed. Method: real processes in a folder outside of the project, a real broker.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type BrokerInProcess, brokerInProcess } from '../../../broker-in-process.ts'
import { until } from '../../../until.ts'

// Each test starts several processes, and each of them Node anew.
vi.setConfig({ testTimeout: 240_000 })
const SLOW_MS = 60_000

const bin = join(import.meta.dirname, '../../../../bin')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-new-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(program: string, args: readonly string[], cwd = folder): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    // A test of a plugin is no test of this runner.
    const { NODE_OPTIONS: _options, VITEST: _vitest, ...env } = process.env
    const path = [bin, join(bin, '../node_modules/.bin'), env.PATH].join(':')
    execFile(program, args, { cwd, timeout: 120_000, env: { ...env, PATH: path } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
}
const connectors = (...args: string[]) => run('tributary', ['connectors', ...args])

describe('a new package', () => {
  test.each(['connector', 'source', 'sink', 'transform', 'converter'])(
    'of a %s passes its checks, its tests and its cases',
    async (kind) => {
      const name = `new-${kind}`
      const made = await connectors('new', name, '--kind', kind)
      expect(made).toMatchObject({ code: 0, err: '' })
      expect(made.out).toContain(`  cd ${name}\n  tributary connectors check .\n  npm test\n`)
      const path = join(folder, name)
      const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
      expect(files).toEqual(expect.arrayContaining(['.gitignore', 'README.md', 'package.json', 'index.js', 'contract.js']))
      for (const file of files.filter((each) => /\.\w+$/.test(each)))
        expect(readFileSync(join(path, file), 'utf8')).not.toMatch(/my-plugin|MyPlugin|#(source|sink)$/m)

      const checked = await run('tributary', ['connectors', 'check', '.', '--strict', '--json'], path)
      expect(checked).toMatchObject({ code: 0, err: '' })
      const [{ plugins }] = JSON.parse(checked.out) as [{ plugins: { class: string; passed: number; failed: unknown[] }[] }]
      expect(plugins).toHaveLength(kind === 'connector' ? 2 : 1)
      for (const { passed, failed } of plugins) expect([passed > 8, failed]).toEqual([true, []])

      const tested = await run('npm', ['test'], path)
      expect(tested.code, tested.out + tested.err).toBe(0)
      expect(tested.out).toContain('the contract is kept')
      expect(tested.out).toMatch(/fail 0/)
      expect(await run('tributary', ['connectors', 'test', 'connectors', '--plugin-path', '.'], path)).toMatchObject({ code: 0 })
      expect(await run('tributary', ['connectors', 'lint', 'connectors', '--plugin-path', '.', '--strict'], path)).toMatchObject({
        code: 0,
      })
    },
  )

  test('is never written over something, and needs a name', async () => {
    mkdirSync(join(folder, 'there'))
    writeFileSync(join(folder, 'there', 'index.js'), 'mine')
    expect(await connectors('new', 'there')).toMatchObject({ code: 1, err: expect.stringContaining('exists already') })
    expect(readdirSync(join(folder, 'there'))).toEqual(['index.js'])
    for (const name of ['../up', 'Upper', 'a--b', '1a', '@scope/a', 'x'.repeat(65)])
      expect(await connectors('new', name), name).toMatchObject({ code: 2, err: expect.stringContaining('cannot be the name of a plugin') })
    expect(await connectors('new')).toMatchObject({ code: 2, err: expect.stringContaining('needs the name') })
    expect(await connectors('new', 'a', '--kind', 'mirror')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--kind must be one of'),
    })
    expect(await connectors('new', 'deep', '--into', 'some/where', '--kind', 'transform')).toMatchObject({ code: 0 })
    expect(existsSync(join(folder, 'some/where/deep/index.js'))).toBe(true)
  })
})

test('check tells what a plugin does not keep, with exit code 1', async () => {
  await connectors('new', 'broken', '--kind', 'transform')
  const file = join(folder, 'broken/index.js')
  writeFileSync(file, readFileSync(file, 'utf8').replace('{ ...record, value: cut(value) }', '{ topic: record.topic }'))
  const { code, out } = await connectors('check', 'broken')
  expect(code).toBe(1)
  expect(out).toContain('FAILED  what only a record of a sink has stays\n            offset and timestampType are lost')
  expect(await connectors('check', 'nowhere')).toMatchObject({ code: 1, err: expect.stringContaining('nowhere does not exist') })
  rmSync(join(folder, 'new-sink'), { recursive: true, force: true })
  await connectors('new', 'new-sink', '--kind', 'sink')
  rmSync(join(folder, 'new-sink/contract.js'))
  expect(await connectors('check', 'new-sink')).toMatchObject({ code: 0, out: expect.stringContaining('NOT CHECKED  there is no fixture') })
  expect(await connectors('check', 'new-sink', '--strict')).toMatchObject({ code: 1 })
})

describe('a worker', () => {
  let broker: BrokerInProcess
  let worker: ChildProcess
  let url: string
  let out = ''
  beforeAll(async () => {
    broker = await brokerInProcess()
    mkdirSync(join(folder, 'plugins'))
    const properties = {
      'bootstrap.servers': `127.0.0.1:${broker.port}`,
      'group.id': 'new',
      listeners: 'http://127.0.0.1:0',
      'config.storage.replication.factor': '-1',
      'offset.storage.replication.factor': '-1',
      'status.storage.replication.factor': '-1',
      'plugin.path': join(folder, 'plugins'),
      'offset.flush.interval.ms': '200',
    }
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(folder, 'worker.properties'), lines.join(''))
    worker = spawn(join(bin, 'tributary'), ['connect', 'worker.properties'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [worker.stdout!, worker.stderr!])
      stream.on('data', (part) => {
        out += part
      })
    const [, found] = (await until(() => /(http:\/\/127\.0\.0\.1:[1-9]\d*)/.exec(out), 'the REST API', SLOW_MS))!
    url = found!
    await until(async () => (await fetch(`${url}/connectors`)).ok, 'the worker', SLOW_MS)
  }, 120_000)
  afterAll(async () => {
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    if (worker.exitCode === null) {
      worker.kill('SIGTERM')
      await ended
    }
    await broker.stop()
  })

  const classes = async () => ((await (await fetch(`${url}/connector-plugins`)).json()) as { class: string }[]).map((each) => each.class)

  test('loads it without a restart, moves records with it, and forgets it when it is removed', async () => {
    await connectors('new', 'live')
    const path = join(folder, 'live')
    const [input, output] = [join(folder, 'in'), join(folder, 'out')]
    mkdirSync(input)
    writeFileSync(join(input, 'a.txt'), 'one\ntwo\nhalf')
    for (const file of ['live-source.json', 'live-sink.json']) {
      const text = readFileSync(join(path, 'connectors', file), 'utf8')
      writeFileSync(join(path, 'connectors', file), text.replace('/tmp/live/in', input).replace('/tmp/live/out', output))
    }
    const tried = await run(
      'tributary',
      ['connectors', 'dry-run', 'connectors/live-source.json', '--plugin-path', '.', '--records', '2'],
      path,
    )
    expect(tried).toMatchObject({ code: 0, out: expect.stringContaining('2 records: 2 pass') })

    cpSync(path, join(folder, 'plugins/live'), { recursive: true })
    await until(async () => (await classes()).includes('org.example.LiveSinkConnector'), 'the plugin', SLOW_MS)
    const applied = await run('tributary', ['connectors', 'apply', 'connectors', '--url', url], path)
    expect(applied, applied.err).toMatchObject({ code: 0, out: expect.stringContaining('2 created') })
    const stored = () =>
      readFileSync(join(output, 'live-0.jsonl'), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).value.line as string)
    await until(() => stored().length === 2, 'the lines', SLOW_MS)
    writeFileSync(join(input, 'a.txt'), 'one\ntwo\nhalf and all\n')
    writeFileSync(join(input, 'b.txt'), 'three\n')
    await until(() => stored().length === 4, 'the lines that came later', SLOW_MS)

    // After a restart of both, nothing is there twice.
    for (const name of ['live-source', 'live-sink'])
      expect((await fetch(`${url}/connectors/${name}/restart?includeTasks=true`, { method: 'POST' })).ok).toBe(true)
    writeFileSync(join(input, 'c.txt'), 'four\n')
    await until(() => stored().includes('four'), 'the line after the restart', SLOW_MS)
    expect(stored().sort()).toEqual(['four', 'half and all', 'one', 'three', 'two'])

    for (const name of ['live-source', 'live-sink']) await fetch(`${url}/connectors/${name}`, { method: 'DELETE' })
    rmSync(join(folder, 'plugins/live'), { recursive: true })
    await until(async () => !(await classes()).some((name) => name.includes('Live')), 'the plugin is gone', SLOW_MS)
  })
})
