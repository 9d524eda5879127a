/**
 * Goal: integers of JSON lines reach the topic with all their digits, in keys too. Method: the real file source on a real file, its records
 * through the real JsonConverter; the bytes are compared with the line.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { StoredPositions, taskContext } from '../../connect/contract/index.ts'
import json from '../../connect/converters/json.ts'
import { parseSettings } from '../../connect/sdk/index.ts'
import { fileSource } from '../../connectors/file/source.ts'

let folder: string
const stop = new AbortController()
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-digits-'))
})
afterEach(async () => {
  stop.abort()
  await rm(folder, { recursive: true })
})

test('an integer above 2^53 keeps its digits', async () => {
  const line = '{"id":9007199254740993,"deep":[{"n":-1234567890123456789}],"text":"12345678901234567890","part":0.5}'
  const file = join(folder, 'in.jsonl')
  await writeFile(file, `${line}\n`)
  const context = taskContext(fileSource.settings, { file, topic: 't', format: 'json', 'key.field': 'id' }, stop.signal)
  const reading = fileSource.read({ ...context, positions: new StoredPositions() })
  const [record] = (await reading.next()).value!.records
  await reading.return()
  const converter = json.create(parseSettings(json.settings, { 'schemas.enable': 'false' }), false)
  expect(converter.fromConnect('t', record!.valueSchema, record!.value)!.toString()).toBe(line)
  expect(converter.fromConnect('t', record!.keySchema, record!.key)!.toString()).toBe('9007199254740993')
})
