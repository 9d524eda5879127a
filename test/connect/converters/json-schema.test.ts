/**
 * Goal: JsonSchemaConverter writes the JSON Schemas of Confluent's, its values are valid by them, it loses nothing of what it is given, and
 * it reads schemas that others have written. Method: known schemas, random schemas and values (fast-check), ajv as the judge of values; the
 * registry is a double.
 */
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import jsonSchema from '../../../connect/converters/json-schema.ts'
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { parseSchema } from '../../../registry/formats/index.ts'
import { structs } from '../../connect-values.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'
import { whenHot } from '../hot-results.ts'

const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())
const make = (config: Record<string, string> = {}) => registryConverter(jsonSchema, registry.url, config)
const plain = make()
let topics = 0

async function written(schema: Schema | null, value: unknown, config: Record<string, string> = {}) {
  const bytes = (await make(config).write(`t${topics++}`, schema, value))!
  return { schema: JSON.parse(registry.schema(bytes.readInt32BE(1))), text: bytes.toString('utf8', 5), bytes }
}

async function readSchema(
  schema: object,
  text: string,
  config: Record<string, string> = {},
  references: { name: string; schema: object }[] = [],
) {
  const topic = `t${topics++}`
  const links = references.map(({ name, schema: other }) => {
    registry.register(name, JSON.stringify(other), 'JSON')
    return { name, subject: name, version: 1 }
  })
  const id = registry.register(`${topic}-value`, JSON.stringify(schema), 'JSON', links)
  const prefix = Buffer.alloc(5)
  prefix.writeInt32BE(id, 1)
  return await make(config).read(topic, Buffer.concat([prefix, Buffer.from(text)]))
}

describe('the schema in the registry', () => {
  test.each([
    ['int8', schemas.int8(), { type: 'integer', 'connect.type': 'int8' }],
    ['float64', schemas.float64(), { type: 'number', 'connect.type': 'float64' }],
    ['bytes', schemas.bytes(), { type: 'string', 'connect.type': 'bytes' }],
    ['optional text', schemas.string({ optional: true }), { oneOf: [{ type: 'null' }, { type: 'string' }] }],
    [
      'a name, a version, documentation',
      schemas.boolean({ name: 'Flag', version: 2, doc: 'Whether' }),
      { type: 'boolean', title: 'Flag', description: 'Whether', 'connect.version': 2 },
    ],
    [
      'a map by number',
      schemas.map(schemas.int32(), schemas.string({ optional: true })),
      {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            key: { type: 'integer', 'connect.index': 0, 'connect.type': 'int32' },
            value: { oneOf: [{ type: 'null' }, { type: 'string' }], 'connect.index': 1 },
          },
        },
        'connect.type': 'map',
      },
    ],
  ])('%s', async (_name, schema, expected) => {
    const values: Record<string, unknown> = { bytes: Buffer.from('x'), boolean: true, string: 'x', map: new Map([[1, null]]) }
    expect((await written(schema, values[schema.type] ?? 1)).schema).toEqual(expected)
  })

  test('a struct is an object, its fields have their order in connect.index', async () => {
    const schema = schemas.struct(
      { id: schemas.int64(), note: schemas.string({ optional: true }), price: schemas.decimal(2, { default: '1.50' }) },
      { name: 'Order', version: 1 },
    )
    const { schema: json, text } = await written(schema, { id: 2n ** 60n, note: null, price: '12.30' })
    expect(json).toEqual({
      type: 'object',
      title: 'Order',
      properties: {
        id: { type: 'integer', 'connect.index': 0, 'connect.type': 'int64' },
        note: { oneOf: [{ type: 'null' }, { type: 'string' }], 'connect.index': 1 },
        price: {
          type: 'string',
          title: 'org.apache.kafka.connect.data.Decimal',
          default: 'AJY=',
          'connect.version': 1,
          'connect.index': 2,
          'connect.type': 'bytes',
          'connect.parameters': { scale: '2' },
        },
      },
      'connect.version': 1,
    })
    expect(text).toBe('{"id":1152921504606846976,"note":null,"price":"BM4="}')
    const numeric = await written(
      schema,
      { id: 1, note: null, price: '12.30' },
      { 'decimal.format': 'NUMERIC', 'object.additional.properties': 'false' },
    )
    expect(numeric.text).toBe('{"id":1,"note":null,"price":12.30}')
    expect(numeric.schema).toMatchObject({ additionalProperties: false, properties: { price: { type: 'number' } } })
  })

  test('floating point numbers and texts have the digits and the escapes of Jackson', async () => {
    const schema = schemas.struct(
      { a: schemas.float32(), b: schemas.float64(), c: schemas.float64(), d: schemas.string() },
      { name: 'Row' },
    )
    const { text } = await written(schema, { a: Math.fround(0.1), b: 1, c: 1e21, d: '\u001f' })
    expect(text).toBe('{"a":0.1,"b":1.0,"c":1.0E21,"d":"\\u001F"}')
  })

  test('values without a schema are refused, with the converter that takes them', async () => {
    await expect(written(null, { a: 1 })).rejects.toThrow(/JsonConverter/)
  })
})

