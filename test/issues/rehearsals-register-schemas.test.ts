/**
 * Goal: a dry run or a test case with converters of a schema registry leaves the registry as it is, shows values instead of bytes, and
 * fails where the registry would refuse the schema. Method: a registry on a broker in this process; its subjects before and after.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OfflineWorker } from '../../connect/offline/offline-worker.ts'
import { openRehearsal } from '../../connect/offline/rehearsal.ts'
import { readConnectRecord, readKafkaRecord } from '../../connect/offline/shown-record.ts'
import { offlineWorker } from '../connect/offline/offline-fixture.ts'
import { type RegistriesInProcess, type RegistryInstance, registriesInProcess } from '../registry-in-process.ts'

let registries: RegistriesInProcess
let registry: RegistryInstance
let worker: OfflineWorker
beforeAll(async () => {
  registries = await registriesInProcess()
  registry = await registries.start()
  worker = await offlineWorker()
}, 60_000)
afterAll(async () => {
  await worker?.close()
  await registries?.stop()
})

const classes = {
  AVRO: 'io.confluent.connect.avro.AvroConverter',
  JSON: 'io.confluent.connect.json.JsonSchemaConverter',
  PROTOBUF: 'io.confluent.connect.protobuf.ProtobufConverter',
}
const valueSchema = {
  type: 'struct',
  name: 'Order',
  fields: [
    { field: 'id', type: 'int64' },
    { field: 'note', type: 'string', optional: true },
  ],
}
const record = (topic: string) => ({ topic, key: 'k', keySchema: { type: 'string' }, value: { id: 7, note: 'x' }, valueSchema })
const rehearsal = (format: keyof typeof classes, more: Record<string, string> = {}) =>
  openRehearsal(
    {
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': classes[format],
      'value.converter.schema.registry.url': registry.url,
      'value.converter.max.retries': '0',
      ...more,
    },
    worker,
  )
const subjects = async () => (await registry.send('GET', '/subjects?deleted=true')).body

describe.each(['AVRO', 'JSON', 'PROTOBUF'] as const)('%s', (format) => {
  test.each([
    ['ids in front', {}],
    [
      'GUIDs in headers',
      { 'value.converter.value.schema.id.serializer': 'io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer' },
    ],
  ])('a source record with a new schema is shown, and nothing is registered; %s', async (_name, more) => {
    const before = await subjects()
    const { output, error } = await rehearsal(format, more).source(readConnectRecord(record(`new-${format}`)))
    expect(error).toBeUndefined()
    expect(output).toMatchObject({ topic: `new-${format}`, key: 'k', value: { id: 7, note: 'x' } })
    expect(await subjects()).toEqual(before)
  })
})

test('a schema that the registry would refuse fails the record', async () => {
  const earlier = { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }] }
  await registry.send('POST', '/subjects/old-value/versions', { schema: JSON.stringify(earlier) })
  const { error } = await rehearsal('AVRO').source(readConnectRecord(record('old')))
  expect(error).toMatchObject({ stage: 'VALUE_CONVERTER' })
  expect(error!.message).toContain('incompatible with an earlier one of subject old-value')
  expect((await registry.send('GET', '/subjects/old-value/versions')).body).toEqual([1])
})

test('a schema of the registry is used, and a sink record is shown as its value', async () => {
  const known = { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'long' }] }
  const { body } = await registry.send('POST', '/subjects/known-value/versions', { schema: JSON.stringify(known) })
  const bytes = Buffer.from([0, 0, 0, 0, body.id, 14])
  const value = { base64: bytes.toString('base64') }
  const { input, output } = await rehearsal('AVRO').sink(readKafkaRecord({ topic: 'known', value }))
  expect(input.value).toEqual({ id: 7 })
  expect(output!.value).toEqual({ id: 7 })
})

test('bytes without a schema are shown as they are, and fail', async () => {
  const { input, error } = await rehearsal('AVRO').sink(readKafkaRecord({ topic: 't', value: 'plain' }))
  expect(input.value).toBe('plain')
  expect(error!.message).toContain('Unknown magic byte!')
})

test('a registry that does not answer is waited for until the signal', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const ends = new AbortController()
  silent.once('request', () => ends.abort())
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const config = { 'value.converter': classes.AVRO, 'value.converter.schema.registry.url': url }
  try {
    const rehearsed = openRehearsal(config, worker, ends.signal).source(readConnectRecord(record('t')))
    await expect(rehearsed).rejects.toThrow('The schema registry has not answered before the end.')
  } finally {
    silent.closeAllConnections()
    silent.close()
  }
})

test('a URL that is no registry is not taken for one without the schema', async () => {
  const more = { 'value.converter.schema.registry.url': `${registry.url}/no/such/path` }
  const { error } = await rehearsal('AVRO', more).source(readConnectRecord(record('t')))
  expect(error!.message).toContain('Error registering Avro schema of t-value')
})
