/**
 * Goal: producer state recognises duplicates, sequence gaps and fenced epochs as Kafka does. Method: headers of batches, without a disk;
 * snapshots with each byte changed.
 */
import { expect, test } from 'vitest'
import { decodeSnapshot, encodeSnapshot } from '../../../core/log/producer-snapshot.ts'
import { advanceSequence, MAX_PRODUCERS, ProducerState } from '../../../core/log/producer-state.ts'
import { type BatchHeader, readBatchHeader } from '../../../core/wire/batch-header.ts'
import { batchOf } from './scratch-log.ts'

const header = (
  producerId: number,
  baseSequence: number,
  count: number,
  baseOffset: number,
  over: Partial<BatchHeader> = {},
): BatchHeader => ({
  ...readBatchHeader(batchOf(['x'])),
  producerId,
  producerEpoch: 0,
  baseSequence,
  baseOffset,
  count,
  lastOffsetDelta: count - 1,
  lastOffset: baseOffset + count - 1,
  ...over,
})

test('sequences wrap from 2147483647 to 0', () => {
  expect([advanceSequence(5, 1), advanceSequence(2147483647, 1), advanceSequence(2147483646, 5)]).toEqual([6, 0, 3])
  const state = new ProducerState()
  state.apply(header(1, 2147483646, 4, 0))
  expect(state.check(header(1, 2147483646, 4, 0))?.baseOffset).toBe(0)
  expect(state.check(header(1, 2, 1, 0))).toBeNull()
  expect(() => state.check(header(1, 3, 1, 0))).toThrow(expect.objectContaining({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }))
})

test('an unknown producer may start with any sequence; a producer expires, but not with an ongoing transaction', () => {
  const state = new ProducerState()
  expect(state.check(header(1, 77, 1, 0))).toBeNull()
  state.apply(header(1, 77, 1, 0, { maxTimestamp: 100 }))
  state.apply(header(2, 0, 1, 1, { maxTimestamp: 100, attributes: 0x10 }))
  state.expire(101)
  expect([...state.all()].map((entry) => entry.producerId)).toEqual([2])
  expect(state.firstUnstableOffset(10)).toBe(1)
})

test('a reverted batch restores the previous state', () => {
  const state = new ProducerState()
  state.apply(header(1, 0, 1, 0))
  const before = [...state.all()]
  const one = state.apply(header(1, 1, 1, 1))
  const two = state.apply(header(9, 0, 1, 2, { attributes: 0x10 }))
  state.revert(9, two)
  state.revert(1, one)
  expect([...state.all()]).toEqual(before)
  expect(state.firstUnstableOffset(10)).toBeNull()
})

test('the number of producers is bounded', () => {
  const state = new ProducerState()
  for (let id = 0; id < MAX_PRODUCERS + 10; id++) state.apply(header(id, 0, 1, id))
  expect(state.size).toBe(MAX_PRODUCERS)
  expect(state.get(0)).toBeUndefined()
})

test('a snapshot has the last batch of each producer; a damaged one is not decoded', () => {
  const state = new ProducerState()
  state.apply(header(1, 2147483647, 3, 5))
  state.apply(header(2, 0, 1, 8, { attributes: 0x10 }))
  const bytes = encodeSnapshot([...state.all()])
  expect(decodeSnapshot(bytes)).toEqual([...state.all()])
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 0x10
    expect(decodeSnapshot(damaged)).toBeNull()
    expect(decodeSnapshot(bytes.subarray(0, at))).toBeNull()
  }
})
