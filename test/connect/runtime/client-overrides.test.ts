/**
 * Goal: each client gets the settings that Kafka Connect's Worker would give it. Method: worker files and connector configs as records; the
 * order of baseProducerConfigs, baseConsumerConfigs and adminConfigs of Kafka Connect 4.3.1.
 */
import { describe, expect, test } from 'vitest'
import {
  connectorConnection,
  consumerSettings,
  producerSettings,
  sinkGroupId,
  workerConnection,
} from '../../../connect/runtime/client-overrides.ts'

const defaults = { bootstrapServers: ['own:9092'], clientId: 'connect-own', requestTimeoutMs: 40_000 }
const connection = (kind: 'producer' | 'consumer' | 'admin', worker: Record<string, string>, connector: Record<string, string> = {}) =>
  connectorConnection(kind, worker, connector, defaults)
const jaas = (user: string) => ({ 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': user })
const under = (prefix: string, settings: Record<string, string>) =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [prefix + name, value]))

describe('the security of a client', () => {
  const worker = { ...jaas('worker'), ...under('producer.', jaas('of producers')) }

  test('of the worker is that without a prefix', () => {
    expect(workerConnection(worker, defaults)).toEqual({ settings: defaults, security: jaas('worker') })
  })

  test('of producers and consumers is not that of the worker; that of admin clients is, where they have none of their own', () => {
    expect(connection('producer', worker).security).toEqual(jaas('of producers'))
    expect(connection('consumer', worker).security).toEqual({})
    expect(connection('admin', worker)).toEqual(workerConnection(worker, defaults))
    expect(connection('admin', { ...worker, 'admin.sasl.jaas.config': 'of admins' }).security).toEqual(jaas('of admins'))
  })

  test('of a connector is the strongest, setting by setting', () => {
    for (const kind of ['producer', 'consumer', 'admin'] as const) {
      const given = { ...worker, ...under(`${kind}.`, jaas('of kind')) }
      expect(connection(kind, given, { [`${kind}.override.sasl.jaas.config`]: 'own' }).security).toEqual(jaas('own'))
      expect(connection(kind, given, { [`${kind}.override.security.protocol`]: 'plaintext' }).security).toEqual({})
    }
    expect(connection('producer', worker, under('consumer.override.', jaas('of consumers'))).security).toEqual(jaas('of producers'))
  })

  test('has no setting that its protocol does not use: two clients that differ in these are one', () => {
    const given = { ...jaas('a'), 'ssl.truststore.password': 'unused', 'security.protocol': 'sasl_plaintext' }
    expect(workerConnection(given, defaults).security).toEqual(jaas('a'))
    expect(workerConnection({ ...given, 'security.protocol': 'SSL' }, defaults).security).toEqual({
      'security.protocol': 'SSL',
      'ssl.truststore.password': 'unused',
    })
  })
})

test('the connection is the worker’s, until a prefix or an override says otherwise', () => {
  expect(connection('producer', {}).settings).toEqual(defaults)
  const worker = { 'consumer.bootstrap.servers': 'other:9092, more:9092', 'consumer.client.rack': 'r1', 'producer.client.rack': 'r2' }
  expect(connection('producer', worker).settings).toEqual(defaults)
  expect(connection('consumer', worker, { 'consumer.override.request.timeout.ms': '7' }).settings).toEqual({
    ...defaults,
    bootstrapServers: ['other:9092', 'more:9092'],
    clientRack: 'r1',
    requestTimeoutMs: 7,
  })
  expect(() => connection('admin', { 'admin.retry.backoff.ms': 'soon' })).toThrow(
    'Invalid value soon for configuration admin.retry.backoff.ms: Not a number of type LONG',
  )
})

test('a producer retries until it is told, and has the override before the worker’s setting', () => {
  expect(producerSettings({}, {})).toEqual({ acks: 'all', deliveryTimeoutMs: 2147483647 })
  const worker = { 'producer.linger.ms': '5', 'producer.batch.size': '9', 'linger.ms': '1' }
  expect(producerSettings(worker, { 'producer.override.linger.ms': '7', 'producer.override.acks': '1' })).toMatchObject({
    acks: 1,
    lingerMs: 7,
    batchSize: 9,
  })
})

test('a consumer reads from the start in the group of its connector, unless a setting says otherwise', () => {
  expect(consumerSettings({}, {}, 'c')).toEqual({ groupId: 'connect-c', autoOffsetReset: 'earliest' })
  const strategy = 'org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor'
  const worker = { 'consumer.group.id': 'shared', 'consumer.partition.assignment.strategy': strategy }
  expect(consumerSettings(worker, { 'consumer.override.allow.auto.create.topics': 'false' }, 'c')).toMatchObject({
    groupId: 'shared',
    partitionAssignors: ['range', 'cooperative-sticky'],
    allowAutoCreateTopics: false,
  })
  expect(sinkGroupId(worker, { 'consumer.override.group.id': 'own' }, 'c')).toBe('own')
  expect(() => consumerSettings({}, { 'consumer.override.partition.assignment.strategy': 'a.B' }, 'c')).toThrow(
    'Class a.B could not be found.',
  )
})
