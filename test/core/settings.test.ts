/**
 * Goal: Kafka's server.properties means what it means to Kafka, and what cannot be is refused with the setting and the remedy. Method:
 * whole files as maps, single settings at their limits.
 */
import { expect, test } from 'vitest'
import { readBrokerSettings, SettingsError } from '../../core/index.ts'
import { parseSetting } from '../../core/settings/setting.ts'
import { topicSettings } from '../../core/settings/topic-settings.ts'

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

test('the file that Kafka ships is accepted as it is, its controller listener not opened', () => {
  const settings = readBrokerSettings(shipped)
  expect(settings.unknown).toEqual([])
  expect(settings.warnings).toEqual([])
  expect(settings.nodeId).toBe(1)
  expect(settings.listeners).toEqual([
    { name: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', host: '', port: 9092, advertisedHost: 'localhost', advertisedPort: 9092 },
  ])
  expect(settings.dataDirs).toEqual(['/tmp/kraft-combined-logs'])
})

test('without settings: a broker on the loopback address', () => {
  const settings = readBrokerSettings({})
  expect(settings.listeners[0]).toMatchObject({ host: '127.0.0.1', port: 9092, advertisedHost: '127.0.0.1', advertisedPort: 9092 })
  expect(settings.dataDirs).toEqual(['tributary-data'])
  expect(settings.values['log.flush']).toBe('commit')
})

test('listeners of several names, IPv6, ephemeral ports', () => {
  const { listeners } = readBrokerSettings({
    listeners: 'INSIDE://[::1]:0, OUTSIDE://0.0.0.0:9094',
    'advertised.listeners': 'OUTSIDE://broker.example:19094',
    'listener.security.protocol.map': 'INSIDE:PLAINTEXT,OUTSIDE:sasl_ssl',
  })
  expect(listeners).toEqual([
    { name: 'INSIDE', securityProtocol: 'PLAINTEXT', host: '::1', port: 0, advertisedHost: '::1', advertisedPort: 0 },
    { name: 'OUTSIDE', securityProtocol: 'SASL_SSL', host: '0.0.0.0', port: 9094, advertisedHost: 'broker.example', advertisedPort: 19094 },
  ])
})

test('unknown names are reported, names under accepted prefixes are not', () => {
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
  [
    { listeners: 'X://:9093', 'listener.security.protocol.map': 'X:TLS' },
    /^listener\.security\.protocol\.map: X:TLS is no security protocol; use one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL$/,
  ],
  [{ 'ssl.client.auth': 'maybe' }, /String must be one of: required, requested, none$/],
  [{ listeners: 'X://:9093' }, /add X:PLAINTEXT to it$/],
  [{ listeners: 'localhost:9092' }, /"localhost:9092" is not NAME:\/\/host:port/],
  [{ listeners: 'PLAINTEXT://:99999' }, /is not NAME/],
  [{ listeners: 'PLAINTEXT://:1,PLAINTEXT://:2' }, /occurs twice/],
  [{ listeners: 'PLAINTEXT://0.0.0.0:9092' }, /set one in advertised\.listeners/],
  [{ listeners: 'CONTROLLER://:9093', 'controller.listener.names': 'CONTROLLER' }, /there is no listener for clients/],
  [{ 'process.roles': 'broker' }, /Tributary is its own: add `controller`$/],
  [{ 'process.roles': 'controller' }, /`broker` must be among its roles$/],
  [{ 'node.id': '1', 'broker.id': '2' }, /two ids for one node/],
  [{ 'authorizer.class.name': 'com.acme.Authorizer' }, /only org\.apache\.kafka\.metadata\.authorizer\.StandardAuthorizer is implemented/],
  [{ 'super.users': 'User:admin;alice' }, /expected a string in format principalType:principalName but got alice$/],
  [
    { 'inter.broker.listener.name': 'nope' },
    /^Listener with name NOPE defined in inter\.broker\.listener\.name not found in listener\.security\.protocol\.map\.$/,
  ],
  [
    { 'inter.broker.listener.name': 'SSL' },
    /^inter\.broker\.listener\.name must be a listener name defined in advertised\.listeners\. The valid options based on currently configured listeners are PLAINTEXT$/,
  ],
  [
    { ...shipped, 'inter.broker.listener.name': 'CONTROLLER' },
    /^inter\.broker\.listener\.name must be a listener name defined in advertised\.listeners\. .* are PLAINTEXT$/,
  ],
  [
    { 'inter.broker.listener.name': 'PLAINTEXT', 'security.inter.broker.protocol': 'PLAINTEXT' },
    /^Only one of inter\.broker\.listener\.name and security\.inter\.broker\.protocol should be set\.$/,
  ],
  [
    { 'compression.gzip.level': '0' },
    /^Invalid value 0 for configuration compression\.gzip\.level: Value must be between 1 and 9 or equal to -1$/,
  ],
  [{ 'log.cleanup.policy': 'compact,,delete' }, /^Configuration 'log\.cleanup\.policy' values must not be empty\.$/],
  [
    { 'log.cleanup.policy': 'compact,nope' },
    /^Invalid value nope for configuration log\.cleanup\.policy: String must be one of: compact, delete$/,
  ],
  [{ 'log.retention.bytes': '9223372036854775808' }, /log\.retention\.bytes: Not a number of type LONG$/],
  [{ 'log.retention.bytes': '-9223372036854775809' }, /log\.retention\.bytes: Not a number of type LONG$/],
])('%j is refused', (given, sentence) => {
  expect(problemsOf(given)).toEqual([expect.stringMatching(sentence)])
})

test.each<[Record<string, string>]>([
  [{ 'log.retention.bytes': '9223372036854775807' }],
  [{ 'log.retention.bytes': '-9223372036854775808' }],
  [{ 'compression.gzip.level': '-1' }],
  [{ 'log.cleanup.policy': '' }],
  [{ 'inter.broker.listener.name': 'plaintext' }],
  [{ 'security.inter.broker.protocol': 'PLAINTEXT' }],
  [{ 'transaction.max.timeout.ms': '60000' }],
])('%j is accepted', (given) => {
  expect(problemsOf(given)).toEqual([])
  expect(readBrokerSettings(given).unknown).toEqual([])
})

/** What Apache Kafka 4.3.1 answers to the same values. */
const replicaList =
  "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
test.each(['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas'] as const)(
  '%s takes only replicas or *',
  (name) => {
    const errorOf = (value: string) => {
      try {
        parseSetting(name, topicSettings[name], value)
      } catch (error) {
        return (error as Error).message
      }
      return null
    }
    for (const value of ['', '*', '0:1', '0:1,1:2', '0:1, 1:2', '0:1,', '0:1,,1:2', '0:1,0:1']) expect(errorOf(value), value).toBeNull()
    expect(errorOf('x')).toBe(`Invalid value [x] for configuration ${name}: ${name} ${replicaList}`)
    expect(errorOf('0:1,1')).toBe(`Invalid value [0:1, 1] for configuration ${name}: ${name} ${replicaList}`)
    expect(errorOf('*,0:1')).toBe(`Invalid value [*, 0:1] for configuration ${name}: ${name} ${replicaList}`)
    expect(errorOf('-1:1')).toBe(`Invalid value [-1:1] for configuration ${name}: ${name} ${replicaList}`)
  },
)

test('all problems of a file are reported at once', () => {
  expect(problemsOf({ 'num.partitions': 'x', 'log.flush': 'y', 'authorizer.class.name': 'z' })).toHaveLength(3)
})
