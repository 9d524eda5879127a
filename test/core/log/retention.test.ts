/**
 * Goal: retention deletes the segments that Kafka would delete. Method: three segments, and each setting by itself.
 */
import { expect, test } from 'vitest'
import { expiredSegments } from '../../../core/log/retention.ts'
import { config } from './scratch-log.ts'

const segment = (endOffset: number, sizeBytes: number, latest: number) => ({ endOffset, sizeBytes, latestTimestamp: () => latest })
const three = [segment(10, 100, 1000), segment(20, 100, 2000), segment(30, 100, 3000)]
const facts = { logStartOffset: 0, highWatermark: 30, nowMs: 4000 }

test.each([
  ['no limit', {}, facts, 0],
  ['size, just not exceeded', { retentionBytes: 201 }, facts, 0],
  ['size', { retentionBytes: 200 }, facts, 1],
  ['size 0, the active segment too', { retentionBytes: 0 }, facts, 3],
  ['time', { retentionMs: 1500 }, facts, 2],
  ['time, the active segment too', { retentionMs: 500 }, facts, 3],
  ['nothing after the high watermark', { retentionMs: 500 }, { ...facts, highWatermark: 15 }, 1],
  ['segments before the log start offset', {}, { ...facts, logStartOffset: 20 }, 2],
  ['a topic that is only compacted', { retentionMs: 0, retentionBytes: 0, cleanupPolicy: ['compact'] as const }, facts, 0],
])('%s', (_what, over, given, expected) => {
  expect(expiredSegments(three, { ...config, ...over }, given)).toBe(expected)
})
