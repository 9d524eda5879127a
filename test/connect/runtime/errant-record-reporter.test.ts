/**
 * Goal: what a sink reports after `write` is in the dead-letter queue before its offset is committed, and fails the task where
 * errors.tolerance is none (KIP-610). Method: real workers on a real broker with a sink that reports in `flush`; the reporter alone for the
 * rest.
 */
import { describe, expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import type { DeadLetterQueueReporter } from '../../../connect/runtime/dead-letter-queue-reporter.ts'
import { WorkerErrantRecordReporter } from '../../../connect/runtime/errant-record-reporter.ts'
import type { OriginalRecord, SinkBatch } from '../../../connect/runtime/pipeline.ts'
import { RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { parseSettings, type SinkRecord, sourceRecord } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, inState, sink, source } from './connect-clusters.ts'

const clusters = new ConnectClusters()
const dead = (name: string) => ({
  'errors.deadletterqueue.topic.name': `dead-${name}`,
  'errors.deadletterqueue.topic.replication.factor': '1',
  'errors.deadletterqueue.context.headers.enable': 'true',
})

test('a record that is reported in flush is a letter before its offset is committed', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('a', source('a', { count: '5' }), 'RUNNING')
  const probe = clusters.probe('sink-a')
  probe.reportAtFlush.set('0:2', new Error('the row is locked'))
  await worker.create('sink-a', sink('sink-a', 'topic-a', { ...dead('a'), 'errors.tolerance': 'all' }), 'RUNNING')
  await until(async () => (await worker.offsets('sink-a'))[0]?.offset?.kafka_offset === 5, 'all are committed')
  expect(probe.flushedRecords.map(({ value }) => value)).toEqual(['0:0', '0:1', '0:3', '0:4'])
  expect(probe.reported).toEqual([null])
  const { groups } = await worker.deadLetters('sink-a', {})
  expect(groups).toMatchObject([{ stage: 'TASK_PUT', class_name: 'org.apache.kafka.connect.sink.SinkTask', message: 'the row is locked' }])
  expect(groups[0]!.samples[0]).toMatchObject({ value: { text: '0:2' }, origin: { topic: 'topic-a', partition: 0, offset: 2 } })
})

test('with errors.tolerance=none the task fails and commits nothing, also where the sink ignores the error', async () => {
  const worker = await clusters.start(clusters.settings())
  await worker.create('b', source('b', { count: '5' }), 'RUNNING')
  clusters.probe('sink-b').reportAtFlush.set('0:2', new Error('the row is locked'))
  await worker.create('sink-b', sink('sink-b', 'topic-b', dead('b')), 'RUNNING')
  await inState(worker, 'sink-b', 'RUNNING FAILED')
  expect(worker.taskStatus('sink-b', 0).trace).toMatch(/Tolerance exceeded in error handler[\s\S]*the row is locked/)
  expect(await worker.offsets('sink-b')).toEqual([])
  expect(await clusters.valuesIn('dead-b')).toEqual(['0:2'])
})

describe('the reporter', () => {
  const record = (offset: number): SinkRecord => ({
    ...sourceRecord({ topic: 't', value: offset }),
    partition: 0,
    offset,
    timestampType: 'CreateTime',
  })
  const batch = (...offsets: number[]): SinkBatch => ({
    records: offsets.map(record),
    originalAt: (index) => ({ topic: 't', partition: 0, record: { offset: offsets[index] } }) as OriginalRecord,
  })

  async function reporter() {
    const letters: number[] = []
    const queue = {
      report: (original: OriginalRecord) => void letters.push(original.record.offset),
      flush: async () => {},
    } as unknown as DeadLetterQueueReporter
    const given = { name: 'x', 'connector.class': 'x', 'errors.tolerance': 'all' }
    const common = parseSettings(connectorSettings(await findPlugins(), null), given) as CommonConfig
    const tolerance = new RetryWithToleranceOperator(common, realSystem('silent'), { connector: 'x', task: 0 })
    return { letters, errant: new WorkerErrantRecordReporter(queue, tolerance) }
  }

  test('finds the record of each batch since the last flush, and says where it is too late', async () => {
    const { letters, errant } = await reporter()
    const { report } = { report: errant.use().report.bind(errant) }
    const [first, second] = [batch(1, 2), batch(3)]
    errant.delivering(first)
    errant.delivering(second)
    await report(first.records[1]!, new Error('no'))
    await report(second.records[0]!, new Error('no'))
    expect(letters).toEqual([2, 3])
    errant.clear()
    await expect(report(first.records[0]!, new Error('no'))).rejects.toThrow(/t-0@1 cannot be reported: it was flushed before/)
  })

  test('keeps no batches for a sink that does not use it, and asks for a flush before they are too many', async () => {
    const { errant } = await reporter()
    const many = batch(...Array.from({ length: 60_000 }, (_, offset) => offset))
    errant.delivering(many)
    expect(errant.full).toBe(false)
    errant.use()
    errant.delivering(many)
    expect(errant.full).toBe(true)
    errant.clear()
    expect(errant.full).toBe(false)
  })
})
