/**
 * Goal: Kafka's choice of what is cleaned, and when. Method: logs of five segments, each rule by itself.
 */
import { describe, expect, test } from 'vitest'
import { type CleanableLog, cleaningRange, dirtyRatio, needsCleaning } from '../../../../core/log/cleaner/cleaning-range.ts'
import type { LogConfig } from '../../../../core/log/types.ts'
import { config } from '../scratch-log.ts'

const NOW = 1_000_000
/** Segments of 100 offsets and 10 bytes; the last one is active. */
const log = (over: Partial<CleanableLog> & { settings?: Partial<LogConfig> } = {}): CleanableLog => ({
  config: { ...config, cleanupPolicy: ['compact'], ...over.settings },
  logStartOffset: 0,
  logEndOffset: 450,
  lastStableOffset: 450,
  segments: [0, 100, 200, 300, 400].map((baseOffset, index) => ({
    baseOffset,
    sizeBytes: 10,
    largestTimestamp: () => NOW - 5000 + index * 1000,
    firstTimestamp: () => NOW - 6000 + index * 1000,
  })),
  ...over,
})

describe('the range', () => {
  test('of a log that was never cleaned is all but the active segment', () => {
    expect(cleaningRange(log(), undefined, NOW)).toEqual({
      firstDirtyOffset: 0,
      firstUncleanableOffset: 400,
      cleanBytes: 0,
      cleanableBytes: 40,
      compactionDelayMs: 0,
      isReset: false,
    })
  })

  test('begins at the end of the last cleaning, also within a segment', () => {
    expect(cleaningRange(log(), 200, NOW)).toMatchObject({ firstDirtyOffset: 200, cleanBytes: 20, cleanableBytes: 20 })
    expect(cleaningRange(log(), 250, NOW)).toMatchObject({ firstDirtyOffset: 250, cleanBytes: 30, cleanableBytes: 20 })
  })

  test('ends before the segment of the last stable offset', () => {
    expect(cleaningRange(log({ lastStableOffset: 250 }), undefined, NOW)).toMatchObject({ firstUncleanableOffset: 200, cleanableBytes: 20 })
    expect(cleaningRange(log({ lastStableOffset: 50 }), undefined, NOW)).toMatchObject({ firstUncleanableOffset: 0, cleanableBytes: 0 })
    expect(cleaningRange(log({ lastStableOffset: 250 }), 300, NOW)).toMatchObject({ firstUncleanableOffset: 300, cleanableBytes: 0 })
  })

  test('ends before the first segment that is younger than min.compaction.lag.ms', () => {
    const range = cleaningRange(log({ settings: { minCompactionLagMs: 3500 } }), undefined, NOW)
    expect(range).toMatchObject({ firstUncleanableOffset: 200, cleanableBytes: 20 })
  })

  test('starts again where the checkpoint is outside of the log', () => {
    expect(cleaningRange(log({ logStartOffset: 120 }), 100, NOW)).toMatchObject({ isReset: true, firstDirtyOffset: 120 })
    expect(cleaningRange(log(), 451, NOW)).toMatchObject({ isReset: true, firstDirtyOffset: 0 })
    expect(cleaningRange(log(), 450, NOW)).toMatchObject({ isReset: false, cleanableBytes: 0 })
  })
})

describe('a log is cleaned', () => {
  const needs = (settings: Partial<LogConfig>, checkpointed?: number) => {
    const subject = log({ settings })
    const range = cleaningRange(subject, checkpointed, NOW)
    return { needed: needsCleaning(range, subject.config), ratio: dirtyRatio(range), delay: range.compactionDelayMs }
  }

  test('when more than min.cleanable.dirty.ratio of it is dirty', () => {
    expect(needs({ minCleanableDirtyRatio: 0.5 }, 200)).toEqual({ needed: false, ratio: 0.5, delay: 0 })
    expect(needs({ minCleanableDirtyRatio: 0.49 }, 200).needed).toBe(true)
    expect(needs({ minCleanableDirtyRatio: 0 }, 400)).toMatchObject({ needed: false, ratio: 0 })
  })

  test('when its oldest dirty record is older than max.compaction.lag.ms', () => {
    expect(needs({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 3000 }, 200)).toMatchObject({ needed: true, delay: 1000 })
    expect(needs({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 4000 }, 200)).toMatchObject({ needed: false, delay: 0 })
    expect(needs({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 1, minCompactionLagMs: 1_000_000 }, 200)).toMatchObject({ needed: false })
  })

  test('never while it is empty', () => {
    const empty = log({
      logEndOffset: 0,
      lastStableOffset: 0,
      segments: [{ baseOffset: 0, sizeBytes: 0, largestTimestamp: () => -1, firstTimestamp: () => -1 }],
    })
    const range = cleaningRange(empty, undefined, NOW)
    expect([needsCleaning(range, { ...empty.config, minCleanableDirtyRatio: 0 }), dirtyRatio(range)]).toEqual([false, 0])
  })
})
