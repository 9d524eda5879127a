/**
 * Goal: the command line has exit codes that scripts can use, messages instead of stacks, a clean stop within 5 s, and no process but its
 * own Node. Method: the real `bin/tributary` as a process, from another folder, through a link.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { writeProperties } from '../properties-file.ts'
import { until } from '../until.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tributary-bin-'))
const link = join(folder, 'tributary')
symlinkSync(join(root, 'bin', 'tributary'), link)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
})

interface Started {
  child: ChildProcess
  out(): string
  err(): string
  ended: Promise<number | null>
}

function start(args: string[], env: Record<string, string> = {}, through?: string): Started {
  const [program, ...more] = [...(through ? [through] : []), link, ...args] as [string, ...string[]]
  const child = spawn(program, more, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  let [out, err] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    out += part
  })
  child.stderr?.setEncoding('utf8').on('data', (part) => {
    err += part
  })
  const ended = new Promise<number | null>((done, failed) =>
    child.once('error', failed).once('close', (code, signal) => done(signal ? null : code)),
  )
  return { child, out: () => out, err: () => err, ended }
}

async function run(args: string[], env: Record<string, string> = {}) {
  const { out, err, ended } = start(args, { TRIBUTARY_LOG_LEVEL: 'silent', ...env })
  return { code: await ended, out: out(), err: err() }
}

let files = 0
const properties = (lines: Record<string, string>) => writeProperties(join(folder, `${files++}.properties`), lines)

const brokerFile = (more: Record<string, string> = {}) =>
  properties({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': join(folder, 'data'), ...more })

async function listening(): Promise<{ port: number; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  return { port: (server.address() as { port: number }).port, close: () => server.close() }
}

describe('arguments and messages', () => {
  test("--version is the package's, --help lists the commands, each command has its own help", async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(await run(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
    const help = await run(['--help'])
    expect([help.code, help.err]).toEqual([0, ''])
    for (const command of ['up', 'broker', 'connect', 'mirror', 'registry', 'demo']) {
      expect(help.out).toMatch(new RegExp(`^  ${command} `, 'm'))
      const own = await run([command, '--help'])
      expect([own.code, own.err]).toEqual([0, ''])
      expect(own.out).toContain(`tributary ${command}`)
    }
  })

  test.each([
    [[], ''],
    [['nope'], 'There is no command "nope"'],
    [['constructor'], 'There is no command "constructor"'],
    [['broker', '--nope'], '--nope'],
    [['connect', 'a', 'b'], 'connect takes one file, not 2'],
    [['connect', '--override', 'x'], '--override needs name=value'],
    [['connect', '--override'], '--override needs a value'],
    [['mirror'], 'needs a file'],
    [['up', '--port', 'x'], '--port needs a port'],
    [['up', 'file'], 'up takes no files, not 1'],
    [['connect', '--standalone=yes', 'a', 'b'], '--standalone takes no value'],
  ])('%j is wrong usage: 2, and the message says why', async (args, message) => {
    const { code, err } = await run(args)
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(err).not.toContain('    at ')
  })

  test.each([['broker'], ['connect'], ['mirror']])(
    '%s with a missing file, a folder, and a file that is not .properties: 1',
    async (command) => {
      const missing = await run([command, join(folder, 'missing')])
      expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('missing does not exist')])
      const isFolder = await run([command, folder])
      expect([isFolder.code, isFolder.err]).toEqual([1, expect.stringContaining('is a folder')])
      const broken = await run([command, properties({ a: '\\u12' })])
      expect([broken.code, broken.err]).toEqual([1, expect.stringContaining('is not a valid .properties file')])
    },
  )

  test('a wrong setting is named in the message; with TRIBUTARY_DEBUG the stack is printed too', async () => {
    const file = brokerFile({ 'num.partitions': 'many' })
    const { code, err } = await run(['broker', file])
    expect([code, err]).toEqual([1, expect.stringContaining('num.partitions')])
    expect(err).not.toContain('    at ')
    expect((await run(['broker', file], { TRIBUTARY_DEBUG: '1' })).err).toContain('    at ')
    for (const [name, value] of [
      ['listeners', 'ftp://x'],
      ['security.protocol', 'TLS'],
      ['config.providers', 'file,file'],
      ['connector.client.config.override.policy', 'Nonsense'],
    ] as const) {
      const refused = await run(['connect', properties({ listeners: 'http://127.0.0.1:0', [name]: value })])
      expect([refused.code, refused.err]).toEqual([
        1,
        expect.stringMatching(`Invalid value .*${value.replace(',', ', ')}.* for configuration ${name}`),
      ])
    }
    expect((await run(['broker', file], { TRIBUTARY_LOG_LEVEL: 'loud' })).err).toContain('TRIBUTARY_LOG_LEVEL is loud')
  })

  test('a port in use: 1, and the message says which one and what to do', async () => {
    const taken = await listening()
    for (const args of [
      ['broker', brokerFile({ listeners: `PLAINTEXT://127.0.0.1:${taken.port}` })],
      ['connect', properties({ listeners: `http://127.0.0.1:${taken.port}`, 'bootstrap.servers': '127.0.0.1:1' })],
      ['up', '--port', '0', '--rest-port', String(taken.port), '--registry-port', '0', '--data', join(folder, 'up')],
      ['up', '--port', String(taken.port), '--rest-port', '0', '--registry-port', '0', '--data', join(folder, 'up')],
      ['up', '--port', '0', '--rest-port', '0', '--registry-port', String(taken.port), '--data', join(folder, 'up')],
      ['registry', properties({ listeners: `http://127.0.0.1:${taken.port}`, 'kafkastore.bootstrap.servers': '127.0.0.1:1' })],
    ]) {
      const { code, err } = await run(args)
      expect([args[0], code]).toEqual([args[0], 1])
      expect(err).toContain(`127.0.0.1:${taken.port}`)
      if (args[0] === 'up') expect(err).toContain(args[args.indexOf(String(taken.port)) - 1])
      expect(err).not.toContain('    at ')
    }
    taken.close()
  })
})

describe('a broker that runs', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops it within 5 s with 0; it may be started again at once', async (signal) => {
    for (let turn = 0; turn < 2; turn++) {
      const { child, out, err, ended } = start(['broker', brokerFile()])
      await until(() => /listens on/.test(out()), 'it says where it listens')
      expect(out()).toContain(join(folder, 'data'))
      child.kill(signal)
      // After 5 s it would be 1.
      expect(await ended).toBe(0)
      expect(err()).not.toContain('    at ')
    }
  })

  test('under nohup it ignores SIGHUP', async () => {
    const { child, out, ended } = start(['broker', brokerFile()], {}, 'nohup')
    await until(() => /listens on/.test(out()), 'it says where it listens')
    child.kill('SIGHUP')
    child.kill('SIGHUP')
    const { port } = /127\.0\.0\.1:(?<port>\d+)/.exec(out())!.groups!
    const socket = connect(Number(port), '127.0.0.1')
    await new Promise((done, failed) => socket.once('connect', done).once('error', failed))
    socket.destroy()
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  test('it stops cleanly when its output is closed', async () => {
    const { child, out, ended } = start(['up', '--port', '0', '--rest-port', '0', '--registry-port', '0', '--data', join(folder, 'unread')])
    await until(() => /Broker:/.test(out()), 'its first line')
    child.stdout!.destroy()
    expect(await ended).toBe(0)
    expect(readdirSync(join(folder, 'unread'))).not.toContain('.lock')
  })

  test('it is one process, which is Node', async () => {
    const { child, out } = start(['broker', brokerFile()])
    await until(() => /listens on/.test(out()), 'it says where it listens')
    expect(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).toBe('')
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')[0]).toMatch(/node$/)
  })
})

describe('a worker that cannot reach its cluster', () => {
  test('says that it waits, names unknown settings, and stops on a signal', async () => {
    const nobody = await listening()
    nobody.close()
    const { child, out, err, ended } = start(
      [
        'connect',
        properties({
          'bootstrap.servers': `127.0.0.1:${nobody.port}`,
          listeners: 'http://127.0.0.1:0',
          'grup.id': 'mistyped',
          'plugin.path': '/opt/connectors',
          'value.converter.schemas.enable': 'false',
        }),
      ],
      { TRIBUTARY_LOG_LEVEL: 'warn' },
    )
    await until(() => out().includes(`Waiting for the Kafka cluster at 127.0.0.1:${nobody.port}`), 'it says that it waits')
    expect(err().match(/"msg":"unknown settings are[^"]*"/g)).toEqual(['"msg":"unknown settings are ignored: grup.id"'])
    await until(() => err().includes('no broker of the cluster can be reached'), 'it says why')
    expect(err()).toContain(`connect ECONNREFUSED 127.0.0.1:${nobody.port}`)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })
})

test('it starts from any folder, with CDPATH set, and by the PATH', async () => {
  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(join(elsewhere, 'bin'), { recursive: true })
  for (const [command, cwd] of [
    ['bin/tributary', root],
    ['tributary', elsewhere],
  ] as const) {
    const child = spawn('sh', ['-c', `${command} --version`], {
      cwd,
      env: { ...process.env, CDPATH: elsewhere, PATH: `${folder}:${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (part) => {
      out += part
    })
    expect([command, await new Promise((done) => child.once('close', done)), out]).toEqual([command, 0, expect.stringMatching(/^\d/)])
  }
})

describe('an old Node', () => {
  test('the message says which version is needed and how to get it', async () => {
    const launch = readFileSync(join(root, 'bin', 'launch.cjs'), 'utf8')
    const old = join(folder, 'bin', 'launch.cjs')
    mkdirSync(join(folder, 'bin'))
    writeFileSync(old, `Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })\n${launch}`)
    const child = spawn(process.execPath, [old, '--version'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let err = ''
    child.stderr.on('data', (part) => {
      err += part
    })
    expect(await new Promise((done) => child.once('close', done))).toBe(1)
    expect(err).toMatch(/Node\.js 24 or newer is needed[\s\S]*npm ci/)
  })
})
