/**
 * Goal: a data folder with a topic or broker config that an earlier release accepted and this one refuses does not fail the start: the
 * stored value has no effect, is logged with what holds instead, and can be altered and deleted. Method: such values are appended to the
 * metadata log of a running broker, and the broker is restarted.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KafkaError } from '../../core/errors.ts'
import { encodeMetadataRecord } from '../../core/wire/metadata-records.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

let server: BrokerInProcess
beforeEach(async () => {
  server = await brokerInProcess({ 'log.retention.ms': '5000' })
})
afterEach(() => server.stop())

const topic = { type: 'topic', name: 'orders' } as const
const broker = { type: 'broker', name: '' } as const
const change = (name: string, operation: number, value: string | null = null) => [{ name, operation, value }]
const configOf = (resource: typeof topic | typeof broker, name: string) =>
  server.broker.cluster.describeConfigs(resource, [name]).map(({ value, source }) => ({ value, source }))
const warnings = () => server.lines.filter(({ message }) => message.startsWith('a stored config is invalid'))

/** Restarts the broker with the given values in its metadata log, as an earlier release has stored them. */
async function restartWith(configs: { topic?: Record<string, string>; default?: Record<string, string>; node?: Record<string, string> }) {
  await server.broker.cluster.createTopic({ name: 'orders', partitions: 1, replicationFactor: 1 })
  const resources = [
    { resourceType: 2, resourceName: 'orders', values: configs.topic },
    { resourceType: 4, resourceName: '', values: configs.default },
    { resourceType: 4, resourceName: '1', values: configs.node },
  ]
  const records = resources.flatMap(({ values = {}, ...resource }) =>
    Object.entries(values).map(([name, value]) => encodeMetadataRecord({ type: 'ConfigRecord', ...resource, name, value }, 0)),
  )
  const batch = encodeBatch(records.map((value) => ({ key: null, value, timestamp: 1 })))
  await server.broker.logs.get('__cluster_metadata', 0)!.append(batch, 'coordinator').durable
  await server.restart()
}

test('an invalid topic config is ignored with one log line, described, and can be deleted', async () => {
  await restartWith({ topic: { 'compression.gzip.level': '0', 'retention.ms': '-7', 'max.message.bytes': '5000' } })
  expect(server.broker.logs.get('orders', 0)!.config).toMatchObject({ retentionMs: 5000, maxMessageBytes: 5000 })
  expect(warnings().map(({ level, details }) => ({ level, details }))).toEqual([
    {
      level: 'warn',
      details: {
        topic: 'orders',
        setting: 'compression.gzip.level',
        value: '0',
        effective: '-1',
        reason: 'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1',
      },
    },
    {
      level: 'warn',
      details: {
        topic: 'orders',
        setting: 'retention.ms',
        value: '-7',
        effective: '5000',
        reason: 'Invalid value -7 for configuration retention.ms: Value must be at least -1',
      },
    },
  ])
  // Kafka-configs deletes only what is described as a config of the topic.
  expect(configOf(topic, 'compression.gzip.level')).toEqual([{ value: '0', source: 1 }])
  await server.broker.cluster.alterConfigs(topic, [...change('compression.gzip.level', 1), ...change('retention.ms', 0, '7000')], false)
  expect(server.broker.cluster.topic('orders')!.configs).toEqual({ 'retention.ms': '7000', 'max.message.bytes': '5000' })
  expect(server.broker.logs.get('orders', 0)!.config.retentionMs).toBe(7000)
  server.lines.length = 0
  await server.restart()
  expect(warnings()).toEqual([])
})

test('an invalid broker config is ignored for the next weaker source, for topics and for the broker', async () => {
  await restartWith({
    default: { 'log.retention.ms': '8000', 'compression.gzip.level': '0', 'producer.id.expiration.ms': '4000' },
    node: { 'log.retention.ms': '-7', 'producer.id.expiration.ms': 'soon' },
  })
  expect(server.broker.logs.get('orders', 0)!.config.retentionMs).toBe(8000)
  expect(server.broker.logs.producerIdExpirationMs).toBe(4000)
  expect(warnings().map(({ details }) => details)).toMatchObject([
    { broker: 'default', setting: 'compression.gzip.level', value: '0', effective: '-1' },
    { broker: '1', setting: 'log.retention.ms', value: '-7', effective: '8000' },
    { broker: '1', setting: 'producer.id.expiration.ms', value: 'soon', effective: '4000' },
  ])
  await server.broker.cluster.createTopic({ name: 'more', partitions: 1, replicationFactor: 1 })
  await server.broker.cluster.alterConfigs(broker, change('compression.gzip.level', 0, '4'), false)
  expect(configOf(broker, 'compression.gzip.level')).toEqual([{ value: '4', source: 3 }])
})

test('as in Kafka, another config of the topic is altered together with the invalid one only', async () => {
  await restartWith({ topic: { 'cleanup.policy': 'delete,,compact' } })
  const { cluster } = server.broker
  expect(server.broker.logs.get('orders', 0)!.config.cleanupPolicy).toEqual(['delete'])
  await expect(cluster.alterConfigs(topic, change('retention.ms', 0, '1'), false)).rejects.toThrow(
    new KafkaError('INVALID_CONFIG', "Configuration 'cleanup.policy' values must not be empty."),
  )
  await cluster.alterConfigs(topic, [...change('retention.ms', 0, '1'), ...change('cleanup.policy', 1)], false)
  expect(cluster.topic('orders')!.configs).toEqual({ 'retention.ms': '1' })
})
