/** Goal: the numbers of a task are true. Method: a clock that is set by hand, and a task that is told what happens. */
import { expect, test } from 'vitest'
import { TaskMetrics } from '../../../../connect/runtime/observation/task-metrics.ts'
import { DEFAULT_WINDOWS } from '../../../../core/system/windowed-stat.ts'

function metricsAt() {
  const clock = { now: 0 }
  return { clock, metrics: new TaskMetrics('sink', DEFAULT_WINDOWS, () => clock.now) }
}

test('ratios are shares of the time since the start', () => {
  const { clock, metrics } = metricsAt()
  metrics.setState('RUNNING')
  clock.now = 30
  metrics.setState('PAUSED')
  clock.now = 40
  expect(metrics.ratio('RUNNING')).toBe(0.75)
  expect(metrics.ratio('PAUSED')).toBe(0.25)
})

test('active records of a sink are those that are read and not committed', () => {
  const { metrics } = metricsAt()
  const partition = { topic: 't', partition: 0 }
  metrics.consumed(partition, 100, 110)
  metrics.consumed({ topic: 't', partition: 1 }, 0, 5)
  expect(metrics.active).toBe(15)
  metrics.committed([{ ...partition, offset: 108 }])
  expect(metrics.active).toBe(7)
  metrics.forget([{ topic: 't', partition: 1 }])
  expect(metrics.active).toBe(2)
})

test('commits that fail are a share of all', () => {
  const { metrics } = metricsAt()
  for (const succeeded of [true, true, true, false]) metrics.commitEnded(8, succeeded)
  expect(metrics.commitSuccess.average(0)).toBe(0.75)
  expect([metrics.commitSequence, metrics.completedCommitsTotal]).toEqual([4, 3])
})
