/**
 * Story of connect/converters. Goal: Confluent's own client for JavaScript and that of kafkajs read what our converters write, and our
 * converters read what they write. Method: all use the same registry, a double. (Their Protobuf serializers need descriptors, or leave
 * out the indexes.)
 */
import {
  AvroDeserializer,
  AvroSerializer,
  JsonDeserializer,
  JsonSerializer,
  SchemaRegistryClient,
  SerdeType,
} from '@confluentinc/schemaregistry'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { afterAll, describe, expect, test } from 'vitest'
import avro from '../../../connect/converters/avro.ts'
import jsonSchema from '../../../connect/converters/json-schema.ts'
import protobuf from '../../../connect/converters/protobuf.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

const registry = await SchemaRegistryDouble.start()
afterAll(() => registry.stop())
const confluent = new SchemaRegistryClient({ baseURLs: [registry.url] })
const kafkajs = new SchemaRegistry({ host: registry.url })

const schema = schemas.struct(
  { id: schemas.int32(), name: schemas.string(), note: schemas.string({ optional: true }), amount: schemas.float64() },
  { name: 'com.shop.Order' },
)
const value = { id: 7, name: 'Ann', note: null, amount: 1.5 }

describe('Avro', () => {
  const ours = registryConverter(avro, registry.url)
  test('theirs read ours', async () => {
    const bytes = (await ours.write('avro', schema, value))!
    expect({ ...(await new AvroDeserializer(confluent, SerdeType.VALUE, {}).deserialize('avro', bytes)) }).toEqual(value)
    expect({ ...(await kafkajs.decode(bytes)) }).toEqual(value)
  })
  test('ours reads theirs', async () => {
    await ours.write('avro', schema, value)
    const bytes = await new AvroSerializer(confluent, SerdeType.VALUE, { useLatestVersion: true, autoRegisterSchemas: false }).serialize(
      'avro',
      {
        ...value,
        note: 'x',
      },
    )
    expect((await ours.read('avro', bytes)).value).toEqual({ ...value, note: 'x' })
    const encoded = await kafkajs.encode(bytes.readInt32BE(1), { ...value, note: 'y' })
    expect((await ours.read('avro', encoded)).value).toEqual({ ...value, note: 'y' })
  })
})

describe('JSON Schema', () => {
  const ours = registryConverter(jsonSchema, registry.url)
  test('theirs read ours, and ours reads theirs', async () => {
    const bytes = (await ours.write('json', schema, value))!
    expect(await new JsonDeserializer(confluent, SerdeType.VALUE, {}).deserialize('json', bytes)).toEqual(value)
    const theirs = await new JsonSerializer(confluent, SerdeType.VALUE, { useLatestVersion: true, autoRegisterSchemas: false }).serialize(
      'json',
      {
        ...value,
        note: 'x',
      },
    )
    expect((await ours.read('json', theirs)).value).toEqual({ ...value, note: 'x' })
  })
})

test('Protobuf: theirs read ours', async () => {
  const bytes = (await registryConverter(protobuf, registry.url).write('proto', schema, value))!
  expect({ ...(await kafkajs.decode(bytes)) }).toMatchObject({ id: 7, name: 'Ann', amount: 1.5 })
})
