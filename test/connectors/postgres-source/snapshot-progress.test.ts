/**
 * What a later try of a snapshot reads, told as stories: ranges are delivered, the progress is stored and read back, and the plan is what
 * is left.
 */
import { describe, expect, it } from 'vitest'
import { type HeapRange, SnapshotProgress, type Tid } from '../../../connectors/postgres-source/snapshot-progress.ts'

const heap = { table: 16390, heap: 16400, fileNode: 16400 }
const whole: HeapRange = { after: { block: 0, row: 0 }, end: null }
const at = (block: number, row: number): Tid => ({ block, row })
const stored = (progress: SnapshotProgress) => SnapshotProgress.parse(progress.toString())

describe('the progress of a snapshot', () => {
  it('reads all of a heap of which nothing is delivered', () => {
    expect(new SnapshotProgress().plan(heap, '700')).toEqual({ rest: [whole], again: null })
  })

  it('goes on after the last row, and reads again what was written since the first try', () => {
    const progress = new SnapshotProgress()
    progress.plan(heap, '700')
    progress.advance(heap, whole, at(3, 20))
    progress.advance(heap, whole, at(7, 2))
    const plan = stored(progress).plan(heap, '900')
    expect(plan).toEqual({ rest: [{ after: at(7, 2), end: null }], again: { since: '700', ranges: [{ from: 0, to: at(7, 2) }] } })
  })

  it('goes on a third time', () => {
    let progress = new SnapshotProgress()
    progress.plan(heap, '700')
    progress.advance(heap, whole, at(7, 2))
    progress = stored(progress)
    const second = progress.plan(heap, '900').rest[0]!
    progress.advance(heap, second, at(9, 4))
    expect(stored(progress).plan(heap, '1000')).toEqual({
      rest: [{ after: at(9, 4), end: null }],
      again: { since: '700', ranges: [{ from: 0, to: at(9, 4) }] },
    })
  })

  it('knows the gaps between the ranges of several connections', () => {
    const progress = new SnapshotProgress()
    progress.plan(heap, '700')
    const [first, second, third] = [
      { after: at(0, 0), end: 100 },
      { after: at(100, 0), end: 200 },
      { after: at(200, 0), end: null },
    ]
    progress.advance(heap, first!, at(40, 7))
    progress.advance(heap, third!, at(230, 1))
    progress.finishRange(heap, second!)
    expect(stored(progress).plan(heap, '900').rest).toEqual([
      { after: at(40, 7), end: 100 },
      { after: at(230, 1), end: null },
    ])
  })

  it('has nothing left of a heap that was read to its end, but what was written since', () => {
    const progress = new SnapshotProgress()
    progress.plan(heap, '700')
    progress.finishRange(heap, whole)
    const { rest, again } = stored(progress).plan(heap, '900')
    expect(rest).toEqual([])
    expect(again?.since).toBe('700')
  })

  it('begins a heap again that was rewritten', () => {
    const progress = new SnapshotProgress()
    progress.plan(heap, '700')
    progress.advance(heap, whole, at(7, 2))
    expect(stored(progress).plan({ ...heap, fileNode: 20000 }, '900')).toEqual({ rest: [whole], again: null })
  })

  it('forgets the heaps of a table that is done, and knows that it is', () => {
    const progress = new SnapshotProgress()
    progress.plan(heap, '700')
    progress.advance(heap, whole, at(7, 2))
    progress.finishTable(16390)
    const read = stored(progress)
    expect(read.isDone(16390)).toBe(true)
    expect(read.isDone(16391)).toBe(false)
    expect(read.toString()).toBe(progress.toString())
  })

  it.each([undefined, null, 'x', '{}', '{"v":2}', 'null', '{"v":1,"done":3,"heaps":{}}'])('begins anew where the text is %s', (text) => {
    expect(SnapshotProgress.parse(text).isEmpty).toBe(true)
  })
})
