/**
 * Goal: a file of Confluent's registry means here what it means there. Method: properties, and what is read out of them.
 */
import { expect, test } from 'vitest'
import {
  bootstrapServers,
  parseRegistrySettings,
  storeSecurity,
  topicConfigs,
  unknownRegistrySettings,
} from '../../registry/registry-settings.ts'

test('defaults are those of Confluent', () => {
  expect(parseRegistrySettings({})).toMatchObject({
    'kafkastore.topic': '_schemas',
    'kafkastore.topic.replication.factor': 3,
    'kafkastore.timeout.ms': 500,
    'schema.registry.group.id': 'schema-registry',
    'leader.eligibility': true,
    'schema.compatibility.level': 'BACKWARD',
    'mode.mutability': true,
  })
})

test('old names count, and levels are read in any case', () => {
  const config = parseRegistrySettings({ 'avro.compatibility.level': 'full_transitive', 'master.eligibility': 'false' })
  expect([config['schema.compatibility.level'], config['leader.eligibility']]).toEqual(['FULL_TRANSITIVE', false])
  expect(() => parseRegistrySettings({ 'schema.compatibility.level': 'SOME' })).toThrow('String must be one of')
  expect(() => parseRegistrySettings({ 'kafkastore.timeout.ms': '0' })).toThrow('at least 1')
})

test('brokers may have their protocol in front; those with another one are left out', () => {
  const servers = ['PLAINTEXT://a:1', 'SSL://b:2', 'c:3']
  expect(bootstrapServers(servers, {})).toEqual(['a:1', 'c:3'])
  expect(bootstrapServers(servers, { 'security.protocol': 'ssl' })).toEqual(['b:2', 'c:3'])
  expect(() => bootstrapServers(['SSL://b:2'], {})).toThrow('no server has the protocol PLAINTEXT')
})

test('what is under kafkastore goes to the clients and to the topic', () => {
  const properties = {
    'kafkastore.security.protocol': 'SASL_SSL',
    'kafkastore.sasl.mechanism': 'PLAIN',
    'kafkastore.ssl.truststore.location': 'x',
    'kafkastore.topic': 't',
    'kafkastore.topic.config.min.insync.replicas': '2',
    'kafkastore.topic.config.cleanup.policy': 'delete',
  }
  expect(storeSecurity(properties)).toEqual({
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'PLAIN',
    'ssl.truststore.location': 'x',
  })
  expect(topicConfigs(properties)).toEqual({ 'min.insync.replicas': '2', 'cleanup.policy': 'compact' })
  expect(
    unknownRegistrySettings({ ...properties, listeners: '', 'kafkastore.connection.url': 'zk', debug: 'true' }, ['listeners']),
  ).toEqual(['kafkastore.connection.url', 'debug'])
})
