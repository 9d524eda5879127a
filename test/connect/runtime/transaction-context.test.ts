/**
 * Goal: a batch is cut exactly where its source ends transactions. Method: stories of what a source asks for before it gives a batch.
 */
import { expect, test } from 'vitest'
import { WorkerTransactionContext } from '../../../connect/runtime/transaction-context.ts'
import { sourceRecord } from '../../../connect/sdk/index.ts'

const records = ['a', 'b', 'c', 'd'].map((value) => sourceRecord({ topic: 't', value }))
const at = (n: number) => [{ partition: {}, offset: { n } }]
const batch = { records, positions: at(4) }
const after = (n: number) => ({ record: records[n - 1]!, positions: at(n) })
const told = (context: WorkerTransactionContext) =>
  context.cut(batch).map((segment) => [segment.records.map(({ value }) => value).join(''), segment.positions.at(-1)!.offset.n, segment.end])

test('a batch without a request is one segment that ends nothing', () => {
  expect(told(new WorkerTransactionContext())).toEqual([['abcd', 4, null]])
})

test('a request for the batch ends its last segment, and is forgotten with it', () => {
  const context = new WorkerTransactionContext()
  context.abortTransaction()
  expect(told(context)).toEqual([['abcd', 4, 'abort']])
  expect(told(context)).toEqual([['abcd', 4, null]])
})

test('requests for records cut the batch after them, each with its own positions', () => {
  const context = new WorkerTransactionContext()
  context.commitTransaction(after(1))
  context.abortTransaction(after(3))
  expect(told(context)).toEqual([
    ['a', 1, 'commit'],
    ['bc', 3, 'abort'],
    ['d', 4, null],
  ])
})

test('a request for the last record has the positions of the batch, and one for the batch comes after it', () => {
  const context = new WorkerTransactionContext()
  context.commitTransaction({ record: records[3]!, positions: at(99) })
  expect(told(context)).toEqual([['abcd', 4, 'commit']])
  context.commitTransaction(after(4))
  expect(context.cut({ records, positions: [] })[0]!.positions).toEqual(at(4))
  context.abortTransaction(after(4))
  context.commitTransaction()
  expect(told(context)).toEqual([
    ['abcd', 4, 'abort'],
    ['', 4, 'commit'],
  ])
})

test('both ends for one batch or record are refused, as by Kafka Connect', () => {
  const context = new WorkerTransactionContext()
  context.commitTransaction()
  context.abortTransaction()
  expect(() => context.cut(batch)).toThrow('Connector requested both commit and abort of same transaction')
  context.clear()
  context.commitTransaction(after(2))
  context.abortTransaction(after(2))
  expect(() => context.cut(batch)).toThrow('Connector requested both commit and abort of same record against topic/partition t/null')
  context.clear()
  expect(told(context)).toEqual([['abcd', 4, null]])
})

test('a record that is not in the next batch is refused: its transaction would never end', () => {
  const context = new WorkerTransactionContext()
  context.commitTransaction({ record: sourceRecord({ topic: 't', value: 'x' }), positions: at(1) })
  expect(() => context.cut(batch)).toThrow(/a record that is not in the batch/)
})
