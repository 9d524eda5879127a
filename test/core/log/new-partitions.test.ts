/**
 * Goal: the logs of new partitions are created in slices between other work, at once where one is used, and again after a failure. Method:
 * a clock whose turns of the event loop, time and timers are run by hand.
 */
import { expect, test } from 'vitest'
import { KafkaError } from '../../../core/errors.ts'
import type { LogDirectory } from '../../../core/log/log-directory.ts'
import { NewPartitions, type PlacedPartition } from '../../../core/log/new-partitions.ts'
import type { Clock } from '../../../core/system/clock.ts'
import { realClock } from '../../../core/system/clock.ts'
import { config } from './scratch-log.ts'

/** Each creation takes 1 ms. */
function scene() {
  const turns: (() => void)[] = []
  const timers: (() => void)[] = []
  let nowMs = 0
  const clock: Clock = {
    ...realClock,
    monotonic: () => nowMs,
    soon: (task) => void turns.push(task),
    after: (_, task) => {
      timers.push(task)
      return { cancel: () => {} }
    },
  }
  const created: string[] = []
  const failing = new Set<number>()
  const partitions = new NewPartitions(clock, ({ partition, config: { segmentBytes } }) => {
    nowMs++
    if (failing.has(partition)) return { failure: new KafkaError('KAFKA_STORAGE_ERROR') }
    created.push(`${partition}:${segmentBytes}`)
    return { failure: null }
  })
  const add = (...numbers: number[]) => {
    for (const partition of numbers) partitions.add(placed(partition))
  }
  return { partitions, created, failing, add, turns, timers, turn: () => turns.shift()?.() }
}

const placed = (partition: number): PlacedPartition => ({
  ...{ topic: 't', topicId: 'id', partition, directoryId: 'd', directory: {} as LogDirectory },
  config: { ...config, segmentBytes: 1 },
})

test('other work has its turn after 2 ms, and all logs are created in the order of their partitions', () => {
  const { add, created, turn, turns } = scene()
  add(0, 1, 2, 3, 4)
  expect(created).toEqual([])
  turn()
  expect(created).toEqual(['0:1', '1:1'])
  turn()
  turn()
  expect(created).toEqual(['0:1', '1:1', '2:1', '3:1', '4:1'])
  expect(turns).toEqual([])
})

test('a partition that is used has its log at once, with the config that it has by then, and once', () => {
  const { partitions, add, created, turn } = scene()
  add(0, 1)
  partitions.configure('t-1', { ...config, segmentBytes: 7 })
  expect(partitions.take('t-1')).toEqual({ failure: null })
  expect(partitions.take('t-1')).toBeUndefined()
  turn()
  expect(created).toEqual(['1:7', '0:1'])
})

test('what was removed is not created', () => {
  const { partitions, add, created, turn } = scene()
  add(0, 1)
  partitions.delete('t-0')
  turn()
  expect(created).toEqual(['1:1'])
})

test('after a failure the rest waits for a timer, and each use tries again', () => {
  const { partitions, add, created, failing, turn, turns, timers } = scene()
  failing.add(0)
  add(0, 1)
  turn()
  expect([created, turns.length, timers.length]).toEqual([[], 0, 1])
  expect(partitions.take('t-0')?.failure).toMatchObject({ error: 'KAFKA_STORAGE_ERROR' })
  failing.clear()
  expect(partitions.take('t-0')).toEqual({ failure: null })
  timers.shift()!()
  turn()
  expect(created).toEqual(['0:1', '1:1'])
})

test('close waits for the logs that are left, but no longer than its limit', async () => {
  for (const [partitions, created] of [
    [3, 3],
    [2_000, 1_000],
  ]) {
    const scenery = scene()
    scenery.add(...Array.from({ length: partitions! }, (_, partition) => partition))
    let isClosed = false
    void scenery.partitions.close().then(() => {
      isClosed = true
    })
    while (!isClosed) {
      scenery.turn()
      await Promise.resolve()
    }
    expect(scenery.created).toHaveLength(created!)
    expect(scenery.partitions.take('t-1999')).toBeUndefined()
  }
})
