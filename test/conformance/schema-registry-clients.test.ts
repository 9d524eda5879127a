/**
 * Goal: the Schema Registry clients of Confluent and of kafkajs work with this registry unchanged, in all three formats: they register,
 * look up, encode and decode, and each reads what the other has written. Method: both libraries against an instance on a broker in this
 * process.
 */
import { create, createFileRegistry, createMutableRegistry } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import {
  AvroDeserializer,
  AvroSerializer,
  Compatibility,
  JsonDeserializer,
  JsonSerializer,
  ProtobufDeserializer,
  ProtobufSerializer,
  RestError,
  SchemaRegistryClient,
  SerdeType,
} from '@confluentinc/schemaregistry'
import { COMPATIBILITY, SchemaRegistry as KafkajsRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownRegistry, type RegistriesInProcess, type RegistryInstance, registriesInProcess } from '../registry-in-process.ts'

let registries: RegistriesInProcess
let instance: RegistryInstance
let confluent: SchemaRegistryClient
let kafkajs: KafkajsRegistry
beforeAll(async () => {
  registries = await registriesInProcess()
  instance = await registries.start(ownRegistry('clients'))
  confluent = new SchemaRegistryClient({ baseURLs: [instance.url] })
  kafkajs = new KafkajsRegistry({ host: instance.url })
})
afterAll(() => registries.stop())

const { OPTIONAL } = FieldDescriptorProto_Label
const { INT64, STRING } = FieldDescriptorProto_Type
const avro = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'item', type: 'string', default: '' },
  ],
}
const json = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Order',
  type: 'object',
  properties: { id: { type: 'integer' }, item: { type: 'string' } },
  required: ['id'],
}
const proto = 'syntax = "proto3";\npackage shop;\n\nmessage Order {\n  int64 id = 1;\n  string item = 2;\n}\n'

describe('kafkajs', () => {
  test('Avro: registers, encodes, and decodes by the id of the message', async () => {
    const { id } = await kafkajs.register(avro as never, { subject: 'kjs-avro-value', compatibility: COMPATIBILITY.BACKWARD })
    const message = await kafkajs.encode(id, { id: 7, item: 'tea' })
    expect(message.subarray(0, 5)).toEqual(Buffer.concat([Buffer.of(0), Buffer.of(0, 0, 0, id)]))
    expect(await new KafkajsRegistry({ host: instance.url }).decode(message)).toEqual({ id: 7, item: 'tea' })
    expect(await kafkajs.getLatestSchemaId('kjs-avro-value')).toBe(id)
    expect(await kafkajs.getRegistryIdBySchema('kjs-avro-value', avro as never)).toBe(id)
    const changed = { ...avro, fields: [...avro.fields, { name: 'price', type: 'int' }] }
    await expect(kafkajs.register(changed as never, { subject: 'kjs-avro-value' })).rejects.toThrow('incompatible with an earlier schema')
  })

  test('JSON Schema', async () => {
    const { id } = await kafkajs.register({ type: SchemaType.JSON, schema: JSON.stringify(json) }, { subject: 'kjs-json-value' })
    const message = await kafkajs.encode(id, { id: 7, item: 'tea' })
    expect(await new KafkajsRegistry({ host: instance.url }).decode(message)).toEqual({ id: 7, item: 'tea' })
    await expect(kafkajs.encode(id, { item: 'tea' })).rejects.toThrow()
  })

  test('Protobuf', async () => {
    const { id } = await kafkajs.register({ type: SchemaType.PROTOBUF, schema: proto }, { subject: 'kjs-proto-value' })
    const message = await kafkajs.encode(id, { id: 7, item: 'tea' })
    const decoded = await new KafkajsRegistry({ host: instance.url }).decode(message)
    expect([Number(decoded.id), decoded.item]).toEqual([7, 'tea'])
  })

  test('references', async () => {
    const address = { type: 'record', name: 'Address', namespace: 'shop', fields: [{ name: 'city', type: 'string' }] }
    await kafkajs.register({ type: SchemaType.AVRO, schema: JSON.stringify(address) }, { subject: 'kjs-address' })
    const user = { type: 'record', name: 'Customer', namespace: 'shop', fields: [{ name: 'address', type: 'shop.Address' }] }
    const { id } = await kafkajs.register(
      { type: SchemaType.AVRO, schema: JSON.stringify(user), references: [{ name: 'shop.Address', subject: 'kjs-address', version: 1 }] },
      { subject: 'kjs-customer' },
    )
    const message = await kafkajs.encode(id, { address: { city: 'Bern' } })
    expect(await new KafkajsRegistry({ host: instance.url }).decode(message)).toEqual({ address: { city: 'Bern' } })
  })
})

