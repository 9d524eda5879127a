/**
 * Goal: a value with references is resolved to the same text as by Kafka's ConfigTransformer and its three providers. Method: values out
 * of the pieces of references, with paths that lead out of allowed folders, through links and nowhere, go to both; a Java program runs
 * Kafka's.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { openConfigTransformer } from '../../core/config-references/config-providers.ts'
import { realClock } from '../../core/system/clock.ts'
import { realDisk } from '../../core/system/disk.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'
import { temporaryFolder } from './workers.ts'

// It starts a JVM.
vi.setConfig({ testTimeout: 240_000 })

const SAMPLES = 4_000
const program = await javaProgram('reference-resolver', kafkaClassPath())
const folder = temporaryFolder()
mkdirSync(join(folder, 'in/sub'), { recursive: true })
mkdirSync(join(folder, 'inside'))
const properties = 'a=1\n b : two \\u0041\\\n   lines \n!no\nempty\n${x}=${env:OTHER}\ncolon\\:key=c\n\uFEFFz=z\n'
for (const name of ['in/s', 'out', 'inside/s']) writeFileSync(join(folder, name), properties)
writeFileSync(join(folder, 'in/latin'), Buffer.from('a=\xe9', 'latin1'))
writeFileSync(join(folder, 'in/bad'), 'a=\\u1')
symlinkSync(join(folder, 'out'), join(folder, 'in/link'))
symlinkSync(folder, join(folder, 'in/up'))

function resolvedByJava(values: readonly string[]): Promise<string[]> {
  const child = spawn(program.command, program.args(folder), { stdio: ['pipe', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
    child.once('error', reject)
    // Kafka's log lines are between the answers.
    child.once('close', () => resolve(output.split('\n').filter((line) => /^(?:ok .*|error)$/.test(line))))
    child.stdin.end(values.map((value) => `${Buffer.from(value).toString('base64')}\n`).join(''))
  })
}

const provider = 'org.apache.kafka.common.config.provider.'
const transformer = await openConfigTransformer(
  {
    'config.providers': 'file,lfile,dir,ldir,env,lenv',
    ...Object.fromEntries(
      [
        ['file', 'File'],
        ['dir', 'Directory'],
        ['env', 'EnvVar'],
      ].flatMap(([name, kind]) => [
        [`config.providers.${name}.class`, `${provider}${kind}ConfigProvider`],
        [`config.providers.l${name}.class`, `${provider}${kind}ConfigProvider`],
        [`config.providers.l${name}.param.allowed.paths`, join(folder, 'in')],
        [`config.providers.l${name}.param.allowlist.pattern`, 'S.*'],
      ]),
    ),
  },
  {
    clock: realClock,
    disk: realDisk,
    logger: silentLogger,
    environment: { SECRET: 'of the environment', OTHER: 'other' },
    systemProperties: {},
  },
)

async function resolvedByUs(value: string): Promise<string> {
  try {
    const { config } = await transformer.transform({ value })
    return `ok ${Buffer.from(config.value!).toString('base64')}`
  } catch {
    return 'error'
  }
}

const names = [
  'in',
  'in/s',
  'in/link',
  'in/up',
  'in/up/out',
  'in/../out',
  'in/./sub/../s',
  'inside',
  'inside/s',
  'out',
  'in/sub',
  'in/',
  'none',
]
const broken = ['in/latin', 'in/bad']
const path = fc.constantFrom('', '', 'relative', ...[...names, ...names, ...broken].map((name) => `${folder}/${name}`))
const key = fc.constantFrom('a', 'b', 'c', 'empty', 'SECRET', 'OTHER', 's', 'link', 'sub', 'up', '../out', '.', '', '${x', 'colon:key', 'z')
const name = fc.constantFrom('file', 'lfile', 'dir', 'ldir', 'env', 'lenv', 'none', 'toString')
const reference = fc.oneof(
  fc.tuple(name, path, key).map(([of, where, what]) => `\${${of}:${where}:${what}}`),
  fc.tuple(name, key).map(([of, what]) => `\${${of}:${what}}`),
)
const text = fc.constantFrom('', 'x', ' ', '$', '{', '}', ':', '${', '${topic}', '🎉', '\n', '$1', '\\')
const value = fc.array(fc.oneof(reference, text), { maxLength: 6 }).map((parts) => parts.join(''))

test('the values are those of Kafka', async () => {
  const values = fc.sample(value, SAMPLES)
  const theirs = await resolvedByJava(values)
  expect(theirs).toHaveLength(values.length)
  // Both outcomes occur often enough to compare.
  for (const outcome of ['error', 'ok']) expect(theirs.filter((line) => line.startsWith(outcome)).length).toBeGreaterThan(SAMPLES / 20)
  const ours = await Promise.all(values.map(resolvedByUs))
  const different = values.flatMap((given, at) => (ours[at] === theirs[at] ? [] : [{ given, ours: ours[at], theirs: theirs[at] }]))
  expect(different.slice(0, 5)).toEqual([])
})
