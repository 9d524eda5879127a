/**
 * Goal: ProtobufConverter writes the schemas and bytes of Confluent's, loses nothing of what Protobuf can have, and reads what others have
 * written. Method: known schemas and bytes, random schemas and values (fast-check), protobufjs as the other library; the registry is a
 * double.
 */
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { afterAll, describe, expect, test } from 'vitest'
import proto from '../../../connect/converters/protobuf.ts'
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { parseSchema } from '../../../registry/formats/index.ts'
import { structs } from '../../connect-values.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'
import { whenHot } from '../hot-results.ts'

const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())
const make = (config: Record<string, string> = {}) => registryConverter(proto, registry.url, config)
const plain = make()
let topics = 0

async function written(schema: Schema | null, value: unknown, config: Record<string, string> = {}) {
  const bytes = (await make(config).write(`t${topics++}`, schema, value))!
  return { schema: registry.schema(bytes.readInt32BE(1)), data: bytes.subarray(6), index: bytes[5], bytes }
}

interface Other {
  schema: string
  message: string
  indexes?: number[]
  references?: { name: string; schema: string }[]
}

/** What a sink gets for a value that protobufjs has written. */
async function readMessage({ schema, message, indexes = [0], references = [] }: Other, value: object, config: Record<string, string> = {}) {
  const topic = `t${topics++}`
  const root = new protobuf.Root()
  for (const file of ['google/protobuf/wrappers.proto', 'google/protobuf/timestamp.proto']) {
    const known = protobuf.common.get(file)!.nested as protobuf.INamespace['nested']
    root.addJSON(known!)
  }
  for (const other of references) protobuf.parse(other.schema, root, { keepCase: true })
  protobuf.parse(schema, root, { keepCase: true })
  const links = references.map(({ name, schema: text }) => {
    registry.register(name, text, 'PROTOBUF')
    return { name, subject: name, version: 1 }
  })
  const id = registry.register(`${topic}-value`, schema, 'PROTOBUF', links)
  const prefix = Buffer.alloc(5)
  prefix.writeInt32BE(id, 1)
  const path = indexes.length === 1 && indexes[0] === 0 ? [0] : [indexes.length * 2, ...indexes.map((index) => index * 2)]
  const type = root.lookupType(message)
  const data = type.encode(type.fromObject(value)).finish()
  return await make(config).read(topic, Buffer.concat([prefix, Buffer.from(path), data]))
}

describe('the schema in the registry', () => {
  test('a struct is a message, with its structs and maps within it', async () => {
    const item = schemas.struct({ sku: schemas.string() }, { name: 'com.shop.Item' })
    const schema = schemas.struct(
      {
        id: schemas.int64(),
        small: schemas.int8(),
        price: schemas.decimal(2),
        at: schemas.timestamp({ optional: true }),
        items: schemas.array(item),
        labels: schemas.map(schemas.string(), schemas.int32(), { name: 'my_labels' }),
      },
      { name: 'com.shop.Order' },
    )
    const value = { id: 5, small: -1, price: '12.30', at: new Date(1500), items: [{ sku: 'x' }], labels: { a: 1 } }
    const { schema: text, data, index } = await written(schema, value)
    expect(text).toBe(`syntax = "proto3";
package com.shop;

import "confluent/meta.proto";
import "confluent/type/decimal.proto";
import "google/protobuf/timestamp.proto";

message Order {
  int64 id = 1;
  int32 small = 2 [(confluent.field_meta) = {
    params: [
      {
        value: "int8",
        key: "connect.type"
      }
    ]
  }];
  confluent.type.Decimal price = 3 [(confluent.field_meta) = {
    params: [
      {
        value: "2",
        key: "scale"
      }
    ]
  }];
  google.protobuf.Timestamp at = 4;
  repeated Item items = 5;
  repeated MyLabelsEntry labels = 6;
  message Item {
    string sku = 1;
  }
  message MyLabelsEntry {
    string key = 1;
    int32 value = 2;
  }
}
`)
    expect(index).toBe(0)
    expect(data.toString('hex')).toBe(
      '080510ffffffffffffffffff011a080a0204ce1004180222080801' + '1080cab5ee012a030a01783205' + '0a01611001',
    )
    const read = await plain.read(`t${topics - 1}`, (await written(schema, value)).bytes)
    expect(read.value).toEqual(value)
  })

  test('a value alone is one of Google’s wrappers', async () => {
    const { bytes, schema } = await written(schemas.string(), 'x')
    expect(schema).toContain('message StringValue {\n  string value = 1;\n}')
    expect(bytes.subarray(5).toString('hex')).toBe('020e0a0178')
  })

  test('the settings for what may be null', async () => {
    const schema = schemas.struct({ a: schemas.string({ optional: true }), b: schemas.int32() }, { name: 'R' })
    const optional = await written(schema, { a: '', b: 0 }, { 'optional.for.nullables': 'true' })
    expect(optional.schema).toContain('optional string a = 1;')
    expect(optional.data.toString('hex')).toBe('0a00')
    const wrapped = await written(schema, { a: '', b: 0 }, { 'wrapper.for.nullables': 'true' })
    expect(wrapped.schema).toContain('google.protobuf.StringValue a = 1;')
    expect(wrapped.data.toString('hex')).toBe('0a00')
    expect((await written(schema, { a: null, b: 0 }, { 'wrapper.for.nullables': 'true' })).data).toHaveLength(0)
    const read = make({ 'wrapper.for.nullables': 'true' })
    registry.register('nullables-value', wrapped.schema, 'PROTOBUF')
    expect(await read.read('nullables', wrapped.bytes)).toMatchObject({
      schema: { fields: [{ schema: { type: 'string', optional: true } }, { schema: { type: 'int32', optional: false } }] },
      value: { a: '', b: 0 },
    })
  })

  test('names that Protobuf does not have are refused with the setting that replaces them; null in an array is refused', async () => {
    const schema = schemas.struct({ 'first name': schemas.string() }, { name: 'R' })
    await expect(written(schema, { 'first name': 'x' })).rejects.toThrow(/first name.*scrub\.invalid\.names=true/)
    const scrubbed = await written(schema, { 'first name': 'x' }, { 'scrub.invalid.names': 'true' })
    expect(scrubbed.schema).toContain('string first_name = 1;')
    expect(scrubbed.data.toString('hex')).toBe('0a0178')
    const list = schemas.struct({ a: schemas.array(schemas.string({ optional: true })) }, { name: 'L' })
    await expect(written(list, { a: ['x', null] })).rejects.toThrow(/no null in the array a/)
    await expect(written(schemas.array(schemas.string()), [])).rejects.toThrow(/Unsupported root schema of type ARRAY/)
    await expect(written(null, 'x')).rejects.toHaveProperty('name', 'DataException')
  })
})

