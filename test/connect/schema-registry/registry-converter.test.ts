/**
 * Goal: which schema a record has, by all settings of Confluent's serializers: subjects, registration, fixed and latest versions, ids in
 * front and GUIDs in headers; and that a converter asks the registry once. Method: AvroConverter against a registry of the test.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { settled } from '../../../connect/contract/settled.ts'
import avro from '../../../connect/converters/avro.ts'
import json from '../../../connect/converters/json-schema.ts'
import proto from '../../../connect/converters/protobuf.ts'
import { type ConvertedHeader, Retriable, type Schema, schemas } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

let registry: SchemaRegistryDouble
beforeEach(async () => {
  registry = await SchemaRegistryDouble.start()
})
afterEach(() => registry.stop())

const order = schemas.struct({ id: schemas.int32(), note: schemas.string({ optional: true }) }, { name: 'com.shop.Order' })
const value = { id: 1, note: 'x' }
const make = (config: Record<string, string> = {}, isKey = false) =>
  registryConverter(avro, registry.url, { 'max.retries': '0', ...config }, { isKey })
const paths = () => registry.requests.map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`)

describe('the subject', () => {
  const strategy = (name: string) => `io.confluent.kafka.serializers.subject.${name}`
  test.each([
    ['TopicNameStrategy', false, 't-value'],
    ['TopicNameStrategy', true, 't-key'],
    ['RecordNameStrategy', false, 'com.shop.Order'],
    ['TopicRecordNameStrategy', false, 't-com.shop.Order'],
  ])('%s, of a key: %s', async (name, isKey, subject) => {
    const { write, read } = make({ [`${isKey ? 'key' : 'value'}.subject.name.strategy`]: strategy(name) }, isKey)
    const bytes = await write('t', order, value)
    expect(paths()).toEqual([`POST /subjects/${subject}/versions`])
    expect(await read('t', bytes)).toMatchObject({ schema: { version: 1 }, value })
    expect(paths().at(-1)).toBe(`POST /subjects/${subject}`)
  })
  test('a value without a name has none by record', async () => {
    const { write } = make({ 'value.subject.name.strategy': strategy('RecordNameStrategy') })
    await expect(write('t', schemas.string(), 'x')).rejects.toThrow(/must only be a record schema/)
  })
})

describe('the schema of records that are written', () => {
  test('is registered once for each topic', async () => {
    const { write } = make()
    for (let count = 0; count < 3; count++) {
      await write('a', order, value)
      await write('b', order, value)
    }
    await write('a', { ...order }, value)
    expect(paths()).toEqual(['POST /subjects/a-value/versions', 'POST /subjects/b-value/versions'])
  })
  test('auto.register.schemas=false finds it, and fails where the registry does not have it', async () => {
    const { write } = make({ 'auto.register.schemas': 'false', 'normalize.schemas': 'true' })
    await expect(write('t', order, value)).rejects.toThrow(
      /schema of t-value: Subject 't-value' not found.; error code: 40401; register the schema of the records first, or/,
    )
    await make().write('t', order, value)
    expect((await write('t', order, value))!.readInt32BE(1)).toBe(1)
    expect(registry.requests.at(-1)!.path).toBe('/subjects/t-value?normalize=true&deleted=true')
  })

  const latest = {
    type: 'record',
    name: 'Order',
    namespace: 'com.shop',
    fields: [
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'state', type: 'string', default: 'new' },
      { name: 'id', type: 'long' },
    ],
  }
  test.each([
    ['use.latest.version', { 'use.latest.version': 'true' }],
    ['use.latest.with.metadata', { 'use.latest.with.metadata': 'app.version=2' }],
    ['use.schema.id', { 'use.schema.id': '1' }],
  ])('%s: fields are found by name, and others have their defaults', async (_name, config) => {
    registry.register('t-value', JSON.stringify(latest))
    const bytes = (await make({ 'auto.register.schemas': 'false', ...config }).write('t', order, value))!
    expect(bytes.toString('hex')).toBe('000000000102027806' + '6e657702')
    expect((await make().read('t', bytes)).value).toEqual({ note: 'x', state: 'new', id: 1 })
  })
  test('a latest version that the records do not fit', async () => {
    const config = { 'auto.register.schemas': 'false', 'use.latest.version': 'true' }
    const required = { ...latest, fields: [...latest.fields, { name: 'total', type: ['null', 'int'] }] }
    registry.register('t-value', JSON.stringify(required))
    await expect(make(config).write('t', order, value)).rejects.toThrow(/Incompatible schema: the field total/)
    expect(await make({ ...config, 'latest.compatibility.strict': 'false' }).write('t', order, value)).toEqual(expect.any(Buffer))
  })
  test('latest.cache.ttl.sec: a newer version is used', async () => {
    registry.register('t-value', JSON.stringify(latest))
    let now = 0
    const system = realSystem('silent')
    const clock = { ...system.clock, monotonic: () => now }
    const config = { 'auto.register.schemas': 'false', 'use.latest.version': 'true', 'latest.cache.ttl.sec': '60' }
    const { write } = registryConverter(avro, registry.url, config, { system: { ...system, clock } })
    const idOf = async () => (await write('t', order, value))!.readInt32BE(1)
    expect(await idOf()).toBe(1)
    registry.register('t-value', JSON.stringify({ ...latest, doc: 'newer' }))
    now = 59_999
    expect(await idOf()).toBe(1)
    now = 60_000
    expect(await idOf()).toBe(2)
  })
})

test.each([-5, 2 ** 31, 1.5, '7'])('the id %j of a registry is not written', async (id) => {
  registry.intercept = () => ({ status: 200, body: { id } })
  await expect(make().write('t', order, value)).rejects.toThrow(/without a valid id of the schema/)
})

test('a value that is nested too deep says so', async () => {
  const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] }
  const id = registry.register('t-value', JSON.stringify(list))
  const LEVELS = 1_000_000
  const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.alloc(LEVELS, 2), Buffer.from([0])])
  await expect(make().read('t', bytes)).rejects.toThrow(/the value is nested too deep/)
})

describe('GUIDs in headers', () => {
  const headers = 'io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer'
  test.each([
    [false, '__value_schema_id'],
    [true, '__key_schema_id'],
  ])('are written and read; of a key: %s', async (isKey, name) => {
    const { converter } = make({ [`${isKey ? 'key' : 'value'}.schema.id.serializer`]: headers }, isKey)
    expect(converter.addsHeaders).toBe(true)
    const added: ConvertedHeader[] = []
    const bytes = await settled(() => converter.fromConnect('t', order, value, added))
    expect(added).toEqual([{ key: name, value: Buffer.from('0100000000000040008000000000000001', 'hex') }])
    expect(bytes!.toString('hex')).toBe('02020278')
    const reader = make({}, isKey).converter
    expect((await settled(() => reader.toConnect('t', bytes, added))).value).toEqual(value)
  })
  test('a registry without GUIDs is told of', async () => {
    registry.intercept = () => ({ status: 200, body: { id: 1 } })
    await expect(make({ 'value.schema.id.serializer': headers }).write('t', order, value)).rejects.toThrow(
      /without a GUID: use PrefixSchemaIdSerializer/,
    )
  })
})

describe('records that are read', () => {
  test('ask once for each schema and topic, and once for their version', async () => {
    const bytes = (await make().write('t', order, value))!
    registry.requests.length = 0
    const { read } = make()
    for (let count = 0; count < 3; count++) await read('t', bytes)
    expect(paths()).toEqual(['GET /schemas/ids/1', 'POST /subjects/t-value'])
    // The topic of a mirror has another subject: its records are read without a version.
    const mirrored = await read('us.t', bytes)
    expect(mirrored.value).toEqual(value)
    expect(mirrored.schema!.version).toBeUndefined()
  })
  test('references are loaded with the schema', async () => {
    registry.register('item', '{"type":"record","name":"Item","fields":[{"name":"sku","type":"string"}]}')
    const text = '{"type":"record","name":"Basket","fields":[{"name":"item","type":"Item"}]}'
    const id = registry.register('t-value', text, 'AVRO', [{ name: 'Item', subject: 'item', version: 1 }])
    const read = await make().read('t', Buffer.from([0, 0, 0, 0, id, 2, 0x78]))
    expect(read.value).toEqual({ item: { sku: 'x' } })
  })
  test.each([
    ['no magic byte', Buffer.from('{"a":1}'), /Unknown magic byte/],
    [
      'an id that the registry does not have',
      Buffer.from([0, 0, 0, 0, 9, 0]),
      /Error retrieving Avro schema 9: Schema 9 not found; error code: 40403/,
    ],
  ])('%s is a DataException', async (_name, bytes, message) => {
    const read = make().read('t', bytes)
    await expect(read).rejects.toThrow(message)
    await expect(read).rejects.toHaveProperty('name', 'DataException')
  })
  test('a schema of another format names the right converter', async () => {
    const text = schemas.struct({ a: schemas.string() }, { name: 'A' })
    const bytes = await registryConverter(json, registry.url).write('t', text, { a: 'x' })
    await expect(make().read('t', bytes)).rejects.toThrow(/of type JSON, not AVRO: use the converter of its type/)
  })
})

test('a registry that is down is Retriable, and asked again for the next record', async () => {
  const { write } = make()
  registry.intercept = () => ({ status: 503, body: {} })
  await expect(write('t', order, value)).rejects.toBeInstanceOf(Retriable)
  registry.intercept = () => undefined
  expect(await write('t', order, value)).toEqual(expect.any(Buffer))
})

test('a refused schema fails the record with the words of the registry', async () => {
  registry.intercept = () => ({ status: 409, body: { error_code: 409, message: 'Schema being registered is incompatible' } })
  await expect(make().write('orders', order, value)).rejects.toMatchObject({
    name: 'DataException',
    message:
      'Failed to serialize Avro data from topic orders: Error registering Avro schema of orders-value: Schema being registered is incompatible; error code: 409',
  })
})

test('the caches are bounded: schemas that were pushed out are asked for again', async () => {
  const { read, write } = make({ 'schemas.cache.config': '2', 'max.schemas.per.subject': '2' })
  const schemaOf = (name: string): Schema => schemas.struct({ a: schemas.int32() }, { name })
  const all = await Promise.all(['A', 'B', 'C'].map((name) => write('t', schemaOf(name), { a: 1 })))
  registry.requests.length = 0
  for (const bytes of [...all, all[0]!]) await read('t', bytes)
  expect(paths().filter((path) => path.startsWith('GET'))).toHaveLength(4)
})

const newer = {
  AVRO: JSON.stringify({
    type: 'record',
    name: 'Order',
    namespace: 'com.shop',
    fields: [
      { name: 'state', type: 'string', default: 'new' },
      { name: 'id', type: 'long' },
    ],
  }),
  JSON: JSON.stringify({
    type: 'object',
    title: 'com.shop.Order',
    properties: { id: { type: 'integer', 'connect.type': 'int64' }, state: { type: 'string', default: 'new' } },
  }),
  PROTOBUF: 'syntax = "proto3"; package com.shop; message Order { int64 id = 1; string state = 3; }',
}

describe('use.latest.version for records that are read', () => {
  test.each([
    ['AVRO', avro, { id: 1, state: 'new' }],
    ['JSON', json, { id: 1, state: 'new' }],
    ['PROTOBUF', proto, { id: 1, state: '' }],
  ] as const)('%s', async (format, declaration, expected) => {
    const bytes = await registryConverter(declaration, registry.url).write('t', order, value)
    registry.register('t-value', newer[format], format)
    const read = await registryConverter(declaration, registry.url, { 'use.latest.version': 'true' }).read('t', bytes)
    expect(read.value).toMatchObject(format === 'JSON' ? { id: 1 } : expected)
    expect(read.schema!.fields!.map(({ name }) => name).sort()).toEqual(['id', 'state'])
    expect((await registryConverter(declaration, registry.url).read('t', bytes)).value).toMatchObject(value)
  })

  test('latest.cache.ttl.sec: a newer version is used', async () => {
    const bytes = await registryConverter(avro, registry.url).write('t', order, value)
    let now = 0
    const system = realSystem('silent')
    const clock = { ...system.clock, monotonic: () => now }
    const config = { 'use.latest.version': 'true', 'latest.cache.ttl.sec': '60' }
    const { read } = registryConverter(avro, registry.url, config, { system: { ...system, clock } })
    expect((await read('t', bytes)).value).toEqual(value)
    registry.register('t-value', newer.AVRO)
    now = 59_999
    expect((await read('t', bytes)).value).toEqual(value)
    now = 60_000
    expect((await read('t', bytes)).value).toEqual({ state: 'new', id: 1 })
  })
})

test('use.schema.guid writes the schema of that GUID', async () => {
  const id = registry.register('other', newer.AVRO)
  const guid = `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`
  const asked = registry.intercept
  registry.intercept = (method, path, headers) =>
    path === `/schemas/guids/${guid}/ids` ? { status: 200, body: [{ context: '.', id }] } : asked(method, path, headers)
  const config = { 'auto.register.schemas': 'false', 'use.schema.guid': guid, 'id.compatibility.strict': 'false' }
  const bytes = await registryConverter(avro, registry.url, config).write('t', order, value)
  expect(bytes!.toString('hex')).toBe(`00${id.toString(16).padStart(8, '0')}066e657702`)
})

test('PrefixSchemaIdDeserializer reads no headers', async () => {
  const bytes = (await registryConverter(avro, registry.url).write('t', order, value))!
  const config = { 'value.schema.id.deserializer': 'io.confluent.kafka.serializers.schema.id.PrefixSchemaIdDeserializer' }
  const headers = [{ key: '__value_schema_id', value: Buffer.from('0100000000000040008000000000000009', 'hex') }]
  const prefixed = registryConverter(avro, registry.url, config)
  await prefixed.read('t', bytes)
  expect(prefixed.converter.toConnect('t', bytes, headers).value).toEqual(value)
  expect(() => registryConverter(avro, registry.url).converter.toConnect('t', bytes, headers)).toThrow('is not loaded yet')
})