describe('schemas that others have written', () => {
  test('types, alternatives with null, enums, references within and to other schemas', async () => {
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'Order',
      type: 'object',
      definitions: { money: { type: 'object', properties: { amount: { type: 'number' }, currency: { type: 'string' } } } },
      properties: {
        id: { type: 'integer', description: 'Its number' },
        note: { type: ['null', 'string'] },
        state: { enum: ['open', 'paid'] },
        total: { $ref: '#/definitions/money' },
        customer: { $ref: 'customer.json' },
      },
      required: ['id'],
    }
    const customer = { type: 'object', title: 'Customer', properties: { name: { type: 'string' } } }
    const text = '{"id":1,"note":null,"state":"paid","total":{"amount":1.5,"currency":"EUR"},"customer":{"name":"Ann"}}'
    const read = await readSchema(schema, text, {}, [{ name: 'customer.json', schema: customer }])
    expect(read.value).toEqual(JSON.parse(text))
    expect(read.schema).toEqual({
      type: 'struct',
      optional: false,
      name: 'Order',
      version: 1,
      fields: [
        { name: 'id', schema: { type: 'int64', optional: false, doc: 'Its number' } },
        { name: 'note', schema: { type: 'string', optional: true } },
        {
          name: 'state',
          schema: {
            type: 'string',
            optional: false,
            parameters: {
              'io.confluent.connect.json.Enum': '',
              'io.confluent.connect.json.Enum.open': 'open',
              'io.confluent.connect.json.Enum.paid': 'paid',
            },
          },
        },
        {
          name: 'total',
          schema: {
            type: 'struct',
            optional: false,
            fields: [
              { name: 'amount', schema: { type: 'float64', optional: false } },
              { name: 'currency', schema: { type: 'string', optional: false } },
            ],
          },
        },
        {
          name: 'customer',
          schema: {
            type: 'struct',
            optional: false,
            name: 'Customer',
            fields: [{ name: 'name', schema: { type: 'string', optional: false } }],
          },
        },
      ],
    })
    const optional = await readSchema(schema, '{"id":1}', { 'use.optional.for.nonrequired': 'true' }, [
      { name: 'customer.json', schema: customer },
    ])
    expect(optional.schema!.fields!.map((field) => field.schema.optional)).toEqual([false, true, true, true, true])
    expect(optional.value).toEqual({ id: 1, note: null, state: null, total: null, customer: null })
  })

  test('other alternatives are a struct of which one field is set, and are written as they were', async () => {
    const schema = {
      type: 'object',
      properties: {
        body: {
          oneOf: [{ type: 'null' }, { type: 'integer' }, { type: 'object', title: 'Text', properties: { text: { type: 'string' } } }],
        },
      },
    }
    const read = await readSchema(schema, '{"body":{"text":"hi"}}')
    const prefix = 'io.confluent.connect.json.OneOf.field.'
    expect(read.value).toEqual({ body: { [`${prefix}0`]: null, [`${prefix}1`]: { text: 'hi' } } })
    expect((await readSchema(schema, '{"body":5}')).value).toEqual({ body: { [`${prefix}0`]: 5, [`${prefix}1`]: null } })
    expect((await written(read.schema, read.value)).text).toBe('{"body":{"text":"hi"}}')
  })

  test('allOf joins objects', async () => {
    const schema = {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer' } } },
        { type: 'object', properties: { b: { type: 'string' } } },
      ],
    }
    expect((await readSchema(schema, '{"a":1,"b":"x"}')).value).toEqual({ a: 1, b: 'x' })
  })

  test('a schema that refers to itself, and is written again', async () => {
    const schema = {
      title: 'Node',
      type: 'object',
      properties: { value: { type: 'integer' }, next: { oneOf: [{ type: 'null' }, { $ref: '#' }] } },
    }
    const text = '{"value":1,"next":{"value":2,"next":null}}'
    const read = await readSchema(schema, text)
    expect(read.value).toEqual(JSON.parse(text))
    const again = await written(read.schema, read.value)
    expect(again.text).toBe(text)
    expect((await plain.read(`t${topics - 1}`, again.bytes)).value).toEqual(JSON.parse(text))
  })

  test.each([
    ['a reference to nothing', { $ref: '#/definitions/none' }, '1', /which neither it nor its references have/],
    ['a reference to a URL', { $ref: 'https://example.com/x.json' }, '1', /not in its references/],
    ['text for a number', { type: 'integer' }, '"x"', /INT64 cannot be read from STRING/],
    [
      'null for what is required',
      { type: 'object', properties: { a: { type: 'string' } } },
      '{"a":null}',
      /Invalid null value for required STRING field/,
    ],
    ['no JSON', { type: 'integer' }, '{', /JSON/],
  ])('%s is a DataException', async (_name, schema, text, message) => {
    await expect(readSchema(schema, text)).rejects.toThrow(message)
    await expect(readSchema(schema, text)).rejects.toHaveProperty('name', 'DataException')
  })
})

test('everything that is written is valid by its schema, and is read again', async () => {
  const shapes = { nestedArrays: true, emptyArrays: true, nulls: true, named: 'com.test.J' }
  const ajv = new Ajv({ strict: false, addUsedSchema: false })
  await fc.assert(
    fc.asyncProperty(structs(2, shapes), async ({ schema, value }) => {
      const topic = `t${topics++}`
      const bytes = (await plain.write(topic, schema, value))!
      const json = JSON.parse(registry.schema(bytes.readInt32BE(1)))
      expect(parseSchema('JSON', JSON.stringify(json), [], { isNew: true })).toBeDefined()
      const valid = ajv.compile(json)
      expect(valid(JSON.parse(bytes.toString('utf8', 5))), JSON.stringify(valid.errors)).toBe(true)
      const read = await plain.read(topic, bytes)
      expect(read.value).toEqual(value)
      if (topics % 4 === 0) {
        expect(await whenHot(() => plain.write(topic, schema, value))).toEqual(bytes)
        expect((await whenHot(() => plain.read(topic, bytes))).value).toEqual(value)
      }
      const again = (await plain.write(topic, read.schema, read.value))!
      expect(again.subarray(5)).toEqual(bytes.subarray(5))
    }),
    { numRuns: 60 },
  )
})
