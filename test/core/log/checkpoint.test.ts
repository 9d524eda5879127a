/**
 * Goal: Kafka's checkpoint files are written and read to the byte, and a damaged one is detected. Method: texts and values.
 */
import { expect, test } from 'vitest'
import {
  formatEpochs,
  formatOffsets,
  parseEpochs,
  parseOffsets,
  parsePartitionMetadata,
  parseProperties,
} from '../../../core/log/checkpoint.ts'

test('formats round trip, and damage is detected', () => {
  const offsets = [{ topic: 'with-dash', partition: 3, offset: 12 }]
  expect(formatOffsets(offsets)).toBe('0\n1\nwith-dash 3 12\n')
  expect(parseOffsets(formatOffsets(offsets))).toEqual(new Map([['with-dash-3', 12]]))
  expect(parseEpochs(formatEpochs([{ epoch: 2, startOffset: 9 }]))).toEqual([{ epoch: 2, startOffset: 9 }])
  for (const damaged of ['', '1\n0\n', '0\n2\nt 0 1\n', '0\n1\nt 0\n', '0\n1\nt x 1\n', '0\n1\nt 0 -4\n', '0\n-1\n'])
    expect(parseOffsets(damaged)).toBeNull()
  expect(parsePartitionMetadata('version: 0\ntopic_id: short')).toBeNull()
  expect(parseProperties('#c\na=b=c\n x = y\nz\\=1=\\u0041\n')).toEqual(
    new Map([
      ['a', 'b=c'],
      ['x', 'y'],
      ['z=1', 'A'],
    ]),
  )
})
