/**
 * Goal: AssociatedNameStrategy takes the subject that a topic is associated with, and its fallback where there is none. Method:
 * AvroConverter against a registry of the test, which answers for associations.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import avro from '../../../connect/converters/avro.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

let registry: SchemaRegistryDouble
let associations: { status: number; body: unknown }
beforeEach(async () => {
  registry = await SchemaRegistryDouble.start()
  associations = { status: 200, body: [] }
  registry.intercept = (_method, path) => (path.startsWith('/associations/') ? associations : undefined)
})
afterEach(() => registry.stop())

const order = schemas.struct({ id: schemas.int32() }, { name: 'com.shop.Order' })
const strategy = { 'value.subject.name.strategy': 'io.confluent.kafka.serializers.subject.AssociatedNameStrategy' }
const make = (config: Record<string, string> = {}) => registryConverter(avro, registry.url, { 'max.retries': '0', ...strategy, ...config })
const paths = () => registry.requests.map(({ method, path }) => `${method} ${path}`)

test('the subject of the association is used, and asked for once', async () => {
  associations.body = [{ subject: 'orders', resourceName: 'a/b' }]
  const { write, read } = make({ 'subject.name.strategy.kafka.cluster.id': 'lkc-1' })
  const bytes = await write('a/b', order, { id: 1 })
  await write('a/b', { ...order }, { id: 1 })
  expect(paths()).toEqual([
    'GET /associations/resources/lkc-1/a%2Fb?resourceType=topic&associationType=value&offset=0&limit=-1',
    'POST /subjects/orders/versions?normalize=false',
  ])
  expect((await read('a/b', bytes)).value).toEqual({ id: 1 })
  expect(paths().slice(2)).toEqual([
    'GET /schemas/ids/1?fetchMaxId=false&subject=orders',
    'POST /subjects/orders?normalize=false&deleted=true',
  ])
})

test.each([
  ['no association', { status: 200, body: [] }, {}, 't-value'],
  ['a registry without associations', { status: 404, body: { error_code: 404, message: 'HTTP 404 Not Found' } }, {}, 't-value'],
  ['by record', { status: 200, body: [] }, { 'subject.name.strategy.fallback.type': 'RECORD' }, 'com.shop.Order'],
  ['by topic and record', { status: 200, body: [] }, { 'subject.name.strategy.fallback.type': 'TOPIC_RECORD' }, 't-com.shop.Order'],
])('the fallback: %s', async (_name, answer, config, subject) => {
  associations = answer
  const { write, read } = make(config)
  const bytes = await write('t', order, { id: 1 })
  expect(paths()[1]).toBe(`POST /subjects/${subject}/versions?normalize=false`)
  expect(paths()[0]).toContain('/associations/resources/-/t?')
  expect((await read('t', bytes)).value).toEqual({ id: 1 })
})

test('subject.name.strategy.cache.expiry.secs: another association is used', async () => {
  let now = 0
  const system = realSystem('silent')
  const clock = { ...system.clock, monotonic: () => now }
  const config = { ...strategy, 'subject.name.strategy.cache.expiry.secs': '60' }
  const { write } = registryConverter(avro, registry.url, config, { system: { ...system, clock } })
  associations.body = [{ subject: 'first' }]
  await write('t', order, { id: 1 })
  associations.body = [{ subject: 'second' }]
  now = 59_999
  await write('t', order, { id: 1 })
  now = 60_000
  await write('t', order, { id: 1 })
  const registered = paths().filter((path) => path.startsWith('POST'))
  expect(registered).toEqual(['first', 'second'].map((subject) => `POST /subjects/${subject}/versions?normalize=false`))
})

test('without a fallback, and with two associations, records fail', async () => {
  const none = make({ 'subject.name.strategy.fallback.type': 'NONE' })
  await expect(none.write('t', order, { id: 1 })).rejects.toThrow(/No associated subject found for topic t/)
  associations.body = [{ subject: 'a' }, { subject: 'b' }]
  await expect(make().write('t', order, { id: 1 })).rejects.toThrow(/Multiple associated subjects found for topic t/)
})