const events = `syntax = "proto3";
package com.shop;
import "google/protobuf/timestamp.proto";
import "customer.proto";
message Unused { string a = 1; }
message Event {
  enum State { OPEN = 0; PAID = 5; }
  State state = 1;
  oneof body {
    string text = 2;
    Order order = 3;
  }
  map<string, Order> orders = 4;
  repeated sint32 deltas = 5;
  optional string note = 6;
  google.protobuf.Timestamp at = 7;
  com.other.Customer customer = 8;
  fixed64 big = 9;
  message Order { int32 id = 1; Order parent = 2; }
}
`
const customer = { name: 'customer.proto', schema: 'syntax = "proto3";\npackage com.other;\nmessage Customer { string name = 1; }\n' }
const event = { schema: events, message: 'com.shop.Event', indexes: [1], references: [customer] }

describe('what others have written', () => {
  test('enums, oneofs, maps, references, messages that refer to themselves', async () => {
    const read = await readMessage(event, {
      state: 5,
      order: { id: 1, parent: { id: 2 } },
      orders: { a: { id: 3 } },
      deltas: [-1, 2],
      at: { seconds: 1, nanos: 500_000_000 },
      customer: { name: 'Ann' },
      big: 7,
    })
    expect(read.value).toEqual({
      body_0: { text: null, order: { id: 1, parent: { id: 2, parent: null } } },
      state: 'PAID',
      orders: { a: { id: 3, parent: null } },
      deltas: [-1, 2],
      note: null,
      at: new Date(1500),
      customer: { name: 'Ann' },
      big: 7,
    })
    const fields = Object.fromEntries(read.schema!.fields!.map((field) => [field.name, field.schema]))
    expect(read.schema).toMatchObject({ name: 'Event', version: 1 })
    expect(fields.state).toEqual({
      type: 'string',
      optional: true,
      name: 'State',
      parameters: {
        'io.confluent.connect.protobuf.Enum': 'State',
        'io.confluent.connect.protobuf.Enum.OPEN': '0',
        'io.confluent.connect.protobuf.Enum.PAID': '5',
        'io.confluent.connect.protobuf.Tag': '1',
      },
    })
    expect(fields.body_0).toMatchObject({ type: 'struct', optional: true, name: 'io.confluent.connect.protobuf.Union.body' })
    expect(fields.orders).toMatchObject({
      type: 'map',
      name: 'orders',
      keys: { type: 'string' },
      values: { type: 'struct', name: 'Order' },
    })
    expect(fields.deltas).toMatchObject({
      type: 'array',
      optional: true,
      values: { type: 'int32', optional: true, parameters: { 'io.confluent.connect.protobuf.Type': 'sint32' } },
    })
    expect(fields.big).toMatchObject({ type: 'int64', parameters: { 'io.confluent.connect.protobuf.Type': 'fixed64' } })
    // It is written again with the same numbers of fields, and read as before.
    const again = await written(read.schema, read.value)
    expect(again.schema).toMatch(/oneof body \{\n {4}string text = 2;\n {4}Order order = 3;\n {2}\}/)
    expect((await plain.read(`t${topics - 1}`, again.bytes)).value).toEqual({ ...(read.value as object), note: '' })
  })

  test('the settings for enums, oneofs and names', async () => {
    const value = { state: 5, text: 'x' }
    expect((await readMessage(event, value, { 'int.for.enums': 'true' })).value).toMatchObject({ state: 5 })
    expect((await readMessage(event, value, { 'flatten.unions': 'true' })).value).toMatchObject({ text: 'x', order: null })
    const named = await readMessage(event, value, { 'generate.index.for.unions': 'false', 'enhanced.protobuf.schema.support': 'true' })
    expect(named.value).toMatchObject({ body: { text: 'x' } })
    expect(named.schema!.name).toBe('com.shop.Event')
    expect((await readMessage(event, value, { 'generate.struct.for.nulls': 'true' })).value).toMatchObject({ customer: { name: '' } })
  })

  test('proto2: what is optional is null, or its default', async () => {
    const schema =
      'syntax = "proto2";\nmessage P {\n  optional int32 a = 1 [default = 5];\n  required string b = 2;\n  repeated int32 c = 3;\n}\n'
    const read = await readMessage({ schema, message: 'P' }, { b: 'x', c: [1, 2] })
    expect(read.value).toEqual({ a: null, b: 'x', c: [1, 2] })
    const defaults = await readMessage({ schema, message: 'P' }, { b: 'x' }, { 'optional.for.proto2': 'false' })
    expect(defaults.value).toEqual({ a: 5, b: 'x', c: [] })
  })

  test('a message within another by its indexes; fields that are not known are skipped', async () => {
    const order = { ...event, message: 'com.shop.Event.Order', indexes: [1, 0] }
    expect((await readMessage(order, { id: 4 })).value).toEqual({ id: 4, parent: null })
    const { bytes } = await written(schemas.struct({ a: schemas.string() }, { name: 'U' }), { a: 'x' })
    const more = Buffer.concat([bytes, Buffer.from('1005' + '1d01020304' + '23080124', 'hex')])
    expect((await plain.read(`t${topics - 1}`, more)).value).toEqual({ a: 'x' })
  })
})

