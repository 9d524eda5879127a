/**
 * Goal: Invariant 7: an offset is committed only after a successful flush, and the dead-letter queue has the rest; nothing of a revoked
 * partition is delivered. Method: the real task and converters, with a consumer and a sink whose every step the test sees.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import { createConversion } from '../../../connect/runtime/conversion.ts'
import type { DeadLetterQueueReporter } from '../../../connect/runtime/dead-letter-queue-reporter.ts'
import { WorkerErrantRecordReporter } from '../../../connect/runtime/errant-record-reporter.ts'
import { Pipeline } from '../../../connect/runtime/pipeline.ts'
import { rateLimitOf } from '../../../connect/runtime/rate-limit.ts'
import { RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { TaskControl } from '../../../connect/runtime/task-control.ts'
import { TaskProgress } from '../../../connect/runtime/task-progress.ts'
import { WorkerSinkTask } from '../../../connect/runtime/worker-sink-task.ts'
import { defineSink, parseSettings, Retriable, type SinkTask } from '../../../connect/sdk/index.ts'
import type { CommitOffset, ConsumedBatch, Consumer, RebalanceListener, TopicPartition } from '../../../core/client/types.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'

const system = realSystem('silent')
const plugins = await findPlugins()
const p0 = { topic: 't', partition: 0 }
const p1 = { topic: 't', partition: 1 }

/** Returns the batches that a test queues. Rebalances happen inside poll, as with the real consumer. */
class QueuedConsumer implements Consumer {
  readonly line: (ConsumedBatch[] | (() => Promise<void>))[] = []
  readonly steps: string[]
  assignment: TopicPartition[] = []
  paused = new Set<string>()
  seeks: string[] = []
  commitFails = 0
  stored = new Map<string, number>()
  closed = false
  listener: RebalanceListener | null = null
  constructor(steps: string[]) {
    this.steps = steps
  }
  subscribe(_topics: readonly string[] | RegExp, listener?: RebalanceListener): void {
    this.listener = listener ?? null
  }
  assign(): void {}
  async poll(timeoutMs: number, signal?: AbortSignal): Promise<ConsumedBatch[]> {
    const next = this.line.at(0)
    if (typeof next === 'function') {
      this.line.shift()
      await next()
      return []
    }
    if (next && this.paused.size === 0) return this.line.shift() as ConsumedBatch[]
    await system.clock.sleep(Math.min(timeoutMs, 5), signal)
    return []
  }
  async give(partitions: TopicPartition[]): Promise<void> {
    this.assignment.push(...partitions)
    await this.listener?.assigned?.(partitions)
  }
  async take(partitions: TopicPartition[], how: 'revoked' | 'lost' = 'revoked'): Promise<void> {
    await this.listener?.[how]?.(partitions)
    this.assignment = this.assignment.filter((one) => !partitions.some((gone) => gone.partition === one.partition))
  }
  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.seeks.push(`${topic}-${partition}@${offset}`)
  }
  pause(partitions: readonly TopicPartition[]): void {
    for (const one of partitions) this.paused.add(`${one.topic}-${one.partition}`)
  }
  resume(partitions: readonly TopicPartition[]): void {
    for (const one of partitions) this.paused.delete(`${one.topic}-${one.partition}`)
  }
  position(): undefined {}
  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    if (this.commitFails-- > 0) throw new Error('rebalance in progress')
    this.steps.push(`commit ${offsets.map((one) => `${one.partition}@${one.offset}`).join(' ')}`)
    for (const one of offsets) this.stored.set(`${one.topic}-${one.partition}`, one.offset)
  }
  groupMetadata() {
    return { groupId: 'sink', generationId: -1, memberId: '' }
  }
  async committed(): Promise<Map<string, number>> {
    return this.stored
  }
  async close(): Promise<void> {
    this.closed = true
  }
}

const records = ({ topic, partition }: TopicPartition, from: number, count: number): ConsumedBatch => ({
  topic,
  partition,
  records: Array.from({ length: count }, (_, n) => ({
    offset: from + n,
    timestamp: 1,
    timestampType: 'CreateTime' as const,
    key: null,
    value: Buffer.from(String(from + n)),
    headers: [],
  })),
  nextOffset: from + count,
  highWatermark: from + count,
})

