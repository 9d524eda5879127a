/**
 * Goal: confluent-kafka's Schema Registry client and serializers in Python work with this registry unchanged, in all three formats.
 * Method: a script of theirs against an instance on a broker in this process; pip brings the library into a folder of the test.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RegistriesInProcess, registriesInProcess } from '../registry-in-process.ts'

const run = promisify(execFile)
const LIBRARY = 'confluent-kafka[avro,json,protobuf]==2.16.1'

describe('confluent-kafka in Python', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-python-'))
  const python = join(folder, 'venv', 'bin', 'python')
  let registries: RegistriesInProcess
  beforeAll(async () => {
    registries = await registriesInProcess()
    await run('python3', ['-m', 'venv', join(folder, 'venv')])
    await run(python, ['-m', 'pip', 'install', '--quiet', LIBRARY])
  }, 240_000)
  afterAll(async () => {
    await registries.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('writes and reads records, and manages subjects', async () => {
    const instance = await registries.start()
    const { stdout } = await run(python, [join(import.meta.dirname, 'schema-registry-client.py'), instance.url])
    const order = { id: 7, item: 'tea' }
    expect(JSON.parse(stdout)).toEqual({
      avro: order,
      json: order,
      protobuf: order,
      text: 'syntax = "proto3";\npackage shop;\n\nmessage Order {\n  int64 id = 1;\n  string item = 2;\n}\n',
      versions: [1, [1]],
      compatible: false,
      refused: [409, 409],
      level: 'NONE',
      registered: true,
      references: 'py-avro-value',
      subjects: ['py-avro-value', 'py-json-value', 'py-proto-value', 'py-user'],
      deleted: [[1], [1]],
      associated: [['py-shared'], false],
      left: [],
    })
  }, 60_000)
})
