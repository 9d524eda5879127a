/**
 * Goal: metrics of other threads are served with those of this one, and what an ended thread has counted stays. Method: registries that
 * send each other snapshots.
 */
import { expect, test } from 'vitest'
import { Metrics } from '../../../core/system/metrics.ts'

const labels = ['task'] as const

test('values of threads are added to those with the same labels, and shown beside the others', async () => {
  const own = new Metrics()
  own.counter({ name: 'records', help: 'Records.', labels }).inc({ task: '0' }, 5)
  const thread = new Metrics()
  const counter = thread.counter({ name: 'records', help: 'Records.', labels })
  counter.inc({ task: '0' }, 2)
  counter.inc({ task: '1' }, 7)
  thread.gauge({ name: 'lag', help: 'Lag.', labels }, (gauge) => gauge.set({ task: '1' }, 3))
  const followed = own.follow()
  followed.update(await thread.snapshot())
  const text = await own.text()
  expect(text).toContain('# TYPE records counter\nrecords{task="0"} 7\nrecords{task="1"} 7\n')
  expect(text).toContain('# TYPE lag gauge\nlag{task="1"} 3\n')
  expect(text.match(/# TYPE records/g)).toHaveLength(1)
})

test('counters of ended threads stay, and their gauges go', async () => {
  const own = new Metrics()
  for (const count of [4, 6]) {
    const thread = new Metrics()
    thread.counter({ name: 'records', help: 'Records.', labels }).inc({ task: '0' }, count)
    thread.gauge({ name: 'lag', help: 'Lag.' }).set(9)
    const followed = own.follow()
    followed.update(await thread.snapshot())
    followed.end()
    followed.end()
  }
  const text = await own.text()
  expect(text).toContain('records{task="0"} 10\n')
  expect(text).not.toContain('lag')
})

test('histograms keep their buckets', async () => {
  const own = new Metrics()
  const thread = new Metrics()
  thread.histogram({ name: 'time', help: 'Time.', buckets: [1, 2] }).observe(1.5)
  own.follow().update(await thread.snapshot())
  expect(await own.text()).toContain('time_bucket{le="1"} 0\ntime_bucket{le="2"} 1\ntime_bucket{le="+Inf"} 1\ntime_sum 1.5\ntime_count 1\n')
})

test('without threads the text is that of the registry', async () => {
  const own = new Metrics()
  own.counter({ name: 'records', help: 'Records.' }).inc()
  expect(await own.text()).toBe(await own.registry.metrics())
})
