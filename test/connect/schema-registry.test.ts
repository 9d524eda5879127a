/**
 * Story of connect. Goal: records of a source are in Kafka in the format of each of the registry's converters, and a sink gets them as they
 * were; a schema that the registry refuses fails the task with its words. Method: our broker, worker and schema registry in this process.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  defineConnector,
  defineSink,
  defineSource,
  type Schema,
  type SinkRecord,
  schemas,
  setting,
  sourceRecord,
} from '../../connect/sdk/index.ts'
import { type RegistriesInProcess, type RegistryInstance, registriesInProcess } from '../registry-in-process.ts'
import { until } from '../until.ts'
import { type WorkersInProcess, workersInProcess } from '../worker-in-process.ts'

const RECORDS = 500
const item = schemas.struct({ sku: schemas.string() }, { name: 'com.shop.Item' })
const fields = {
  id: schemas.int64(),
  price: schemas.decimal(2),
  at: schemas.timestamp(),
  note: schemas.string({ optional: true }),
  items: schemas.array(item),
}
const order = schemas.struct(fields, { name: 'com.shop.Order' })
/** A reader of `order` could not read it: `total` has no default. */
const incompatible = schemas.struct({ ...fields, total: schemas.int32() }, { name: 'com.shop.Order' })
const key = schemas.struct({ id: schemas.int64() }, { name: 'com.shop.OrderKey' })
const orderOf = (id: number) => ({
  id,
  price: `${id}.50`,
  at: new Date(1_700_000_000_000 + id),
  note: id % 2 === 0 ? null : 'odd',
  items: [{ sku: `sku-${id}` }],
})

const delivered: Record<string, SinkRecord[]> = {}
const orders = defineConnector({
  name: 'orders',
  doc: 'Orders, and what becomes of them.',
  source: defineSource({
    class: 'test.OrderSourceConnector',
    settings: {
      topic: setting.string({ doc: 'Where to.' }),
      changed: setting.boolean({ default: false, doc: 'Whether they have another schema.' }),
    },
    async *read({ config, signal }) {
      const valueSchema: Schema = config.changed ? incompatible : order
      const records = Array.from({ length: RECORDS }, (_, id) =>
        sourceRecord({
          topic: config.topic,
          key: { id },
          keySchema: key,
          value: { ...orderOf(id), ...(config.changed && { total: 1 }) },
          valueSchema,
        }),
      )
      yield { records, positions: [] }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }),
  sink: defineSink({
    class: 'test.OrderSinkConnector',
    settings: { into: setting.string({ doc: 'Under which name.' }) },
    async start({ config }) {
      const kept: SinkRecord[] = []
      delivered[config.into] = kept
      return {
        async write(records) {
          kept.push(...records)
        },
        async flush() {},
      }
    },
  }),
})

let registries: RegistriesInProcess
let registry: RegistryInstance
let workers: WorkersInProcess
let worker: Awaited<ReturnType<WorkersInProcess['start']>>
beforeAll(async () => {
  workers = await workersInProcess()
  registries = await registriesInProcess()
  registry = await registries.start({
    'kafkastore.bootstrap.servers': `127.0.0.1:${workers.broker.port}`,
    'kafkastore.topic.replication.factor': '1',
  })
  worker = await workers.start({ connectors: [orders] })
}, 60_000)
afterAll(async () => {
  await workers.stop()
  await registries.stop()
})

const converters = (converter: string) => ({
  'key.converter': converter,
  'key.converter.schema.registry.url': registry.url,
  'value.converter': converter,
  'value.converter.schema.registry.url': registry.url,
  // Protobuf knows null by the label optional only; the others do not have the setting.
  ...(converter === formats.protobuf && { 'value.converter.optional.for.nullables': 'true' }),
})
const formats = {
  avro: 'io.confluent.connect.avro.AvroConverter',
  json: 'io.confluent.connect.json.JsonSchemaConverter',
  protobuf: 'io.confluent.connect.protobuf.ProtobufConverter',
}
const create = (name: string, config: Record<string, string>) => worker.create(name, { name, ...config }, 'RUNNING')

describe.each(Object.entries(formats))('%s', (format, converter) => {
  test('records of a source are those of a sink', { timeout: 60_000 }, async () => {
    await create(`source-${format}`, { 'connector.class': 'OrderSource', topic: format, ...converters(converter) })
    await create(`sink-${format}`, { 'connector.class': 'OrderSink', topics: format, into: format, ...converters(converter) })
    await until(() => (delivered[format]?.length ?? 0) >= RECORDS, 'all records in the sink')
    const records = delivered[format]!.toSorted((a, b) => (a.key as { id: number }).id - (b.key as { id: number }).id)
    expect(records.map((record) => record.value)).toEqual(Array.from({ length: RECORDS }, (_, id) => orderOf(id)))
    expect(records[7]!.key).toEqual({ id: 7 })
    expect(records[7]!.valueSchema).toMatchObject({ type: 'struct', version: 1, name: format === 'protobuf' ? 'Order' : 'com.shop.Order' })
    const { body } = await registry.send('GET', `/subjects/${format}-value/versions`)
    expect(body).toEqual([1])
  })
})

test('a schema that is refused fails the task with the words of the registry', { timeout: 60_000 }, async () => {
  await create('changed', { 'connector.class': 'OrderSource', topic: 'avro', changed: 'true', ...converters(formats.avro) })
  const status = await until(() => {
    const task = worker.status('changed').tasks[0]
    return task?.state === 'FAILED' ? task : null
  }, 'the task has failed')
  expect(status!.trace).toContain(
    'Error registering Avro schema of avro-value: Schema being registered is incompatible with an earlier schema',
  )
})
