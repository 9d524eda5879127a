/**
 * Goal: Invariant 6: a position is stored only after its records are acknowledged, and a cancelled task stores nothing. Method: the real
 * task, stores in memory, and a producer whose acknowledgements the test controls.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import { createConversion } from '../../../connect/runtime/conversion.ts'
import { Pipeline } from '../../../connect/runtime/pipeline.ts'
import { rateLimitOf } from '../../../connect/runtime/rate-limit.ts'
import { RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { TaskControl } from '../../../connect/runtime/task-control.ts'
import { TaskProgress } from '../../../connect/runtime/task-progress.ts'
import type { TopicCreation } from '../../../connect/runtime/topic-creation.ts'
import { WorkerSourceTask } from '../../../connect/runtime/worker-source-task.ts'
import { defineSource, parseSettings, type SourceBatch, sourceRecord } from '../../../connect/sdk/index.ts'
import { MemoryLog, MemoryRecords } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'
import type { ProduceOptions, Producer, ProducerRecord, SendResult } from '../../../core/client/types.ts'
import { KafkaError } from '../../../core/errors.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'

const system = realSystem('silent')
const plugins = await findPlugins()
const result: SendResult = { count: 0, failures: null, at: () => ({ topic: '', partition: 0, offset: 0, timestamp: 0 }) }

/** Acknowledges on demand. */
class ManualProducer implements Producer {
  readonly calls: { values: string[]; ack(): void; fail(error: Error): void }[] = []
  readonly pendingBytes = 0
  closed = false
  refuses: string | null = null
  send(records: readonly ProducerRecord[], options: ProduceOptions = {}): Promise<SendResult> {
    return new Promise((resolve, reject) => {
      if (records.some((record) => String(record.value) === this.refuses)) options.onRefused?.(new Error('the record is too large'))
      this.calls.push({ values: records.map((record) => String(record.value)), ack: () => resolve(result), fail: reject })
    })
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {
    this.closed = true
    for (const call of this.calls) call.fail(new Error('closed'))
  }
}

const batch = (n: number, count = 1, part = 'a'): SourceBatch => ({
  records: Array.from({ length: count }, (_, i) => sourceRecord({ topic: 't', value: `${n}.${i}` })),
  positions: [{ partition: { part }, offset: { n } }],
})

async function loop(batches: readonly SourceBatch[], more: Record<string, string> = {}, refuses: string | null = null) {
  const given = { name: 'x', 'connector.class': 'x', 'value.converter': 'StringConverter', ...more }
  const common = parseSettings(connectorSettings(plugins, null), given) as CommonConfig
  const tolerance = new RetryWithToleranceOperator(common, system, { connector: 'x', task: 0 })
  const control = new TaskControl(false, new TaskProgress(system.clock))
  const records = new MemoryRecords()
  const offsets = new OffsetBackingStore(new MemoryLog(records), () => {})
  await offsets.start()
  const producer = new ManualProducer()
  producer.refuses = refuses
  const yielded: number[] = []
  const acknowledged: number[] = []
  const side = defineSource({
    class: 'x',
    settings: {},
    async *read({ signal }) {
      for (const [at, one] of batches.entries()) {
        yielded.push(at)
        yield one
      }
      await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
    },
  })
  const log = { info() {}, warn() {}, error() {} }
  const running = new WorkerSourceTask({
    side,
    context: { connector: 'x', task: 0, config: {}, log },
    pipeline: new Pipeline(createConversion(plugins, given, {}, system), tolerance, control.signal),
    producer,
    deadLetters: null,
    offsets,
    topics: { ensure: async () => {} } as unknown as TopicCreation,
    retryWithTolerance: tolerance,
    rateLimit: rateLimitOf(given),
    system,
    flushIntervalMs: 5,
    flushTimeoutMs: 1000,
    recordActiveTopic() {},
    accepted: async () => {},
    onAcknowledged: (count) => acknowledged.push(count),
  }).run(control)
  running.catch(() => {})
  const stored = () => records.entries.map((entry) => JSON.parse(entry.value!).n)
  return { control, producer, offsets, running, stored, yielded, acknowledged }
}

test('positions follow acknowledgements, in the order of reading', async () => {
  const { control, producer, running, stored } = await loop([batch(1), batch(2), batch(3)])
  await until(() => producer.calls.length === 3, 'all are sent')
  producer.calls[2]!.ack()
  producer.calls[1]!.ack()
  await new Promise((resolve) => setImmediate(resolve))
  expect(stored()).toEqual([])
  producer.calls[0]!.ack()
  await until(() => stored().length > 0, 'the position is stored')
  expect(stored()).toEqual([3])
  control.stop()
  await running
  expect(producer.closed).toBe(true)
})

test('a refused record fails the task; positions before it are stored, later ones are not', async () => {
  const { producer, running, stored } = await loop([batch(1), batch(2), batch(3)])
  await until(() => producer.calls.length === 3, 'all are sent')
  producer.calls[0]!.ack()
  producer.calls[2]!.ack()
  producer.calls[1]!.fail(new Error('the record is too large'))
  await expect(running).rejects.toThrow(/too large/)
  expect(stored()).toEqual([1])
})

test.each([
  { tolerance: 'none', sent: 1, what: 'nothing is sent after a record that the producer refuses' },
  { tolerance: 'all', sent: 2, what: 'with errors.tolerance=all what comes after it is sent' },
])('$what', async ({ tolerance, sent }) => {
  const { control, producer, running } = await loop([batch(1), batch(2)], { 'errors.tolerance': tolerance }, '1.0')
  await until(() => producer.calls.length === sent, 'the batches are sent')
  producer.calls[0]!.fail(new Error('the record is too large'))
  producer.calls[1]?.ack()
  if (tolerance === 'none') await expect(running).rejects.toThrow(/too large/)
  control.stop()
  await running.catch(() => {})
  expect(producer.calls.length).toBe(sent)
})

test('only records that Kafka has acknowledged are counted', async () => {
  const { control, producer, running, acknowledged } = await loop([batch(1, 3), batch(2, 2), batch(3)], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 3, 'all are sent')
  const error = new Error('one record is too large')
  producer.calls[0]!.fail(Object.assign(error, { result: { ...result, count: 3, failures: new Map([[1, error]]) } }))
  producer.calls[1]!.ack()
  producer.calls[2]!.fail(new Error('the producer is closed'))
  await until(() => acknowledged.length === 3, 'all are settled')
  expect(acknowledged).toEqual([2, 2, 0])
  control.stop()
  await running
})

test('with errors.tolerance=all a refused record is skipped and its position stored', async () => {
  const { control, producer, running, stored } = await loop([batch(1), batch(2)], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 2, 'all are sent')
  producer.calls[0]!.fail(new Error('the record is too large'))
  producer.calls[1]!.ack()
  await until(() => stored().at(-1) === 2, 'the position is stored')
  control.stop()
  await running
})

test('a stop waits for the sends under way and stores their positions', async () => {
  const { control, producer, running, stored } = await loop([batch(1), batch(2)])
  await until(() => producer.calls.length === 2, 'all are sent')
  control.stop()
  producer.calls[0]!.ack()
  producer.calls[1]!.ack()
  await running
  expect(stored().at(-1)).toBe(2)
})

test('a cancelled task stores nothing and does not wait', async () => {
  const { control, producer, running, stored } = await loop([batch(1), batch(2)])
  await until(() => producer.calls.length === 2, 'all are sent')
  control.cancel()
  await running.catch(() => {})
  expect(stored()).toEqual([])
  expect(producer.closed).toBe(true)
})

test('a batch without records advances the position, in its order', async () => {
  const { control, producer, running, stored } = await loop([batch(1), batch(2, 0), batch(3, 0, 'b')])
  await until(() => stored().length > 0, 'the other part is stored')
  expect(stored()).toEqual([3])
  producer.calls[0]!.ack()
  await until(() => stored().includes(2), 'and then the first')
  expect(stored()).not.toContain(1)
  control.stop()
  await running
})

test('no further batch is read while too much is unacknowledged', async () => {
  const big = Array.from({ length: 7 }, (_, n) => batch(n, 2_000))
  const { control, producer, running, yielded } = await loop(big)
  await until(() => producer.calls.length === 6, 'the bound is passed once')
  await new Promise((resolve) => setImmediate(resolve))
  expect(yielded).toHaveLength(6)
  producer.calls[0]!.ack()
  producer.calls[1]!.ack()
  await until(() => yielded.length === 7, 'it continues')
  for (const call of producer.calls) call.ack()
  control.stop()
  await until(() => producer.calls.length === 7, 'the last is sent').then(() => producer.calls[6]!.ack())
  await running
})

test('a paused task reads nothing', async () => {
  const { control, producer, running, yielded } = await loop([batch(1), batch(2), batch(3)])
  control.pause()
  // At most what was under way.
  await new Promise((resolve) => setImmediate(resolve))
  const before = yielded.length
  await new Promise((resolve) => setImmediate(resolve))
  expect(yielded.length).toBe(before)
  control.resume()
  await until(() => producer.calls.length === 3, 'all are sent')
  for (const call of producer.calls) call.ack()
  control.stop()
  await running
})

describe('a rate limit', () => {
  test('stops the reading: what was read is stored, nothing counts as a stall, and a stop does not wait', async () => {
    // The second batch would come after an hour.
    const { control, producer, running, stored, yielded } = await loop([batch(1, 3601), batch(2)], { 'task.records.per.second.max': '1' })
    await until(() => producer.calls.length === 1, 'the batch is sent')
    producer.calls[0]!.ack()
    await until(() => stored().includes(1), 'the position is stored')
    expect([yielded, control.progress.ages()]).toEqual([[0], []])
    control.pause()
    control.resume()
    control.stop()
    await running
    expect([yielded, stored()]).toEqual([[0], [1]])
  })

  test('of bytes counts what is sent; a rate below it does not wait', async () => {
    const few = await loop([batch(1, 10), batch(2)], { 'task.bytes.per.second.max': '1' })
    await until(() => few.producer.calls.length === 1, 'the batch is sent')
    few.producer.calls[0]!.ack()
    await until(() => few.stored().includes(1), 'the position is stored')
    expect(few.yielded).toEqual([0])
    few.control.stop()
    await few.running
    const many = await loop([batch(1, 10), batch(2), batch(3)], {
      'task.bytes.per.second.max': '1000000',
      'task.records.per.second.max': '100000',
    })
    await until(() => many.producer.calls.length === 3, 'all are sent')
    for (const call of many.producer.calls) call.ack()
    many.control.stop()
    await many.running
    expect(many.stored()).toContain(3)
  })

  test('gives a failure at once', async () => {
    const { producer, running } = await loop([batch(1, 3601), batch(2)], { 'task.records.per.second.max': '1' })
    await until(() => producer.calls.length === 1, 'the batch is sent')
    producer.calls[0]!.fail(new Error('the record is too large'))
    await expect(running).rejects.toThrow(/too large/)
  })
})

test('a source hears where each record is, why one is not, and that the batch is done, in this order', async () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const heard: unknown[] = []
  const listening: SourceBatch = {
    records: ['a', circular, 'c', 'd'].map((value) => sourceRecord({ topic: 't', value })),
    positions: [],
    stored: (index, { topic, partition, offset }) => void heard.push([index, topic, partition, offset]),
    rejected: (index, error) => void heard.push([index, error.message]),
    acknowledged: () => void heard.push('acknowledged'),
  }
  const { control, producer, running } = await loop([listening], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 1, 'the batch is sent')
  const tooLarge = new Error('the record is too large')
  const partly: SendResult = {
    count: 3,
    failures: new Map([[1, tooLarge]]),
    at: (index) => ({ topic: 't', partition: 4, offset: 70 + index, timestamp: 0 }),
  }
  producer.calls[0]!.fail(Object.assign(new Error('one has failed'), { result: partly }))
  await until(() => heard.includes('acknowledged'), 'the batch is acknowledged')
  expect(heard).toEqual([
    [1, expect.stringContaining('VALUE_CONVERTER')],
    [2, 'the record is too large'],
    [0, 't', 4, 70],
    [3, 't', 4, 72],
    'acknowledged',
  ])
  control.stop()
  await running
})