function loop(
  sink: Partial<SinkTask> = {},
  { deadLetter = null as DeadLetterQueueReporter | null, flushMs = 60_000, limits = {} as Record<string, string> } = {},
) {
  const steps: string[] = []
  const given = { name: 'x', 'connector.class': 'x', 'value.converter': 'StringConverter', 'errors.tolerance': deadLetter ? 'all' : 'none' }
  const common = parseSettings(connectorSettings(plugins, null), given) as CommonConfig
  const tolerance = new RetryWithToleranceOperator(common, system, { connector: 'x', task: 0 })
  const control = new TaskControl(false, new TaskProgress(system.clock))
  const consumer = new QueuedConsumer(steps)
  const names = (partitions: readonly TopicPartition[]) => partitions.map((one) => one.partition).join(' ')
  const side = defineSink({
    class: 'x',
    settings: {},
    start: () => ({
      open: (partitions) => void steps.push(`open ${names(partitions)}`),
      close: (partitions) => void steps.push(`close ${names(partitions)}`),
      stop: () => void steps.push('stop'),
      write: async (batch) => {
        await sink.write?.(batch)
        steps.push(`write ${batch.map((record) => `${record.partition}@${record.offset}`).join(' ')}`)
      },
      flush: async (offsets) => {
        const named = await sink.flush?.(offsets)
        steps.push('flush')
        return named
      },
    }),
  })
  const running = new WorkerSinkTask({
    side,
    context: { connector: 'x', task: 0, config: {}, log: { info() {}, warn() {}, error() {} } },
    pipeline: new Pipeline(createConversion(plugins, given, {}, system), tolerance, control.signal),
    consumer,
    topics: ['t'],
    deadLetterQueue: deadLetter,
    errantRecords: new WorkerErrantRecordReporter(deadLetter, tolerance),
    retryWithTolerance: tolerance,
    rateLimit: rateLimitOf(limits),
    system,
    flushIntervalMs: flushMs,
    recordActiveTopic() {},
    accepted: async () => {},
    onDelivered() {},
  }).run(control)
  running.catch(() => {})
  return { steps, control, consumer, running }
}

const has = (steps: string[], step: string) => until(() => steps.includes(step), `${step}, in ${steps.join(', ')}`)

test('write, flush, commit, in that order; and all of it before the end', async () => {
  const { steps, control, consumer, running } = loop()
  consumer.line.push(() => consumer.give([p0, p1]), [records(p0, 5, 2), records(p1, 0, 1)])
  await has(steps, 'write 0@5 0@6 1@0')
  control.stop()
  await running
  expect(steps).toEqual(['open 0 1', 'write 0@5 0@6 1@0', 'flush', 'commit 0@7 1@1', 'stop'])
  expect(consumer.closed).toBe(true)
})

test('what was delivered is flushed and committed before a partition is revoked', async () => {
  const { steps, control, consumer, running } = loop()
  consumer.line.push(
    () => consumer.give([p0, p1]),
    [records(p0, 0, 1), records(p1, 0, 1)],
    () => consumer.take([p0]),
    [records(p1, 1, 1)],
  )
  await has(steps, 'write 1@1')
  control.stop()
  await running
  expect(steps).toEqual(['open 0 1', 'write 0@0 1@0', 'flush', 'commit 0@1 1@1', 'close 0', 'write 1@1', 'flush', 'commit 1@2', 'stop'])
})

test('where the sink names offsets these are committed, once, and the rest when it names it', async () => {
  const named = [
    [{ ...p0, offset: 1 }],
    [{ ...p0, offset: 1 }],
    [
      { ...p0, offset: 3 },
      { topic: 't', partition: 9, offset: 1 },
    ],
  ]
  const { steps, control, consumer, running } = loop({ flush: async () => named.shift() ?? [] }, { flushMs: 1 })
  consumer.line.push(() => consumer.give([p0, p1]), [records(p0, 0, 3), records(p1, 0, 1)])
  await has(steps, 'commit 0@3')
  control.stop()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual(['commit 0@1', 'commit 0@3'])
})

