/**
 * Goal: Kafka's server.properties means what it means to Kafka, and what cannot be is refused with the setting and the mend. Method: whole files as
 * maps, single settings at their edges.
 */
import { expect, test } from 'vitest'
import { readBrokerSettings, SettingsError } from '../../core/index.ts'

const problemsOf = (given: Record<string, string>): readonly string[] => {
  try {
    readBrokerSettings(given)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

/** The settings of Kafka's own config/server.properties of a combined node. */
const shipped = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.quorum.bootstrap.servers': 'localhost:9093',
  listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
  'inter.broker.listener.name': 'PLAINTEXT',
  'advertised.listeners': 'PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
  'num.network.threads': '3',
  'num.io.threads': '8',
  'socket.send.buffer.bytes': '102400',
  'socket.receive.buffer.bytes': '102400',
  'socket.request.max.bytes': '104857600',
  'log.dirs': '/tmp/kraft-combined-logs',
  'num.partitions': '1',
  'num.recovery.threads.per.data.dir': '2',
  'offsets.topic.replication.factor': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'log.retention.hours': '168',
  'log.segment.bytes': '1073741824',
  'log.retention.check.interval.ms': '300000',
}

test('the file that Kafka ships is taken as it is, its controller not opened', () => {
  const settings = readBrokerSettings(shipped)
  expect(settings.unknown).toEqual([])
  expect(settings.remarks).toEqual([])
  expect(settings.nodeId).toBe(1)
  expect(settings.listeners).toEqual([{ name: 'PLAINTEXT', host: '', port: 9092, advertisedHost: 'localhost', advertisedPort: 9092 }])
  expect(settings.dataDirs).toEqual(['/tmp/kraft-combined-logs'])
})

test('nothing given: one broker for this machine', () => {
  const settings = readBrokerSettings({})
  expect(settings.listeners[0]).toMatchObject({ host: '127.0.0.1', port: 9092, advertisedHost: '127.0.0.1', advertisedPort: 9092 })
  expect(settings.dataDirs).toEqual(['tributary-data'])
  expect(settings.values['log.flush']).toBe('commit')
})

test('listeners of several names, IPv6, ports to be chosen', () => {
  const { listeners } = readBrokerSettings({
    listeners: 'INSIDE://[::1]:0, OUTSIDE://0.0.0.0:9094',
    'advertised.listeners': 'OUTSIDE://broker.example:19094',
    'listener.security.protocol.map': 'INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT',
  })
  expect(listeners).toEqual([
    { name: 'INSIDE', host: '::1', port: 0, advertisedHost: '::1', advertisedPort: 0 },
    { name: 'OUTSIDE', host: '0.0.0.0', port: 9094, advertisedHost: 'broker.example', advertisedPort: 19094 },
  ])
})

test('what nobody knows is gathered, prefixes of listeners and of security are not', () => {
  const { unknown } = readBrokerSettings({
    'zookeeper.connect': 'x',
    nonsense: '1',
    'listener.name.x.ssl.key': '1',
    'sasl.jaas.config': 'x',
  })
  expect(unknown).toEqual(['zookeeper.connect', 'nonsense'])
})

test.each<[Record<string, string>, RegExp]>([
  [{ 'num.partitions': 'x' }, /^Invalid value x for configuration num\.partitions: Not a number of type INT$/],
  [{ 'num.partitions': '0' }, /num\.partitions: Value must be at least 1$/],
  [{ 'num.partitions': '2147483648' }, /Not a number of type INT$/],
  [{ 'auto.create.topics.enable': 'yes' }, /Expected value to be either true or false$/],
  [{ 'log.flush': 'never' }, /String must be one of: commit, os$/],
  [{ 'log.cleaner.min.cleanable.ratio': '1.5' }, /Value must be no more than 1$/],
  [{ listeners: 'SSL://:9093' }, /asks for SSL, and only PLAINTEXT listeners are built/],
  [{ listeners: 'SASL_PLAINTEXT://:9093' }, /asks for SASL_PLAINTEXT/],
  [{ listeners: 'X://:9093' }, /add X:PLAINTEXT to it$/],
  [{ listeners: 'localhost:9092' }, /"localhost:9092" is not NAME:\/\/host:port/],
  [{ listeners: 'PLAINTEXT://:99999' }, /is not NAME/],
  [{ listeners: 'PLAINTEXT://:1,PLAINTEXT://:2' }, /is there twice/],
  [{ listeners: 'PLAINTEXT://0.0.0.0:9092' }, /name one in advertised\.listeners/],
  [{ listeners: 'CONTROLLER://:9093', 'controller.listener.names': 'CONTROLLER' }, /there is none for clients/],
  [{ 'process.roles': 'controller' }, /must have `broker` among its roles/],
  [{ 'node.id': '1', 'broker.id': '2' }, /two ids for one node/],
  [{ 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer' }, /let everybody in\. Remove the line/],
  [{ 'config.providers': 'file' }, /write the values out/],
])('%j is refused', (given, sentence) => {
  expect(problemsOf(given)).toEqual([expect.stringMatching(sentence)])
})

test('all problems of a file are told at once', () => {
  expect(problemsOf({ 'num.partitions': 'x', 'log.flush': 'y', 'authorizer.class.name': 'z' })).toHaveLength(3)
})
