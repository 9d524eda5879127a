/**
 * Goal: a task that fails is FAILED with its trace, and is restarted by itself where waiting may help; a stall and each failure can be seen
 * over REST. Method: real workers on a real broker in this process, with connectors that fail and wait on demand.
 */
import { describe, expect, test } from 'vitest'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, inState, numbers, sink, source, states } from './connect-clusters.ts'
import { BadRecord } from './probes.ts'

const clusters = new ConnectClusters()
const quick = { 'auto.restart.backoff.ms': '400', 'auto.restart.backoff.max.ms': '400' }

describe('a failed task', () => {
  test('is FAILED during the back-off, then runs again and loses nothing; its history outlives the worker', async () => {
    const settings = clusters.settings(quick)
    const worker = await clusters.start(settings)
    clusters.probe('a').throwNext.push(new Error('the disk is full'))
    await worker.create('a', source('a'), 'RUNNING')
    await inState(worker, 'a', 'RUNNING FAILED')
    const status = worker.taskStatus('a', 0)
    expect(status.trace).toMatch(/the disk is full/)
    expect(status.restart).toEqual({ restarts: 1, next: expect.stringMatching(/^\d{4}-.*Z$/), reason: 'restart' })
    await inState(worker, 'a', 'RUNNING RUNNING')
    expect(worker.taskStatus('a', 0)).not.toHaveProperty('restart')
    await until(async () => (await worker.offsets('a'))[0]?.offset?.n === 10, 'it went on')
    expect(await clusters.valuesIn('topic-a')).toEqual(numbers(10))
    const expected = [
      expect.objectContaining({ task: 0, trace: expect.stringMatching(/the disk is full/), action: 'restart', worker_id: worker.workerId }),
    ]
    expect(await worker.failures('a')).toEqual(expected)
    await clusters.close(worker)
    const next = await clusters.start(settings)
    expect(await next.failures('a')).toEqual(expected)
    await next.delete('a')
    await next.create('a', source('a'), 'PAUSED')
    expect(await next.failures('a')).toEqual([])
  })

  test('stays FAILED after as many restarts as it may have; a user’s restart counts from zero', async () => {
    const worker = await clusters.start(clusters.settings({ ...quick, 'auto.restart.backoff.ms': '1' }))
    const probe = clusters.probe('b')
    probe.throwNext.push(...Array.from({ length: 4 }, (_, n) => new Error(`no ${n}`)))
    await worker.create('b', source('b', { 'auto.restart.max': '2' }), 'RUNNING')
    await until(() => worker.connectors().includes('b') && worker.status('b').tasks[0]?.restart?.reason === 'exhausted', 'it gives up')
    expect(worker.taskStatus('b', 0).restart).toEqual({ restarts: 2, next: null, reason: 'exhausted' })
    expect(probe.starts).toBe(3)
    await worker.restartTask('b', 0)
    await until(() => probe.starts === 5, 'it fails once more, and is restarted')
    await inState(worker, 'b', 'RUNNING RUNNING')
    expect((await worker.failures('b')).map(({ trace }) => /no \d/.exec(trace)?.[0])).toEqual(['no 3', 'no 2', 'no 1', 'no 0'])
  })

  test('is not restarted where the connector says so, where its record cannot be mended, or after a delete', async () => {
    const worker = await clusters.start(clusters.settings({ ...quick, 'auto.restart.backoff.ms': '1' }))
    clusters.probe('c').throwNext.push(new Error('no'))
    await worker.create('c', source('c', { 'auto.restart.enable': 'false' }), 'RUNNING')
    await inState(worker, 'c', 'RUNNING FAILED')
    expect(worker.taskStatus('c', 0).restart).toEqual({ restarts: 0, next: null, reason: 'disabled' })
    await worker.create('d', source('d'), 'RUNNING')
    await until(async () => (await worker.offsets('d'))[0]?.offset?.n === 10, 'all are stored')
    clusters.probe('sink-d').throwNext.push(new BadRecord(0, 'no column'))
    await worker.create('sink-d', sink('sink-d', 'topic-d'), 'RUNNING')
    await inState(worker, 'sink-d', 'RUNNING FAILED')
    expect(worker.taskStatus('sink-d', 0).restart).toMatchObject({ next: null, reason: 'cannot-mend' })
  })

  test('a connector whose task configs cannot be made is restarted too', async () => {
    const worker = await clusters.start(clusters.settings(quick))
    clusters.probe('e').throwNextTasks.push(new Error('the system does not respond'))
    await worker.create('e', source('e'), 'RUNNING')
    await inState(worker, 'e', 'FAILED')
    expect(worker.status('e').connector).toMatchObject({ trace: expect.stringMatching(/does not respond/), restart: { restarts: 1 } })
    await inState(worker, 'e', 'RUNNING RUNNING')
    expect(await worker.failures('e')).toMatchObject([{ task: null, action: 'restart' }])
  })
})

describe('a stalled task', () => {
  test('is reported with where it waits, and no more once it goes on', async () => {
    const worker = await clusters.start(clusters.settings())
    await worker.create('f', source('f'), 'RUNNING')
    const probe = clusters.probe('sink-f')
    const gate = Promise.withResolvers<void>()
    probe.gate = gate.promise
    await worker.create('sink-f', sink('sink-f', 'topic-f', { 'task.stall.timeout.ms': '1000' }), 'RUNNING')
    await until(() => worker.taskStatus('sink-f', 0).stalled?.stage === 'put', 'it is stalled')
    const { stalled } = worker.taskStatus('sink-f', 0)
    expect(stalled).toEqual({ stage: 'put', since: expect.stringMatching(/^\d{4}-.*Z$/) })
    expect(states(worker, 'sink-f')).toBe('RUNNING RUNNING')
    gate.resolve()
    await until(() => !worker.taskStatus('sink-f', 0).stalled, 'it goes on')
    expect(states(worker, 'sink-f')).toBe('RUNNING RUNNING')
  })

  test('a source that waits for data is not stalled, and neither is a sink without records', async () => {
    const worker = await clusters.start(clusters.settings({ 'task.stall.timeout.ms': '3000' }))
    await worker.create('g', source('g'), 'RUNNING')
    await worker.create('sink-g', sink('sink-g', 'topic-g'), 'RUNNING')
    await until(() => clusters.probe('sink-g').flushedRecords.length === 10, 'all are delivered')
    await realSystem('silent').clock.sleep(5_000)
    expect(worker.taskStatus('g', 0)).not.toHaveProperty('stalled')
    expect(worker.taskStatus('sink-g', 0)).not.toHaveProperty('stalled')
  })
})
