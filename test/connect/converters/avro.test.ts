/**
 * Goal: AvroConverter writes the schemas and bytes of Confluent's, loses nothing of what it is given, and other Avro libraries read and
 * write the same. Method: known schemas and bytes, random schemas and values (fast-check), avsc as the other library; the registry is a
 * double.
 */
import avsc from 'avsc'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import avro from '../../../connect/converters/avro.ts'
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { parseSchema } from '../../../registry/formats/index.ts'
import { primitives, structs } from '../../connect-values.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'
import { whenHot } from '../hot-results.ts'

const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())
const make = (config: Record<string, string> = {}) => registryConverter(avro, registry.url, config)
const plain = make()
let topics = 0

async function written(schema: Schema | null, value: unknown, config: Record<string, string> = {}) {
  const bytes = (await make(config).write(`t${topics++}`, schema, value))!
  return { schema: JSON.parse(registry.schema(bytes.readInt32BE(1))), data: bytes.subarray(5), bytes }
}

/** What a sink gets for a schema of the registry and a value that avsc has written. */
async function readSchema(schema: object | string, value: unknown, config: Record<string, string> = {}) {
  const topic = `t${topics++}`
  const id = registry.register(`${topic}-value`, JSON.stringify(schema))
  const prefix = Buffer.alloc(5)
  prefix.writeInt32BE(id, 1)
  const type = avsc.Type.forSchema(schema as never, { wrapUnions: true, assertLogicalTypes: false })
  return await make(config).read(topic, Buffer.concat([prefix, type.toBuffer(value)]))
}

