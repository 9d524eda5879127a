/**
 * Goal: a cleaning rests where appends are written, never without them, and never more than half of its time. Method: a clock and a counter
 * that the test moves.
 */
import { expect, test } from 'vitest'
import { AppendRest, MAX_REST_MS } from '../../../../core/log/cleaner/append-rest.ts'

/** Cleans pieces of `workMs` each, with `writes` writes of appends during each. Returns the rests. */
function restsOf(pieces: number, workMs: number, writes: (piece: number) => number): number[] {
  let nowMs = 0
  let counter = 0
  const rests: number[] = []
  const rest = new AppendRest(
    () => nowMs,
    () => counter,
  )
  for (let piece = 0; piece < pieces; piece++) {
    nowMs += workMs
    counter = (counter + writes(piece)) | 0
    rest.afterWork((ms) => {
      nowMs += ms
      rests.push(ms)
    })
  }
  return rests
}

test('without appends a cleaning never rests', () => {
  expect(restsOf(100, 1, () => 0)).toEqual([])
})

test('with appends all the time it rests as long as it works', () => {
  expect(restsOf(4, 0.5, () => 3)).toEqual([0.5, 0.5, 0.5, 0.5])
})

test('a rest is short after a long piece of work', () => {
  expect(restsOf(3, 50, () => 1)).toEqual([MAX_REST_MS, MAX_REST_MS, MAX_REST_MS])
})

test('it rests once for appends, however many there were', () => {
  expect(restsOf(4, 0.25, (piece) => (piece === 1 ? 500 : 0))).toEqual([0.5])
})