describe("Confluent's client", () => {
  test('subjects, versions, configs, compatibility and deletes', async () => {
    const id = await confluent.register('cf-value', { schema: JSON.stringify(avro) })
    expect(await confluent.getId('cf-value', { schema: JSON.stringify(avro) })).toBe(id)
    expect(await confluent.getVersion('cf-value', { schema: JSON.stringify(avro) })).toBe(1)
    expect(await confluent.getBySubjectAndId('cf-value', id)).toMatchObject({ schema: JSON.stringify(avro) })
    expect(await confluent.getLatestSchemaMetadata('cf-value')).toMatchObject({ id, version: 1 })
    expect(await confluent.getAllVersions('cf-value')).toEqual([1])
    expect(await confluent.getAllSubjects()).toContain('cf-value')
    const changed = { ...avro, fields: [...avro.fields, { name: 'price', type: 'int' }] }
    expect(await confluent.testSubjectCompatibility('cf-value', { schema: JSON.stringify(changed) })).toBe(false)
    expect(await confluent.testCompatibility('cf-value', 1, { schema: JSON.stringify(avro) })).toBe(true)
    expect(await confluent.updateCompatibility('cf-value', Compatibility.NONE)).toBe('NONE')
    expect(await confluent.getCompatibility('cf-value')).toBe('NONE')
    await confluent.register('cf-value', { schema: JSON.stringify(changed) })
    expect(await confluent.deleteSubjectVersion('cf-value', 1)).toBe(1)
    expect(await confluent.deleteSubject('cf-value')).toEqual([2])
    // The other one has answers of before in its cache.
    const fresh = new SchemaRegistryClient({ baseURLs: [instance.url] })
    const failure = await fresh.getLatestSchemaMetadata('cf-value').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(RestError)
    expect([(failure as RestError).status, (failure as RestError).errorCode]).toEqual([404, 40401])
  })

  test('metadata and rules come back as they were registered', async () => {
    const metadata = { properties: { owner: 'me' }, tags: { 'shop.Order.item': ['PII'] } }
    const ruleSet = { domainRules: [{ name: 'positive', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'message.id > 0' }] }
    await confluent.register('cf-rules', { schema: JSON.stringify(avro), metadata, ruleSet } as never)
    const found = await confluent.getLatestSchemaMetadata('cf-rules')
    expect(found).toMatchObject({
      metadata: { properties: { owner: 'me' } },
      ruleSet: { domainRules: [{ name: 'positive', disabled: false }] },
    })
  })

  test('what its Avro serializer writes, kafkajs reads, and the other way round', async () => {
    const serializer = new AvroSerializer(confluent, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true })
    await confluent.register('mixed-avro-value', { schema: JSON.stringify(avro) })
    const message = await serializer.serialize('mixed-avro', { id: 8, item: 'rum' })
    expect(await kafkajs.decode(message)).toEqual({ id: 8, item: 'rum' })
    const deserializer = new AvroDeserializer(confluent, SerdeType.VALUE, {})
    const id = await kafkajs.getLatestSchemaId('mixed-avro-value')
    expect(await deserializer.deserialize('mixed-avro', await kafkajs.encode(id, { id: 9, item: 'gin' }))).toEqual({ id: 9, item: 'gin' })
  })

  test('its JSON serializer, with the schema that it has registered', async () => {
    const serializer = new JsonSerializer(confluent, SerdeType.VALUE, { useLatestVersion: true })
    await confluent.register('cf-json-value', { schemaType: 'JSON', schema: JSON.stringify(json) })
    const message = await serializer.serialize('cf-json', { id: 8, item: 'rum' })
    expect(await new JsonDeserializer(confluent, SerdeType.VALUE, {}).deserialize('cf-json', message)).toEqual({ id: 8, item: 'rum' })
    expect(await kafkajs.decode(message)).toEqual({ id: 8, item: 'rum' })
  })

  test('its Protobuf serializer registers a descriptor, and kafkajs reads the text that the registry makes of it', async () => {
    const file = create(FileDescriptorProtoSchema, {
      name: 'order.proto',
      package: 'shop',
      syntax: 'proto3',
      messageType: [
        {
          name: 'Order',
          field: [
            { name: 'id', number: 1, label: OPTIONAL, type: INT64 },
            { name: 'item', number: 2, label: OPTIONAL, type: STRING },
          ],
        },
      ],
    })
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
    const messages = createMutableRegistry(...registry)
    const serializer = new ProtobufSerializer(confluent, SerdeType.VALUE, { autoRegisterSchemas: true })
    serializer.registry = messages
    const order = create(registry.getMessage('shop.Order')!, { id: 7n, item: 'tea' } as never)
    const message = await serializer.serialize('cf-proto', order)
    expect((await instance.send('GET', '/subjects/cf-proto-value/versions/1/schema')).body).toBe(proto)
    // The serializer's client has kept the text of the schema.
    const reading = new SchemaRegistryClient({ baseURLs: [instance.url] })
    const deserializer = new ProtobufDeserializer(reading, SerdeType.VALUE, {})
    expect(await deserializer.deserialize('cf-proto', message)).toMatchObject({ id: 7n, item: 'tea' })
    expect((await kafkajs.decode(message)).item).toBe('tea')
  })
})
