/**
 * Goal: an invalid config is refused with the messages of Kafka Connect, and tools get its ConfigInfos. Method: responses of Apache Kafka
 * Connect 4.3 to the same configs, copied into the test.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins, Plugins } from '../../../connect/plugins.ts'
import { type OverrideRefusal, throwIfInvalid, validate } from '../../../connect/runtime/validation.ts'
import { defineConnector, defineSink, defineSource, setting } from '../../../connect/sdk/index.ts'
import { ConnectError } from '../../../connect/types.ts'

const file = defineConnector({
  name: 'file',
  doc: 'files',
  version: '1.0',
  source: defineSource({
    class: 'org.apache.kafka.connect.file.FileStreamSourceConnector',
    aliases: ['tributary.FileSource'],
    settings: {
      file: setting.string({ default: null, doc: 'The file.', importance: 'HIGH' }),
      topic: setting.string({
        doc: 'The topic.',
        importance: 'HIGH',
        check: (value) => (value === '' ? 'String must be non-empty' : undefined),
      }),
      'batch.size': setting.int({ default: 2000, doc: 'Lines at once.', importance: 'LOW' }),
    },
    async *read() {},
  }),
  sink: defineSink({
    class: 'org.apache.kafka.connect.file.FileStreamSinkConnector',
    settings: {
      file: setting.string({ default: null, doc: 'The file.' }),
      mode: setting.string({ default: null, doc: 'Goes with no file.' }),
      word: setting.password({ default: null, doc: 'A secret.', check: (word) => (word.length < 5 ? 'too short' : undefined) }),
    },
    check: ({ file, mode }) => (file !== null && mode !== null ? [{ setting: 'mode', why: `file=${file} takes no mode` }] : []),
    start: () => ({ write: async () => {}, flush: async () => {} }),
  }),
})
const found = await findPlugins()
const plugins = new Plugins([file], found.converters, [], [])

const messages = (config: Record<string, string>): string => {
  try {
    throwIfInvalid(validate(plugins, config))
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError)
    expect((error as ConnectError).status).toBe(400)
    return (error as Error).message
  }
  return ''
}
const source = { name: 'x', 'connector.class': 'FileStreamSource', topic: 't' }
const sink = { name: 'x', 'connector.class': 'FileStreamSink' }

test('a group of topic.creation.groups is listed once', () => {
  expect(messages({ ...source, 'topic.creation.groups': 'a, b, a' })).toContain(
    'Invalid value [a, b, a] for configuration topic.creation.groups: Duplicate alias provided.',
  )
})

describe('plugins', () => {
  test('have every name that Kafka Connect accepts', () => {
    for (const name of [
      'org.apache.kafka.connect.file.FileStreamSourceConnector',
      'FileStreamSourceConnector',
      'FileStreamSource',
      'tributary.FileSource',
    ])
      expect(plugins.connector(name).type).toBe('source')
    expect(plugins.converter('StringConverter')?.class).toBe('org.apache.kafka.connect.storage.StringConverter')
  })
  test('an unknown class is refused with what there is', () => {
    expect(() => plugins.connector('Nope')).toThrow(
      /^Failed to find any class that implements Connector and which name matches Nope, available connectors are: .*FileStreamSinkConnector.*FileStreamSourceConnector/,
    )
  })
  test('lists connectors alone or everything', () => {
    expect(plugins.list(true).map((plugin) => plugin.type)).toEqual(['sink', 'source'])
    const all = plugins.list(false)
    expect(all).toContainEqual(expect.objectContaining({ class: 'org.apache.kafka.connect.json.JsonConverter', type: 'header_converter' }))
    expect(all).not.toContainEqual(
      expect.objectContaining({ class: 'org.apache.kafka.connect.storage.SimpleHeaderConverter', type: 'converter' }),
    )
  })
})

describe('overrides of client settings', () => {
  const overrides = (config: Record<string, string>, refusal?: OverrideRefusal) =>
    validate(plugins, config, undefined, refusal).configs.filter(({ value }) => value.name.includes('.override.'))
  const all = Object.fromEntries(['producer', 'consumer', 'admin'].map((kind) => [`${kind}.override.client.id`, kind]))
  const names = (config: Record<string, string>) => overrides({ ...config, ...all }).map(({ value }) => value.name.split('.')[0])

  test('are those of the clients that the connector has', () => {
    expect(names(source)).toEqual(['producer'])
    expect(names({ ...source, 'topic.creation.default.partitions': '1', 'topic.creation.default.replication.factor': '1' })).toEqual([
      'producer',
      'admin',
    ])
    expect(names({ ...sink, topics: 'a' })).toEqual(['consumer'])
    expect(names({ ...sink, topics: 'a', 'errors.deadletterqueue.topic.name': 'dead' })).toEqual(['producer', 'consumer', 'admin'])
  })

  test('show no password, and the others as they are', () => {
    const config = { ...source, 'producer.override.ssl.keystore.key': 'a', 'producer.override.acks': '1', 'producer.override.my.own': 'b' }
    expect(overrides(config).map(({ definition, value }) => [value.name, definition.type, value.value, value.errors])).toEqual([
      ['producer.override.ssl.keystore.key', 'PASSWORD', '[hidden]', []],
      ['producer.override.acks', 'STRING', '1', []],
      ['producer.override.my.own', 'STRING', 'b', []],
    ])
  })

  test('are refused one by one', () => {
    const config = { ...sink, topics: 'a', 'consumer.override.fetch.min.bytes': '3', 'consumer.override.max.poll.records': 'lots' }
    const refusal: OverrideRefusal = (kind, name, value) => (name === 'fetch.min.bytes' ? `${kind} ${name} ${value}` : undefined)
    expect(validate(plugins, config, undefined, refusal).error_count).toBe(2)
    expect(overrides(config, refusal).map(({ value }) => value.errors)).toEqual([
      ['consumer fetch.min.bytes 3'],
      ['Invalid value lots for configuration consumer.override.max.poll.records: Not a number of type INT'],
    ])
  })
})

describe('config infos', () => {
  test('groups, order and values of a source', () => {
    const infos = validate(plugins, { 'connector.class': 'FileStreamSource', name: 'a', 'tasks.max': '0', topic: '' })
    expect(infos.name).toBe('FileStreamSource')
    expect(infos.error_count).toBe(2)
    expect(infos.groups).toEqual([
      'Common',
      'Transforms',
      'Predicates',
      'Error Handling',
      'Topic Creation',
      'Exactly Once Support',
      'offsets.topic',
    ])
    expect(infos.configs.map((one) => one.definition.name)).toEqual([
      'name',
      'connector.class',
      'connector.plugin.version',
      'tasks.max',
      'tasks.max.enforce',
      'key.converter',
      'key.converter.plugin.version',
      'value.converter',
      'value.converter.plugin.version',
      'header.converter',
      'header.converter.plugin.version',
      'transforms',
      'predicates',
      'config.action.reload',
      'errors.retry.timeout',
      'errors.retry.delay.max.ms',
      'errors.tolerance',
      'errors.log.enable',
      'errors.log.include.messages',
      'topic.creation.groups',
      'exactly.once.support',
      'transaction.boundary',
      'transaction.boundary.interval.ms',
      'offsets.storage.topic',
      // Ours.
      'errors.deadletterqueue.topic.name',
      'errors.deadletterqueue.topic.replication.factor',
      'errors.deadletterqueue.context.headers.enable',
      'auto.restart.enable',
      'auto.restart.max',
      'auto.restart.backoff.ms',
      'auto.restart.backoff.max.ms',
      'auto.restart.reset.ms',
      'task.stall.timeout.ms',
      'file',
      'topic',
      'batch.size',
    ])
    const of = (name: string) => infos.configs.find((one) => one.definition.name === name)!
    expect(of('tasks.max')).toEqual({
      definition: expect.objectContaining({
        type: 'INT',
        required: false,
        default_value: '1',
        importance: 'HIGH',
        group: 'Common',
        order_in_group: 4,
        width: 'SHORT',
        display_name: 'Tasks max',
        dependents: [],
      }),
      value: {
        name: 'tasks.max',
        value: '0',
        recommended_values: [],
        errors: ['Invalid value 0 for configuration tasks.max: Value must be at least 1'],
        visible: true,
      },
    })
    expect(of('topic').value.errors).toEqual(['Invalid value  for configuration topic: String must be non-empty'])
    expect(of('file').definition).toMatchObject({
      group: null,
      order_in_group: -1,
      width: 'NONE',
      display_name: 'file',
      default_value: null,
    })
    expect(of('transforms').value.value).toBe('')
  })

  test('a password is hidden', () => {
    const infos = validate(plugins, { ...sink, topics: 't', word: 'sesame' })
    expect(infos.configs.find((one) => one.definition.name === 'word')!.value.value).toBe('[hidden]')
    expect(JSON.stringify(infos)).not.toContain('sesame')
    expect(messages({ ...sink, topics: 't', word: 'sesa' })).toContain('Invalid value [hidden] for configuration word: too short')
  })
})

describe('the sentence', () => {
  const end = '\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`'
  const begin = (count: number) => `Connector configuration is invalid and contains the following ${count} error(s):\n`
  test.each([
    [{ name: 'x', 'connector.class': 'FileStreamSource' }, 'Missing required configuration "topic" which has no default value.'],
    [
      { ...source, 'tasks.max': '0', 'key.converter': 'foo.Bar' },
      'Invalid value 0 for configuration tasks.max: Value must be at least 1\nInvalid value foo.Bar for configuration key.converter: Class foo.Bar could not be found.',
    ],
    [
      { ...source, 'tasks.max': 'many' },
      'Invalid value many for configuration tasks.max: Not a number of type INT\nInvalid value null for configuration tasks.max: Value must be non-null',
    ],
    [sink, 'Must configure one of topics or topics.regex\nMust configure one of topics or topics.regex'],
    [
      { ...sink, topics: 'a', 'topics.regex': 'b' },
      'topics and topics.regex are mutually exclusive options, but both are set.\ntopics and topics.regex are mutually exclusive options, but both are set.',
    ],
    [
      { ...sink, topics: 'a,dlq', 'errors.deadletterqueue.topic.name': 'dlq' },
      "The DLQ topic 'dlq' may not be included in the list of topics ('topics=[a, dlq]') consumed by the connector",
    ],
    [
      { ...source, transforms: 'a,b', 'transforms.a.type': 'nope', predicates: 'p' },
      'Invalid value nope for configuration transforms.a.type: Class nope could not be found.\nMissing required configuration "transforms.b.type" which has no default value.\nMissing required configuration "predicates.p.type" which has no default value.',
    ],
    [
      { ...source, 'topic.creation.default.partitions': '1' },
      'Missing required configuration "topic.creation.default.replication.factor" which has no default value.',
    ],
    [
      { ...source, 'exactly.once.support': 'maybe' },
      'Invalid value maybe for configuration exactly.once.support: String must be one of (case insensitive): REQUIRED, REQUESTED',
    ],
    [
      { ...source, 'transaction.boundary': 'never', 'transaction.boundary.interval.ms': '-1', 'offsets.storage.topic': ' ' },
      'Invalid value never for configuration transaction.boundary: String must be one of (case insensitive): INTERVAL, POLL, CONNECTOR\n' +
        'Invalid value -1 for configuration transaction.boundary.interval.ms: Value must be at least 0\n' +
        'Invalid value  for configuration offsets.storage.topic: String must be non-empty',
    ],
    [
      { ...source, 'topic.creation.groups': 'wide', 'topic.creation.wide.include': 'w.*' },
      'Missing required configuration "topic.creation.default.replication.factor" which has no default value.',
    ],
    [{ ...source, 'errors.tolerance': 'ALL' }, 'Invalid value ALL for configuration errors.tolerance: String must be one of: none, all'],
    [
      { ...source, 'config.action.reload': 'RESTART' },
      'Invalid value RESTART for configuration config.action.reload: String must be one of: none, restart',
    ],
    [{ ...source, 'errors.tolerance': 'some' }, 'Invalid value some for configuration errors.tolerance: String must be one of: none, all'],
    [
      { ...sink, 'topics.regex': 'd.*', 'errors.deadletterqueue.topic.name': 'dlq' },
      "The DLQ topic 'dlq' may not be matched by the regex for the topics ('topics.regex=d.*') consumed by the connector",
    ],
    [{ ...sink, topics: 'a,,b' }, "Configuration 'topics' values must not be empty."],
    [{ ...sink, topics: 'a,b, a' }, "Configuration 'topics' values must not be duplicated."],
    [{ ...sink, topics: 'a', name: '' }, 'Invalid value  for configuration name: String may not be empty'],
    [
      { ...sink, topics: 'a', 'consumer.override.max.poll.records': 'lots' },
      'Invalid value lots for configuration consumer.override.max.poll.records: Not a number of type INT',
    ],
    [
      { ...source, 'value.converter': 'AvroConverter', 'value.converter.schema.registry.http.read.timeout.ms': 'x' },
      'Missing required configuration "schema.registry.url" which has no default value.\nInvalid value x for configuration http.read.timeout.ms: Not a number of type INT',
    ],
    [{ ...sink, topics: 'a', file: 'a', mode: 'other' }, 'Invalid value other for configuration mode: file=a takes no mode'],
  ])('%j', (config, list) => {
    expect(messages(config as Record<string, string>)).toBe(begin(list.split('\n').length) + list + end)
  })
  test('a config that is right is let through', () => {
    expect(messages(source)).toBe('')
    expect(messages({ ...sink, 'topics.regex': 'a.*' })).toBe('')
  })
  test('an unknown override with the name of a property of every object is ignored, and is no internal error', () => {
    expect(messages({ ...source, 'producer.override.constructor': 'a', 'consumer.override.toString': 'a' })).toBe('')
  })
  test('no class: nobody knows which of the values are secret', () => {
    expect(messages({ name: 'x', pin: '1234' })).toBe('Connector config {name=x, pin=[hidden]} contains no connector type')
  })
})
