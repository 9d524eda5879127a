/** Goal: rates, averages and maxima over windows are those of Kafka's metrics. Method: a clock that is set by hand. */
import { expect, test } from 'vitest'
import { WindowedStat } from '../../../core/system/windowed-stat.ts'

const windows = { windowMs: 1000, samples: 2 }

test('the first window counts as if the one before it were empty', () => {
  const stat = new WindowedStat(windows)
  stat.record(10, 0)
  expect(stat.rate(500)).toBeCloseTo(10_000 / 1500)
  stat.record(30, 500)
  expect(stat.average(500)).toBe(20)
  expect(stat.maximum(500)).toBe(30)
})

test('what is older than the windows is forgotten', () => {
  const stat = new WindowedStat(windows)
  stat.record(100, 0)
  stat.record(1, 1000)
  expect(stat.maximum(1500)).toBe(100)
  stat.record(2, 2000)
  expect(stat.maximum(2000)).toBe(2)
  expect(stat.rate(2500)).toBeCloseTo(3000 / 1500)
  expect(stat.rate(9000)).toBe(0)
})

test('without a recording there is no average and no maximum', () => {
  expect(new WindowedStat().average(0)).toBeNaN()
  expect(new WindowedStat().maximum(0)).toBeNaN()
  expect(new WindowedStat().rate(0)).toBe(0)
})
