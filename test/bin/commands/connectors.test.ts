/**
 * Goal: the commands for connector files tell what is wrong, what differs and what they did, for people and for scripts, with the exit
 * codes of their help. Method: real processes, files, and a worker's REST API in a process of its own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../until.ts'

const program = join(import.meta.dirname, '../../../bin/tributary')
const START_MS = 60_000
let folder: string
let up: ChildProcess
let url = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-connectors-'))
  const args = ['up', '--port', '0', '--rest-port', '0', '--data', join(folder, 'data')]
  up = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'silent' } })
  let out = ''
  up.stdout!.on('data', (chunk) => {
    out += chunk
  })
  url = await until(() => /REST API: (http:\S+)/.exec(out)?.[1] ?? null, 'the REST API', START_MS).then((found) => found!)
  write('in.txt', 'a\nb\n')
}, START_MS)
afterAll(async () => {
  const exit = new Promise((resolve) => up.once('exit', resolve))
  up.kill('SIGTERM')
  await exit
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, content: string | object): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function connectors(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, TRIBUTARY_CONNECT_URL: url }
    execFile(program, ['connectors', ...args], { timeout: START_MS, env }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err })
    })
  })
}

const source = (name: string, more: object = {}) => ({
  name,
  'connector.class': 'FileStreamSource',
  file: join(folder, 'in.txt'),
  topic: name,
  ...more,
})

describe('lint', () => {
  test('all problems of all files at once; exit 1 for errors alone', async () => {
    const good = write('good.json', source('good', { 'batch.sise': 1 }))
    expect(await connectors('lint', good)).toMatchObject({ code: 0, out: expect.stringContaining('Did you mean batch.size?') })
    expect(await connectors('lint', '--strict', good)).toMatchObject({ code: 1 })
    const bad = write('bad.json', source('bad', { topic: '', 'tasks.max': 'x' }))
    const { code, out } = await connectors('lint', '--json', good, bad)
    expect(code).toBe(1)
    const [, ofBad] = JSON.parse(out) as { path: string; problems: { setting: string }[] }[]
    expect(ofBad!.problems.map(({ setting }) => setting)).toEqual(expect.arrayContaining(['topic', 'tasks.max']))
  })
})

test('lint goes on after a file that cannot be read, and after two of one name', async () => {
  const files = mkdtempSync(join(folder, 'linted-'))
  const file = (name: string, content: string) => writeFileSync(join(files, name), content)
  file('a-broken.json', '{oops')
  file('b-good.json', JSON.stringify(source('twice')))
  file('c-twice.json', JSON.stringify(source('twice')))
  file('d-wrong.json', JSON.stringify(source('wrong', { topic: '' })))
  const { code, out } = await connectors('lint', '--json', files, join(files, 'missing.json'))
  expect(code).toBe(1)
  const results = JSON.parse(out) as { path: string; name: string | null; problems: { message: string }[] }[]
  const shown = results.map(({ path, name, problems }) => [path.slice(files.length + 1), name, problems.length])
  expect(shown).toEqual([
    ['b-good.json', 'twice', 0],
    ['d-wrong.json', 'wrong', 1],
    ['a-broken.json', null, 1],
    ['c-twice.json', null, 1],
    ['missing.json', null, 1],
  ])
  expect(results[2]!.problems[0]!.message).toContain('a-broken.json is not valid JSON')
  expect(results[3]!.problems[0]!.message).toContain('both have the connector twice')
}, 60_000)

describe('test', () => {
  const toJson = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }

  test('runs the cases beside the file', async () => {
    const path = write('cased.json', source('cased', toJson))
    expect(await connectors('test', path)).toMatchObject({ code: 1, err: expect.stringContaining('cased.test.json') })
    write('cased.test.json', { cases: [{ name: 'a text', input: { topic: 't', value: 'a' }, expected: { value: 'a' } }] })
    expect(await connectors('test', path)).toMatchObject({ code: 0, out: expect.stringContaining('1 passed, 0 failed') })
    write('cased.test.json', { cases: [{ name: 'a text', input: { topic: 't', value: 'a' }, expected: { value: 'b' } }] })
    expect(await connectors('test', path)).toMatchObject({ code: 1, out: expect.stringContaining('value: expected "b", got "a"') })
  })

  test('ends where a schema registry does not answer', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const registry = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const avro = { 'value.converter': 'io.confluent.connect.avro.AvroConverter', 'value.converter.schema.registry.url': registry }
    const path = write('waiting.json', source('waiting', avro))
    write('waiting.test.json', { cases: [{ input: { topic: 't', value: 'a' }, expected: { value: 'a' } }] })
    const result = await connectors('test', '--timeout', '1', path)
    silent.close()
    silent.closeAllConnections()
    expect(result).toMatchObject({ code: 1, err: expect.stringContaining('The schema registry has not answered') })
  }, 60_000)
})

describe('dry-run', () => {
  test('shows records of the source, or of a file', async () => {
    const path = write('tried.json', source('tried'))
    const ofSource = await connectors('dry-run', path, '--records', '2')
    expect(ofSource).toMatchObject({ code: 0, out: expect.stringContaining('2 records: 2 pass, 0 dropped, 0 fail') })
    const input = write('records.jsonl', '{"topic":"t","value":"x"}\n')
    const ofFile = await connectors('dry-run', path, '--input', input, '--json')
    expect(JSON.parse(ofFile.out)).toMatchObject([{ input: { value: 'x' }, output: { topic: 't' } }])
    const wrong = await connectors('dry-run', path, '--records', 'many')
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('--records needs a whole number') })
  })
})

test('diff tells what apply then does, and neither touches what has no change', async () => {
  const files = mkdtempSync(join(folder, 'applied-'))
  const file = (name: string, content: object) => writeFileSync(join(files, name), JSON.stringify(content))
  file('one.json', source('one'))
  file('two.json', { name: 'two', config: source('two') })
  expect(await connectors('diff', files)).toMatchObject({ code: 1, out: expect.stringContaining('2 to create, 0 to update') })
  expect(await connectors('apply', files)).toMatchObject({ code: 0, out: expect.stringContaining('2 created, 0 updated') })
  expect(await connectors('diff', files)).toMatchObject({ code: 0, out: expect.stringContaining('2 unchanged.') })

  file('one.json', source('one', { 'batch.size': '7' }))
  const changed = await connectors('diff', files)
  expect(changed).toMatchObject({ code: 1, out: expect.stringContaining('    + batch.size=7') })
  expect(await connectors('apply', files, '--json')).toMatchObject({ code: 0 })
  const listed = await connectors('list')
  expect(listed.out).toMatch(/^one +source +RUNNING/m)

  file('one.json', source('one', { 'tasks.max': '0' }))
  const refused = await connectors('apply', files)
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('Nothing was changed, because the worker would refuse:') })
  expect(refused.err).toContain('one.json: Invalid value 0 for configuration tasks.max')

  rmSync(join(files, 'one.json'))
  expect(await connectors('diff', files), 'without --prune').toMatchObject({ code: 0 })
  expect(await connectors('apply', files, '--prune')).toMatchObject({ code: 0, out: expect.stringContaining('- one: delete') })
  expect((await connectors('list', '--json')).out).not.toContain('"one"')
})

test('files as they come: a byte order mark, hidden files, folders with the name of a file', async () => {
  const files = mkdtempSync(join(folder, 'odd-'))
  writeFileSync(join(files, 'marked.json'), `\uFEFF${JSON.stringify(source('marked'))}`)
  writeFileSync(join(files, '._marked.json'), 'of the file system')
  mkdirSync(join(files, 'archive.json'))
  expect(await connectors('lint', files)).toMatchObject({ code: 0, out: expect.stringContaining('marked.json: no problems') })
})

test('an address that is no worker', async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.url!.startsWith('/page') ? 404 : 200).end('<html>hello</html>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    expect(await connectors('list', '--url', address)).toMatchObject({ code: 1, err: expect.stringContaining('it answers without JSON') })
    const missing = await connectors('list', '--url', `${address}/page`)
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('has no GET /connectors: it is not the REST API of a worker') })
    expect(missing.err).not.toContain('<html>')
  } finally {
    server.close()
  }
  const wrong = await connectors('list', '--url', 'http://ann:s3cret%zz@x')
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('is not a URL such as') })
  expect(wrong.err).not.toContain('s3cret')
})

test('dead letters are shown by their reason, and replayed once after the mend', async () => {
  const queue = {
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'dead-broken',
    'errors.deadletterqueue.topic.replication.factor': '1',
    'errors.deadletterqueue.context.headers.enable': 'true',
  }
  const broken = {
    transforms: 'm',
    'transforms.m.type': 'org.apache.kafka.connect.transforms.InsertField$Value',
    'transforms.m.static.field': 'f',
    'transforms.m.static.value': 'v',
  }
  await connectors('apply', write('broken.json', source('broken', { ...queue, ...broken })))
  const group = await until(async () => {
    const { out } = await connectors('dead-letters', 'broken')
    return /^(\w{12}) {2}2 letters, 0 of them replayed/m.exec(out)?.[1]
  }, 'the letters')
  const shown = await connectors('dead-letters', 'broken', '--limit', '1')
  expect(shown.out).toMatch(/TRANSFORMATION in org\.apache\.kafka\.connect\.transforms\.InsertField\$Value: .*DataException/)
  expect(shown.out).toMatch(/1 letters of dead-broken were read; go on with --since 0:1-2/)
  await connectors('apply', write('broken.json', source('broken', queue)))
  await until(async () => (await connectors('list')).out.match(/^broken .* 1 of 1 tasks run/m), 'the task runs')
  await until(async () => {
    const { out } = await connectors('replay', 'broken', '--group', String(group), '--json')
    const { delivered, already_replayed: before } = JSON.parse(out) as { delivered: number; already_replayed: number }
    return delivered === 2 || before === 2
  }, 'the letters are replayed')
  expect(await connectors('replay', 'broken', '--all')).toMatchObject({ code: 0, out: expect.stringMatching(/2 were replayed before\./) })
  expect(await connectors('replay', 'broken')).toMatchObject({ code: 2, err: expect.stringContaining('needs one of --group ID') })
  expect(await connectors('replay', 'broken', '--letter', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('PARTITION@OFFSET') })
  expect(await connectors('replay')).toMatchObject({ code: 2, err: expect.stringContaining('needs the name of a connector') })
}, 120_000)

test('mistakes of the command line end with 2, and a sentence', async () => {
  expect(await connectors()).toMatchObject({
    code: 2,
    err: expect.stringContaining('connectors needs one of new, check, hook, list, lint'),
  })
  expect(await connectors('lnt')).toMatchObject({ code: 2, err: expect.stringContaining('not "lnt"') })
  expect(await connectors('lint')).toMatchObject({ code: 2, err: expect.stringContaining('connectors lint needs a connector file') })
  const elsewhere = await connectors('list', '--url', 'http://127.0.0.1:1')
  expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining('Start a worker there, or name another one with --url.') })
})
