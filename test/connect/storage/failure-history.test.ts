/**
 * Goal: the last failures of a connector and each of its tasks are kept over restarts, never more than a few, with traces of a bounded
 * size. Method: the history on a log in memory that a second one reads again.
 */
import { expect, test } from 'vitest'
import { type Failure, FailureHistory } from '../../../connect/storage/failure-history.ts'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'

const failure = (time: number, more: Partial<Failure> = {}): Failure => ({
  time,
  task: 0,
  workerId: 'w',
  trace: `trace ${time}`,
  action: 'restart',
  restartTime: time + 5,
  ...more,
})

async function opened() {
  const offsets = new OffsetBackingStore(new MemoryLog(), () => {})
  await offsets.start()
  return { offsets, history: new FailureHistory(offsets) }
}

test('the newest come first, twenty of each task at most, also after a restart', async () => {
  const { history, offsets } = await opened()
  for (let time = 0; time < 30; time++) await history.add('c', failure(time))
  await history.add('c', failure(100, { task: -1, restartTime: null, action: 'exhausted' }))
  const after = new FailureHistory(offsets)
  for (let time = 30; time < 35; time++) await after.add('c', failure(time))
  const kept = await after.of('c')
  expect(kept.map(({ time }) => time)).toEqual([100, ...Array.from({ length: 20 }, (_, n) => 34 - n)])
  expect(kept[0]).toEqual(failure(100, { task: -1, restartTime: null, action: 'exhausted' }))
  expect(offsets.all('c')).toEqual([])
})

test('the failures of a removed connector are gone, those of others stay', async () => {
  const { history } = await opened()
  await history.add('a', failure(1))
  await history.add('b', failure(2))
  await history.remove('a')
  expect([await history.of('a'), (await history.of('b')).length]).toEqual([[], 1])
})

test('a long trace is cut', async () => {
  const { history } = await opened()
  await history.add('c', failure(1, { trace: 'x'.repeat(100_000) }))
  expect((await history.of('c'))[0]!.trace.length).toBe(8_000)
})
