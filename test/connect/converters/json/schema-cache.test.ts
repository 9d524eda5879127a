/**
 * Goal: the schema of an envelope is found by the text before the payload, and by nothing else; no more are kept than the size says.
 * Method: envelopes with several schemas, in turns, and texts that only look like them.
 */
import { expect, test } from 'vitest'
import { SchemaCache } from '../../../../connect/converters/json/schema-cache.ts'
import { schemas } from '../../../../connect/sdk/index.ts'

const envelope = (n: number, payload = '1') => `{"schema":{"type":"int32","optional":false,"name":"n${n}"},"payload":${payload}}`
const schema = (n: number) => schemas.int32({ name: `n${n}` })
const filled = (size: number, count: number) => {
  const cache = new SchemaCache(size, () => JSON.parse)
  for (let n = 0; n < count; n++) cache.add(envelope(n), schema(n))
  return cache
}

test('schemas in turns are all found', () => {
  const cache = filled(10, 3)
  for (const n of [0, 1, 2, 1, 0, 2]) expect(cache.find(Buffer.from(envelope(n, `{"x":${n}}`)))?.schema).toEqual(schema(n))
  expect(cache.find(Buffer.from(envelope(3)))).toBeNull()
})

test('the least recently used one is dropped', () => {
  const cache = filled(2, 2)
  expect(cache.find(Buffer.from(envelope(0)))).not.toBeNull()
  cache.add(envelope(2), schema(2))
  expect(cache.size).toBe(2)
  expect([0, 1, 2].map((n) => cache.find(Buffer.from(envelope(n))) !== null)).toEqual([true, false, true])
})

test('without a size nothing is kept', () => {
  expect(filled(0, 2).size).toBe(0)
  expect(filled(-1, 2).size).toBe(0)
})

test('the texts are bounded as well', () => {
  const cache = new SchemaCache(1000, () => JSON.parse)
  const long = 'x'.repeat(6 * 1024 * 1024)
  for (let n = 0; n < 4; n++) cache.add(envelope(n).replace(`n${n}`, `n${n}${long}`), schema(n))
  expect(cache.size).toBe(2)
})

test('white space is no obstacle', () => {
  const cache = new SchemaCache(10, () => JSON.parse)
  const spaced = (payload: string) => `{"schema": {"type": "int32"}, "payload" : ${payload}}`
  cache.add(spaced('1'), schemas.int32())
  expect(cache.find(Buffer.from(spaced('2')))?.prefix.toString()).toBe('{"schema": {"type": "int32"}, "payload" :')
})

test('a payload that comes first, or is a parameter of the schema, is not taken for the end of the schema', () => {
  const cache = new SchemaCache(10, () => JSON.parse)
  cache.add('{"payload":1,"schema":{"type":"int32"}}', schemas.int32())
  cache.add('{"schema":{"type":"int32","parameters":{"a":"b","payload":"c"}},"payload":1}', schemas.int32())
  expect(cache.size).toBe(0)
})