test('a sink that names an offset past what it was given fails', async () => {
  const { steps, consumer, running } = loop({ flush: async () => [{ ...p0, offset: 2 }] }, { flushMs: 1 })
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await expect(running).rejects.toThrow('flush of the sink has returned t-0@2, and it was given records up to 1')
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
})

test('a sink that names two offsets of a partition fails: either could be the one that loses records', async () => {
  const both = [
    { ...p0, offset: 1 },
    { ...p0, offset: 2 },
  ]
  const { steps, consumer, running } = loop({ flush: async () => both }, { flushMs: 1 })
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 2)])
  await expect(running).rejects.toThrow('flush of the sink has returned two offsets of t-0: return the one to commit')
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
})

test('what a sink has named for a partition that went and came back is not committed before it is delivered again', async () => {
  let named: CommitOffset[] = []
  const { steps, control, consumer, running } = loop({ flush: async () => named }, { flushMs: 1 })
  consumer.line.push(() => consumer.give([p0, p1]), [records(p0, 0, 3), records(p1, 0, 1)])
  await has(steps, 'write 0@0 0@1 0@2 1@0')
  // Nothing was named, so that the next owner reads all of it.
  consumer.line.push(
    () => consumer.take([p0]),
    async () => void (named = [{ ...p0, offset: 3 }]),
    () => consumer.give([p0]),
    [records(p1, 1, 1)],
  )
  await has(steps, 'write 1@1')
  const flushes = () => steps.filter((step) => step === 'flush').length
  const before = flushes()
  await until(() => flushes() > before + 1, 'it flushes again, as long as something is not committed')
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual([])
  named = [{ ...p0, offset: 1 }]
  consumer.line.push([records(p0, 0, 3)])
  await has(steps, 'commit 0@1')
  control.stop()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual(['commit 0@1'])
})

test('a partition that was lost is neither flushed for nor committed', async () => {
  const { steps, control, consumer, running } = loop()
  consumer.line.push(
    () => consumer.give([p0]),
    [records(p0, 0, 1)],
    () => consumer.take([p0], 'lost'),
  )
  await has(steps, 'close 0')
  control.stop()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual([])
})

test('a flush that fails for good fails the task and commits nothing', async () => {
  const { steps, consumer, running } = loop(
    {
      flush: async () => {
        throw new Error('no space')
      },
    },
    { flushMs: 1 },
  )
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await expect(running).rejects.toThrow('no space')
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
  expect(steps.at(-1)).toBe('stop')
})

test('while the sink asks to try again all partitions rest; records of a partition that went meanwhile are not delivered', async () => {
  let tries = 0
  const { steps, control, consumer, running } = loop({
    write: async () => {
      if (tries++ < 1) throw new Retriable('busy', { afterMs: 30 })
    },
  })
  consumer.line.push(
    () => consumer.give([p0, p1]),
    [records(p0, 0, 1), records(p1, 0, 1)],
    () => consumer.take([p0]),
  )
  await has(steps, 'write 1@0')
  expect(steps).not.toContain('write 0@0 1@0')
  await until(() => consumer.paused.has('t-1') === false, 'the partition goes on')
  control.stop()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual(['commit 1@1'])
})

test('polled records of a partition that was revoked and assigned again are not delivered, but read again', async () => {
  let tries = 0
  const { steps, control, consumer, running } = loop({
    write: async () => {
      if (tries++ < 1) throw new Retriable('busy', { afterMs: 30 })
    },
  })
  consumer.line.push(
    () => consumer.give([p0, p1]),
    [records(p0, 0, 1), records(p1, 0, 1)],
    async () => {
      await consumer.take([p0], 'lost')
      // The owner in between has delivered this record and further ones, and committed after them.
      await consumer.give([p0])
    },
  )
  await has(steps, 'write 1@0')
  expect(steps).not.toContain('write 0@0 1@0')
  await until(() => consumer.paused.size === 0, 'the partitions go on')
  consumer.line.push([records(p0, 9, 1)])
  await has(steps, 'write 0@9')
  control.stop()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual(['commit 1@1 0@10'])
})

