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
import {
  DataError,
  defineConverter,
  definePredicate,
  defineTransform,
  parseSettings,
  Retriable,
  SchemaPending,
  setting,
  sourceRecord,
} from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { toBuffer } from '../../../core/wire/record-batch.ts'

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
  const tolerance = new RetryWithToleranceOperator(common, realSystem('silent'), { connector: 'x', task: 0 })
  return {
    pipe: new Pipeline(createConversion(plugins, given, worker, realSystem('silent')), tolerance, new AbortController().signal),
    tolerance,
  }
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
    expect(String(toBuffer((await own.pipe.toKafka([sourceRecord({ topic: 't', value: 1 })]))[0]!.value))).toBe(
      '{"schema":null,"payload":1}',
    )
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
      value: toBuffer(record!.value),
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
  test('headers that records share are converted once in a batch, and never those that a sink may change', async () => {
    const { pipe } = pipeline({})
    const headers = [{ key: 'h', value: 'a', schema: null }]
    const send = async () =>
      (await pipe.toKafka(['1', '2', '3'].map((value) => sourceRecord({ topic: 't', value, headers })))).map((r) => r.headers!)
    const [first, second, third] = await send()
    expect(first).toEqual([{ key: 'h', value: Buffer.from('a') }])
    expect(second).toBe(first)
    expect(third).toBe(first)
    headers[0] = { key: 'h', value: 'b', schema: null }
    expect(await send()).toEqual(Array(3).fill([{ key: 'h', value: Buffer.from('b') }]))

    const deliver = async (text: string) => {
      const shared = [{ key: 'h', value: Buffer.from(text) }]
      const records = [0, 1].map((offset) => ({
        offset,
        timestamp: 7,
        timestampType: 'CreateTime' as const,
        key: null,
        value: null,
        headers: shared,
      }))
      return (await pipe.toConnect([{ topic: 't', partition: 0, nextOffset: 2, highWatermark: 2, records }], () => {})).records
    }
    const texts = await deliver('text')
    expect(texts.map((r) => r.headers)).toEqual(Array(2).fill([{ key: 'h', value: 'text', schema: { type: 'string', optional: false } }]))
    expect(texts[1]!.headers).toBe(texts[0]!.headers)
    const arrays = await deliver('[1,2]')
    expect(arrays[1]!.headers).toEqual(arrays[0]!.headers)
    expect(arrays[1]!.headers[0]!.value).not.toBe(arrays[0]!.headers[0]!.value)
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
  test('a record that its source could not read is one that failed: no transform sees it, and errors.tolerance decides', async () => {
    const records = ['a1', 'drop', 'b'].map((value) => sourceRecord({ topic: 't', value }))
    records[1]!.unreadable = new DataError('its second half is missing')
    const append = { transforms: 'a', 'transforms.a.type': 'Append', 'transforms.a.suffix': '2' }
    await expect(pipeline(append).pipe.toKafka(records)).rejects.toThrow(/TASK_POLL in .*SourceTask: its second half is missing/)
    const failed: [unknown, string, number][] = []
    const made = await pipeline({ ...append, 'errors.tolerance': 'all' }).pipe.toKafka(records, (record, { stage }, index) => {
      failed.push([record.value, stage, index])
      return false
    })
    expect(made.map((record) => String(record.value))).toEqual(['a12', 'b2'])
    expect(failed).toEqual([['drop', 'TASK_POLL', 1]])
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
  test('groups need the defaults, and regular expressions are those of Java', () => {
    expect(() => topicGroups({ 'topic.creation.groups': 'wide', 'topic.creation.wide.include': 'w.*' })).toThrow(
      'Missing required configuration "topic.creation.default.replication.factor" which has no default value.',
    )
    expect(() => topicGroups({ ...config, 'topic.creation.wide.partitions': 'x' })).toThrow(
      'Invalid value x for configuration topic.creation.wide.partitions: Not a number of type INT',
    )
    expect(() => topicGroups({ ...config, 'topic.creation.wide.include': '(' })).toThrow(
      'Invalid value [(] for configuration include: Syntax error in regular expression: ',
    )
    const java = topicGroups({ ...config, 'topic.creation.wide.include': '\\p{Lu}\\w+' })!
    expect(['Orders', 'orders'].map((topic) => java.find((group) => group.matches(topic))!.spec.partitions)).toEqual([8, 1])
  })
  test('without a default nothing is created; half a default is refused', () => {
    expect(topicGroups({})).toBeNull()
    expect(() => topicGroups({ 'topic.creation.default.partitions': '1' })).toThrow(/topic.creation.default.replication.factor/)
    expect(() => topicGroups({ ...config, 'topic.creation.wide.partitions': '0' })).toThrow(
      "Invalid value 0 for configuration partitions: Number of partitions must be positive, or -1 to use the broker's default",
    )
  })
})

describe('a converter that waits for a schema', () => {
  /** Needs `needed` loads for each record; the load number `failing` fails. */
  function waiting(needed: number, failing = -1, error: Error = new DataError('no such schema')) {
    let loads = 0
    let have = 0
    const ask = () => {
      const load = loads++
      return new Promise<void>((resolve, reject) =>
        setImmediate(() => {
          if (load === failing) return reject(error)
          have++
          resolve()
        }),
      )
    }
    const declaration = defineConverter({
      class: 'test.WaitingConverter',
      doc: 'Waits.',
      settings: {},
      create: () => ({
        addsHeaders: true,
        fromConnect(_topic, _schema, value, headers) {
          if (have < needed) throw new SchemaPending('a schema', ask())
          headers!.push({ key: 'schema', value: Buffer.from([1]) })
          return Buffer.from(String(value))
        },
        toConnect(_topic, bytes, headers) {
          if (have < needed) throw new SchemaPending('a schema', ask())
          return { schema: null, value: `${bytes}${headers?.length ?? 0}` }
        },
      }),
    })
    const control = new AbortController()
    const config = { name: 'x', 'connector.class': 'x', 'errors.retry.delay.max.ms': '1', 'value.converter': 'WaitingConverter' }
    const known = new Plugins([], [...found.converters, declaration], [], [])
    const make = (more: Record<string, string> = {}) => {
      const given = { ...config, ...more }
      const common = parseSettings(connectorSettings(known, null), given) as CommonConfig
      const tolerance = new RetryWithToleranceOperator(common, realSystem('silent'), { connector: 'x', task: 0 })
      return new Pipeline(createConversion(known, given, strings, realSystem('silent')), tolerance, control.signal)
    }
    return { make, control, loads: () => loads }
  }
  const records = ['a', 'b'].map((value) => sourceRecord({ topic: 't', value }))
  const consumed = {
    topic: 't',
    partition: 0,
    nextOffset: 1,
    highWatermark: 1,
    records: [
      {
        offset: 0,
        key: null,
        value: Buffer.from('a'),
        headers: [{ key: 'h', value: null }],
        timestamp: 0,
        timestampType: 'CreateTime' as const,
      },
    ],
  }

  test('gets it, and its record is converted again; headers that it adds are once in the record', async () => {
    const { make, loads } = waiting(3)
    const converted = await make().toKafka(records)
    expect(converted.map((record) => [String(record.value), record.headers])).toEqual([
      ['a', [{ key: 'schema', value: Buffer.from([1]) }]],
      ['b', [{ key: 'schema', value: Buffer.from([1]) }]],
    ])
    expect(loads()).toBe(3)
    const sink = await waiting(1)
      .make()
      .toConnect([consumed], () => {})
    expect(sink.records[0]!.value).toBe('a1')
  })
  test('a load that fails is the error of the record', async () => {
    const failed = waiting(1, 0).make().toKafka(records)
    await expect(failed).rejects.toThrow(/VALUE_CONVERTER in test.WaitingConverter: no such schema/)
    const skipped = await waiting(1, 0).make({ 'errors.tolerance': 'all' }).toKafka(records)
    expect(skipped.map((record) => String(record.value))).toEqual(['b'])
  })
  test('a load that fails for a time is repeated, as errors.retry.timeout says', async () => {
    const retried = waiting(1, 0, new Retriable('the registry is down'))
    expect(await retried.make({ 'errors.retry.timeout': '60000' }).toKafka(records)).toHaveLength(2)
    await expect(waiting(1, 0, new Retriable('the registry is down')).make().toKafka(records)).rejects.toThrow(/the registry is down/)
  })
  test('a record that never has enough fails', async () => {
    await expect(waiting(1_000).make().toKafka(records)).rejects.toThrow(/needs more than 16 schemas/)
  })
  test('a task that stops waits no longer, and skips no record', async () => {
    const { make, control } = waiting(1_000_000)
    const converting = make({ 'errors.tolerance': 'all' }).toKafka(records)
    control.abort()
    await expect(converting).rejects.toHaveProperty('name', 'AbortError')
  })
  test('the schemas of a poll load at the same time, each once and not too many, and the records keep their order', async () => {
    const loaded = new Set<string>()
    const loads = new Map<string, Promise<void>>()
    let open = 0
    let most = 0
    const load = (id: string): Promise<void> => {
      most = Math.max(most, ++open)
      return new Promise((resolve) =>
        setImmediate(() => {
          open--
          loaded.add(id)
          resolve()
        }),
      )
    }
    const declaration = defineConverter({
      class: 'test.ManySchemas',
      doc: 'Each record has a schema of its own.',
      settings: {},
      create: () => ({
        fromConnect: () => null,
        toConnect(_topic, bytes) {
          const id = String(bytes)
          if (id === 'broken') throw new Error('no id')
          if (loaded.has(id)) return { schema: null, value: id }
          if (!loads.has(id)) loads.set(id, load(id))
          throw new SchemaPending(id, loads.get(id)!)
        },
      }),
    })
    const given = { name: 'x', 'connector.class': 'x', 'errors.tolerance': 'all', 'value.converter': 'ManySchemas' }
    const known = new Plugins([], [...found.converters, declaration], [], [])
    const common = parseSettings(connectorSettings(known, null), given) as CommonConfig
    const tolerance = new RetryWithToleranceOperator(common, realSystem('silent'), { connector: 'x', task: 0 })
    const pipeline = new Pipeline(createConversion(known, given, strings, realSystem('silent')), tolerance, new AbortController().signal)
    const ids = Array.from({ length: 50 }, (_, id) => (id === 20 ? 'broken' : `${id}`))
    const ofId = (id: string) => ({ ...consumed.records[0]!, value: Buffer.from(id) })
    const failed: string[] = []
    const sink = await pipeline.toConnect(
      [
        { ...consumed, records: ids.slice(0, 25).map(ofId) },
        { ...consumed, partition: 1, records: ids.slice(25).map(ofId) },
      ],
      ({ record }) => failed.push(String(record.value)),
    )
    expect(sink.records.map(({ value }) => value)).toEqual(ids.filter((id) => id !== 'broken'))
    expect(failed).toEqual(['broken'])
    expect(loads.size).toBe(49)
    expect(most).toBe(17)
    expect(sink.originalAt(48)).toMatchObject({ partition: 1, record: { value: Buffer.from('49') } })
    expect(sink.originalAt(49)).toBeUndefined()
    expect(sink.originalAt(-1)).toBeUndefined()
  })
})
