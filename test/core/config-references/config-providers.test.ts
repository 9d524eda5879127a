/**
 * Goal: Kafka's three providers give what Kafka's give, with its limits and messages; nothing else is loaded. Method: files in a temporary
 * folder: links, pipes, folders, long and broken ones, and the settings of a file.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openConfigTransformer } from '../../../core/config-references/config-providers.ts'
import { realClock } from '../../../core/system/clock.ts'
import { realDisk } from '../../../core/system/disk.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-providers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = (name: string) => join(folder, name)
mkdirSync(path('in'))
mkdirSync(path('in/sub'))
mkdirSync(path('inside'))
writeFileSync(path('in/s.properties'), 'a=1\nb = two words \nempty=\n')
writeFileSync(path('inside/s.properties'), 'a=inside')
writeFileSync(path('out.properties'), 'a=out')
writeFileSync(path('in/plain'), 'line\n')
writeFileSync(path('in/bad'), 'a=\\u12')
writeFileSync(path('in/latin'), Buffer.from('a=\xe9', 'latin1'))
writeFileSync(path('in/long'), Buffer.alloc(1_048_577, 'x'))
symlinkSync(path('out.properties'), path('in/link'))
execFileSync('mkfifo', [path('in/pipe')])

const CLASSES = 'org.apache.kafka.common.config.provider.'
const providers = (params: Readonly<Record<string, string>> = {}) => ({
  'config.providers': 'file, dir,env',
  'config.providers.file.class': `${CLASSES}FileConfigProvider`,
  'config.providers.dir.class': `${CLASSES}DirectoryConfigProvider`,
  'config.providers.env.class': `${CLASSES}EnvVarConfigProvider`,
  ...Object.fromEntries(Object.entries(params).map(([name, value]) => [`config.providers.${name}`, value])),
})

function open(properties: Readonly<Record<string, string>>, systemProperties: Readonly<Record<string, string>> = {}) {
  const lines: LogLine[] = []
  const environment = { SECRET: 'of the environment', OTHER: 'other' }
  const transformer = openConfigTransformer(properties, {
    clock: realClock,
    disk: realDisk,
    logger: keepingLogger(lines),
    environment,
    systemProperties,
  })
  return { transformer, lines }
}

async function resolve(value: string, params?: Readonly<Record<string, string>>) {
  const { transformer, lines } = open(providers(params))
  const { config } = await (await transformer).transform({ value })
  return { value: config.value, warned: lines.filter(({ level }) => level === 'warn').map(({ message }) => message) }
}

test.each([
  ['file:in/s.properties:a', '1'],
  ['file:in/s.properties:b', 'two words '],
  ['file:in/s.properties:empty', ''],
  ['file:in/s.properties:c', null],
  ['file:in/s.properties:toString', null],
  ['file:in/../out.properties:a', 'out'],
  ['file:in/link:a', 'out'],
  ['dir:in:plain', 'line\n'],
  ['dir:in:link', 'a=out'],
  ['dir:in:none', null],
  ['dir:in:sub', null],
  ['dir:in:pipe', null],
  ['dir:in:../out.properties', null],
  ['dir:in:sub/../plain', null],
])('%s', async (reference, expected) => {
  const [provider, ...rest] = reference.split(':')
  const value = `\${${provider}:${folder}/${rest.join(':')}}`
  expect(await resolve(value)).toEqual({ value: expected ?? value, warned: [] })
})

test.each([
  ['${env:SECRET}', 'of the environment'],
  ['${env:NONE}', '${env:NONE}'],
  ['${env:toString}', '${env:toString}'],
  ['${file:a}', '${file:a}'],
  ['${dir:a}', '${dir:a}'],
])('%s without a path', async (value, expected) => {
  expect(await resolve(value)).toEqual({ value: expected, warned: [] })
})

test.each([
  ['file', 'none', 'a', 'Could not read properties from file'],
  ['file', 'in', 'a', 'Could not read properties from file'],
  ['file', 'in/pipe', 'a', 'Could not read properties from file'],
  ['file', 'in/bad', 'a', 'Could not read properties from file'],
  ['file', 'in/latin', 'a', 'Could not read properties from file'],
  ['file', 'in/long', 'a', 'Could not read properties from file'],
  ['dir', 'in', 'long', 'Could not read file'],
  ['env', 'in', 'SECRET', "Path is not supported for EnvVarConfigProvider, invalid value '"],
])('%s:%s:%s cannot be read', async (provider, name, key, message) => {
  await expect(resolve(`\${${provider}:${path(name)}:${key}}`)).rejects.toThrow(
    message + (provider === 'env' ? path(name) : ` ${path(name)}`),
  )
})

test('a device and a folder that is none are not read', async () => {
  await expect(resolve('${file:/dev/zero:a}')).rejects.toThrow('Could not read properties from file /dev/zero')
  const value = `\${dir:${path('in/plain')}:a}`
  expect(await resolve(value)).toEqual({ value, warned: [`The path ${path('in/plain')} is not a directory`] })
})

test('allowed.paths are whole names of folders, after .. is resolved; what is not allowed stays and is logged', async () => {
  const allowed = { 'file.param.allowed.paths': `${path('in')},${path('inside')}/`, 'dir.param.allowed.paths': path('in') }
  expect(await resolve(`\${file:${path('in/s.properties')}:a}`, allowed)).toEqual({ value: '1', warned: [] })
  expect(await resolve(`\${file:${folder}/in/./sub/../s.properties:a}`, allowed)).toEqual({ value: '1', warned: [] })
  expect(await resolve(`\${file:${folder}/in/link:a}`, allowed)).toEqual({ value: 'out', warned: [] })
  for (const refused of [`${folder}/in/../out.properties`, path('out.properties'), `${path('in')}x/a`, 'in/s.properties']) {
    const value = `\${file:${refused}:a}`
    expect(await resolve(value, allowed)).toEqual({ value, warned: [`The path ${refused} is not allowed to be accessed`] })
  }
  const value = `\${dir:${path('inside')}:s.properties}`
  expect(await resolve(value, allowed)).toEqual({ value, warned: [`The path ${path('inside')} is not allowed to be accessed`] })
})

test('allowlist.pattern must match the whole name of a variable', async () => {
  expect((await resolve('${env:SECRET}${env:OTHER}', { 'env.param.allowlist.pattern': 'SECR.*|THER' })).value).toBe(
    'of the environment${env:OTHER}',
  )
})

test.each([
  [{ 'file.param.allowed.paths': 'relative' }, 'Path relative is not absolute'],
  [{ 'file.param.allowed.paths': '/none-of-these' }, 'Path /none-of-these does not exist'],
  [{ 'env.param.allowlist.pattern': '(' }, 'allowlist.pattern: "(" is not a regular expression'],
  [{ 'env.class': 'com.example.Vault' }, 'Invalid value com.example.Vault for configuration config.providers.env.class: Could not load'],
])('%o is refused', async (params, message) => {
  await expect(open(providers(params)).transformer).rejects.toThrow(message)
})

test('the system property allows the providers that it names', async () => {
  const property = 'org.apache.kafka.automatic.config.providers'
  const only = { 'config.providers': 'env', 'config.providers.env.class': `${CLASSES}EnvVarConfigProvider` }
  const refusal = `${CLASSES}EnvVarConfigProvider is not allowed. Update System property '${property}' to allow ${CLASSES}EnvVarConfigProvider`
  for (const allowed of ['none', '', `${CLASSES}FileConfigProvider`])
    await expect(open(only, { [property]: allowed }).transformer).rejects.toThrow(refusal)
  const allowed = await open(only, { [property]: ` x , ${CLASSES}EnvVarConfigProvider` }).transformer
  expect((await allowed.transform({ a: '${env:OTHER}' })).config).toEqual({ a: 'other' })
})

test('a provider without a class leaves its references, and is logged', async () => {
  const { transformer, lines } = open({ 'config.providers': 'file' })
  expect((await (await transformer).transform({ a: '${file:/a:b}' })).config).toEqual({ a: '${file:/a:b}' })
  expect(lines.map(({ message }) => message)).toEqual([expect.stringContaining('config.providers.file.class is not set')])
})

test('a file is read again at each resolution', async () => {
  const transformer = await open(providers()).transformer
  const config = { a: `\${file:${path('turn')}:a}` }
  for (const value of ['first', 'second']) {
    writeFileSync(path('turn'), `a=${value}`)
    expect((await transformer.transform(config)).config.a).toBe(value)
  }
})
