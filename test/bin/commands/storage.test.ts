/**
 * Goal: `tributary storage` formats folders as kafka-storage does, with its flags and its words, and a broker starts on them. Method: real
 * processes and files; the bytes are compared with Kafka's in test/peers.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeSnapshotFile } from '../../../core/cluster/snapshot-file.ts'
import { startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { writeProperties } from '../../properties-file.ts'

const program = join(import.meta.dirname, '../../../bin/tributary')
const CLUSTER = 'Tq0000000000000000000g'
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-storage-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function storage(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(program, ['storage', ...args], { timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err })
    })
  })
}

const dynamicFile = () => ({
  'process.roles': 'broker,controller',
  'node.id': '1',
  listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:19093',
  'controller.listener.names': 'CONTROLLER',
  'controller.quorum.bootstrap.servers': '127.0.0.1:19093',
  'log.dirs': join(folder, 'data'),
})
const staticFile = () => ({ ...dynamicFile(), 'controller.quorum.voters': '1@127.0.0.1:19093' })
const write = (properties: Record<string, string>) => writeProperties(join(folder, 'server.properties'), properties)

test('formats a standalone node, tells what it finds, and a broker starts with its cluster id and levels', async () => {
  const file = write(dynamicFile())
  const missing = await storage('info', '-c', file)
  expect(missing).toMatchObject({ code: 1, out: `Found problem:\n  ${join(folder, 'data')} does not exist\n\n` })
  const user = 'SCRAM-SHA-256=[name=alice,iterations=4096,salt="QSXCR+Q6sek8bf92",password=pencil]'
  const formatted = await storage(
    'format',
    '-t',
    CLUSTER,
    '-c',
    file,
    '--standalone',
    '-r',
    '4.1',
    '-f',
    'transaction.version=1',
    '-S',
    user,
  )
  expect(formatted).toMatchObject({
    code: 0,
    out: `Formatting dynamic metadata voter directory ${join(folder, 'data')} with metadata.version 4.1-IV1.\n`,
  })
  const { records } = decodeSnapshotFile(readFileSync(join(folder, 'data', 'bootstrap.checkpoint')))
  expect(records).toMatchObject([
    { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 27 },
    { type: 'FeatureLevelRecord', name: 'transaction.version', featureLevel: 1 },
    { type: 'UserScramCredentialRecord', name: 'alice', mechanism: 1, iterations: 4096 },
  ])
  expect(JSON.stringify(records)).not.toContain('pencil')
  const found = await storage('info', '-c', file)
  expect(found.code).toBe(0)
  expect(found.out).toMatch(
    /^Found log directory:\n {2}.*\/data\n\nFound metadata: \{cluster\.id=Tq0{19}g, directory\.id=[\w-]{22}, node\.id=1, version=1\}\n\n$/,
  )

  const broker = await startBroker(dynamicFile(), { ...realSystem('silent'), logger: silentLogger })
  const { cluster } = broker
  expect([cluster.clusterId, cluster.finalizedFeature('metadata.version'), cluster.finalizedFeature('transaction.version')]).toEqual([
    CLUSTER,
    27,
    1,
  ])
  expect([...cluster.scramCredentials()].map(({ name }) => name)).toEqual(['alice'])
  expect(cluster.quorum().voter.endpoints).toEqual([{ name: 'CONTROLLER', host: '127.0.0.1', port: 19093 }])
  await broker.close()
})

describe('refuses, in one message', () => {
  test.each<[string, () => Record<string, string>, string[], RegExp]>([
    ['voters and --standalone', staticFile, ['-s'], /You cannot specify controller\.quorum\.voters and format the node with/],
    ['no voters and no flag', dynamicFile, [], /Because controller\.quorum\.voters is not set on this controller, you must specify one of/],
    ['-N', dynamicFile, ['-N'], /is its own controller: use --standalone/],
    ['-I with others', dynamicFile, ['-I', '1@a:1:fL3TJiTUHZa7yGymNqp24w,2@b:1:gL3TJiTUHZa7yGymNqp24w'], /runs as the only voter/],
    [
      'an unknown release',
      staticFile,
      ['-r', '9.9'],
      /Unknown metadata\.version '9\.9'\. Supported metadata\.version are: 3\.3-IV3, .*, 4\.3-IV0/,
    ],
    ['an unknown feature', staticFile, ['-f', 'foo.version=1'], /Unsupported feature: foo\.version\. Supported features are: eligible/],
    ['a feature that is not there', staticFile, ['-f', 'share.version=1'], /does not have share\.version=1: use share\.version=0/],
    ['a wrong user', staticFile, ['-S', 'PLAIN=[name=a,password=b]'], /The add-scram mechanism PLAIN is not supported\./],
  ])('%s', async (_, properties, flags, message) => {
    const file = write(properties())
    const { code, err } = await storage('format', '-t', CLUSTER, '-c', file, ...flags)
    expect([code, err]).toEqual([1, expect.stringMatching(message)])
    expect((await storage('info', '-c', file)).out).toContain('does not exist')
  })

  test('a formatted directory; --ignore-formatted skips it, another cluster id does not pass', async () => {
    const file = write(staticFile())
    expect((await storage('format', '-t', CLUSTER, '-c', file)).out).toContain('Formatting metadata directory')
    const again = await storage('format', '-t', CLUSTER, '-c', file)
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('is already formatted. Use --ignore-formatted to ignore')])
    expect(await storage('format', '-t', CLUSTER, '-c', file, '-g')).toMatchObject({
      code: 0,
      out: 'All of the log directories are already formatted.\n',
    })
    expect((await storage('format', '-t', 'other', '-c', file, '-g')).err).toContain(
      `Invalid cluster.id in: ${join(folder, 'data', 'meta.properties')}`,
    )
  })

  test('a wrong command line, with exit code 2', async () => {
    for (const args of [[], ['erase'], ['format', '-c', 'x'], ['info'], ['info', '-z']])
      expect((await storage(...args)).code).toBeGreaterThan(0)
    expect((await storage('erase')).err).toContain(
      'storage needs format, info, random-uuid, version-mapping or feature-dependencies, not "erase"',
    )
    expect((await storage('random-uuid')).out).toMatch(/^[\w-]{22}\n$/)
  })
})
