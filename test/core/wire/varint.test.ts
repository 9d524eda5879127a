/**
 * Goal: the varlongs of record batches, read and written without a bigint, are those of the format. Method: all numbers around each power
 * of two, against the writer that uses bigints.
 */
import { expect, test } from 'vitest'
import { varlongSize, writeVarlong } from '../../../core/wire/batch-builder.ts'
import { readVarlong, varintEnd } from '../../../core/wire/varint.ts'
import { Writer } from '../../../core/wire/writer.ts'

const numbers = Array.from({ length: 54 }, (_, exponent) => [-2, -1, 0, 1, 2].flatMap((by) => [2 ** exponent + by, -(2 ** exponent) + by]))
  .flat()
  .filter(Number.isSafeInteger)

test('varlongs up to the safe integers', () => {
  const buffer = Buffer.alloc(16)
  for (const value of numbers) {
    const writer = new Writer()
    writer.varlong(value)
    const expected = writer.bytes()
    const end = writeVarlong(buffer, value, 2)
    expect([value, buffer.subarray(2, end).toString('hex'), varlongSize(value)]).toEqual([value, expected.toString('hex'), expected.length])
    expect([readVarlong(buffer, 2), varintEnd]).toEqual([value, end])
  }
  expect(() => readVarlong(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]), 0)).toThrow()
  expect(() => readVarlong(Buffer.alloc(12, 0xff), 0)).toThrow()
})
