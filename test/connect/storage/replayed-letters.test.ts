/**
 * Goal: what was replayed is known over restarts, in records of bounded size, and does not show among the positions of a connector. Method:
 * the store on a log in memory that a second store reads again.
 */
import { describe, expect, test } from 'vitest'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'
import type { LogEntry, LogRecord, RecordLog } from '../../../connect/storage/record-log.ts'
import { formatRanges, parseRanges, ReplayedLetters } from '../../../connect/storage/replayed-letters.ts'

/** A log of which the test sees every record, and that another store can read. */
class SeenLog implements RecordLog {
  readonly records: LogRecord[] = []
  readonly #log = new MemoryLog()
  start = (apply: (entry: LogEntry) => void) => this.#log.start(apply)
  append(records: readonly LogRecord[]) {
    this.records.push(...records)
    return this.#log.append(records)
  }
  readToEnd = () => this.#log.readToEnd()
  close = () => this.#log.close()
}

async function opened(before: readonly LogRecord[] = []) {
  const log = new SeenLog()
  const offsets = new OffsetBackingStore(log, () => {})
  await offsets.start()
  if (before.length > 0) await log.append(before)
  return { log, offsets, replayed: new ReplayedLetters(offsets) }
}

const dead = { name: 'dead', id: 'A'.repeat(22) }

describe('ranges', () => {
  test.each([
    [[], ''],
    [[5], '5'],
    [[0, 1, 2, 7, 9, 10], '0-2,7,9-10'],
  ])('%j is %s', (offsets, text) => {
    expect(formatRanges(offsets)).toBe(text)
    expect(parseRanges(text)).toEqual(offsets)
  })
  test('that make no sense, or would fill the memory, are left out', () => {
    expect(parseRanges('x,3-1,0-99999999,4')).toEqual([4])
  })
})

test('letters of one connector, topic and partition are known after a restart, and those of no other', async () => {
  const { log, replayed, offsets } = await opened()
  await replayed.add(
    'c',
    dead,
    [1, 2, 3, 2_500].map((offset) => ({ partition: 0, offset })),
  )
  await replayed.add('c', dead, [{ partition: 0, offset: 7 }])
  const again = await opened(log.records)
  const found = await again.replayed.of('c', dead)
  const known = (partition: number) =>
    Array.from({ length: 3_000 }, (_, offset) => offset).filter((offset) => found.has({ partition, offset }))
  expect(known(0)).toEqual([1, 2, 3, 7, 2_500])
  expect(known(1)).toEqual([])
  expect((await again.replayed.of('d', dead)).has({ partition: 0, offset: 1 })).toBe(false)
  expect((await again.replayed.of('c', { ...dead, name: 'other' })).has({ partition: 0, offset: 1 })).toBe(false)
  expect((await again.replayed.of('c', { ...dead, id: 'B'.repeat(22) })).has({ partition: 0, offset: 1 }), 'created again').toBe(false)
  expect(offsets.all('c')).toEqual([])
})

test('a record has at most a thousand offsets, however scattered', async () => {
  const { log, replayed } = await opened()
  await replayed.add(
    'c',
    dead,
    Array.from({ length: 5_000 }, (_, n) => ({ partition: 0, offset: n * 2 })),
  )
  expect(Math.max(...log.records.map(({ value }) => value!.length))).toBeLessThan(4_000)
  const found = await replayed.of('c', dead)
  expect([found.has({ partition: 0, offset: 9_998 }), found.has({ partition: 0, offset: 9_999 })]).toEqual([true, false])
})
