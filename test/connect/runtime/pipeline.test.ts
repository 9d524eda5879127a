/**
 * Goal: transforms, predicates, headers and error tolerance work on records of sources and sinks. Method: the conversion is built from
 * configs as users write them, with transforms that the test declares.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins, Plugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import { createConversion } from '../../../connect/runtime/conversion.ts'
import { Pipeline } from '../../../connect/runtime/pipeline.ts'
import { RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { topicGroups } from '../../../connect/runtime/topic-creation.ts'
import { definePredicate, defineTransform, parseSettings, Retriable, setting, sourceRecord } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'

let failures = 0
const append = defineTransform({
  class: 'test.Append',
  doc: 'Appends.',
  settings: { suffix: setting.string({ doc: 'What.' }) },
  create:
    ({ suffix }) =>
    (record) =>
      record.value === 'drop' ? null : { ...record, value: `${record.value}${suffix}` },
})
const flaky = defineTransform({
  class: 'test.Flaky',
  doc: 'Fails.',
  settings: {},
  create: () => (record) => {
    if (record.value === 'broken') throw new Error('is broken')
    if (failures-- > 0) throw new Retriable('later')
    return record
  },
})
const topicIs = definePredicate({
  class: 'test.TopicIs',
  doc: 'Looks at the topic.',
  settings: { topic: setting.string({ doc: 'Which.' }) },
  create:
    ({ topic }) =>
    (record) =>
      record.topic === topic,
})
const found = await findPlugins()
const plugins = new Plugins([], found.converters, [append, flaky], [topicIs])
const strings = { 'key.converter': 'StringConverter', 'value.converter': 'StringConverter' }

function pipeline(config: Record<string, string>, worker: Record<string, string> = strings) {
  const given = { name: 'x', 'connector.class': 'x', 'errors.retry.delay.max.ms': '1', ...config }
  const common = parseSettings(connectorSettings(plugins, null), given) as CommonConfig
  const tolerance = new RetryWithToleranceOperator(common, realSystem('silent'), {})
  return { pipe: new Pipeline(createConversion(plugins, given, worker), tolerance, new AbortController().signal), tolerance }
}
const values = async (config: Record<string, string>, given: string[], topic = 't') =>
  (await pipeline(config).pipe.toKafka(given.map((value) => sourceRecord({ topic, value })))).map((record) => String(record.value))

describe('transforms', () => {
  const two = {
    transforms: 'a, b',
    'transforms.a.type': 'Append',
    'transforms.a.suffix': '1',
    'transforms.b.type': 'test.Append',
    'transforms.b.suffix': '2',
  }
  test('go in order, and may drop', async () => {
    expect(await values(two, ['x', 'drop', 'y'])).toEqual(['x12', 'y12'])
  })
  test('go where their predicate holds, or where it does not', async () => {
    const where = {
      ...two,
      predicates: 'p',
      'predicates.p.type': 'TopicIs',
      'predicates.p.topic': 't',
      'transforms.a.predicate': 'p',
      'transforms.b.predicate': 'p',
      'transforms.b.negate': 'true',
    }
    expect(await values(where, ['x'])).toEqual(['x1'])
    expect(await values(where, ['x'], 'other')).toEqual(['x2'])
  })
})

describe('converters', () => {
  test('a connector that names none gets the worker’s with its settings, and its own settings for it do not count', async () => {
    const worker = { 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'false' }
    const { pipe } = pipeline({ 'value.converter.schemas.enable': 'true' }, worker)
    expect(String((await pipe.toKafka([sourceRecord({ topic: 't', value: { a: 1 } })]))[0]!.value)).toBe('{"a":1}')
    const own = pipeline({ 'value.converter': 'JsonConverter' }, worker)
    expect(String((await own.pipe.toKafka([sourceRecord({ topic: 't', value: 1 })]))[0]!.value)).toBe('{"schema":null,"payload":1}')
  })
  test('headers, keys, partitions and timestamps come through, both ways', async () => {
    const { pipe } = pipeline({})
    const [record] = await pipe.toKafka([
      sourceRecord({ topic: 't', partition: 3, key: 'k', value: 'v', timestamp: 7, headers: [{ key: 'h', value: 12, schema: null }] }),
    ])
    expect(record).toMatchObject({
      topic: 't',
      partition: 3,
      timestamp: 7,
      key: Buffer.from('k'),
      headers: [{ key: 'h', value: Buffer.from('12') }],
    })
    const batch = { topic: 't', partition: 3, nextOffset: 1, highWatermark: 1 }
    const consumed = {
      offset: 0,
      timestamp: 7,
      timestampType: 'CreateTime' as const,
      key: record!.key,
      value: record!.value,
      headers: record!.headers!,
    }
    const { records } = await pipe.toConnect([{ ...batch, records: [consumed] }], () => {})
    expect(records[0]).toMatchObject({
      topic: 't',
      partition: 3,
      offset: 0,
      key: 'k',
      value: 'v',
      timestamp: 7,
      headers: [{ key: 'h', value: 12 }],
    })
  })
})

describe('tolerance', () => {
  const config = { transforms: 'f', 'transforms.f.type': 'Flaky' }
  test('none: a record that cannot be processed fails the batch with its stage and cause', async () => {
    failures = 0
    await expect(values(config, ['a', 'broken'])).rejects.toThrow(/TRANSFORMATION in test.Flaky: is broken/)
  })
  test('all: it is skipped', async () => {
    failures = 0
    const { pipe } = pipeline({ ...config, 'errors.tolerance': 'all' })
    const made = await pipe.toKafka(['a', 'broken', 'b'].map((value) => sourceRecord({ topic: 't', value })))
    expect(made.map((record) => String(record.value))).toEqual(['a', 'b'])
  })
  test('what may be tried again is, within errors.retry.timeout, and only then', async () => {
    failures = 3
    expect(await values({ ...config, 'errors.retry.timeout': '-1' }, ['a', 'b'])).toEqual(['a', 'b'])
    failures = 1
    await expect(values(config, ['a'])).rejects.toThrow('later')
  })
})

describe('topic creation', () => {
  const config = {
    'topic.creation.groups': 'wide,compacted',
    'topic.creation.default.partitions': '1',
    'topic.creation.default.replication.factor': '-1',
    'topic.creation.wide.include': 'w.*, v',
    'topic.creation.wide.exclude': 'wx',
    'topic.creation.wide.partitions': '8',
    'topic.creation.compacted.include': '.*-state',
    'topic.creation.compacted.cleanup.policy': 'compact',
  }
  const specOf = (topic: string) => topicGroups(config)!.find((group) => group.matches(topic))!.spec
  test('the first group that fits counts, and the default for the rest', () => {
    expect(specOf('water')).toEqual({ partitions: 8, replicationFactor: -1, configs: {} })
    expect(specOf('wx')).toEqual({ partitions: 1, replicationFactor: -1, configs: {} })
    expect(specOf('a-state')).toEqual({ partitions: 1, replicationFactor: -1, configs: { 'cleanup.policy': 'compact' } })
  })
  test('without a default nothing is created; half a default is refused', () => {
    expect(topicGroups({})).toBeNull()
    expect(() => topicGroups({ 'topic.creation.default.partitions': '1' })).toThrow(/topic.creation.default.replication.factor/)
    expect(() => topicGroups({ ...config, 'topic.creation.wide.partitions': '0' })).toThrow(/topic.creation.wide.partitions/)
  })
})
