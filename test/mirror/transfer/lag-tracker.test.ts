/**
 * Goal: the lag in milliseconds is how long the oldest waiting record has been observed to wait, never less; and memory is reused only when
 * nothing uses it any more. Method: observations by hand, then fast-check against a plain list of every observation.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FramePool } from '../../../mirror/transfer/frame-pool.ts'
import { LagTracker } from '../../../mirror/transfer/lag-tracker.ts'

describe('lag tracker', () => {
  test('nothing waits, then the oldest, then the next', () => {
    const tracker = new LagTracker(10, 0)
    expect(tracker.lagMs(100)).toBe(0)
    tracker.observeEnd(12, 100)
    tracker.observeEnd(15, 150)
    tracker.observeEnd(15, 180)
    expect(tracker.lagMs(200)).toBe(100)
    tracker.mirroredTo(11)
    expect(tracker.lagMs(200)).toBe(100)
    tracker.mirroredTo(12)
    expect(tracker.lagMs(200)).toBe(50)
    tracker.mirroredTo(15)
    expect(tracker.lagMs(200)).toBe(0)
  })

  test('never tells less than the truth, and the truth while there are few observations', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ grow: fc.nat(5), done: fc.nat(3) }), { maxLength: 300 }), (steps) => {
        const tracker = new LagTracker(0, 0)
        let [end, position] = [0, 0]
        const seen: { end: number; at: number }[] = []
        for (const [at, { grow, done }] of steps.entries()) {
          if (grow > 0) seen.push({ end: (end += grow), at })
          tracker.observeEnd(end, at)
          position = Math.min(end, position + done)
          tracker.mirroredTo(position)
          const oldest = seen.find((each) => each.end > position)
          const truth = oldest ? at - oldest.at : 0
          expect(tracker.lagMs(at)).toBeGreaterThanOrEqual(truth)
          if (seen.filter((each) => each.end > position).length < 30 && seen.length < 60) expect(tracker.lagMs(at)).toBe(truth)
          expect(tracker.endOffset).toBe(end)
        }
      }),
    )
  })
})

describe('memory for frames', () => {
  test('is given out again when its last use ends, and not before', () => {
    const pool = new FramePool(10 * 1024 * 1024)
    const frame = pool.allocate(1_000_000)
    expect(frame.length).toBe(1_000_000)
    const [first, second] = [frame.subarray(0, 10), frame.subarray(10, 20)]
    pool.retain(first)
    pool.retain(second)
    pool.release(first)
    expect(pool.allocate(1_000_000).buffer).not.toBe(frame.buffer)
    pool.release(second)
    expect(pool.allocate(900_000).buffer).toBe(frame.buffer)
  })

  test('keeps no more than it may, and leaves small answers alone', () => {
    const pool = new FramePool(1536 * 1024)
    const frames = [pool.allocate(700_000), pool.allocate(700_000)]
    for (const frame of frames) {
      pool.retain(frame)
      pool.release(frame)
    }
    const again = [pool.allocate(700_000), pool.allocate(700_000)]
    expect(again.filter((frame) => frames.some((old) => old.buffer === frame.buffer))).toHaveLength(1)
    const small = pool.allocate(100)
    pool.retain(small)
    pool.release(small)
    expect(pool.allocate(100).buffer).not.toBe(small.buffer)
  })
})
