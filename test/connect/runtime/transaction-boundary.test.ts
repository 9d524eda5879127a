/**
 * Goal: each transaction.boundary commits when Kafka Connect's documentation says. Method: stories with times.
 */
import { expect, test } from 'vitest'
import { TransactionBoundary } from '../../../connect/runtime/transaction-boundary.ts'

test('poll commits after whatever is ready', () => {
  const boundary = new TransactionBoundary('poll', 1_000, 0)
  expect([boundary.after(null, 0), boundary.dueAt, boundary.gathers, boundary.commitsAtEnd]).toEqual(['commit', null, true, true])
})

test('interval commits when the interval since the last commit has passed', () => {
  const boundary = new TransactionBoundary('interval', 1_000, 500)
  expect([boundary.after(null, 1_499), boundary.dueAt]).toEqual([null, 1_500])
  expect(boundary.after(null, 1_500)).toBe('commit')
  boundary.committed(1_600)
  expect([boundary.after(null, 2_599), boundary.after(null, 2_600), boundary.dueAt]).toEqual([null, 'commit', 2_600])
  expect(boundary.commitsAtEnd).toBe(true)
})

test('connector commits and aborts only where the source says so, one batch at a time', () => {
  const boundary = new TransactionBoundary('connector', 1_000, 0)
  expect([boundary.after(null, 9_999), boundary.after('commit', 0), boundary.after('abort', 0)]).toEqual([null, 'commit', 'abort'])
  expect([boundary.dueAt, boundary.gathers, boundary.commitsAtEnd]).toEqual([null, false, false])
})
