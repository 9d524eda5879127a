/**
 * Issue: a source task kept the records of all batches that Kafka had not acknowledged: those of the source and those of the producer,
 * whose bytes were in the producer's batches already. They outlived the collections of new objects, and a worker was twice as large. It
 * also kept the last batch while the source waited for the next. Goal: it keeps none. Method: the real task, a producer that acknowledges
 * when the test says so, and weak references.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { findPlugins } from '../../connect/plugins.ts'
import { BatchAcknowledgements } from '../../connect/runtime/batch-acknowledgements.ts'
import { type CommonConfig, connectorSettings } from '../../connect/runtime/connector-settings.ts'
import { createConversion } from '../../connect/runtime/conversion.ts'
import { Pipeline } from '../../connect/runtime/pipeline.ts'
import { RetryWithToleranceOperator } from '../../connect/runtime/retry-with-tolerance-operator.ts'
import { TaskControl } from '../../connect/runtime/task-control.ts'
import { TaskProgress } from '../../connect/runtime/task-progress.ts'
import type { TopicCreation } from '../../connect/runtime/topic-creation.ts'
import { WorkerSourceTask } from '../../connect/runtime/worker-source-task.ts'
import { defineSource, parseSettings, type SourceBatch, sourceRecord } from '../../connect/sdk/index.ts'
import { MemoryLog, MemoryRecords } from '../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../connect/storage/offset-backing-store.ts'
import type { Producer, ProducerRecord, SendResult } from '../../core/client/types.ts'
import { realSystem } from '../../core/system/index.ts'
import { until } from '../until.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const BATCHES = 5
const system = realSystem('silent')
const plugins = await findPlugins()

const isCollected = async (refs: readonly WeakRef<object>[]) => {
  gc()
  await setImmediate()
  return refs.every((ref) => ref.deref() === undefined)
}

test('a batch that does not want to hear of its acknowledgement is not kept until then', async () => {
  const acknowledgements = new BatchAcknowledgements()
  const add = () => {
    const batch: SourceBatch = { records: [sourceRecord({ topic: 't', value: 'v' })], positions: [] }
    return { done: acknowledgements.add(batch), ref: new WeakRef(batch) }
  }
  const { done, ref } = add()
  await until(() => isCollected([ref]), 'the batch is collected')
  done()
})

test('records that are converted and sent are not kept until they are acknowledged', async () => {
  const given = { name: 'x', 'connector.class': 'x', 'value.converter': 'StringConverter' }
  const common = parseSettings(connectorSettings(plugins, null), given) as CommonConfig
  const tolerance = new RetryWithToleranceOperator(common, system, { connector: 'x', task: 0 })
  const control = new TaskControl(false, new TaskProgress(system.clock))
  const offsets = new OffsetBackingStore(new MemoryLog(new MemoryRecords()), () => {})
  await offsets.start()
  const read: WeakRef<object>[] = []
  const sent: WeakRef<object>[] = []
  const acks: (() => void)[] = []
  const producer: Producer = {
    pendingBytes: 0,
    send(records: readonly ProducerRecord[]) {
      sent.push(new WeakRef(records[0]!))
      const result: SendResult = { count: 1, failures: null, at: () => ({ topic: 't', partition: 0, offset: 0, timestamp: 0 }) }
      return new Promise((resolve) => void acks.push(() => resolve(result)))
    },
    flush: async () => {},
    close: async () => {},
  }
  const oneRecord = (n: number): SourceBatch => {
    const record = sourceRecord({ topic: 't', value: `${n}` })
    read.push(new WeakRef(record))
    return { records: [record], positions: [{ partition: {}, offset: { n } }] }
  }
  const side = defineSource({
    class: 'x',
    settings: {},
    async *read({ signal }) {
      for (let n = 0; n < BATCHES; n++) yield oneRecord(n)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  })
  const running = new WorkerSourceTask({
    side,
    context: { connector: 'x', task: 0, config: {}, log: { info() {}, warn() {}, error() {} } },
    pipeline: new Pipeline(createConversion(plugins, given, {}, system), tolerance, control.signal),
    producer,
    deadLetters: null,
    offsets,
    topics: { ensure: async () => {} } as unknown as TopicCreation,
    retryWithTolerance: tolerance,
    system,
    flushIntervalMs: 5,
    flushTimeoutMs: 1000,
    recordActiveTopic() {},
    accepted: async () => {},
    onAcknowledged() {},
  }).run(control)
  await until(() => acks.length === BATCHES, 'all batches are sent')
  await until(() => isCollected(read), 'the records of the source are collected, those of the last batch too')
  await until(() => isCollected(sent), 'the records of the producer are collected')
  for (const ack of acks) ack()
  control.stop()
  await running
  expect(acks).toHaveLength(BATCHES)
})
