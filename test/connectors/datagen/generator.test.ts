/**
 * Goal: each property of arg.properties does what Avro Random Generator documents, and every ready-made schema gives values that its own
 * schema allows. Method: records of a task; those of the quickstarts go through Connect's AvroConverter form of a schema.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { avroDataDefaults } from '../../../connect/converters/avro/avro-names.ts'
import { AvroCodec } from '../../../connect/converters/avro/codec.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { quickstarts } from '../../../connectors/datagen/quickstarts.ts'
import { check, settings } from '../../../connectors/datagen/settings.ts'
import { realSystem } from '../../../core/system/index.ts'
import { generated, valuesOf } from './generated.ts'

const guided = (type: string, properties: object, more: object = {}) => ({ type, ...more, 'arg.properties': properties })

describe('properties', () => {
  test('options, also from a file', async () => {
    expect(new Set(await valuesOf(guided('string', { options: ['a', 'b'] })))).toEqual(new Set(['a', 'b']))
    const folder = mkdtempSync(join(tmpdir(), 'tributary-datagen-'))
    const file = join(folder, 'options.json')
    writeFileSync(file, '[1, 2]')
    expect(new Set(await valuesOf(guided('int', { options: { file, encoding: 'json' } })))).toEqual(new Set([1, 2]))
    // An array of longs in Avro's binary form: two items, 3 and 4, and its end.
    writeFileSync(file, Buffer.from([4, 6, 8, 0]))
    expect(new Set(await valuesOf(guided('long', { options: { file, encoding: 'binary' } })))).toEqual(new Set([3, 4]))
    rmSync(folder, { recursive: true })
  })

  test('arrays in arrays are no larger than a record may be, and a batch of large records is cut', async () => {
    const nested = (items: unknown, length: number) => guided('array', { length }, { items })
    const deep = nested(nested(nested(nested('int', 1000), 1000), 1000), 1000)
    await expect(valuesOf(deep)).rejects.toThrow('more than 10000000 items, characters and bytes')
    const type = guided('bytes', { length: 999_999 })
    const schema = JSON.stringify({ type: 'record', name: 'r', fields: [{ name: 'f', type }] })
    // Batches of 16 MB, though 100 records are due.
    expect(await generated(40, { 'schema.string': schema, 'batch.size': '100' })).toHaveLength(3 * 16)
  })

  test('range: from min to below max', async () => {
    const numbers = (await valuesOf(guided('int', { range: { min: -2, max: 2 } }), 200)) as number[]
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual([-1, 0, 1, -2].sort((a, b) => a - b))
    for (const number of (await valuesOf(guided('int', { range: { max: 10 } }), 20)) as number[]) expect(number | 0).toBe(number)
    for (const number of (await valuesOf(guided('double', { range: { min: 1.5, max: 1.75 } }))) as number[]) {
      expect(number).toBeGreaterThanOrEqual(1.5)
      expect(number).toBeLessThan(1.75)
    }
  })

  test('iteration: start, step, restart, initial', async () => {
    const first = async (type: string, iteration: object, count = 5) => (await valuesOf(guided(type, { iteration }), count)).slice(0, count)
    expect(await first('int', { start: 3 })).toEqual([3, 4, 5, 6, 7])
    expect(await first('long', { start: 0, restart: 3 })).toEqual([0, 1, 2, 0, 1])
    expect(await first('int', { start: 0, restart: -4, step: -2 })).toEqual([0, -2, 0, -2, 0])
    expect(await first('int', { start: 0, restart: 10, step: 4, initial: 5 })).toEqual([5, 9, 3, 7, 1])
    expect(await first('double', { start: 0, step: 0.1 })).toEqual([0, 0.1, 0.2, 0.3, 0.4])
    expect(await first('boolean', { start: true }, 3)).toEqual([true, false, true])
    expect(await first('string', { start: 1, step: 10 }, 3)).toEqual(['1', '11', '21'])
  })

  test('length, regex, prefix, suffix, odds, keys', async () => {
    expect((await valuesOf(guided('string', { length: 3 }))).every((text) => /^[!-~]{3}$/.test(text as string))).toBe(true)
    expect(
      (await valuesOf(guided('bytes', { length: { min: 2, max: 4 } }))).every((bytes) => [2, 3].includes((bytes as Buffer).length)),
    ).toBe(true)
    expect((await valuesOf(guided('string', { regex: '[ab]{2}', prefix: '<', suffix: '>' })))[0]).toMatch(/^<[ab]{2}>$/)
    expect(new Set(await valuesOf(guided('boolean', { odds: 1 })))).toEqual(new Set([true]))
    const [map] = (await valuesOf({
      type: 'map',
      values: 'int',
      'arg.properties': { length: 2, keys: { regex: 'k[0-9]{5}' } },
    })) as object[]
    expect(Object.keys(map!).every((key) => /^k\d{5}$/.test(key))).toBe(true)
  })

  test('unions, enums, fixed, nested and recursive records, logical types', async () => {
    expect(new Set(await valuesOf(['null', guided('int', { options: [1] })] as unknown as object))).toEqual(new Set([null, 1]))
    const union = await valuesOf([guided('int', { options: [1] }), guided('string', { options: ['a'] })] as unknown as object)
    expect(new Set(union.map((value) => JSON.stringify(value)))).toEqual(new Set(['{"int":1}', '{"string":"a"}']))
    expect(['A', 'B']).toContain((await valuesOf({ type: 'enum', name: 'e', symbols: ['A', 'B'] }))[0])
    expect((await valuesOf({ type: 'fixed', name: 'x', size: 3 }))[0]).toHaveLength(3)
    const list = { type: 'record', name: 'l', fields: [{ name: 'next', type: ['null', 'l'] }] }
    expect(JSON.stringify((await valuesOf(list))[0])).toMatch(/^(\{"next":)+null\}+$/)
    expect((await valuesOf(guided('int', { options: [18_000] }, { logicalType: 'date' })))[0]).toEqual(new Date('2019-04-14T00:00:00Z'))
    const decimals = await valuesOf(guided('bytes', { range: { min: 10, max: 50 } }, { logicalType: 'decimal', precision: 4, scale: 2 }))
    expect(decimals.every((text) => /^[1-4]\d\.\d\d$/.test(text as string))).toBe(true)
    expect((await valuesOf({ type: 'bytes', logicalType: 'decimal', precision: 20, scale: 3 }))[0]).toMatch(/^-?\d{1,17}\.\d{3}$/)
  })

  test.each([
    [guided('int', { range: { min: 2, max: 2 } }), "'min' field must be strictly less"],
    [guided('int', { range: { min: 0, max: 1e12 } }), 'from -2147483648 to 2147483647'],
    [guided('int', { iteration: { step: 1 } }), 'must contain start field'],
    [guided('int', { iteration: { start: 1, step: 0 } }), 'cannot be zero'],
    [guided('bytes', { iteration: { start: 1 } }), 'can only be specified on'],
    [guided('int', { options: [] }), 'cannot be empty'],
    [guided('int', { options: [1], range: { min: 1 } }), 'exclude each other'],
    [guided('string', { length: -1 }), 'length property'],
  ])('%j is refused', async (type, why) => {
    await expect(valuesOf(type)).rejects.toThrow(why)
  })
})

describe('quickstarts', () => {
  test.each(Object.keys(quickstarts))('%s', async (quickstart) => {
    const records = await generated(200, { quickstart })
    const codec = new AvroCodec(avroDataDefaults, realSystem('silent').logger)
    const { schema } = codec.describe(records[0]!.valueSchema)
    const writer = codec.writer(records[0]!.valueSchema, null, true)
    for (const { value } of records) writer.write(Buffer.alloc(0), value)
    expect(JSON.parse(schema)).toMatchObject({ type: 'record', name: quickstarts[quickstart]!.schema.name })
    expect(records[0]!.key).toEqual((records[0]!.value as Record<string, unknown>)[quickstarts[quickstart]!.key])
    expect(records[0]!.key).not.toBe(undefined)
  })
})

test('exactly one source of the schema, and a key that it has', () => {
  const problems = (config: Record<string, string>) =>
    check(parseSettings(settings, { 'kafka.topic': 't', ...config })).map(({ setting, why }) => `${setting}: ${why}`)
  const one = 'Must set exactly one of schema.string, schema.filename, quickstart'
  expect(problems({})).toEqual([`schema.string: ${one}`, `schema.filename: ${one}`, `quickstart: ${one}`])
  expect(problems({ quickstart: 'users', 'schema.string': '"int"' })).toEqual([`schema.string: ${one}`, `quickstart: ${one}`])
  expect(problems({ quickstart: 'Users' })).toEqual([])
  expect(problems({ quickstart: 'users', 'schema.keyfield': 'no' })).toEqual([
    "schema.keyfield: The schema does not contain the field provided in 'schema.keyfield'",
  ])
  expect(problems({ 'schema.string': '"int"' })).toEqual(['schema.string: The schema must be a record, and is int'])
  expect(() => parseSettings(settings, { 'kafka.topic': 't', quickstart: 'nothing' })).toThrow('must be one out of')
  expect(() => parseSettings(settings, { 'kafka.topic': 't', 'schema.string': '{' })).toThrow('Unable to parse the provided schema')
})