describe('the schema in the registry', () => {
  test.each([
    ['int8', schemas.int8(), { type: 'int', 'connect.type': 'int8' }],
    ['int16', schemas.int16(), { type: 'int', 'connect.type': 'int16' }],
    ['int32', schemas.int32(), 'int'],
    ['optional text', schemas.string({ optional: true }), ['null', 'string']],
    [
      'documentation and version',
      schemas.int64({ doc: 'How many', version: 3 }),
      { type: 'long', 'connect.doc': 'How many', 'connect.version': 3 },
    ],
    [
      'a decimal',
      schemas.decimal(2),
      {
        type: 'bytes',
        scale: 2,
        precision: 64,
        'connect.version': 1,
        'connect.parameters': { scale: '2' },
        'connect.name': 'org.apache.kafka.connect.data.Decimal',
        logicalType: 'decimal',
      },
    ],
    [
      'a date',
      schemas.date(),
      { type: 'int', 'connect.version': 1, 'connect.name': 'org.apache.kafka.connect.data.Date', logicalType: 'date' },
    ],
    [
      'a timestamp',
      schemas.timestamp(),
      { type: 'long', 'connect.version': 1, 'connect.name': 'org.apache.kafka.connect.data.Timestamp', logicalType: 'timestamp-millis' },
    ],
    ['a map by text', schemas.map(schemas.string(), schemas.int32()), { type: 'map', values: 'int' }],
    [
      'a map by number',
      schemas.map(schemas.int32(), schemas.string()),
      {
        type: 'array',
        items: {
          type: 'record',
          name: 'MapEntry',
          namespace: 'io.confluent.connect.avro',
          fields: [
            { name: 'key', type: 'int' },
            { name: 'value', type: 'string' },
          ],
        },
      },
    ],
  ])('%s', async (_name, schema, expected) => {
    const value: Record<string, unknown> = { bytes: '1.00', array: [], map: new Map(), string: 'x', struct: {} }
    const given = schema.name?.endsWith('Date') || schema.name?.endsWith('Timestamp') ? new Date(0) : (value[schema.type] ?? 1)
    expect((await written(schema, given)).schema).toEqual(expected)
  })

  test('a struct is a record with the defaults of its fields, and one type that is used twice is written once', async () => {
    const address = schemas.struct({ city: schemas.string({ default: 'Kassel' }) }, { name: 'com.shop.Address' })
    const person = schemas.struct(
      { home: address, work: { ...address, optional: true }, age: schemas.int32({ default: 7 }), weight: schemas.float64({ default: 2 }) },
      { name: 'com.shop.Person', doc: 'A person' },
    )
    const { schema, data } = await written(person, { home: { city: null }, work: null, age: null, weight: 1 })
    expect(schema).toEqual({
      type: 'record',
      name: 'Person',
      namespace: 'com.shop',
      fields: [
        {
          name: 'home',
          type: {
            type: 'record',
            name: 'Address',
            fields: [{ name: 'city', type: { type: 'string', 'connect.default': 'Kassel' }, default: 'Kassel' }],
            'connect.name': 'com.shop.Address',
          },
        },
        { name: 'work', type: ['null', 'Address'], default: null },
        { name: 'age', type: { type: 'int', 'connect.default': 7 }, default: 7 },
        { name: 'weight', type: { type: 'double', 'connect.default': 2 }, default: 2 },
      ],
      'connect.doc': 'A person',
      'connect.name': 'com.shop.Person',
    })
    expect(data).toEqual(Buffer.from('0c4b617373656c000e000000000000f03f', 'hex'))
  })

  test('a struct without a name has the default one; values without a schema are Anything', async () => {
    expect((await written(schemas.struct({ a: schemas.int32() }), { a: 1 })).schema).toMatchObject({
      name: 'ConnectDefault',
      namespace: 'io.confluent.connect.avro',
    })
    const { schema, data } = await written(null, 'x')
    expect(schema).toMatchObject({ name: 'Anything', namespace: 'io.confluent.connect.avro' })
    expect(data).toEqual(Buffer.from('0000000000000202780000', 'hex'))
  })

  test('connect.meta.data=false leaves out what only Connect knows', async () => {
    const schema = schemas.struct({ a: schemas.int8({ doc: 'x', default: 1 }) }, { name: 'R', version: 2 })
    expect((await written(schema, { a: 1 }, { 'connect.meta.data': 'false' })).schema).toEqual({
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: 'int', default: 1 }],
    })
  })

  test('names that Avro does not have are refused with the setting that replaces them', async () => {
    const schema = schemas.struct({ 'first name': schemas.string(), '1st': schemas.string() }, { name: 'my-shop.Order' })
    await expect(written(schema, { 'first name': 'x', '1st': 'y' })).rejects.toThrow(/my-shop.*scrub\.invalid\.names=true/)
    const scrubbed = await written(schema, { 'first name': 'x', '1st': 'y' }, { 'scrub.invalid.names': 'true' })
    expect(scrubbed.schema).toMatchObject({ name: 'Order', namespace: 'my_shop', fields: [{ name: 'first_name' }, { name: 'x1st' }] })
    expect(scrubbed.data).toEqual(Buffer.from('02780279', 'hex'))
  })
})

