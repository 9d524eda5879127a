/**
 * Goal: an entry is told to Redis once, after Kafka has it, and is not given twice. Method: the ledger as a value, through the losses of a
 * connection.
 */
import { expect, test } from 'vitest'
import { Acknowledgements } from '../../../connectors/redis-stream-source/acknowledgements.ts'

test('what is given is not to be read again until Redis knows of it', () => {
  const ledger = new Acknowledgements()
  ledger.give('s', ['1-0', '2-0'])
  expect([ledger.givenCount, ledger.has('s', '1-0'), ledger.has('t', '1-0'), ledger.unsent()]).toEqual([2, true, false, []])
  ledger.store('s', ['1-0'])
  expect([ledger.givenCount, ledger.has('s', '1-0'), ledger.unsent()]).toEqual([1, true, [['s', ['1-0']]]])
  // The connection is lost before it is sent: it stays, and nothing is counted twice.
  ledger.store('s', ['1-0'])
  expect([ledger.givenCount, ledger.unsent()]).toEqual([1, [['s', ['1-0']]]])
  ledger.sent('s', ['1-0'])
  expect([ledger.has('s', '1-0'), ledger.has('s', '2-0'), ledger.unsent()]).toEqual([false, true, []])
})

test('who waits for room is woken by what Kafka has, or cancels', async () => {
  const ledger = new Acknowledgements()
  ledger.give('s', ['1-0'])
  const stored = ledger.next()
  ledger.store('s', ['1-0'])
  await stored.promise
  const cancelled = ledger.next()
  cancelled.cancel()
  await cancelled.promise
  expect(ledger.givenCount).toBe(0)
})