test.each(['a conversion', 'the producer'])(
  'a source hears of the record for which %s fails the task, before its read ends',
  async (what) => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    const heard: unknown[] = []
    const listening: SourceBatch = {
      records: ['a', what === 'a conversion' ? circular : 'b', 'c'].map((value) => sourceRecord({ topic: 't', value })),
      positions: [],
      stored: (index) => void heard.push(index),
      rejected: (index) => void heard.push(`rejected ${index}`),
      acknowledged: () => void heard.push('acknowledged'),
    }
    const { producer, running } = await loop([listening])
    if (what === 'the producer') {
      await until(() => producer.calls.length === 1, 'the batch is sent')
      const failures = [1, 2].map((index) => [index, new Error(`no ${index}`)] as const)
      producer.calls[0]!.fail(Object.assign(new Error('two have failed'), { result: { ...result, count: 3, failures: new Map(failures) } }))
    }
    await expect(running).rejects.toThrow()
    expect(heard).toEqual(['rejected 1'])
  },
)

/** A batch that writes down what its source hears. */
function heardOf(values: readonly unknown[], more: Partial<SourceBatch> = {}) {
  const heard: unknown[] = []
  const listening: SourceBatch = {
    records: values.map((value) => sourceRecord({ topic: 't', value })),
    positions: [],
    stored: (index, { offset }) => void heard.push(`${index} is at ${offset}`),
    rejected: (index) => void heard.push(`rejected ${index}`),
    acknowledged: () => void heard.push('acknowledged'),
    ...more,
  }
  return { heard, listening }
}