test('an offset waits for the dead letters before it, and is not committed when they cannot be sent', async () => {
  const sent: string[] = []
  let release: (error?: Error) => void = () => {}
  const deadLetter = {
    report: (raw: { record: { offset: number } }) => void sent.push(String(raw.record.offset)),
    flush: () => new Promise<void>((resolve, reject) => (release = (error) => (error ? reject(error) : resolve()))),
    close: async () => {},
  } as unknown as DeadLetterQueueReporter
  const { BadRecord } = await import('../../../connect/sdk/index.ts')
  let bad = true
  const { steps, consumer, running } = loop(
    {
      write: async () => {
        if (bad) {
          bad = false
          throw new BadRecord(1, 'no')
        }
      },
    },
    { deadLetter, flushMs: 1 },
  )
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 3)])
  await has(steps, 'flush')
  expect(sent).toEqual(['1'])
  await new Promise((resolve) => setImmediate(resolve))
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
  release(new Error('the dead-letter topic is gone'))
  await expect(running).rejects.toThrow('the dead-letter topic is gone')
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
})

test('a commit that fails is made again with the next', async () => {
  const { steps, control, consumer, running } = loop({}, { flushMs: 1 })
  consumer.commitFails = 1
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await has(steps, 'commit 0@1')
  control.stop()
  await running
})

test('a pause pauses the partitions and commits what was delivered; a resume continues', async () => {
  const { steps, control, consumer, running } = loop()
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await has(steps, 'write 0@0')
  control.pause()
  await has(steps, 'commit 0@1')
  expect([...consumer.paused]).toEqual(['t-0'])
  consumer.line.push(() => consumer.give([p1]))
  await until(() => consumer.paused.has('t-1'), 'what comes while paused rests too')
  consumer.line.push([records(p0, 1, 1)])
  control.resume()
  await has(steps, 'write 0@1')
  control.stop()
  await running
})

test('a cancelled task commits nothing', async () => {
  const { steps, control, consumer, running } = loop()
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await has(steps, 'write 0@0')
  control.cancel()
  await running
  expect(steps.some((step) => step.startsWith('commit'))).toBe(false)
})

test('a task that is cancelled while it flushes commits nothing', async () => {
  const flushing = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const { steps, control, consumer, running } = loop(
    {
      flush: async () => {
        flushing.resolve()
        await release.promise
      },
    },
    { flushMs: 1 },
  )
  consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 1)])
  await flushing.promise
  control.cancel()
  release.resolve()
  await running
  expect(steps.filter((step) => step.startsWith('commit'))).toEqual([])
})

describe('a rate limit', () => {
  test('rests all partitions: polls and commits go on, rebalances too, and nothing counts as a stall', async () => {
    // The second batch would come after an hour.
    const { steps, control, consumer, running } = loop({}, { flushMs: 1, limits: { 'task.records.per.second.max': '1' } })
    consumer.line.push(() => consumer.give([p0]), [records(p0, 0, 3601)])
    await has(steps, 'commit 0@3601')
    await until(() => consumer.paused.has('t-0'), 'the partition rests')
    consumer.line.push(() => consumer.give([p1]), [records(p0, 3601, 1)])
    await until(() => consumer.paused.has('t-1'), 'a new partition rests too')
    expect(control.progress.ages()).toEqual([])
    control.stop()
    await running
    expect(steps.filter((step) => step.startsWith('write'))).toHaveLength(1)
  })

  test('of bytes ends by itself, and the partitions go on; a paused task stays paused', async () => {
    const { steps, control, consumer, running } = loop({}, { limits: { 'task.bytes.per.second.max': '100' } })
    // 55 values of two digits: ten bytes more than the burst.
    consumer.line.push(() => consumer.give([p0]), [records(p0, 10, 55)], [records(p0, 65, 1)])
    await has(steps, 'write 0@65')
    await until(() => consumer.paused.size === 0, 'the partition goes on')
    control.pause()
    await until(() => consumer.paused.has('t-0'), 'the task is paused')
    consumer.line.push([records(p0, 66, 1)])
    control.stop()
    await running
    expect(steps).not.toContain('write 0@66')
  })
})
