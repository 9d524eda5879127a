/**
 * Goal: a source hears of each batch once, in order, and of none that is read again. Method: batches that are done out of order.
 */
import { expect, test } from 'vitest'
import { BatchAcknowledgements } from '../../../connect/runtime/batch-acknowledgements.ts'

test('batches are told in order, each once, also empty ones and ones that do not listen', () => {
  const told: number[] = []
  const acknowledgements = new BatchAcknowledgements()
  const batch = (n: number) => ({ records: [], positions: [], acknowledged: () => void told.push(n) })
  const [first, silent, third, fourth] = [
    acknowledgements.add(batch(1)),
    acknowledgements.add({ records: [], positions: [] }),
    acknowledgements.add(batch(3)),
    acknowledgements.add(batch(4)),
  ]
  third!()
  acknowledgements.tell()
  expect(told).toEqual([])
  first!()
  acknowledgements.tell()
  expect(told).toEqual([1])
  silent!()
  acknowledgements.tell()
  acknowledgements.tell()
  expect(told).toEqual([1, 3])
  acknowledgements.forget()
  fourth!()
  acknowledgements.tell()
  expect(told).toEqual([1, 3])
})
