/**
 * Goal: `tributary up` never starts a REST API with less security than the files that it is given ask for. Method: the command itself, with
 * files that ask for a login or https.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import up from '../../bin/commands/up.ts'
import { freePort } from '../../bin/demo/postgres-server.ts'
import { testSystem } from '../api/fake-services.ts'
import { selfSigned } from '../certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-up-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const run = (args: string[], lines: string[] = []) =>
  up.run({ args, system: testSystem(), print: (line) => void lines.push(line), stopping: new AbortController().signal })

test('a login in the file of the mirrors, which has no effect there, is refused with the file to set it in', async () => {
  const mirror = write(
    'mm2.properties',
    'clusters=a,b\nrest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension\n',
  )
  await expect(
    run(['--mirror', mirror, '--data', join(folder, 'a'), '--port', '0', '--rest-port', '0', '--registry-port', '0']),
  ).rejects.toThrow(/mm2.properties sets rest.extension.classes.*--connect FILE/)
})

test('--rest-port changes the port of https, and not the protocol', async () => {
  const { key, certificate } = selfSigned({ subject: 'worker', names: ['127.0.0.1'] })
  const store = write('worker.pem', key + certificate)
  const connect = write(
    'worker.properties',
    `listeners=https://127.0.0.1:1\nlisteners.https.ssl.keystore.type=PEM\nlisteners.https.ssl.keystore.location=${store}\n`,
  )
  const lines: string[] = []
  const running = await run(
    ['--connect', connect, '--data', join(folder, 'b'), '--port', '0', '--rest-port', '0', '--registry-port', '0'],
    lines,
  )
  if (typeof running !== 'number') await running.stop()
  expect(lines.filter((line) => line.startsWith('REST API'))).toEqual([expect.stringContaining('https://127.0.0.1:')])
}, 60_000)

test('the old names of a listener count', async () => {
  const port = await freePort()
  const connect = write('old.properties', `rest.host.name=127.0.0.1\nrest.port=${port}\n`)
  const lines: string[] = []
  const running = await run(['--connect', connect, '--data', join(folder, 'c'), '--port', '0', '--registry-port', '0'], lines)
  if (typeof running !== 'number') await running.stop()
  expect(lines.filter((line) => line.startsWith('REST API'))).toEqual([expect.stringContaining(`http://127.0.0.1:${port} `)])
}, 60_000)