test.each(['a conversion', 'the producer'])(
  'a record of %s that its source refuses fails no task with errors.tolerance=none, and is told once',
  async (what) => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    const refusals: unknown[] = []
    const { heard, listening } = heardOf(['a', what === 'a conversion' ? circular : 'b', 'c'], {
      refused: (index, _error, reason) => refusals.push([index, reason]) > 0,
    })
    const { control, producer, running, stored } = await loop([{ ...listening, positions: batch(1).positions }], {}, 'b')
    await until(() => producer.calls.length === 1, 'the batch is sent')
    if (what === 'a conversion') producer.calls[0]!.ack()
    else {
      const tooLarge = new KafkaError('MESSAGE_TOO_LARGE', 'too large')
      producer.calls[0]!.fail(
        Object.assign(new Error('one has failed'), { result: { ...result, count: 3, failures: new Map([[1, tooLarge]]) } }),
      )
    }
    await until(() => stored().length > 0, 'the position is stored')
    expect(refusals).toEqual([[1, what === 'a conversion' ? 'record' : 'too-large']])
    expect(heard).toEqual(['0 is at 0', '2 is at 0', 'acknowledged'])
    control.stop()
    await running
  },
)

test('a record that its source does not refuse fails the task, and with errors.tolerance=all none is asked about', async () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const { heard, listening } = heardOf([circular, 'a'], { refused: () => false })
  const { running } = await loop([listening])
  await expect(running).rejects.toThrow(/VALUE_CONVERTER/)
  expect(heard).toEqual(['rejected 0'])
  const tolerant = heardOf([circular, 'a'], { refused: () => expect.unreachable() })
  const { control, producer, running: going } = await loop([tolerant.listening], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 1, 'the batch is sent')
  producer.calls[0]!.ack()
  await until(() => tolerant.heard.includes('acknowledged'), 'the batch is acknowledged')
  expect(tolerant.heard[0]).toBe('rejected 0')
  control.stop()
  await going
})