/** Protobuf has neither null nor an array without elements in a field of its own. */
const shapes = { nestedArrays: false, emptyArrays: true, nulls: false, named: 'com.test.P' }

test('everything that is written is read again, and protobufjs reads it', async () => {
  const known = new Map([
    [
      'confluent/type/decimal.proto',
      'syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
    ],
    ['google/type/date.proto', 'syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }'],
    [
      'google/type/timeofday.proto',
      'syntax = "proto3"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
    ],
    [
      'google/protobuf/timestamp.proto',
      'syntax = "proto3"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }',
    ],
  ])
  await fc.assert(
    fc.asyncProperty(structs(2, shapes), async ({ schema, value }) => {
      const topic = `t${topics++}`
      const bytes = (await plain.write(topic, schema, value))!
      const read = await plain.read(topic, bytes)
      expect(read.value).toEqual(value)
      if (topics % 4 === 0) {
        expect(await whenHot(() => plain.write(topic, schema, value))).toEqual(bytes)
        expect((await whenHot(() => plain.read(topic, bytes))).value).toEqual(value)
      }
      const text = registry.schema(bytes.readInt32BE(1))
      // The registry knows the files that it imports.
      expect(parseSchema('PROTOBUF', text, [], { isNew: true })).toBeDefined()
      const root = new protobuf.Root()
      const { imports = [] } = protobuf.parse(text, root, { keepCase: true })
      for (const name of imports) if (known.has(name)) protobuf.parse(known.get(name)!, root, { keepCase: true })
      const type = root.lookupType(schema.name!)
      const other = type.decode(bytes.subarray(6))
      expect(Buffer.compare(Buffer.from(type.encode(other).finish()), bytes.subarray(6))).toBe(0)
    }),
    { numRuns: 60 },
  )
})

test('any bytes after the id are a value or a DataException', async () => {
  const schema = schemas.struct(
    { a: schemas.array(schemas.string()), b: schemas.map(schemas.string(), schemas.int64(), { name: 'b' }) },
    { name: 'F' },
  )
  const { bytes } = await written(schema, { a: ['x', 'y'], b: { k: 2n ** 60n } })
  const topic = `t${topics - 1}`
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: bytes.length - 7 }), fc.nat({ max: 255 })), { maxLength: 5 }), async (changes) => {
      const changed = Buffer.from(bytes)
      for (const [at, byte] of changes) changed[6 + at] = byte
      await plain.read(topic, changed).catch((error) => expect(error).toHaveProperty('name', 'DataException'))
    }),
  )
})
