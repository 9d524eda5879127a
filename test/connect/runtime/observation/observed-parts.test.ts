/**
 * Goal: what goes through the parts of a task is counted once, and goes through unchanged, also where it fails. Method: parts that answer
 * as the test wants, and the numbers after it.
 */
import { beforeEach, expect, test } from 'vitest'
import { ObservedParts } from '../../../../connect/runtime/observation/observed-parts.ts'
import { TaskMetrics } from '../../../../connect/runtime/observation/task-metrics.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { DEFAULT_WINDOWS } from '../../../../core/system/windowed-stat.ts'

let metrics: TaskMetrics
let observed: ObservedParts
beforeEach(() => {
  metrics = new TaskMetrics('source', DEFAULT_WINDOWS, () => 0)
  observed = new ObservedParts(metrics, null, realClock)
})

/** A class with private state, as the client's are. */
class Part {
  readonly #name = 'part'
  closed = false
  get name() {
    return this.#name
  }
  async close() {
    this.closed = this.#name === 'part'
  }
}

test('what callers give a producer and a pipeline besides the records reaches them, also where spans are sent', async () => {
  const tracing = { converting: (_: number, work: () => unknown) => work(), sending: (_: unknown, sent: unknown) => sent }
  const traced = new ObservedParts(metrics, tracing as never, realClock)
  const got: unknown[][] = []
  const record = async (...args: unknown[]) => void got.push(args)
  const options = { onRefused() {} }
  for (const parts of [observed, traced]) {
    await (parts.producer({ send: record } as never) as { send: typeof record }).send([], options)
    await (parts.pipeline({ toKafka: record } as never) as unknown as { toKafka: typeof record }).toKafka([1], 'on failure', 'sources')
  }
  const expected = [
    [[], options],
    [[1], 'on failure', 'sources'],
  ]
  expect(got).toEqual([...expected, ...expected])
})

test('a source is polled and ended as before', async () => {
  let ended = false
  async function* read() {
    try {
      yield { records: [1, 2], positions: [] }
      yield { records: [3], positions: [] }
    } finally {
      ended = true
    }
  }
  const reading = observed.source({ read } as never).read({} as never)
  expect((await reading.next()).value).toEqual({ records: [1, 2], positions: [] })
  await reading.return()
  expect(ended).toBe(true)
  expect(metrics.readTotal).toBe(2)
})

test('records are active until the producer is done with them, in whichever way', async () => {
  const ends: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  class Producer extends Part {
    send = () => new Promise((resolve, reject) => ends.push({ resolve, reject }))
  }
  const producer = observed.producer(new Producer() as never) as unknown as Producer & { send(records: unknown[]): Promise<unknown> }
  const [first, second] = [producer.send([1, 2]), producer.send([3])]
  expect(metrics.active).toBe(3)
  ends[0]!.resolve('sent')
  ends[1]!.reject(new Error('refused'))
  expect(await first).toBe('sent')
  await expect(second).rejects.toThrow('refused')
  expect(metrics.active).toBe(0)
  await producer.close()
  expect([producer.name, producer.closed]).toEqual(['part', true])
})

test('a commit that fails is counted as one, and fails', async () => {
  let fails = false
  const offsets = observed.offsets({ put: async () => (fails ? Promise.reject(new Error('no')) : undefined) } as never)
  await offsets.put('c', [])
  fails = true
  await expect(offsets.put('c', [])).rejects.toThrow('no')
  expect(metrics.commitSuccess.average(0)).toBe(0.5)
})

test('a consumer is read and committed', async () => {
  const listeners: { revoked?(partitions: unknown[]): Promise<void> }[] = []
  const records = [{ offset: 5 }, { offset: 6 }]
  const consumer = observed.consumer({
    assignment: [1, 2, 3],
    poll: async () => [{ topic: 't', partition: 0, records, nextOffset: 7 }],
    commit: async () => {},
    subscribe: (_topics: unknown, listener: never) => void listeners.push(listener),
  } as never)
  expect(await consumer.poll(1)).toHaveLength(1)
  expect([metrics.readTotal, metrics.active, metrics.partitionCount()]).toEqual([2, 2, 3])
  await consumer.commit([{ topic: 't', partition: 0, offset: 6 }])
  expect(metrics.active).toBe(1)
  consumer.subscribe(['t'])
  await listeners[0]!.revoked!([{ topic: 't', partition: 0 }])
  expect(metrics.active).toBe(0)
})

test('a sink gets its records', async () => {
  const written: unknown[] = []
  const side = observed.sink({
    start: async () => ({ write: async (records: unknown) => void written.push(records), flush: async () => {} }),
  } as never)
  const task = await side.start({} as never)
  await task.write([1] as never)
  expect(written).toEqual([[1]])
  expect(metrics.batchTimeMs.average(0)).toBeGreaterThanOrEqual(0)
})
