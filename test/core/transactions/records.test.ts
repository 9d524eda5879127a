/**
 * Goal: `__transaction_state` has Kafka's format in both versions of the value, and Kafka's records are read. Method: the bytes that Apache
 * Kafka 4.3.1 has stored for one transaction, round trips of random transactions, malformed bytes.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTransactionRecord, transactionRecord, transactionTombstone } from '../../../core/transactions/records.ts'
import { type StoredTransaction, transactionStates } from '../../../core/transactions/transaction.ts'
import { WireError } from '../../../core/wire/reader.ts'
import { partitionsOf } from './transaction-story.ts'

const key = Buffer.from('00000003747831', 'hex')

const stored = (changes: Partial<StoredTransaction>): StoredTransaction => ({
  transactionalId: 'tx1',
  producerId: 0,
  previousProducerId: 0,
  nextProducerId: -1,
  producerEpoch: 0,
  lastProducerEpoch: -1,
  timeoutMs: 60_000,
  state: 'Empty',
  partitions: new Map(),
  startTimestamp: -1,
  lastUpdateTimestamp: -1,
  clientTransactionVersion: 0,
  ...changes,
})

/** What Kafka stored: initialized, a partition added, committed, completed. */
const ofKafka: [StoredTransaction['state'], string, Partial<StoredTransaction>][] = [
  [
    'Empty',
    '0001000000000000000000000000ea600000000001a22bd2afbeffffffffffffffff0100080000000000000000',
    { lastUpdateTimestamp: 1796031557566 },
  ],
  [
    'Ongoing',
    '0001000000000000000000000000ea6001020274020000000200000001a22bd2b9ee000001a22bd2b9ee020008000000000000000002020002',
    { partitions: partitionsOf('t-2'), startTimestamp: 1796031560174, lastUpdateTimestamp: 1796031560174, clientTransactionVersion: 2 },
  ],
  [
    'PrepareCommit',
    '0001000000000000000000010000ea6002020274020000000200000001a22bd2bc7c000001a22bd2b9ee020008000000000000000002020002',
    {
      producerEpoch: 1,
      partitions: partitionsOf('t-2'),
      startTimestamp: 1796031560174,
      lastUpdateTimestamp: 1796031560828,
      clientTransactionVersion: 2,
    },
  ],
  [
    'CompleteCommit',
    '0001000000000000000000010000ea600401000001a22bd2bc97000001a22bd2b9ee020008000000000000000002020002',
    { producerEpoch: 1, startTimestamp: 1796031560174, lastUpdateTimestamp: 1796031560855, clientTransactionVersion: 2 },
  ],
]

describe('the records of Apache Kafka 4.3.1', () => {
  test.each(ofKafka)('%s', (state, hex, changes) => {
    const transaction = stored({ ...changes, state })
    expect(readTransactionRecord({ key, value: Buffer.from(hex, 'hex'), timestamp: 0 })).toEqual({ kind: 'transaction', transaction })
    const written = transactionRecord(transaction, 2, 17)
    expect(written.key).toEqual(key)
    expect(written.value!.toString('hex')).toBe(hex)
    expect(written.timestamp).toBe(17)
  })
})

const timestamp = fc.integer({ min: -1, max: 2 ** 45 })
const id = fc.integer({ min: -1, max: 2 ** 50 })
const epoch = fc.integer({ min: 0, max: 0x7fff })
const transactions = fc
  .record({
    transactionalId: fc.string({ minLength: 1, maxLength: 20 }),
    producerId: fc.nat(2 ** 30),
    previousProducerId: id,
    nextProducerId: id,
    producerEpoch: epoch,
    lastProducerEpoch: fc.constant(-1),
    timeoutMs: fc.nat(2 ** 31 - 1),
    state: fc.constantFrom(...transactionStates),
    partitions: fc.uniqueArray(fc.tuple(fc.constantFrom('t', 'a.b', 'x-y'), fc.nat(50)), { maxLength: 8, selector: String }),
    startTimestamp: timestamp,
    lastUpdateTimestamp: timestamp,
    clientTransactionVersion: fc.nat(2),
  })
  .map(
    ({ partitions, state, ...rest }): StoredTransaction => ({
      ...rest,
      state,
      partitions: state === 'Empty' ? new Map() : partitionsOf(...partitions.map(([topic, partition]) => `${topic}-${partition}`)),
    }),
  )

test('every transaction is read as it was written; before transaction.version 1 without what KIP-890 added', () => {
  fc.assert(
    fc.property(transactions, (transaction) => {
      expect(readTransactionRecord(transactionRecord(transaction, 2, 0))).toEqual({ kind: 'transaction', transaction })
      const older = { ...transaction, previousProducerId: -1, nextProducerId: -1, clientTransactionVersion: 0 }
      expect(readTransactionRecord(transactionRecord(transaction, 0, 0))).toEqual({ kind: 'transaction', transaction: older })
    }),
  )
})

test('a tombstone, a newer key, a newer value, and bytes that are no record', () => {
  expect(readTransactionRecord(transactionTombstone('tx1', 5))).toEqual({ kind: 'tombstone', transactionalId: 'tx1' })
  expect(readTransactionRecord({ key: Buffer.from([0, 9]), value: null, timestamp: 0 })).toEqual({ kind: 'unknown', version: 9 })
  expect(readTransactionRecord({ key, value: Buffer.from([0, 7, 1]), timestamp: 0 })).toEqual({ kind: 'unknown', version: 7 })
  expect(() => readTransactionRecord({ key, value: Buffer.from([0, 1, 1]), timestamp: 0 })).toThrow(WireError)
  expect(() => readTransactionRecord({ key: Buffer.from([0, 0, 0, 5, 1]), value: null, timestamp: 0 })).toThrow(WireError)
  const unknownState = transactionRecord(stored({}), 0, 0).value!
  unknownState[16] = 42
  expect(() => readTransactionRecord({ key, value: unknownState, timestamp: 0 })).toThrow('unknown state 42')
})