describe('what a sink gets', () => {
  test('the version of the subject, documentation and defaults in parameters, an enum as text', async () => {
    const schema = {
      type: 'record',
      name: 'Order',
      namespace: 'com.shop',
      doc: 'An order',
      fields: [
        { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'PAID'] }, doc: 'Where it is' },
        { name: 'count', type: 'int', default: 3 },
        { name: 'note', type: ['null', 'string'], default: null },
      ],
    }
    expect(await readSchema(schema, { state: 'PAID', count: 1, note: { string: 'x' } })).toEqual({
      schema: {
        type: 'struct',
        optional: false,
        name: 'com.shop.Order',
        version: 1,
        parameters: { 'io.confluent.connect.avro.record.doc': 'An order', 'io.confluent.connect.avro.field.doc.state': 'Where it is' },
        fields: [
          {
            name: 'state',
            schema: {
              type: 'string',
              optional: false,
              name: 'com.shop.State',
              parameters: {
                'io.confluent.connect.avro.Enum': 'com.shop.State',
                'io.confluent.connect.avro.Enum.OPEN': 'OPEN',
                'io.confluent.connect.avro.Enum.PAID': 'PAID',
              },
            },
          },
          {
            name: 'count',
            schema: { type: 'int32', optional: false, default: 3, parameters: { 'io.confluent.connect.avro.field.default': 'true' } },
          },
          { name: 'note', schema: { type: 'string', optional: true } },
        ],
      },
      value: { state: 'PAID', count: 1, note: 'x' },
    })
  })

  test('a union is a struct with one field set, and is written as the union again', async () => {
    const schema = {
      type: 'record',
      name: 'Event',
      fields: [{ name: 'body', type: ['null', 'int', { type: 'record', name: 'Text', fields: [{ name: 'text', type: 'string' }] }] }],
    }
    const read = await readSchema(schema, { body: { Text: { text: 'hi' } } })
    expect(read.value).toEqual({ body: { int: null, Text: { text: 'hi' } } })
    expect(read.schema!.fields![0]!.schema).toMatchObject({
      type: 'struct',
      optional: true,
      name: 'io.confluent.connect.avro.Union',
      fields: [{ name: 'int' }, { name: 'Text', schema: { name: 'Text', optional: true } }],
    })
    const again = await written(read.schema, read.value)
    expect(again.data).toEqual(Buffer.from('04046869', 'hex'))
    expect(again.schema.fields[0].type).toMatchObject(['null', 'int', { type: 'record', name: 'Text' }])
    expect((await written(read.schema, { body: { int: 5, Text: null } })).data).toEqual(Buffer.from('020a', 'hex'))
  })

  test('a recursive type is a schema that refers to itself', async () => {
    const schema = {
      type: 'record',
      name: 'Node',
      fields: [
        { name: 'value', type: 'int' },
        { name: 'next', type: ['null', 'Node'], default: null },
      ],
    }
    const read = await readSchema(schema, { value: 1, next: { Node: { value: 2, next: null } } })
    expect(read.value).toEqual({ value: 1, next: { value: 2, next: null } })
    expect(read.schema!.fields![1]!.schema).toMatchObject({ type: 'struct', optional: true, name: 'Node' })
    expect((await written(read.schema, read.value)).data).toEqual(Buffer.from('02020400', 'hex'))
  })

  test('generalized.sum.type.support names enums and unions for all formats', async () => {
    const schema = { type: 'record', name: 'R', fields: [{ name: 'u', type: ['int', 'string'] }] }
    const read = await readSchema(schema, { u: { string: 'x' } }, { 'generalized.sum.type.support': 'true' })
    expect(read.value).toEqual({ u: { connect_union_field_0: null, connect_union_field_1: 'x' } })
    expect(read.schema!.fields![0]!.schema.parameters).toEqual({ 'org.apache.kafka.connect.data.Union': 'connect_union_0' })
  })

  test('bytes alone have no length before them, as in Confluent’s serializer', async () => {
    const { data, bytes } = await written(schemas.bytes(), Buffer.from('abc'))
    expect(data.toString()).toBe('abc')
    const topic = `t${topics++}`
    registry.register(`${topic}-value`, '"bytes"')
    expect((await plain.read(topic, bytes)).value).toEqual(Buffer.from('abc'))
  })
})