test('a record object that a batch has twice is told twice, each time by its own index', async () => {
  const twice = sourceRecord({ topic: 't', value: 'x' })
  const { heard, listening } = heardOf([], { records: [twice, sourceRecord({ topic: 't', value: 'y' }), twice] })
  const { control, producer, running } = await loop([listening], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 1, 'the batch is sent')
  const partly: SendResult = {
    count: 3,
    failures: new Map([[0, new Error('too large')]]),
    at: (index) => ({ topic: 't', partition: 0, offset: 10 + index, timestamp: 0 }),
  }
  producer.calls[0]!.fail(Object.assign(new Error('one has failed'), { result: partly }))
  await until(() => heard.includes('acknowledged'), 'the batch is acknowledged')
  expect(heard).toEqual(['rejected 0', '1 is at 11', '2 is at 12', 'acknowledged'])
  control.stop()
  await running
})

test.each(['none', 'all'])(
  'a source hears nothing of records that a cancelled task could not send (errors.tolerance=%s)',
  async (tolerance) => {
    const { heard, listening } = heardOf(['a', 'b'])
    const { control, producer, running } = await loop([listening], { 'errors.tolerance': tolerance })
    await until(() => producer.calls.length === 1, 'the batch is sent')
    control.cancel()
    await running.catch(() => {})
    expect(heard).toEqual([])
  },
)

test('a source hears of a skipped record only when the rest of its batch is in Kafka', async () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const { heard, listening } = heardOf(['a', circular])
  const { control, producer, running } = await loop([listening], { 'errors.tolerance': 'all' })
  await until(() => producer.calls.length === 1, 'the batch is sent')
  expect(heard).toEqual([])
  producer.calls[0]!.ack()
  await until(() => heard.includes('acknowledged'), 'the batch is acknowledged')
  expect(heard).toEqual(['rejected 1', '0 is at 0', 'acknowledged'])
  control.stop()
  await running
})

test('a source hears no more once its code has thrown, and the task fails with that', async () => {
  const { heard, listening } = heardOf(['a', 'b'], {
    stored: () => {
      heard.push('stored')
      throw new Error('the hook is broken')
    },
  })
  const { producer, running } = await loop([listening])
  await until(() => producer.calls.length === 1, 'the batch is sent')
  producer.calls[0]!.ack()
  await expect(running).rejects.toThrow('the hook is broken')
  expect(heard).toEqual(['stored'])
})
