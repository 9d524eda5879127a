/**
 * Goal: the work of a task is shown at once, then no more often than every 2 s, always with its newest state, and bounded. Method: a clock
 * that the test advances.
 */
import { expect, test } from 'vitest'
import { TaskProgress } from '../../../connect/runtime/task-progress.ts'
import { WorkWatch } from '../../../connect/runtime/work-watch.ts'
import type { TaskWork } from '../../../connect/sdk/index.ts'
import { handClock } from '../../hand-clock.ts'

function watched() {
  const { clock, advance } = handClock()
  const progress = new TaskProgress(clock)
  const shown: (TaskWork | null)[] = []
  const watch = new WorkWatch(clock, progress, (work) => shown.push(work))
  return { progress, shown, watch, advance }
}

test('the first is shown at once, the others every 2 s, and the last one in the end', () => {
  const { progress, shown, advance } = watched()
  const rows = () => shown.map((work) => work?.rows ?? null)
  for (let n = 1; n <= 50; n++) {
    progress.show({ what: 'snapshot', rows: n })
    advance(100)
  }
  expect(rows()).toEqual([1, 20, 40])
  progress.show(null)
  advance(2_000)
  expect(rows()).toEqual([1, 20, 40, null])
  progress.show(null)
  advance(60_000)
  expect(rows()).toHaveLength(4)
})

test('what is shown when the watch begins is shown again; after its end nothing is', () => {
  const { progress, shown, watch, advance } = watched()
  progress.show({ what: 'snapshot', rows: 1 })
  progress.show({ what: 'snapshot', rows: 2 })
  watch.cancel()
  advance(60_000)
  progress.show({ what: 'snapshot', rows: 3 })
  expect(shown).toHaveLength(1)
  const again: (TaskWork | null)[] = []
  new WorkWatch(handClock().clock, progress, (work) => again.push(work))
  expect(again).toEqual([{ what: 'snapshot', rows: 3 }])
})

test('what a plugin shows is bounded, and made of primitives', () => {
  const { progress } = watched()
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`field-${n}`, n]))
  progress.show({ what: 'x'.repeat(5_000), object: {} as never, ...many })
  const { work } = progress
  expect(Object.keys(work!)).toHaveLength(32)
  expect(work!.what).toHaveLength(1_000)
  expect(work!.object).toBe('[object Object]')
})