describe('everything that is written is read again', () => {
  test('structs of all types', async () => {
    const shapes = { nestedArrays: true, emptyArrays: true, nulls: true, named: 'com.test.R' }
    await fc.assert(
      fc.asyncProperty(structs(2, shapes), async ({ schema, value }) => {
        const topic = `t${topics++}`
        const bytes = (await plain.write(topic, schema, value))!
        // The registry writes schemas as Avro's Java library does.
        const text = registry.schema(bytes.readInt32BE(1))
        expect(JSON.parse(parseSchema('AVRO', text, [], { isNew: true }).canonical)).toEqual(JSON.parse(text))
        const read = await plain.read(topic, bytes)
        expect(read.value).toEqual(value)
        if (topics % 4 === 0) {
          expect(await whenHot(() => plain.write(topic, schema, value))).toEqual(bytes)
          expect((await whenHot(() => plain.read(topic, bytes))).value).toEqual(value)
        }
        expect(await plain.write(`${topic}x`, read.schema, read.value)).toEqual(expect.any(Buffer))
      }),
      { numRuns: 60 },
    )
  })
  test('values alone, and values without a schema', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(...primitives), async ({ schema, value }) => {
        const topic = `t${topics++}`
        const read = await plain.read(topic, await plain.write(topic, schema, value))
        expect(read).toEqual({ schema: { ...schema, version: 1 }, value })
      }),
      { numRuns: 40 },
    )
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const read = await plain.read('anything', await plain.write('anything', null, value))
        expect(read).toEqual({ schema: null, value })
      }),
    )
  })
  test('avsc reads what is written, and what avsc writes is read', async () => {
    const shapes = { nestedArrays: true, emptyArrays: true, nulls: true, named: 'com.test.A' }
    await fc.assert(
      fc.asyncProperty(structs(1, shapes), async ({ schema, value }) => {
        const topic = `t${topics++}`
        const bytes = (await plain.write(topic, schema, value))!
        const type = avsc.Type.forSchema(JSON.parse(registry.schema(bytes.readInt32BE(1))), { wrapUnions: true, registry: { ...bigLongs } })
        const other = type.fromBuffer(bytes.subarray(5))
        expect(Buffer.compare(type.toBuffer(other), bytes.subarray(5))).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

/** Longs beyond 2^53, which avsc takes as values of another type only. */
const bigLongs = {
  long: avsc.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer(value: bigint) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  } as never),
}

describe('what does not fit is a DataException', () => {
  test.each([
    ['text for a number', schemas.int32(), 'x', /Invalid type for INT32: string/],
    ['a number that is too large', schemas.int8(), 128, /Invalid type for INT8/],
    ['null where it is not optional', schemas.string(), null, /Found null value for non-optional schema/],
    ['a struct that lacks a field', schemas.struct({ a: schemas.int32() }), {}, /Found null value/],
  ])('%s', async (_name, schema, value, message) => {
    await expect(written(schema, value)).rejects.toThrow(message)
    await expect(written(schema, value)).rejects.toHaveProperty('name', 'DataException')
  })
  test('bytes that are cut off, or ask for more than there is', async () => {
    const schema = schemas.struct({ a: schemas.array(schemas.string()), b: schemas.int64() }, { name: 'Cut' })
    const bytes = (await plain.write('cut', schema, { a: ['x', 'y'], b: 2n ** 62n }))!
    for (let length = 5; length < bytes.length; length++)
      await expect(plain.read('cut', bytes.subarray(0, length))).rejects.toHaveProperty('name', 'DataException')
    const topic = `t${topics++}`
    const id = registry.register(`${topic}-value`, '{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}')
    const prefix = Buffer.from([0, 0, 0, 0, id])
    await expect(plain.read(topic, Buffer.concat([prefix, Buffer.from('fefffffff00f00', 'hex')]))).rejects.toThrow(
      /more than 100000 elements without data/,
    )
  })
  test('a schema that is small and describes without end', async () => {
    const levels = Array.from({ length: 40 }, (_, level) => level).reverse()
    const last = { type: 'record', name: 'R40', fields: [{ name: 'a', type: 'int' }] }
    const nested = levels.reduce<object>(
      (inner, level) => ({
        type: 'record',
        name: `R${level}`,
        fields: [
          { name: 'a', type: inner },
          { name: 'b', type: `R${level + 1}` },
        ],
      }),
      last,
    )
    const topic = `t${topics++}`
    const id = registry.register(`${topic}-value`, JSON.stringify({ type: 'array', items: nested }))
    const prefix = Buffer.alloc(5)
    prefix.writeInt32BE(id, 1)
    await expect(plain.read(topic, Buffer.concat([prefix, Buffer.from([0])]))).rejects.toThrow(/more than 100000 types/)
  })
})
